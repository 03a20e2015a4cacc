"""Choices about rankings."""

from __future__ import annotations

from alembic import op
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint

from hub.storage.migrations.definitions import (
    binary,
    check,
    create_table,
    created_at,
    integer,
    words,
)


def create_ranking_choices() -> None:
    """Create the table `ranking_choices`."""
    create_table(
        "ranking_choices",
        integer("leaf_index"),
        binary("choice_id"),
        words("programme_id"),
        words("ranking_id"),
        binary("account_token"),
        integer("from_period"),
        binary("statement"),
        created_at(),
        PrimaryKeyConstraint("leaf_index"),
        UniqueConstraint("choice_id"),
        check("choice_id_size", "length(choice_id) = 16"),
        check("filled", "length(statement) > 0"),
        whole_numbers=("leaf_index", "from_period"),
        insert_only=True,
    )
    op.create_index(
        "ix_ranking_choices_account_token",
        "ranking_choices",
        ["programme_id", "ranking_id", "account_token"],
    )
