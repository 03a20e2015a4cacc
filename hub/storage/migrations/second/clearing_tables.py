"""Freezes, what rails wrote down, what reconciliation found and what lies in suspense."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint

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
    """Create these tables, in the order in which they refer to each other."""
    create_account_freezes()
    create_rail_lines()
    create_reconciliations()
    create_suspense_items()
    create_suspense_decisions()


def create_account_freezes() -> None:
    """Create the table `account_freezes`."""
    create_table(
        "account_freezes",
        words("programme_id"),
        binary("account_token"),
        integer("ordinal"),
        words("action"),
        words("reason"),
        words("operator"),
        big_integer("recorded_s"),
        created_at(),
        PrimaryKeyConstraint("programme_id", "account_token", "ordinal"),
        one_of(
            "action",
            "freeze",
            "unfreeze",
        ),
        check("acts_alternate", "ordinal >= 1 AND (ordinal % 2 = 1) = (action = 'freeze')"),
        check("explained", "length(reason) >= 1 AND length(operator) >= 1"),
        check("token_size", "length(account_token) = 32"),
        whole_numbers=("ordinal", "recorded_s"),
        insert_only=True,
    )
    op.create_index("ix_account_freezes_recorded_s", "account_freezes", ["recorded_s"])


def create_rail_lines() -> None:
    """Create the table `rail_lines`."""
    create_table(
        "rail_lines",
        words("programme_id"),
        integer("day"),
        binary("files_hash"),
        integer("number"),
        binary("payout_id"),
        big_integer("amount_fen"),
        words("outcome"),
        words("reference"),
        words("reason"),
        created_at(),
        PrimaryKeyConstraint("programme_id", "day", "files_hash", "number"),
        check("moves_something", "amount_fen >= 1"),
        one_of(
            "outcome",
            "rejected",
            "reversed",
            "settled",
        ),
        check("payout_id_size", "length(payout_id) = 16"),
        whole_numbers=("day", "number", "amount_fen"),
        insert_only=True,
    )
    op.create_index("ix_rail_lines_payout_id", "rail_lines", ["payout_id"])


def create_reconciliations() -> None:
    """Create the table `reconciliations`."""
    create_table(
        "reconciliations",
        words("programme_id"),
        integer("day"),
        integer("run"),
        binary("files_hash"),
        binary("report_hash"),
        big_integer("opening_fen", nullable=True),
        big_integer("closing_fen", nullable=True),
        integer("differences"),
        big_integer("recorded_s"),
        created_at(),
        PrimaryKeyConstraint("programme_id", "day", "run"),
        check("hash_sizes", "length(files_hash) = 32 AND length(report_hash) = 32"),
        check("run_from_one", "run >= 1"),
        whole_numbers=("day", "run", "differences", "recorded_s"),
        insert_only=True,
    )


def create_suspense_items() -> None:
    """Create the table `suspense_items`."""
    create_table(
        "suspense_items",
        binary("item_id"),
        words("programme_id"),
        integer("day"),
        words("reason"),
        big_integer("amount_fen"),
        words("source"),
        binary("payout_id", nullable=True),
        words("reference"),
        words("found"),
        integer("occurrence"),
        big_integer("recorded_s"),
        created_at(),
        PrimaryKeyConstraint("item_id"),
        check("holds_something", "amount_fen >= 1 AND occurrence >= 1"),
        check("item_id_size", "length(item_id) = 16"),
        one_of(
            "reason",
            "AMOUNT_HIGHER",
            "AMOUNT_LOWER",
            "ANSWER_REFUSED",
            "BOOKED_NOT_PAID",
            "BOOKED_NOT_RETURNED",
            "DECISION_OVERTAKEN",
            "FILE_MISSING",
            "FLOAT_DIFFERS",
            "MOVEMENT_MISSING",
            "MOVEMENT_UNKNOWN",
            "PAID_NOT_BOOKED",
            "PAID_TWICE",
            "PARTIAL_RETURN",
            "REJECTED_AFTER_PAID",
            "RETURN_ABOVE_PAID",
            "STATEMENT_BROKEN",
            "TOP_UP_MISSING",
        ),
        one_of(
            "source",
            "float",
            "funding",
            "paid_out",
        ),
        whole_numbers=("day", "amount_fen", "occurrence", "recorded_s"),
        insert_only=True,
    )
    op.create_index("ix_suspense_items_programme_id", "suspense_items", ["programme_id", "day"])


def create_suspense_decisions() -> None:
    """Create the table `suspense_decisions`."""
    create_table(
        "suspense_decisions",
        binary("item_id"),
        integer("ordinal"),
        words("step"),
        words("destination"),
        words("operator"),
        words("reason"),
        binary("envelope", nullable=True),
        integer("day"),
        big_integer("recorded_s"),
        created_at(),
        PrimaryKeyConstraint("item_id", "ordinal"),
        one_of(
            "destination",
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
        check("ordinal_from_one", "ordinal >= 1"),
        check("persons_sign", "(step = 'explain') = (envelope IS NULL)"),
        one_of(
            "step",
            "approve",
            "explain",
            "propose",
        ),
        ForeignKeyConstraint(["item_id"], ["suspense_items.item_id"]),
        whole_numbers=("ordinal", "day", "recorded_s"),
        insert_only=True,
    )
