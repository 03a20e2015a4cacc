"""Columns and checks that every table of the hub needs, because SQLModel tables do not validate."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, DateTime
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlmodel import Field


class UtcNow(FunctionElement[datetime]):
    """The machine's own UTC time, without a zone."""

    inherit_cache = True
    type = DateTime()


@compiles(UtcNow)
def _utc_now(_element: UtcNow, _compiler: SQLCompiler, **_options: object) -> str:
    return "CURRENT_TIMESTAMP"


@compiles(UtcNow, "postgresql")
def _utc_now_without_zone(_element: UtcNow, _compiler: SQLCompiler, **_options: object) -> str:
    # Else the column would hold the time of whatever zone the session is set to.
    return "(CURRENT_TIMESTAMP AT TIME ZONE 'UTC')"


def created_at_column() -> Any:  # noqa: ANN401 - what Field returns
    """Return the column of the machine's own UTC time of insertion; no rule reads it."""
    return Field(
        default=None,
        nullable=False,
        sa_column_kwargs={"server_default": UtcNow()},
    )


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Return the check that `column` holds a value of an enum."""
    return CheckConstraint(f"{column} IN ({quoted(*values)})", name=f"{column}_known")


def quoted(*values: StrEnum) -> str:
    """Return enum values as a list of SQL literals."""
    return ", ".join(f"'{value}'" for value in sorted(values))


def integers(*columns: str) -> CheckConstraint:
    """Return the check that SQLite needs, which would store text or a float in any column."""
    rule = " AND ".join(f"typeof({column}) = 'integer'" for column in columns)
    return CheckConstraint(rule, name="integers").ddl_if(dialect="sqlite")
