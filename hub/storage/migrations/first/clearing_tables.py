"""Tables of the first revision: the ledger, redemptions and bindings."""

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


def create_clearing_tables() -> None:
    """Create them; those that they refer to are there."""
    _balances()
    _ledger_batches()
    _ledger_close_requests()
    _redemptions()
    _transfers()
    _opening_credits()
    _payout_outbox()
    _redemption_draws()
    _redemption_events()
    _redemption_orders()
    _bindings()
    _binding_halves()
    _binding_objections()
    _unbindings()


def _balances() -> None:
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
            "float",
            "funding",
            "issuance",
            "paid_out",
            "payout_in_flight",
            "redeemed",
            "reserved",
            "spendable",
        ),
        check("kind_of_account", "account LIKE '%:' || account_kind"),
        check("not_negative", "balance >= 0 OR account_kind IN ('funding', 'issuance')"),
        check("source_not_positive", "balance <= 0 OR account_kind NOT IN ('funding', 'issuance')"),
        whole_numbers=("balance",),
    )


def _ledger_batches() -> None:
    create_table(
        "ledger_batches",
        integer("day"),
        big_integer("first_sequence"),
        big_integer("transfer_count"),
        binary("previous_batch"),
        binary("batch_hash"),
        created_at(),
        PrimaryKeyConstraint("day"),
        UniqueConstraint("previous_batch"),
        check("counts", "transfer_count >= 0 AND first_sequence >= 1"),
        whole_numbers=("day", "first_sequence", "transfer_count"),
        insert_only=True,
    )


def _ledger_close_requests() -> None:
    create_table(
        "ledger_close_requests",
        big_integer("through_sequence"),
        big_integer("recorded_s"),
        created_at(),
        PrimaryKeyConstraint("through_sequence"),
        check("counts", "through_sequence >= 1"),
        whole_numbers=("through_sequence", "recorded_s"),
        insert_only=True,
    )


def _redemptions() -> None:
    create_table(
        "redemptions",
        binary("redemption_id"),
        binary("payout_id"),
        binary("order_bytes"),
        words("programme_id"),
        binary("account_token"),
        integer("wallet_class"),
        big_integer("units"),
        big_integer("mass_ug"),
        big_integer("amount_fen"),
        words("state"),
        words("reason"),
        words("rail_reference"),
        big_integer("created_s"),
        created_at(),
        PrimaryKeyConstraint("redemption_id"),
        UniqueConstraint("payout_id"),
        check("pays_something", "units >= 1 AND mass_ug >= 1 AND amount_fen >= 1"),
        check("real_name_wallet", "wallet_class BETWEEN 1 AND 3"),
        check("redemption_id_size", "length(redemption_id) = 16"),
        one_of(
            "state", "created", "rejected", "reserved", "reversed", "sent", "settled", "unknown"
        ),
        whole_numbers=("units", "mass_ug", "amount_fen", "created_s"),
    )
    op.create_index("ix_redemptions_account_token", "redemptions", ["account_token"])


def _transfers() -> None:
    create_table(
        "transfers",
        big_integer("sequence"),
        binary("transfer_id"),
        words("debit"),
        words("credit"),
        words("unit"),
        big_integer("amount"),
        words("phase"),
        binary("resolves", nullable=True),
        big_integer("recorded_s"),
        integer("ledger_day"),
        created_at(),
        PrimaryKeyConstraint("sequence"),
        UniqueConstraint("resolves"),
        UniqueConstraint("transfer_id"),
        check("amount_range", "amount BETWEEN 1 AND 72057594037927935"),
        one_of("phase", "post", "reserve", "single", "void"),
        check("resolves_phase", "(phase IN ('post', 'void')) = (resolves IS NOT NULL)"),
        check("transfer_id_size", "length(transfer_id) = 16"),
        check("two_accounts", "debit <> credit"),
        ForeignKeyConstraint(["resolves"], ["transfers.transfer_id"]),
        whole_numbers=("sequence", "amount", "recorded_s", "ledger_day"),
        insert_only=True,
    )
    op.create_index("ix_transfers_credit", "transfers", ["credit", "unit"])
    op.create_index("ix_transfers_debit", "transfers", ["debit", "unit"])
    op.create_index("ix_transfers_ledger_day", "transfers", ["ledger_day"])


