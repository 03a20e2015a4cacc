"""Tables of the registry: parties, programmes, methodologies, enrolments, places, open blocks.

All but the pool are insert-only. Uniqueness of places is the database's own: one per token, one per
slot, for ever. Blocks are numbered over all programmes together, so a block belongs to one.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from fedcarbon.ids import Role
from fedcarbon.registry.enrolment import EnrolmentAction
from hub.storage.columns import created_at_column, integers, one_of
from hub.storage.tables import HubTable, insert_only


class PartyRow(HubTable, table=True):
    """An admission; the newest one of a party counts."""

    __tablename__ = "parties"
    __table_args__ = (one_of("role", Role), CheckConstraint("length(admission) > 0", name="filled"))

    leaf_index: int = Field(primary_key=True, foreign_key="leaves.leaf_index")
    party_id: str = Field(index=True)
    role: str = Field(index=True)
    admission: bytes
    """Canonical bytes of the `PartyAdmission`."""
    created_at: datetime | None = created_at_column()


class ProgrammeRow(HubTable, table=True):
    """A programme."""

    __tablename__ = "programmes"

    programme_id: str = Field(primary_key=True)
    exclusivity_domain: str = Field(index=True)
    """Its programmes share one claim round."""
    programme: bytes
    """Canonical bytes of the `Programme`."""
    leaf_index: int = Field(foreign_key="leaves.leaf_index")
    created_at: datetime | None = created_at_column()


class MethodologyRow(HubTable, table=True):
    """A methodology that a programme admits for some epochs."""

    __tablename__ = "methodologies"
    __table_args__ = (
        CheckConstraint("length(content_hash) = 32", name="hash_size"),
        CheckConstraint("from_epoch >= 1 AND until_epoch >= 0", name="window"),
        integers("leaf_index", "from_epoch", "until_epoch"),
    )

    leaf_index: int = Field(primary_key=True, foreign_key="leaves.leaf_index")
    programme_id: str = Field(index=True, foreign_key="programmes.programme_id")
    methodology_id: str = Field(index=True)
    version: str
    content_hash: bytes
    from_epoch: int
    until_epoch: int
    """The last one, or 0 if no end is set."""
    created_at: datetime | None = created_at_column()


class EnrolmentBatchRow(HubTable, table=True):
    """A batch that was accepted, by the partner's own id for it."""

    __tablename__ = "enrolment_batches"
    __table_args__ = (CheckConstraint("length(batch_id) = 16", name="batch_id_size"),)

    partner_id: str = Field(primary_key=True)
    batch_id: bytes = Field(primary_key=True)
    leaf_index: int = Field(foreign_key="leaves.leaf_index")
    created_at: datetime | None = created_at_column()


class EnrolmentRow(HubTable, table=True):
    """One entry of a batch."""

    __tablename__ = "enrolments"
    __table_args__ = (
        one_of("action", EnrolmentAction),
        CheckConstraint("length(account_token) = 32", name="token_size"),
        CheckConstraint("from_epoch >= 1", name="from_epoch_positive"),
        integers("leaf_index", "position", "from_epoch"),
        Index("ix_enrolments_account", "programme_id", "account_token"),
    )

    leaf_index: int = Field(primary_key=True, foreign_key="leaves.leaf_index")
    position: int = Field(primary_key=True)
    """Of the entry in its batch."""
    programme_id: str
    partner_id: str
    account_token: bytes
    action: str
    from_epoch: int


class PlaceRow(HubTable, table=True):
    """The place of an account."""

    __tablename__ = "places"
    __table_args__ = (
        UniqueConstraint("block", "slot"),
        CheckConstraint("length(account_token) = 32", name="token_size"),
        CheckConstraint("block >= 0 AND slot >= 0", name="not_negative"),
        integers("block", "slot"),
    )

    programme_id: str = Field(primary_key=True)
    account_token: bytes = Field(primary_key=True)
    block: int
    slot: int
    leaf_index: int = Field(foreign_key="leaves.leaf_index")


class OpenBlockRow(HubTable, table=True):
    """A block that still has free slots; it leaves the table when it is full."""

    __tablename__ = "open_blocks"

    block: int = Field(primary_key=True)
    programme_id: str = Field(index=True)


for _row in (
    PartyRow,
    ProgrammeRow,
    MethodologyRow,
    EnrolmentBatchRow,
    EnrolmentRow,
    PlaceRow,
):
    insert_only(_row)
