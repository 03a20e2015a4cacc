"""Redemptions with what limits and statements sum by."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint

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

PAYS_SOMETHING: Final = "units >= 1 AND mass_ug >= 0 AND amount_fen >= 1"


def create_redemptions() -> None:
    """Create the table `redemptions`."""
    create_table(
        "redemptions",
        binary("redemption_id"),
        binary("payout_id"),
        binary("order_bytes"),
        words("programme_id"),
        binary("account_token"),
        words("operator_id"),
        words("wallet_id"),
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
        check("pays_something", PAYS_SOMETHING),
        check("real_name_wallet", "wallet_class BETWEEN 1 AND 3"),
        check("redemption_id_size", "length(redemption_id) = 16"),
        one_of(
            "state", "created", "rejected", "reserved", "reversed", "sent", "settled", "unknown"
        ),
        whole_numbers=("units", "mass_ug", "amount_fen", "created_s"),
    )
    create_redemption_indexes()


def create_redemption_indexes() -> None:
    """Create the indexes of `redemptions`."""
    op.create_index("ix_redemptions_account_token", "redemptions", ["account_token", "created_s"])
    op.create_index("ix_redemptions_operator_id", "redemptions", ["operator_id", "created_s"])
    op.create_index("ix_redemptions_wallet_id", "redemptions", ["wallet_id", "created_s"])
