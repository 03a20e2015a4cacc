"""What Alembic runs a migration in: the connection that `hub.storage.schema` has handed it."""

from __future__ import annotations

from alembic import context

from hub.storage.tables import HubTable

context.configure(
    connection=context.config.attributes["connection"], target_metadata=HubTable.metadata
)
context.run_migrations()
