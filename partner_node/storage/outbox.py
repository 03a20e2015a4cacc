"""Messages to the hub, with their exact bytes, and the receipts that answer them.

A message is stored in the transaction that decides it, and sent afterwards. Whatever happens on the
way, what is sent again is these bytes: nothing is signed or encrypted twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from fedcarbon.units import Seconds
from partner_node.storage.database import Database

PIECE_BYTES: Final = 1 << 14
"""Messages that are longer are stored in pieces. DuckDB reads two thousand values of a column at
once, to find one of them as well as to write others: of whole chunks that would be gigabytes."""


class MessageKind(StrEnum):
    """What a message is."""

    ENROLMENT_BATCH = "enrolment_batch"
    CLAIM_COMMITMENT = "claim_commitment"
    CLAIM_LIST = "claim_list"
    CHUNK = "chunk"
    LINK_PROOF = "link_proof"
    PARTNER_BINDING = "partner_binding"
    BINDING_OBJECTION = "binding_objection"
    TABLE_CONTRIBUTION = "table_contribution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message."""

    kind: MessageKind
    subject: str
    """Epoch number, an id in hexadecimal, or leaf and period of a table with a slash between."""
    part: int = 0
    """Chunk number."""
    envelope: bytes = b""
    """DSSE envelope; empty for a claim list, which the commitment's signature covers."""
    content: bytes = field(default=b"", repr=False)
    """File that goes with it; those of a claim list are made of the claims when they are sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReceipt:
    """The hub's promise, verified when it came."""

    leaf_index: int
    leaf: bytes
    """The 34 bytes that the record must hold at `leaf_index`."""
    merge_by_s: Seconds
    """When a witnessed head must cover it."""
    receipt: bytes
    """DSSE envelope."""


class Outbox:
    """Appends messages and receipts."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database

    def save(self, message: Message) -> None:
        """Store a message."""
        name = [message.kind.value, message.subject, message.part]
        whole = message.envelope + message.content
        if len(whole) <= PIECE_BYTES:
            here, cut_at = [message.envelope, message.content], None
        else:
            here, cut_at = [b"", b""], len(message.envelope)
        with self._database.transaction():
            self._database.run(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)", [*name, *here, cut_at]
            )
            if cut_at is not None:
                self._add_pieces(message, whole)

    def _add_pieces(self, message: Message, whole: bytes) -> None:
        pieces = [whole[i : i + PIECE_BYTES] for i in range(0, len(whole), PIECE_BYTES)]
        self._database.insert(
            "message_pieces",
            {
                "kind": [message.kind.value] * len(pieces),
                "subject": [message.subject] * len(pieces),
                "part": [message.part] * len(pieces),
                "number": range(len(pieces)),
                "data": pieces,
            },
        )

    def save_receipt(self, message: Message, receipt: StoredReceipt) -> None:
        """Store the verified receipt of a message; the same one again changes nothing."""
        self._database.run(
            "INSERT INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [
                message.kind.value,
                message.subject,
                message.part,
                receipt.leaf_index,
                receipt.leaf,
                receipt.merge_by_s,
                receipt.receipt,
            ],
        )

    def message(self, kind: MessageKind, subject: str, part: int = 0) -> Message | None:
        """Return a stored message."""
        row = self._database.row(
            "SELECT envelope, content, cut_at FROM messages "
            "WHERE kind = ? AND subject = ? AND part = ?",
            [kind.value, subject, part],
        )
        if row is None:
            return None
        envelope, content, cut_at = row
        if cut_at is not None:
            rows = self._database.rows(
                "SELECT data FROM message_pieces WHERE kind = ? AND subject = ? AND part = ? "
                "ORDER BY number",
                [kind.value, subject, part],
            )
            whole = b"".join(row[0] for row in rows)
            envelope, content = whole[:cut_at], whole[cut_at:]
        return Message(kind=kind, subject=subject, part=part, envelope=envelope, content=content)

    def parts(self, kind: MessageKind, subject: str) -> int:
        """Return how many parts a message has."""
        return self._database.number(
            "SELECT count(*) FROM messages WHERE kind = ? AND subject = ?", [kind.value, subject]
        )

    def receipts(self, kind: MessageKind, subject: str) -> dict[int, StoredReceipt]:
        """Return the receipts of a message by part."""
        rows = self._database.rows(
            "SELECT part, leaf_index, leaf, merge_by_s, receipt FROM receipts "
            "WHERE kind = ? AND subject = ?",
            [kind.value, subject],
        )
        return {
            row[0]: StoredReceipt(
                leaf_index=row[1], leaf=row[2], merge_by_s=Seconds(row[3]), receipt=row[4]
            )
            for row in rows
        }

    def unanswered(self, kind: MessageKind) -> list[tuple[str, int]]:
        """Return (subject, part) of every message of a kind without a receipt, oldest first."""
        rows = self._database.rows(
            "SELECT m.subject, m.part FROM messages m ANTI JOIN receipts r "
            "ON r.kind = m.kind AND r.subject = m.subject AND r.part = m.part "
            "WHERE m.kind = ? ORDER BY m.rowid",
            [kind.value],
        )
        return [(row[0], row[1]) for row in rows]

    def broken_promises(self) -> list[int]:
        """Return leaf indices where the record holds another leaf than a receipt promised."""
        rows = self._database.rows(
            "SELECT r.leaf_index FROM receipts r JOIN record_leaves l USING (leaf_index) "
            "WHERE r.leaf <> l.leaf ORDER BY r.leaf_index"
        )
        return [row[0] for row in rows]

    def promises_due(self, *, before_s: int, from_leaf: int) -> list[tuple[int, int]]:
        """Return (leaf index, due time) of promises due before a time, from a leaf index on."""
        rows = self._database.rows(
            "SELECT DISTINCT leaf_index, merge_by_s FROM receipts "
            "WHERE merge_by_s < ? AND leaf_index >= ? ORDER BY leaf_index",
            [before_s, from_leaf],
        )
        return [(row[0], row[1]) for row in rows]
