"""Columns and checks that every table of the hub needs, because SQLModel tables do not validate."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, text
from sqlmodel import Field


def created_at_column() -> Any:  # noqa: ANN401 - what Field returns
    """Return the column of the machine's own UTC time of insertion; no rule reads it."""
    return Field(
        default=None,
        nullable=False,
        # With a zone, the default is the same instant whatever zone a session is set to.
        sa_type=DateTime(timezone=True),
        sa_column_kwargs={"server_default": text("CURRENT_TIMESTAMP")},
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
