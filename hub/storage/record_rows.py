"""Tables of the record: leaves, who may read what beside its role, receipts, heads and witnesses.

All of them are insert-only. Bodies and files are not in the database: they lie beside it by hash.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from hub.storage.columns import created_at_column, integers
from hub.storage.tables import HubTable, insert_only


class LeafRow(HubTable, table=True):
    """One leaf; rows are numbered without a gap."""

    __tablename__ = "leaves"
    __table_args__ = (
        CheckConstraint("length(leaf) = 34", name="leaf_size"),
        CheckConstraint("length(salt) = 32", name="salt_size"),
        CheckConstraint("length(body_sha256) = 32", name="body_hash_size"),
        CheckConstraint("length(subtree_root) = 32", name="subtree_root_size"),
        integers("leaf_type", "appended_at_s"),
    )

    leaf_index: int = Field(primary_key=True)
    leaf_type: int = Field(index=True)
    leaf: bytes
    salt: bytes
    body_sha256: bytes = Field(unique=True)
    """A body stands once in the record."""
    subtree_root: bytes
    """Root of the largest full subtree that this leaf completes (see `hub.record.leaf_log`)."""
    appended_at_s: int
    created_at: datetime | None = created_at_column()


class LeafOwnerRow(HubTable, table=True):
    """A party that may read a body because it is its own."""

    __tablename__ = "leaf_owners"

    party_id: str = Field(primary_key=True)
    leaf_index: int = Field(primary_key=True, foreign_key="leaves.leaf_index")


class FileReaderRow(HubTable, table=True):
    """A reason to give out a file: the type of a leaf that names it, or a party that owns it."""

    __tablename__ = "file_readers"

    sha256: bytes = Field(primary_key=True)
    leaf_type: int = Field(primary_key=True)
    party_id: str = Field(primary_key=True)
    """Empty for the row that stands for the leaf's type alone."""
    holds_tokens: bool
    """Whether claim tokens stand in it, so that the type alone does not let trustees read it."""


class ReceiptRow(HubTable, table=True):
    """The signed receipt of an accepted message."""

    __tablename__ = "receipts"

    leaf_index: int = Field(primary_key=True, foreign_key="leaves.leaf_index")
    envelope: bytes


class CheckpointRow(HubTable, table=True):
    """A head that a quorum has signed."""

    __tablename__ = "checkpoints"

    size: int = Field(primary_key=True)
    root: bytes
    timestamp_s: int
    wait_from_s: int
    note: bytes
    """Signed note with the signatures of the hub and the trustees."""


class PartnerCosignatureRow(HubTable, table=True):
    """What a partner adds to the note of a head."""

    __tablename__ = "partner_cosignatures"

    size: int = Field(primary_key=True, foreign_key="checkpoints.size")
    party_id: str = Field(primary_key=True)
    line: bytes
    """Its signature line."""


for _row in (
    LeafRow,
    LeafOwnerRow,
    FileReaderRow,
    ReceiptRow,
    CheckpointRow,
    PartnerCosignatureRow,
):
    insert_only(_row)
