"""The ledger: ids beside the transfers, transfers in parts by month, more kinds of account."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint

from hub.storage.migrations.definitions import (
    big_integer,
    binary,
    check,
    create_table,
    created_at,
    integer,
    one_of,
    words,
)


def create_balances() -> None:
    """Create the table `balances`."""
    create_table(
        "balances",
        words("account"),
        words("unit"),
        words("account_kind"),
        big_integer("balance"),
        created_at(),
        PrimaryKeyConstraint("account", "unit"),
        one_of(
            "account_kind",
            "donated",
            "exchanged",
            "expired",
            "float",
            "funding",
            "issuance",
            "paid_out",
            "payout_in_flight",
            "pledged",
            "pooled",
            "proceeds",
            "redeemed",
            "reserved",
            "retired",
            "sales",
            "spendable",
            "suspense",
            "written_off",
        ),
        check("kind_of_account", "account LIKE '%:' || account_kind"),
        check("not_negative", "balance >= 0 OR account_kind IN ('funding', 'issuance', 'sales')"),
        check(
            "source_not_positive",
            "balance <= 0 OR account_kind NOT IN ('funding', 'issuance', 'sales')",
        ),
        whole_numbers=("balance",),
    )


def create_transfer_ids() -> None:
    """Create the table `transfer_ids`."""
    create_table(
        "transfer_ids",
        binary("transfer_id"),
        big_integer("sequence"),
        integer("ledger_day"),
        binary("resolves", nullable=True),
        PrimaryKeyConstraint("transfer_id"),
        UniqueConstraint("resolves"),
        UniqueConstraint("sequence"),
        check("transfer_id_size", "length(transfer_id) = 16"),
        ForeignKeyConstraint(["resolves"], ["transfer_ids.transfer_id"]),
        whole_numbers=("sequence", "ledger_day"),
        insert_only=True,
    )


def create_opening_credits() -> None:
    """Create the table `opening_credits`."""
    create_table(
        "opening_credits",
        words("programme_id"),
        binary("account_token"),
        integer("ordinal"),
        binary("opening_id"),
        integer("vintage"),
        big_integer("previous_opened_ug"),
        big_integer("opened_ug"),
        binary("transfer_id", nullable=True),
        big_integer("recorded_s"),
        created_at(),
        PrimaryKeyConstraint("programme_id", "account_token", "ordinal"),
        UniqueConstraint("opening_id", "programme_id", "account_token"),
        check("ordinal_from_one", "ordinal >= 1"),
        check("sum_grows", "previous_opened_ug >= 0 AND opened_ug >= previous_opened_ug"),
        ForeignKeyConstraint(["transfer_id"], ["transfer_ids.transfer_id"]),
        whole_numbers=("ordinal", "vintage", "previous_opened_ug", "opened_ug", "recorded_s"),
        insert_only=True,
    )


def create_transfers() -> None:
    """Create the table `transfers`."""
    create_table(
        "transfers",
        integer("ledger_day"),
        big_integer("sequence"),
        binary("transfer_id"),
        words("debit"),
        words("credit"),
        words("unit"),
        big_integer("amount"),
        words("phase"),
        binary("resolves", nullable=True),
        big_integer("expires_s", nullable=True),
        big_integer("recorded_s"),
        created_at(),
        PrimaryKeyConstraint("ledger_day", "sequence"),
        check("amount_range", "amount BETWEEN 1 AND 72057594037927935"),
        check("expires_phase", "expires_s IS NULL OR phase = 'reserve'"),
        one_of("phase", "post", "reserve", "single", "void"),
        check("resolves_phase", "(phase IN ('post', 'void')) = (resolves IS NOT NULL)"),
        check("two_accounts", "debit <> credit"),
        ForeignKeyConstraint(["transfer_id"], ["transfer_ids.transfer_id"]),
        whole_numbers=("sequence", "amount", "recorded_s", "ledger_day"),
        insert_only=True,
        postgresql_partition_by="RANGE (ledger_day)",
    )
    op.create_index("ix_transfers_credit", "transfers", ["credit", "unit"])
    op.create_index("ix_transfers_debit", "transfers", ["debit", "unit"])
