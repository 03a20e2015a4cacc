"""SANDBOX: the tables of the sandbox's own books; never made in a hub's database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import RailStatus
from hub.sandbox.faults import RailFault
from hub.storage.columns import created_at_column, one_of


class SandboxTable(SQLModel, registry=registry(metadata=MetaData())):
    """Base of the sandbox's tables."""


class SandboxAccountRow(SandboxTable, table=True):
    """The account of a programme's float."""

    __tablename__ = "sandbox_accounts"
    __table_args__ = (
        CheckConstraint("is_overdrawable = 1 OR balance_fen >= held_fen", name="not_overdrawn"),
        CheckConstraint("held_fen >= 0", name="holds_nothing_or_more"),
    )

    programme: str = Field(primary_key=True)
    balance_fen: int = Field(sa_type=BigInteger)
    """The sum of its movements."""
    held_fen: int = Field(sa_type=BigInteger)
    """Promised to payouts that were accepted and are not settled."""
    is_overdrawable: int
    """1 where the sandbox stands in without anybody paying in."""


class SandboxPayoutRow(SandboxTable, table=True):
    """One payout."""

    __tablename__ = "sandbox_payouts"
    __table_args__ = (
        CheckConstraint("amount_fen >= 1", name="pays_something"),
        CheckConstraint("length(payout_id) = 16", name="payout_id_size"),
        one_of("status", RailStatus),
        one_of("fault", RailFault),
    )

    payout_id: bytes = Field(primary_key=True)
    programme: str
    wallet_id: str
    amount_fen: int = Field(sa_type=BigInteger)
    status: str
    reason: str
    reference: str
    value_day: int | None = Field(default=None)
    """Of the last result."""
    due_s: int | None = Field(default=None, sa_type=BigInteger, index=True)
    """When an accepted payout settles, or a settled one comes back."""
    fault: str
    """What will be wrong with it."""
    created_at: datetime | None = created_at_column()


class SandboxResultRow(SandboxTable, table=True):
    """A final result of a payout: what the settlement file of its day says. Never changed."""

    __tablename__ = "sandbox_results"
    __table_args__ = (one_of("outcome", PayoutOutcome),)

    payout_id: bytes = Field(primary_key=True)
    outcome: str = Field(primary_key=True)
    programme: str = Field(index=True)
    value_day: int = Field(index=True)
    amount_fen: int = Field(sa_type=BigInteger)
    reference: str
    reason: str


class SandboxMovementRow(SandboxTable, table=True):
    """Money that moved on a float's account: what its statement says. Never changed."""

    __tablename__ = "sandbox_movements"
    __table_args__ = (CheckConstraint("amount_fen <> 0", name="moves_something"),)

    reference: str = Field(primary_key=True)
    programme: str = Field(index=True)
    value_day: int = Field(index=True)
    amount_fen: int = Field(sa_type=BigInteger)
    """Below zero: out of the float."""
    payout_id: bytes | None = Field(default=None)
    text: str


class SandboxNoticeRow(SandboxTable, table=True):
    """A notice that the hub has not acknowledged as often as it shall."""

    __tablename__ = "sandbox_notices"
    __table_args__ = (CheckConstraint("copies >= 1", name="has_copies"),)

    payout_id: bytes = Field(primary_key=True)
    status: str = Field(primary_key=True)
    programme: str
    reason: str
    reference: str
    value_day: int
    copies: int
    """How often it is still to be sent."""


class SandboxLetterRow(SandboxTable, table=True):
    """An order to the sandbox that was carried out: it is not carried out again."""

    __tablename__ = "sandbox_letters"

    letter_id: bytes = Field(primary_key=True)
