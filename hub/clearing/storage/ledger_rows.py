"""Tables of the ledger: balances, transfers, credits of openings, days and their closing.

All but the balances only ever receive inserts: triggers refuse the rest. What must never be wrong
is checked here again, by the database.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from fedcarbon.ledger.account import SOURCE_KINDS, AccountKind
from fedcarbon.ledger.transfer import AMOUNT_MAX, RESOLVING, Phase
from hub.storage.columns import created_at_column, integers, one_of, quoted
from hub.storage.tables import HubTable, by_month, insert_only


class BalanceRow(HubTable, table=True):
    """What an account holds: the sum of its transfers, kept for reading and for the check."""

    __tablename__ = "balances"
    __table_args__ = (
        CheckConstraint(
            f"balance >= 0 OR account_kind IN ({quoted(*SOURCE_KINDS)})", name="not_negative"
        ),
        CheckConstraint(
            f"balance <= 0 OR account_kind NOT IN ({quoted(*SOURCE_KINDS)})",
            name="source_not_positive",
        ),
        CheckConstraint("account LIKE '%:' || account_kind", name="kind_of_account"),
        one_of("account_kind", AccountKind),
        integers("balance"),
    )

    account: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    account_kind: str
    balance: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


class TransferIdRow(HubTable, table=True):
    """The ids of the ledger: what keeps a transfer and a resolution from coming twice.

    They stand beside the transfers because PostgreSQL keeps those in one part per month, and what
    is unique in a part is not unique in the whole.
    """

    __tablename__ = "transfer_ids"
    __table_args__ = (
        UniqueConstraint("sequence"),
        # A reservation is posted or voided once: the database itself refuses a second time.
        UniqueConstraint("resolves"),
        # What a transfer says of itself must be what stands here.
        UniqueConstraint("transfer_id", "ledger_day", "sequence"),
        UniqueConstraint("transfer_id", "resolves"),
        CheckConstraint("length(transfer_id) = 16", name="transfer_id_size"),
        integers("sequence", "ledger_day"),
    )

    transfer_id: bytes = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    """From 1, without a gap."""
    ledger_day: int
    resolves: bytes | None = Field(default=None, foreign_key="transfer_ids.transfer_id")


class TransferRow(HubTable, table=True):
    """One transfer of the ledger."""

    __tablename__ = "transfers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["transfer_id", "ledger_day", "sequence"],
            ["transfer_ids.transfer_id", "transfer_ids.ledger_day", "transfer_ids.sequence"],
        ),
        ForeignKeyConstraint(
            ["transfer_id", "resolves"], ["transfer_ids.transfer_id", "transfer_ids.resolves"]
        ),
        CheckConstraint("debit <> credit", name="two_accounts"),
        CheckConstraint(f"amount BETWEEN 1 AND {AMOUNT_MAX}", name="amount_range"),
        CheckConstraint(
            f"(phase IN ({quoted(*RESOLVING)})) = (resolves IS NOT NULL)", name="resolves_phase"
        ),
        one_of("phase", Phase),
        integers("sequence", "amount", "recorded_s", "ledger_day"),
        Index("ix_transfers_debit", "debit", "unit"),
        Index("ix_transfers_credit", "credit", "unit"),
        CheckConstraint("expires_s IS NULL OR phase = 'reserve'", name="expires_phase"),
        {"postgresql_partition_by": "RANGE (ledger_day)"},
    )

    ledger_day: int = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    transfer_id: bytes
    debit: str
    credit: str
    unit: str
    amount: int = Field(sa_type=BigInteger)
    phase: str
    resolves: bytes | None = None
    expires_s: int | None = Field(default=None, sa_type=BigInteger)
    recorded_s: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


class OpeningCreditRow(HubTable, table=True):
    """What an opening credited to an account."""

    __tablename__ = "opening_credits"
    __table_args__ = (
        UniqueConstraint("opening_id", "programme_id", "account_token"),
        CheckConstraint("ordinal >= 1", name="ordinal_from_one"),
        CheckConstraint(
            "previous_opened_ug >= 0 AND opened_ug >= previous_opened_ug", name="sum_grows"
        ),
        integers("ordinal", "vintage", "previous_opened_ug", "opened_ug", "recorded_s"),
    )

    programme_id: str = Field(primary_key=True)
    account_token: bytes = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    """From 1, per programme and account."""
    opening_id: bytes
    vintage: int
    previous_opened_ug: int = Field(sa_type=BigInteger)
    opened_ug: int = Field(sa_type=BigInteger)
    transfer_id: bytes | None = Field(default=None, foreign_key="transfer_ids.transfer_id")
    recorded_s: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


class LedgerBatchRow(HubTable, table=True):
    """A closed ledger day."""

    __tablename__ = "ledger_batches"
    __table_args__ = (
        UniqueConstraint("previous_batch"),
        CheckConstraint("transfer_count >= 0 AND first_sequence >= 1", name="counts"),
        integers("day", "first_sequence", "transfer_count"),
    )

    day: int = Field(primary_key=True)
    first_sequence: int = Field(sa_type=BigInteger)
    transfer_count: int = Field(sa_type=BigInteger)
    previous_batch: bytes
    batch_hash: bytes
    created_at: datetime | None = created_at_column()


class CloseRequestRow(HubTable, table=True):
    """That an operator wants everything up to a transfer in a closed day."""

    __tablename__ = "ledger_close_requests"
    __table_args__ = (
        CheckConstraint("through_sequence >= 1", name="counts"),
        integers("through_sequence", "recorded_s"),
    )

    through_sequence: int = Field(primary_key=True, sa_type=BigInteger)
    recorded_s: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


for _row in (TransferIdRow, TransferRow, OpeningCreditRow, LedgerBatchRow, CloseRequestRow):
    insert_only(_row)
by_month(TransferRow)
