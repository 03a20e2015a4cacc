"""The record as this node has read it: leaves, the bodies it may read, and the witnessed head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.merkle import Frontier
from partner_node.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeaf:
    """One leaf with its body, if this node may read it."""

    leaf_index: int
    leaf: bytes
    """34 bytes."""
    body: bytes | None


class RecordStore:
    """Leaves are appended without a gap; nothing is ever replaced."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database

    def size(self) -> int:
        """Return how many leaves have been read, witnessed or not."""
        return self._database.number("SELECT count(*) FROM record_leaves")

    def append(self, leaves: Sequence[StoredLeaf]) -> None:
        """Add leaves behind the last one."""
        if not leaves:
            return
        with self._database.transaction():
            size = self.size()
            expected = list(range(size, size + len(leaves)))
            assert [item.leaf_index for item in leaves] == expected  # noqa: S101 - our own bug
            self._database.insert(
                "record_leaves",
                {
                    "leaf_index": expected,
                    "leaf_type": [item.leaf[0] for item in leaves],
                    "leaf": [item.leaf for item in leaves],
                    "body": [item.body for item in leaves],
                },
            )

    def leaf(self, leaf_index: int) -> StoredLeaf | None:
        """Return one leaf, or None if it has not been read yet."""
        row = self._database.row(
            "SELECT leaf_index, leaf, body FROM record_leaves WHERE leaf_index = ?", [leaf_index]
        )
        return None if row is None else StoredLeaf(leaf_index=row[0], leaf=row[1], body=row[2])

    def leaves_between(self, first: int, end: int) -> list[bytes]:
        """Return the bytes of the leaves with `first` <= index < `end`, in order."""
        rows = self._database.rows(
            "SELECT leaf FROM record_leaves WHERE leaf_index >= ? AND leaf_index < ? "
            "ORDER BY leaf_index",
            [first, end],
        )
        return [row[0] for row in rows]

    def count(self, leaf_type: LeafType) -> int:
        """Return how many leaves of a type have been read."""
        return self._database.number(
            "SELECT count(*) FROM record_leaves WHERE leaf_type = ?", [int(leaf_type)]
        )

    def bodies(self, leaf_type: LeafType, *, from_index: int = 0) -> list[tuple[int, bytes]]:
        """Return (index, body) of every readable leaf of a type, in order."""
        rows = self._database.rows(
            "SELECT leaf_index, body FROM record_leaves "
            "WHERE leaf_type = ? AND body IS NOT NULL AND leaf_index >= ? ORDER BY leaf_index",
            [int(leaf_type), from_index],
        )
        return [(row[0], row[1]) for row in rows]

    def head(self) -> Frontier:
        """Return the frontier of the witnessed prefix."""
        row = self._database.row("SELECT size, peaks FROM record_head")
        if row is None:
            return Frontier()
        peaks = [row[1][i : i + DIGEST_BYTES] for i in range(0, len(row[1]), DIGEST_BYTES)]
        return Frontier(row[0], peaks)

    def save_head(self, head: Frontier) -> None:
        """Remember a longer witnessed prefix."""
        self._database.run(
            "INSERT INTO record_head VALUES (1, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET size = excluded.size, peaks = excluded.peaks",
            [head.size, b"".join(head.peaks)],
        )
