"""The words in which migrations write tables down: the same types and checks on both databases."""

from __future__ import annotations

from typing import Any, Final

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, LargeBinary, text
from sqlalchemy.schema import SchemaItem
from sqlmodel.sql.sqltypes import AutoString

from hub.storage.columns import integers as whole
from hub.storage.statements import insert_only_statements
from hub.storage.tables import INTEGER_64

CREATED_AT: Final = "created_at"


def integer(name: str, *, nullable: bool = False) -> Column[Any]:
    """Return a column of 64-bit integers."""
    return Column(name, INTEGER_64, nullable=nullable, autoincrement=False)


def big_integer(name: str, *, nullable: bool = False) -> Column[Any]:
    """Return a column of 64-bit integers that SQLite calls BIGINT: it may not be its key column."""
    return Column(name, BigInteger(), nullable=nullable, autoincrement=False)


def binary(name: str, *, nullable: bool = False) -> Column[Any]:
    """Return a column of bytes."""
    return Column(name, LargeBinary(), nullable=nullable)


def words(name: str, *, nullable: bool = False) -> Column[Any]:
    """Return a column of text."""
    return Column(name, AutoString(), nullable=nullable)


def created_at() -> Column[Any]:
    """Return the column of the machine's own UTC time of insertion."""
    return Column(
        CREATED_AT,
        DateTime(timezone=True),
        server_default=text("CURRENT_TIMESTAMP"),
        nullable=False,
    )


def check(name: str, rule: str) -> CheckConstraint:
    """Return a named check."""
    return CheckConstraint(rule, name=name)


def one_of(column: str, *values: str) -> CheckConstraint:
    """Return the check that `column` holds one of some words."""
    return check(f"{column}_known", f"{column} IN ({', '.join(map(repr, values))})")


def create_table(
    name: str,
    *parts: SchemaItem,
    whole_numbers: tuple[str, ...] = (),
    insert_only: bool = False,
    **options: Any,  # noqa: ANN401 - what op.create_table takes,
) -> None:
    """Create a table.

    Args:
        name: of the table.
        parts: columns and constraints.
        whole_numbers: columns in which SQLite must refuse everything but integers.
        insert_only: whether triggers refuse to change and to delete rows.
        options: of the databases.
    """
    sqlite = op.get_context().dialect.name == "sqlite"
    numbers = [whole(*whole_numbers)] if whole_numbers and sqlite else []
    op.create_table(name, *parts, *numbers, **options)
    if insert_only:
        for statement in insert_only_statements(name)[op.get_context().dialect.name]:
            op.execute(statement)


def set_aside(name: str) -> str:
    """Drop a table and keep its rows in another one; return that one's name."""
    before = f"{name}_before"
    op.execute(f"CREATE TABLE {before} AS SELECT * FROM {name}")  # noqa: S608 - our own names
    op.drop_table(name)
    return before


def take_back(name: str, columns: str) -> None:
    """Fill a new table with the rows that `set_aside` has kept.

    Args:
        name: of the table.
        columns: those that the rows have, separated by commas.
    """
    before = f"{name}_before"
    op.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {before}")  # noqa: S608
    op.drop_table(before)
