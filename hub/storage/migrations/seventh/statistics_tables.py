"""Contributions to tables, how far each period has come, and regulators among the parties."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint

from hub.storage.migrations.definitions import (
    binary,
    check,
    create_table,
    created_at,
    integer,
    one_of,
    set_aside,
    take_back,
    words,
)

_STATES = ("closed", "released", "started", "withheld")


def create_contributions() -> None:
    """Create the table `table_contributions`."""
    create_table(
        "table_contributions",
        integer("shell_leaf"),
        integer("period"),
        words("partner_id"),
        integer("leaf_index"),
        created_at(),
        PrimaryKeyConstraint("shell_leaf", "period", "partner_id"),
        UniqueConstraint("leaf_index"),
        ForeignKeyConstraint(["shell_leaf"], ["leaves.leaf_index"]),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        whole_numbers=("shell_leaf", "period", "leaf_index"),
        insert_only=True,
    )


def create_periods() -> None:
    """Create the table `table_periods`."""
    create_table(
        "table_periods",
        integer("shell_leaf"),
        integer("period"),
        words("state"),
        integer("start_leaf", nullable=True),
        integer("release_leaf", nullable=True),
        words("code"),
        words("detail"),
        created_at(),
        PrimaryKeyConstraint("shell_leaf", "period"),
        UniqueConstraint("start_leaf"),
        UniqueConstraint("release_leaf"),
        ForeignKeyConstraint(["shell_leaf"], ["leaves.leaf_index"]),
        ForeignKeyConstraint(["start_leaf"], ["leaves.leaf_index"]),
        ForeignKeyConstraint(["release_leaf"], ["leaves.leaf_index"]),
        one_of("state", *_STATES),
        check("period_positive", "period >= 1"),
        check("start_of_state", "(start_leaf IS NOT NULL) = (state IN ('released', 'started'))"),
        check("release_of_state", "(release_leaf IS NOT NULL) = (state = 'released')"),
        whole_numbers=("shell_leaf", "period"),
    )


def admit_regulators() -> None:
    """Make the table `parties` anew, for parties of one more role."""
    set_aside("parties")
    create_table(
        "parties",
        integer("leaf_index"),
        words("party_id"),
        words("role"),
        binary("admission"),
        created_at(),
        PrimaryKeyConstraint("leaf_index"),
        check("filled", "length(admission) > 0"),
        one_of("role", "auditor", "hub", "partner", "regulator", "trustee", "wallet_operator"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )
    op.create_index("ix_parties_party_id", "parties", ["party_id"])
    op.create_index("ix_parties_role", "parties", ["role"])
    take_back("parties", "leaf_index, party_id, role, admission, created_at")
