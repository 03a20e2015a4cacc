"""The base of every table of the hub, what makes a table insert-only, and parts by month."""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, BigInteger, Integer, MetaData, Table, event
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from hub.storage.statements import (
    PREPARING,
    insert_only_statements,
    month_function,
)

# Constraints have names from the start, so that migrations can speak of them.
NAMING_CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
INTEGER_64: Final = BigInteger().with_variant(Integer(), "sqlite")
"""Every integer has 64 bits; SQLite's have so many anyway, and its key column is INTEGER."""


class HubTable(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    """Base of the hub's tables; its metadata holds them and no other program's."""


def insert_only(row: type[HubTable]) -> None:
    """Have the database refuse to change or delete a row of this table, whoever asks."""
    table = _table(row)
    for dialect, statements in insert_only_statements(table.name).items():
        _after_create(table, dialect, statements)


def by_month(row: type[HubTable]) -> None:
    """Give the function to PostgreSQL that makes the part of a month (see `ensure_month`)."""
    table = _table(row)
    _after_create(table, "postgresql", [month_function(table.name)])


def _table(row: type[HubTable]) -> Table:
    return HubTable.metadata.tables[str(row.__tablename__)]


def _after_create(table: Table, dialect: str, statements: list[str]) -> None:
    for statement in statements:
        event.listen(table, "after_create", _ddl(statement).execute_if(dialect=dialect))


def _ddl(statement: str) -> DDL:
    return DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]


def _widen(table: Table, metadata: MetaData) -> None:
    """Give every plain integer of a new table 64 bits, and no key a sequence of its own."""
    if metadata is not HubTable.metadata:
        return
    for column in table.columns:
        if type(column.type) is Integer:
            column.type = INTEGER_64
        column.autoincrement = False


event.listen(Table, "after_parent_attach", _widen)
for _statement in PREPARING:
    event.listen(
        HubTable.metadata, "before_create", _ddl(_statement).execute_if(dialect="postgresql")
    )
