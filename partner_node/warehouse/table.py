"""What a warehouse's table must be for a methodology to run on it.

Canonical columns: `activity_id, person_ref, started_at, ended_at`, one column for every field that
the methodology declares, and, where it needs them, `object_ref, evidence, regime`. Times are
TIMESTAMP WITH TIME ZONE or whole seconds since 1970; integers have at most 64 bits. Whoever stores
them otherwise makes a view: here nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

import pyarrow as pa

from fedcarbon.errors import ConfigurationError
from fedcarbon.methodology.integer_program import IntegerProgram

ACTIVITY_ID: Final = "activity_id"
PERSON_REF: Final = "person_ref"
OBJECT_REF: Final = "object_ref"
STARTED_AT: Final = "started_at"
ENDED_AT: Final = "ended_at"
EVIDENCE: Final = "evidence"
NAME_PARTS_MAX: Final = 3
"""Catalogue, schema and table."""
TIMES: Final = (STARTED_AT, ENDED_AT)
COMPUTED: Final = frozenset({"duration_s", "day", "year"})
"""Inputs of a program that come from the times."""


class WarehouseTableError(ConfigurationError):
    """The table lacks a column or has one of another type: make a view that has it."""

    code: ClassVar[str] = "WAREHOUSE_TABLE"


class Engine(StrEnum):
    """Who runs a query; the values are the names of SQL dialects."""

    DUCKDB = "duckdb"
    SPARK = "pyspark"


class ColumnType(StrEnum):
    """What a column holds."""

    INTEGER = "int64"
    TEXT = "string"
    TRUTH = "boolean"
    INSTANT = "timestamp('UTC')"


_KINDS: Final = {
    "integer": ColumnType.INTEGER,
    "word": ColumnType.TEXT,
    "truth": ColumnType.TRUTH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table or view, by its name and the columns that can be read."""

    name: tuple[str, ...]
    """Its parts, outermost first: catalogue, schema, table; at least the last."""
    columns: Mapping[str, ColumnType]

    def __post_init__(self) -> None:
        """Check that it has a name."""
        assert 1 <= len(self.name) <= NAME_PARTS_MAX  # noqa: S101 - our own callers


def columns_of(schema: pa.Schema) -> dict[str, ColumnType]:
    """Return the columns of an Arrow schema that are of a usable type."""
    found = {field.name: _type_of(field.type) for field in schema}
    return {name: kind for name, kind in found.items() if kind is not None}


def check_columns(
    program: IntegerProgram, table: Table, also: Collection[str] = ()
) -> tuple[str, ...]:
    """Check that `program` can run on `table`, and return the columns that it reads.

    Args:
        program: what is to run.
        table: where.
        also: columns that are wanted besides, whatever they hold.

    Raises:
        WarehouseTableError: it lacks a column, or has one of another type.
    """
    wanted = {ACTIVITY_ID: {ColumnType.TEXT}}
    wanted |= {name: {ColumnType.INSTANT, ColumnType.INTEGER} for name in TIMES}
    wanted |= {name: set(ColumnType) for name in also}
    if program.history is not None:
        wanted[OBJECT_REF] = {ColumnType.TEXT}
    for column in program.inputs:
        if column.name in COMPUTED or column.name in history_names(program):
            continue
        needed = column.missing and column.default is None
        if needed or column.name in table.columns:
            wanted[column.name] = {_KINDS[column.kind]}
    for name, kinds in wanted.items():
        if name not in table.columns:
            raise WarehouseTableError(
                f"{'.'.join(table.name)} has no column {name} of a usable type; "
                f"{program.methodology_id} needs {', '.join(wanted)}"
            )
        if table.columns[name] not in kinds:
            raise WarehouseTableError(
                f"column {name} of {'.'.join(table.name)} holds {table.columns[name].name.lower()},"
                f" not {' or '.join(sorted(kind.name.lower() for kind in kinds))}"
            )
    return tuple(wanted)


def history_names(program: IntegerProgram) -> tuple[str, ...]:
    """Return the inputs that hold values of earlier years, last year first."""
    return years_before(program.history[1] if program.history else 0)


def years_before(years: int) -> tuple[str, ...]:
    """Return the names of the values of the last so many years, last year first."""
    return tuple(f"history_{year}" for year in range(1, years + 1))


def _type_of(kind: pa.DataType) -> ColumnType | None:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        return ColumnType.TRUTH
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return ColumnType.TEXT
    # An unsigned integer of 64 bits may not fit; a time without a zone could be any.
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return ColumnType.INTEGER
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return ColumnType.INSTANT
    return None
