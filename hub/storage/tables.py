"""The base of every table of the hub, and what makes a table insert-only."""

from __future__ import annotations

from sqlalchemy import DDL, MetaData, event
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

# Constraints have names from the start, so that migrations can speak of them.
NAMING_CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class HubTable(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    """Base of the hub's tables; its metadata holds them and no other program's."""


def insert_only(row: type[HubTable]) -> None:
    """Have the database refuse to change or delete a row of this table, whoever asks."""
    table = HubTable.metadata.tables[str(row.__tablename__)]
    for action in ("UPDATE", "DELETE"):
        trigger = DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER {table.name}_no_{action.lower()} BEFORE {action} ON {table.name} "
            f"BEGIN SELECT RAISE(ABORT, '{table.name} is insert-only'); END"
        )
        event.listen(table, "after_create", trigger.execute_if(dialect="sqlite"))
