"""Tokens are remembered by the lists themselves, and a list's commitments by their sum."""

from __future__ import annotations

from alembic import op

from hub.storage.migrations.definitions import binary


def drop_decided_tokens() -> None:
    """Drop the table `decided_tokens`: every row of it stands in a revealed list."""
    op.drop_table("decided_tokens")


def add_list_totals() -> None:
    """Add the column `total` to the table `claim_lists`."""
    op.add_column("claim_lists", binary("total", nullable=True))
