"""The record in the database, in core types."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, func, insert
from sqlmodel import Session, col, select

from fedcarbon.canonical.statement import INTEGER_MAX
from fedcarbon.ids import PartyId
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.note import NOTE_SIGNATURES_MAX
from fedcarbon.units import Seconds
from hub.storage.record_rows import (
    CheckpointRow,
    FileReaderRow,
    LeafOwnerRow,
    LeafRow,
    PartnerCosignatureRow,
    ReceiptRow,
)

_NOBODY = ""

PARTNER_LINES_MAX: Final = NOTE_SIGNATURES_MAX // 2
"""Of partners in one note; one suffices for every rule, and a note has an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeaf:
    """One leaf as it is stored."""

    index: int
    type: LeafType
    leaf: bytes
    salt: bytes
    body_sha256: bytes
    subtree_root: bytes
    appended_at_s: Seconds


_ADD_LEAVES: Final = insert(LeafRow)
_ADD_OWNERS: Final = insert(LeafOwnerRow)
_ADD_RECEIPTS: Final = insert(ReceiptRow)
_RECEIPTS: Final = select(ReceiptRow.leaf_index, ReceiptRow.envelope).where(
    col(ReceiptRow.leaf_index).in_(bindparam("indices", expanding=True))
)
_BY_BODY: Final = select(LeafRow).where(
    col(LeafRow.body_sha256).in_(bindparam("hashes", expanding=True))
)


