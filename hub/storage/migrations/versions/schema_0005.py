"""Rankings of those who opt in."""

from __future__ import annotations

from typing import Final

from hub.storage.migrations.fifth.ranking_tables import create_ranking_choices

revision: Final = "0005"
down_revision: Final = "0004"


def upgrade() -> None:
    """Create the new table."""
    create_ranking_choices()
