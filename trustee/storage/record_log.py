"""The part of the record that this trustee has read, as it read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.units import Seconds
from trustee.storage.database import Database


class ReadLeaf(NamedTuple):
    """One leaf with what the hub sent beside it; salt and body are None for other types."""

    leaf_index: int
    leaf: bytes
    salt: bytes | None
    body: bytes | None


class RecordLog:
    """Leaves, bodies and witnessed heads; only ever appended to."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        """Take the store."""
        self._database: Final = database

    def append(self, leaf: ReadLeaf) -> None:
        """Store the next leaf; a gap is our own bug and fails on the primary key's order."""
        self._database.run("INSERT INTO leaves VALUES (?, ?, ?, ?)", *leaf)

    def leaves(self) -> Iterator[ReadLeaf]:
        """Return all leaves in order."""
        query = "SELECT leaf_index, leaf, salt, body FROM leaves ORDER BY leaf_index"
        return map(ReadLeaf._make, self._database.each(query))

    def keep_head(self, head: WitnessedCheckpoint) -> None:
        """Store a head whose quorum was verified; its signatures are in the record of the hub."""
        self._database.run(
            "INSERT OR IGNORE INTO heads VALUES (?, ?, ?, ?, ?)",
            head.size,
            head.root,
            head.timestamp_s,
            head.wait_from_s,
            head.partner_witnessed,
        )

    def heads(self) -> Iterator[WitnessedCheckpoint]:
        """Return the stored heads by size and time, without their signatures."""
        query = (
            "SELECT size, root, timestamp_s, wait_from_s, partner_witnessed FROM heads "
            "ORDER BY size, timestamp_s"
        )
        for size, root, timestamp_s, wait_from_s, partner_witnessed in self._database.each(query):
            yield WitnessedCheckpoint(
                size=size,
                root=root,
                timestamp_s=Seconds(timestamp_s),
                wait_from_s=Seconds(wait_from_s),
                partner_witnessed=bool(partner_witnessed),
            )

    def last_signed(self) -> tuple[int, bytes] | None:
        """Return size and root of the largest head that this trustee signed itself."""
        row = self._database.one("SELECT size, root FROM signed_heads ORDER BY size DESC LIMIT 1")
        return None if row is None else (row[0], row[1])

    def keep_signed(self, size: int, root: bytes) -> None:
        """Remember a head before signing it."""
        self._database.run("INSERT OR IGNORE INTO signed_heads VALUES (?, ?)", size, root)