class RecordStore:
    """Leaves, readers, receipts and heads, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def size(self) -> int:
        """Return the number of leaves."""
        last = self._session.exec(
            select(LeafRow.leaf_index).order_by(col(LeafRow.leaf_index).desc()).limit(1)
        ).first()
        return 0 if last is None else last + 1

    def add_leaves(self, leaves: Sequence[StoredLeaf]) -> None:
        """Add the next leaves."""
        rows = [
            {
                "leaf_index": leaf.index,
                "leaf_type": int(leaf.type),
                "leaf": leaf.leaf,
                "salt": leaf.salt,
                "body_sha256": leaf.body_sha256,
                "subtree_root": leaf.subtree_root,
                "appended_at_s": leaf.appended_at_s,
            }
            for leaf in leaves
        ]
        if rows:
            self._session.connection().execute(_ADD_LEAVES, rows)

    def add_owners(self, owners: Mapping[int, Collection[PartyId]]) -> None:
        """Let parties read the bodies of leaves, by leaf index, because they are their own."""
        rows = [
            {"party_id": owner, "leaf_index": leaf_index}
            for leaf_index, names in owners.items()
            for owner in sorted(set(names))
        ]
        if rows:
            self._session.connection().execute(_ADD_OWNERS, rows)

    def leaf(self, index: int) -> StoredLeaf | None:
        """Return the leaf at `index`, if there is one."""
        row = self._session.exec(select(LeafRow).where(LeafRow.leaf_index == index)).first()
        return None if row is None else _stored(row)

    def leaf_of_body(self, body_sha256: bytes) -> StoredLeaf | None:
        """Return the leaf of a body, if the body is in the record."""
        return self.leaves_of_bodies([body_sha256]).get(body_sha256)

    def leaves_of_bodies(self, bodies_sha256: Sequence[bytes]) -> dict[bytes, StoredLeaf]:
        """Return the leaves of those bodies that are in the record, by the body's hash."""
        rows = self._session.scalars(_BY_BODY, {"hashes": list(bodies_sha256)})
        return {row.body_sha256: _stored(row) for row in rows}

    def leaves(self, start: int, limit: int) -> list[StoredLeaf]:
        """Return at most `limit` leaves from index `start` on, in order."""
        rows = self._session.exec(
            select(LeafRow)
            .where(LeafRow.leaf_index >= start)
            .order_by(col(LeafRow.leaf_index))
            .limit(limit)
        )
        return [_stored(row) for row in rows]

    def leaves_of_type(self, leaf_type: LeafType, start: int = 0) -> list[StoredLeaf]:
        """Return the leaves of a type from index `start` on, in order."""
        rows = self._session.exec(
            select(LeafRow)
            .where(LeafRow.leaf_type == int(leaf_type), LeafRow.leaf_index >= start)
            .order_by(col(LeafRow.leaf_index))
        )
        return [_stored(row) for row in rows]

    def subtree_roots(self, indices: Collection[int]) -> dict[int, bytes]:
        """Return the stored subtree roots of the leaves at `indices`."""
        rows = self._session.exec(
            select(LeafRow.leaf_index, LeafRow.subtree_root).where(
                col(LeafRow.leaf_index).in_(list(indices))
            )
        )
        return {index: root for index, root in rows}  # noqa: C416 - rows are not tuples

    def owned(self, party_id: PartyId, start: int, stop: int) -> set[int]:
        """Return which leaves in [start, stop) have a body of this party's own."""
        rows = self._session.exec(
            select(LeafOwnerRow.leaf_index).where(
                LeafOwnerRow.party_id == party_id,
                LeafOwnerRow.leaf_index >= start,
                LeafOwnerRow.leaf_index < stop,
            )
        )
        return set(rows)

    def add_file(
        self, sha256: bytes, leaf_type: LeafType, owners: Iterable[PartyId], *, holds_tokens: bool
    ) -> None:
        """Keep why a file may be read: the type of a leaf that names it, and its owners."""
        known = {
            row.party_id
            for row in self._session.exec(
                select(FileReaderRow).where(
                    FileReaderRow.sha256 == sha256, FileReaderRow.leaf_type == int(leaf_type)
                )
            )
        }
        rows = [
            {
                "sha256": sha256,
                "leaf_type": int(leaf_type),
                "party_id": party,
                "holds_tokens": holds_tokens,
            }
            for party in sorted({_NOBODY, *owners} - known)
        ]
        if rows:
            self._session.exec(insert(FileReaderRow), params=rows)

    def file_readers(self, sha256: bytes) -> tuple[set[tuple[LeafType, bool]], set[str]]:
        """Return under which leaf types a file stands, with or without tokens, and its owners."""
        rows = self._session.exec(select(FileReaderRow).where(FileReaderRow.sha256 == sha256)).all()
        types = {(LeafType(row.leaf_type), row.holds_tokens) for row in rows}
        return types, {row.party_id for row in rows} - {_NOBODY}

    def add_receipts(self, envelopes: Mapping[int, bytes]) -> None:
        """Keep the receipts of leaves, by leaf index."""
        rows = [{"leaf_index": index, "envelope": item} for index, item in envelopes.items()]
        if rows:
            self._session.connection().execute(_ADD_RECEIPTS, rows)

    def receipt(self, leaf_index: int) -> bytes | None:
        """Return the receipt of a leaf, if one was given."""
        return self.receipts([leaf_index]).get(leaf_index)

    def receipts(self, leaf_indices: Sequence[int]) -> dict[int, bytes]:
        """Return the receipts that leaves were given, by leaf index."""
        rows = self._session.connection().execute(_RECEIPTS, {"indices": list(leaf_indices)})
        return {row.leaf_index: row.envelope for row in rows}

    def add_checkpoint(self, head: WitnessedCheckpoint) -> None:
        """Keep a witnessed head; one of the same size that is there already stays."""
        if self.checkpoint(head.size) is not None:
            return
        self._session.exec(
            insert(CheckpointRow).values(
                size=head.size,
                root=head.root,
                timestamp_s=head.timestamp_s,
                wait_from_s=head.wait_from_s,
                note=head.note,
            )
        )

    def add_partner_cosignature(self, size: int, party_id: PartyId, line: bytes) -> None:
        """Keep a partner's line under the head of `size` leaves; its first one stays."""
        key = (PartnerCosignatureRow.size == size, PartnerCosignatureRow.party_id == party_id)
        if self._session.exec(select(PartnerCosignatureRow).where(*key)).first() is None:
            row = insert(PartnerCosignatureRow).values(size=size, party_id=party_id, line=line)
            self._session.exec(row)

    def checkpoint(self, size: int) -> WitnessedCheckpoint | None:
        """Return the witnessed head of `size` leaves, if there is one."""
        row = self._session.exec(select(CheckpointRow).where(CheckpointRow.size == size)).first()
        return None if row is None else self._witnessed(row)

    def latest_checkpoint(self) -> WitnessedCheckpoint | None:
        """Return the largest witnessed head."""
        row = self._session.exec(
            select(CheckpointRow).order_by(col(CheckpointRow.size).desc()).limit(1)
        ).first()
        return None if row is None else self._witnessed(row)

    def latest_partner_checkpoint(self) -> WitnessedCheckpoint | None:
        """Return the largest witnessed head that a partner has signed too."""
        size = self._session.exec(select(func.max(PartnerCosignatureRow.size))).first()
        return None if size is None else self.checkpoint(size)

    def checkpoints(
        self, from_size: int = 0, limit: int | None = None
    ) -> list[WitnessedCheckpoint]:
        """Return witnessed heads of at least `from_size` leaves, smallest first."""
        rows = self._session.exec(
            select(CheckpointRow)
            .where(CheckpointRow.size >= min(from_size, INTEGER_MAX))
            .order_by(col(CheckpointRow.size))
            .limit(limit)
        )
        return [self._witnessed(row) for row in rows]

    def _witnessed(self, row: CheckpointRow) -> WitnessedCheckpoint:
        """Return a head whose note has the lines of all witnesses."""
        lines = self._session.exec(
            select(PartnerCosignatureRow.line)
            .where(PartnerCosignatureRow.size == row.size)
            .order_by(col(PartnerCosignatureRow.party_id))
            .limit(PARTNER_LINES_MAX)
        ).all()
        return WitnessedCheckpoint(
            size=row.size,
            root=row.root,
            timestamp_s=Seconds(row.timestamp_s),
            wait_from_s=Seconds(row.wait_from_s),
            note=row.note + b"".join(lines),
            partner_witnessed=bool(lines),
        )


def _stored(row: LeafRow) -> StoredLeaf:
    return StoredLeaf(
        index=row.leaf_index,
        type=LeafType(row.leaf_type),
        leaf=row.leaf,
        salt=row.salt,
        body_sha256=row.body_sha256,
        subtree_root=row.subtree_root,
        appended_at_s=Seconds(row.appended_at_s),
    )
