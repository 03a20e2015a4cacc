"""Tables of redemption: with the bindings, the only tables that know a wallet.

Draws and events only ever receive inserts; a redemption's state moves, and the outbox empties.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from fedcarbon.redemption.states import RedemptionState
from hub.storage.columns import created_at_column, integers, one_of
from hub.storage.tables import HubTable, insert_only


class OutboxStep(StrEnum):
    """What the worker does next for a payout."""

    PAY = "pay"
    """Hand it to the rail."""
    QUERY = "query"
    """Ask the rail what became of it."""


class RedemptionRow(HubTable, table=True):
    """A redemption as it stands."""

    __tablename__ = "redemptions"
    __table_args__ = (
        UniqueConstraint("payout_id"),
        CheckConstraint("length(redemption_id) = 16", name="redemption_id_size"),
        CheckConstraint("wallet_class BETWEEN 1 AND 3", name="real_name_wallet"),
        CheckConstraint("units >= 1 AND mass_ug >= 0 AND amount_fen >= 1", name="pays_something"),
        one_of("state", RedemptionState),
        integers("units", "mass_ug", "amount_fen", "created_s"),
        # Limits sum what a wallet or an account has had since some instant; statements list what
        # an operator has ordered in a span.
        Index("ix_redemptions_account_token", "account_token", "created_s"),
        Index("ix_redemptions_wallet_id", "wallet_id", "created_s"),
        Index("ix_redemptions_operator_id", "operator_id", "created_s"),
    )

    redemption_id: bytes = Field(primary_key=True)
    payout_id: bytes
    order_bytes: bytes
    """The canonical bytes of the order: what a retry is compared with."""
    programme_id: str
    account_token: bytes
    operator_id: str
    wallet_id: str
    wallet_class: int
    units: int = Field(sa_type=BigInteger)
    mass_ug: int = Field(sa_type=BigInteger)
    amount_fen: int = Field(sa_type=BigInteger)
    state: str
    reason: str
    rail_reference: str
    created_s: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


class RedemptionDrawRow(HubTable, table=True):
    """The part of a redemption that one vintage gives."""

    __tablename__ = "redemption_draws"
    __table_args__ = (
        CheckConstraint("mass_ug >= 1", name="draws_something"),
        integers("vintage", "mass_ug"),
    )

    redemption_id: bytes = Field(primary_key=True, foreign_key="redemptions.redemption_id")
    vintage: int = Field(primary_key=True)
    mass_ug: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


class RedPacketRow(HubTable, table=True):
    """What of a redemption's amount a campaign pays."""

    __tablename__ = "redemption_red_packets"
    __table_args__ = (
        CheckConstraint("amount_fen >= 1", name="pays_something"),
        integers("amount_fen"),
    )

    redemption_id: bytes = Field(primary_key=True, foreign_key="redemptions.redemption_id")
    campaign_id: str
    amount_fen: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


class RedemptionEventRow(HubTable, table=True):
    """One step in the life of a redemption."""

    __tablename__ = "redemption_events"
    __table_args__ = (
        one_of("state", RedemptionState),
        integers("ordinal", "recorded_s"),
        Index("ix_redemption_events_recorded_s", "recorded_s"),
    )

    redemption_id: bytes = Field(primary_key=True, foreign_key="redemptions.redemption_id")
    ordinal: int = Field(primary_key=True)
    """From 1."""
    event: str
    state: str
    """After the event."""
    detail: str
    value_day: int | None = None
    """In which day's settlement file the rail will have it, where it has said so."""
    recorded_s: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


class OutboxRow(HubTable, table=True):
    """A payout without a final answer, and what to do next for it."""

    __tablename__ = "payout_outbox"
    __table_args__ = (
        one_of("step", OutboxStep),
        integers("due_s", "calls"),
        Index("ix_payout_outbox_due_s", "due_s"),
    )

    redemption_id: bytes = Field(primary_key=True, foreign_key="redemptions.redemption_id")
    step: str
    due_s: int = Field(sa_type=BigInteger)
    """Protocol time from which the step may be taken."""
    calls: int
    """Calls to the rail so far."""
    created_at: datetime | None = created_at_column()


for _row in (RedemptionDrawRow, RedPacketRow, RedemptionEventRow):
    insert_only(_row)
