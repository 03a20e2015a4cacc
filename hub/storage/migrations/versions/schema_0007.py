"""Tables of statistics."""

from __future__ import annotations

from typing import Final

from hub.storage.migrations.seventh.statistics_tables import create_contributions, create_periods

revision: Final = "0007"
down_revision: Final = "0006"


def upgrade() -> None:
    """Create the new tables."""
    create_contributions()
    create_periods()
