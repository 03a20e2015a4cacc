"""More kinds of account and of use, stocks of offers, and red packets."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint

from hub.storage.migrations.definitions import (
    big_integer,
    binary,
    check,
    create_table,
    created_at,
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
            "campaign",
            "donated",
            "exchanged",
            "expired",
            "float",
            "funding",
            "issuance",
            "market",
            "market_purse",
            "offset",
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


def create_uses() -> None:
    """Create the table `uses`."""
    create_table(
        "uses",
        binary("use_id"),
        binary("order_bytes"),
        words("programme_id"),
        binary("account_token"),
        words("kind"),
        words("state"),
        big_integer("mass_ug"),
        big_integer("expires_s", nullable=True),
        big_integer("created_s"),
        created_at(),
        PrimaryKeyConstraint("use_id"),
        one_of("kind", "buy", "donate", "goods", "pledge", "retire_own", "sell", "withdraw"),
        one_of("state", "cancelled", "done", "fulfilled", "overdue", "reserved"),
        check("takes_something", "mass_ug >= 1"),
        check("use_id_size", "length(use_id) = 16"),
        whole_numbers=("mass_ug", "created_s"),
    )
    op.create_index("ix_uses_account_token", "uses", ["account_token"])
    op.create_index("ix_uses_state", "uses", ["state", "expires_s"])


def create_offer_stocks() -> None:
    """Create the table `offer_stocks`."""
    create_table(
        "offer_stocks",
        words("programme_id"),
        words("offer_id"),
        big_integer("left_pieces"),
        PrimaryKeyConstraint("programme_id", "offer_id"),
        check("not_negative", "left_pieces >= 0"),
        whole_numbers=("left_pieces",),
    )


def create_red_packets() -> None:
    """Create the table `redemption_red_packets`."""
    create_table(
        "redemption_red_packets",
        binary("redemption_id"),
        words("campaign_id"),
        big_integer("amount_fen"),
        created_at(),
        PrimaryKeyConstraint("redemption_id"),
        check("pays_something", "amount_fen >= 1"),
        ForeignKeyConstraint(["redemption_id"], ["redemptions.redemption_id"]),
        whole_numbers=("amount_fen",),
        insert_only=True,
    )
