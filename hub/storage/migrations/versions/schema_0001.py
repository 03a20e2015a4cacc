"""The schema that hubs had before there were migrations: SQLite files made at the first start."""

from __future__ import annotations

from typing import Final

from alembic import op

from hub.storage.migrations.first.clearing_tables import create_clearing_tables
from hub.storage.migrations.first.epochs_tables import create_epochs_tables
from hub.storage.migrations.first.record_tables import create_record_tables
from hub.storage.statements import PREPARING

revision: Final = "0001"
down_revision: Final = None


def upgrade() -> None:
    """Create every table."""
    if op.get_context().dialect.name == "postgresql":
        for statement in PREPARING:
            op.execute(statement)
    create_record_tables()
    create_epochs_tables()
    create_clearing_tables()
