"""What is published, ordered, pledged and bundled."""

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
    words,
)


def create_use_tables() -> None:
    """Create these tables, in the order in which they refer to each other."""
    create_use_publications()
    create_uses()
    create_use_draws()
    create_use_orders()
    create_pledges()
    create_credit_lots()
    create_credit_lot_parts()


def create_use_publications() -> None:
    """Create the table `use_publications`."""
    create_table(
        "use_publications",
        integer("leaf_index"),
        words("programme_id"),
        words("kind"),
        words("name"),
        binary("statement"),
        created_at(),
        PrimaryKeyConstraint("leaf_index"),
        check("filled", "length(statement) > 0"),
        UniqueConstraint("programme_id", "kind", "name"),
        whole_numbers=("leaf_index",),
        insert_only=True,
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
        check("kind_known", "kind IN ('donate', 'goods', 'pledge', 'withdraw')"),
        check("state_known", "state IN ('cancelled', 'done', 'fulfilled', 'overdue', 'reserved')"),
        check("takes_something", "mass_ug >= 1"),
        check("use_id_size", "length(use_id) = 16"),
        whole_numbers=("mass_ug", "created_s"),
    )
    op.create_index("ix_uses_account_token", "uses", ["account_token"])
    op.create_index("ix_uses_state", "uses", ["state", "expires_s"])


def create_use_draws() -> None:
    """Create the table `use_draws`."""
    create_table(
        "use_draws",
        binary("use_id"),
        integer("vintage"),
        big_integer("mass_ug"),
        PrimaryKeyConstraint("use_id", "vintage"),
        check("draws_something", "mass_ug >= 1"),
        ForeignKeyConstraint(["use_id"], ["uses.use_id"]),
        whole_numbers=("vintage", "mass_ug"),
        insert_only=True,
    )


def create_use_orders() -> None:
    """Create the table `use_orders`."""
    create_table(
        "use_orders",
        binary("use_id"),
        integer("leaf_index"),
        created_at(),
        PrimaryKeyConstraint("use_id"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        ForeignKeyConstraint(["use_id"], ["uses.use_id"]),
        UniqueConstraint("leaf_index"),
        whole_numbers=("leaf_index",),
        insert_only=True,
    )


def create_pledges() -> None:
    """Create the table `pledges`."""
    create_table(
        "pledges",
        binary("use_id"),
        integer("vintage"),
        big_integer("number"),
        words("programme_id"),
        binary("account_token"),
        big_integer("left_ug"),
        PrimaryKeyConstraint("use_id", "vintage"),
        check("not_negative", "left_ug >= 0"),
        ForeignKeyConstraint(["use_id"], ["uses.use_id"]),
        UniqueConstraint("number"),
        whole_numbers=("number", "vintage", "left_ug"),
    )
    op.create_index("ix_pledges_account_token", "pledges", ["account_token"])
    op.create_index("ix_pledges_queue", "pledges", ["programme_id", "vintage", "number"])


def create_credit_lots() -> None:
    """Create the table `credit_lots`."""
    create_table(
        "credit_lots",
        binary("lot_id"),
        words("programme_id"),
        words("state"),
        binary("lot"),
        binary("sale", nullable=True),
        binary("retirement", nullable=True),
        big_integer("serial_last", nullable=True),
        created_at(),
        PrimaryKeyConstraint("lot_id"),
        check("lot_id_size", "length(lot_id) = 16"),
        check("state_known", "state IN ('formed', 'refused', 'retired', 'sold', 'verified')"),
    )
    op.create_index("ix_credit_lots_programme_id", "credit_lots", ["programme_id"])


def create_credit_lot_parts() -> None:
    """Create the table `credit_lot_parts`."""
    create_table(
        "credit_lot_parts",
        binary("lot_id"),
        binary("use_id"),
        big_integer("mass_ug"),
        PrimaryKeyConstraint("lot_id", "use_id"),
        check("takes_something", "mass_ug >= 1"),
        ForeignKeyConstraint(["lot_id"], ["credit_lots.lot_id"]),
        ForeignKeyConstraint(["use_id"], ["uses.use_id"]),
        whole_numbers=("mass_ug",),
        insert_only=True,
    )
