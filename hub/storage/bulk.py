"""Many rows at once: what the fastest way of each database is, in the session's transaction.

Rows are dictionaries of columns, as `insert()` takes them. PostgreSQL reads them by COPY, at many
times the speed of INSERT; checks, references and triggers hold there as everywhere. A column that a
row leaves out gets its default; all rows name the same columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Final

from sqlalchemy import Boolean, Integer, LargeBinary, Table, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from hub.storage.tables import HubTable

ROWS_AT_ONCE: Final = 50_000
"""Handed to SQLite in one call, so that memory stays flat whatever comes."""
COPY_FROM: Final = 16
"""From so many rows on a COPY is the faster one: 0.7 ms both at 16, 3 against 14 ms at 512."""


def bulk_insert(
    session: Session, row_class: type[HubTable], rows: Iterable[Mapping[str, object]]
) -> int:
    """Insert `rows` into a table; return how many they were.

    Args:
        session: in a writing transaction.
        row_class: of the table.
        rows: column names and values; every row has the columns of the first one.
    """
    table = HubTable.metadata.tables[str(row_class.__tablename__)]
    left = iter(rows)
    first = list(islice(left, COPY_FROM))
    if session.connection().dialect.name == "postgresql" and len(first) == COPY_FROM:
        return _copy(session, table, chain(first, left))
    count = 0
    rest = chain(first, left)
    while some := list(islice(rest, ROWS_AT_ONCE)):
        session.connection().execute(insert(table), some)
        count += len(some)
    return count


def _copy(session: Session, table: Table, rows: Iterable[Mapping[str, object]]) -> int:
    left = iter(rows)
    first = next(left)
    names = list(first)
    quoted = ", ".join(f'"{name}"' for name in names)
    statement = f'COPY "{table.name}" ({quoted}) FROM STDIN (FORMAT BINARY)'
    connection = session.connection()
    driver, dialect = connection.connection.driver_connection, connection.dialect
    assert driver is not None  # noqa: S101 - it is in a transaction
    assert dialect.dbapi is not None  # noqa: S101 - and has a driver
    count = 0
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([_type_name(table.c[name].type) for name in names])
            for row in chain([first], left):
                copy.write_row([row[name] for name in names])
                count += 1
    except dialect.dbapi.Error as error:
        # As SQLAlchemy does for every statement that it sees.
        raise DBAPIError.instance(
            statement, None, error, dialect.dbapi.Error, dialect=dialect
        ) from error
    return count


def _type_name(of_column: TypeEngine[object]) -> str:
    """Return what COPY must be told, because a binary row says nothing about itself."""
    for kind, name in ((Boolean, "bool"), (Integer, "int8"), (LargeBinary, "bytea")):
        if isinstance(of_column, kind):
            return name
    return "varchar"
