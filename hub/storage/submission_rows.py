"""Tables of submissions: chunks, the blocks in them, and the cumulative products of sealed epochs.

All are insert-only. There is exactly one ciphertext per programme, epoch, partner and block: the
database itself refuses a second.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from hub.storage.columns import created_at_column, integers
from hub.storage.tables import HubTable, insert_only


class ChunkRow(HubTable, table=True):
    """A chunk that was admitted."""

    __tablename__ = "chunks"
    __table_args__ = (CheckConstraint("chunk >= 0 AND chunk < chunks", name="number_in_range"),)

    programme_id: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    partner_id: str = Field(primary_key=True)
    chunk: int = Field(primary_key=True)
    chunks: int
    header_sha256: bytes
    header_leaf: int = Field(foreign_key="leaves.leaf_index")
    file_sha256: bytes
    created_at: datetime | None = created_at_column()


class SubmittedBlockRow(HubTable, table=True):
    """A block for which a partner has sent its one ciphertext of an epoch."""

    __tablename__ = "submitted_blocks"
    __table_args__ = (integers("block", "chunk"),)

    programme_id: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    partner_id: str = Field(primary_key=True)
    block: int = Field(primary_key=True)
    chunk: int


class ProductRow(HubTable, table=True):
    """A block's cumulative ciphertext up to a sealed epoch; absent where nothing was added."""

    __tablename__ = "products"

    programme_id: str = Field(primary_key=True)
    block: int = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    ciphertext: bytes


for _row in (ChunkRow, SubmittedBlockRow, ProductRow):
    insert_only(_row)
