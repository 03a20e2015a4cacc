"""Tables of statistics, and parties that read them."""

from __future__ import annotations

from typing import Final

from hub.storage.migrations.seventh.statistics_tables import (
    admit_regulators,
    create_contributions,
    create_periods,
)

revision: Final = "0007"
down_revision: Final = "0006"


def upgrade() -> None:
    """Create the new tables, and let parties be regulators."""
    admit_regulators()
    create_contributions()
    create_periods()
