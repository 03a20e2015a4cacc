"""Tables of reconciliation: what files said, what runs found, what lies in suspense and why.

All of them only ever receive inserts.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Field

from fedcarbon.ledger.account import AccountKind
from fedcarbon.redemption.differences import SOURCES, Reason
from fedcarbon.redemption.payouts import PayoutOutcome
from hub.storage.columns import created_at_column, integers, one_of, quoted
from hub.storage.tables import HubTable, insert_only


class DecisionStep(StrEnum):
    """What a decision does."""

    PROPOSE = "propose"
    """One person wants it."""
    APPROVE = "approve"
    """Another person agrees: the money moves."""
    EXPLAIN = "explain"
    """A file shows that there is no difference: the money goes back to where it came from."""


class RailLineRow(HubTable, table=True):
    """One line of a rail's settlement file, as a run has read it."""

    __tablename__ = "rail_lines"
    __table_args__ = (
        CheckConstraint("length(payout_id) = 16", name="payout_id_size"),
        CheckConstraint("amount_fen >= 1", name="moves_something"),
        one_of("outcome", PayoutOutcome),
        integers("day", "number", "amount_fen"),
        Index("ix_rail_lines_payout_id", "payout_id"),
    )

    programme_id: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    """Value day of the file."""
    files_hash: bytes = Field(primary_key=True)
    """Which version of the day's files."""
    number: int = Field(primary_key=True)
    payout_id: bytes
    amount_fen: int = Field(sa_type=BigInteger)
    outcome: str
    reference: str
    reason: str
    created_at: datetime | None = created_at_column()


class ReconciliationRow(HubTable, table=True):
    """One run over a day that changed something; the last one of a day counts."""

    __tablename__ = "reconciliations"
    __table_args__ = (
        CheckConstraint("run >= 1", name="run_from_one"),
        CheckConstraint("length(files_hash) = 32 AND length(report_hash) = 32", name="hash_sizes"),
        integers("day", "run", "differences", "recorded_s"),
    )

    programme_id: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    run: int = Field(primary_key=True)
    files_hash: bytes
    """Over the files as they were read, whatever their order and repeats."""
    report_hash: bytes
    """SHA-256 over the JSON of the report."""
    opening_fen: int | None = Field(default=None, sa_type=BigInteger)
    closing_fen: int | None = Field(default=None, sa_type=BigInteger)
    """Of the statement; null if the rail gives none."""
    differences: int
    recorded_s: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


class SuspenseItemRow(HubTable, table=True):
    """A difference whose money went into suspense."""

    __tablename__ = "suspense_items"
    __table_args__ = (
        CheckConstraint("length(item_id) = 16", name="item_id_size"),
        CheckConstraint("amount_fen >= 1 AND occurrence >= 1", name="holds_something"),
        CheckConstraint(f"source IN ({quoted(*SOURCES)})", name="source_known"),
        one_of("reason", Reason),
        integers("day", "amount_fen", "occurrence", "recorded_s"),
        Index("ix_suspense_items_programme_id", "programme_id", "day"),
    )

    item_id: bytes = Field(primary_key=True)
    programme_id: str
    day: int
    """Value day that the difference comes from."""
    reason: str
    amount_fen: int = Field(sa_type=BigInteger)
    source: str
    """Kind of the account that the money came from."""
    payout_id: bytes | None = None
    reference: str
    found: str
    """What was found, for people."""
    occurrence: int
    recorded_s: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


class SuspenseDecisionRow(HubTable, table=True):
    """A proposal, an approval or an explanation of an item."""

    __tablename__ = "suspense_decisions"
    __table_args__ = (
        ForeignKeyConstraint(["item_id"], ["suspense_items.item_id"]),
        CheckConstraint("ordinal >= 1", name="ordinal_from_one"),
        CheckConstraint("(step = 'explain') = (envelope IS NULL)", name="persons_sign"),
        one_of("step", DecisionStep),
        one_of("destination", AccountKind),
        integers("ordinal", "day", "recorded_s"),
    )

    item_id: bytes = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    """From 1, per item."""
    step: str
    destination: str
    """Kind of the account that the money goes to."""
    operator: str
    """Who signed; empty for an explanation."""
    reason: str
    envelope: bytes | None = None
    """The signed `SuspenseRelease`."""
    day: int
    """Value day of the decision, or of the file that explains the item."""
    recorded_s: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


for _row in (RailLineRow, ReconciliationRow, SuspenseItemRow, SuspenseDecisionRow):
    insert_only(_row)