def _opening_credits() -> None:
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
        ForeignKeyConstraint(["transfer_id"], ["transfers.transfer_id"]),
        whole_numbers=("ordinal", "vintage", "previous_opened_ug", "opened_ug", "recorded_s"),
        insert_only=True,
    )


def _payout_outbox() -> None:
    create_table(
        "payout_outbox",
        binary("redemption_id"),
        words("step"),
        big_integer("due_s"),
        integer("calls"),
        created_at(),
        PrimaryKeyConstraint("redemption_id"),
        one_of("step", "pay", "query"),
        ForeignKeyConstraint(["redemption_id"], ["redemptions.redemption_id"]),
        whole_numbers=("due_s", "calls"),
    )
    op.create_index("ix_payout_outbox_due_s", "payout_outbox", ["due_s"])


def _redemption_draws() -> None:
    create_table(
        "redemption_draws",
        binary("redemption_id"),
        integer("vintage"),
        big_integer("mass_ug"),
        created_at(),
        PrimaryKeyConstraint("redemption_id", "vintage"),
        check("draws_something", "mass_ug >= 1"),
        ForeignKeyConstraint(["redemption_id"], ["redemptions.redemption_id"]),
        whole_numbers=("vintage", "mass_ug"),
        insert_only=True,
    )


def _redemption_events() -> None:
    create_table(
        "redemption_events",
        binary("redemption_id"),
        integer("ordinal"),
        words("event"),
        words("state"),
        words("detail"),
        big_integer("recorded_s"),
        created_at(),
        PrimaryKeyConstraint("redemption_id", "ordinal"),
        one_of(
            "state", "created", "rejected", "reserved", "reversed", "sent", "settled", "unknown"
        ),
        ForeignKeyConstraint(["redemption_id"], ["redemptions.redemption_id"]),
        whole_numbers=("ordinal", "recorded_s"),
        insert_only=True,
    )
    op.create_index("ix_redemption_events_recorded_s", "redemption_events", ["recorded_s"])


def _redemption_orders() -> None:
    create_table(
        "redemption_orders",
        binary("redemption_id"),
        integer("leaf_index"),
        created_at(),
        PrimaryKeyConstraint("redemption_id"),
        UniqueConstraint("leaf_index"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        ForeignKeyConstraint(["redemption_id"], ["redemptions.redemption_id"]),
        whole_numbers=("leaf_index",),
        insert_only=True,
    )


def _bindings() -> None:
    create_table(
        "bindings",
        binary("binding_id"),
        words("programme_id"),
        binary("account_token"),
        words("operator_id"),
        words("wallet_id"),
        integer("wallet_class"),
        integer("leaf_index"),
        binary("leaf"),
        created_at(),
        PrimaryKeyConstraint("binding_id"),
        UniqueConstraint("leaf_index"),
        check("binding_id_size", "length(binding_id) = 16"),
        check("leaf_size", "length(leaf) = 34"),
        check("real_name", "wallet_class BETWEEN 1 AND 3"),
        check("token_size", "length(account_token) = 32"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        ForeignKeyConstraint(["programme_id"], ["programmes.programme_id"]),
        whole_numbers=("wallet_class", "leaf_index"),
        insert_only=True,
    )
    op.create_index("ix_bindings_account", "bindings", ["programme_id", "account_token"])
    op.create_index("ix_bindings_operator", "bindings", ["operator_id", "leaf_index"])


def _binding_halves() -> None:
    create_table(
        "binding_halves",
        binary("binding_id"),
        words("partner_id"),
        integer("leaf_index"),
        PrimaryKeyConstraint("binding_id", "partner_id"),
        ForeignKeyConstraint(["binding_id"], ["bindings.binding_id"]),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def _binding_objections() -> None:
    create_table(
        "binding_objections",
        binary("binding_id"),
        words("partner_id"),
        integer("leaf_index"),
        PrimaryKeyConstraint("binding_id", "partner_id"),
        ForeignKeyConstraint(["binding_id"], ["bindings.binding_id"]),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def _unbindings() -> None:
    create_table(
        "unbindings",
        binary("binding_id"),
        words("party_id"),
        integer("leaf_index"),
        PrimaryKeyConstraint("binding_id"),
        ForeignKeyConstraint(["binding_id"], ["bindings.binding_id"]),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )
