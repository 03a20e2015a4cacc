"""The numbers of a methodology file: parameters, tables, bands and curves, each with its source."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from fedcarbon.methodology.definition import Field, FieldKind, Parameter, Source
from fedcarbon.methodology.document import DocumentError, Entry
from fedcarbon.methodology.expression import Keys, Step
from fedcarbon.methodology.parsing import BandTable, CurvePoints, Table
from fedcarbon.methodology.section import Section, date_of, rational_of

_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,59}")
_TAG: Final = re.compile(r"[OSDM]|project")
_PAIR: Final = 2
ROWS_MAX: Final = 2_000
NAMES_MAX: Final = 500
"""Limit of each kind of number; what is above it is no text that people check."""


@dataclass(slots=True, kw_only=True)
class Numbers:
    """Every number of a file."""

    sources: dict[str, Source] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    row_sources: dict[tuple[str, Keys], Source] = field(default_factory=dict)
    bands: dict[str, BandTable] = field(default_factory=dict)
    curves: dict[str, CurvePoints] = field(default_factory=dict)
    table_sources: dict[str, Source] = field(default_factory=dict)

    def source_of(self, section: Section) -> Source:
        """Return the source that a section names.

        Raises:
            DocumentError: it names none: a bare number is not taken.
        """
        name = section.text("source")
        if name not in self.sources:
            raise DocumentError(section.line, f"there is no source {name[:40]!r} under `sources`")
        return self.sources[name]

    def names(self) -> set[str]:
        """Return every name that is taken."""
        return {*self.parameters, *self.tables, *self.bands, *self.curves}


def read_numbers(
    top: Section, fields: Mapping[str, Field], given: Mapping[str, Fraction], *, draft: bool
) -> Numbers:
    """Return the numbers of a file.

    Args:
        top: the whole file.
        fields: of the activity; they are keys of tables.
        given: hypothetical values of unknown parameters.
        draft: whether a value may be null.

    Raises:
        DocumentError: a number without unit or source, or a table that contradicts itself.
    """
    numbers = Numbers()
    for name, section in _named(top, "sources", numbers, check=False):
        numbers.sources[name] = _source(name, section)
    for name, section in _named(top, "parameters", numbers):
        numbers.parameters[name] = _parameter(name, section, numbers, given, draft=draft)
    for name, section in _named(top, "tables", numbers):
        numbers.tables[name] = _table(name, section, numbers, fields)
    for name, section in _named(top, "bands", numbers):
        numbers.table_sources[name] = numbers.source_of(section)
        numbers.bands[name] = _bands(name, section)
    for name, section in _named(top, "curves", numbers):
        numbers.table_sources[name] = numbers.source_of(section)
        numbers.curves[name] = _curve(name, section)
    return numbers


def _named(
    top: Section, key: str, numbers: Numbers, *, check: bool = True
) -> list[tuple[str, Section]]:
    """Return the sections under `key`, whose names must be free."""
    section = top.optional_section(key)
    found: list[tuple[str, Section]] = []
    for name, entry in (section.rest() if section else {}).items():
        if len(found) >= NAMES_MAX:
            raise DocumentError(entry.line, f"there are at most {NAMES_MAX} {key}")
        if check and (_NAME.fullmatch(name) is None or name in numbers.names()):
            raise DocumentError(
                entry.line, f"{name[:40]!r}: a number has a name in CAPITALS, each once"
            )
        found.append((name, Section(entry, f"{key}.{name}")))
    return found


def _source(name: str, section: Section) -> Source:
    tag_at = section.take("tag")
    if not isinstance(tag_at.content, str) or _TAG.fullmatch(tag_at.content) is None:
        raise DocumentError(tag_at.line, "a tag is O, S, D, M or project")
    read = date_of(section.take("read"))
    source = Source(name=name, cite=section.text("cite"), tag=tag_at.content, read=read.isoformat())
    section.finish()
    return source


def _parameter(
    name: str, section: Section, numbers: Numbers, given: Mapping[str, Fraction], *, draft: bool
) -> Parameter:
    entry = section.optional("value")
    value = given.get(name) if entry is None else rational_of(entry)
    if "value" not in section or (value is None and not draft):
        raise DocumentError(section.line, f"{name} has no value; only a draft may write null")
    valid_from, valid_to = _validity(section)
    parameter = Parameter(
        name=name,
        value=value,
        unit=section.unit("unit"),
        source=numbers.source_of(section),
        valid_from=valid_from,
        valid_to=valid_to,
        region=section.text("region") if "region" in section else "",
    )
    section.finish()
    return parameter


def _validity(section: Section) -> tuple[dt.date | None, dt.date | None]:
    entry = section.optional("valid")
    if entry is None:
        return None, None
    if not isinstance(entry.content, tuple) or len(entry.content) != _PAIR:
        raise DocumentError(entry.line, "valid is [first day or null, last day or null]")
    first, last = (None if item.content is None else date_of(item) for item in entry.content)
    return first, last


def _table(name: str, section: Section, numbers: Numbers, fields: Mapping[str, Field]) -> Table:
    keys = section.texts("key")
    unknown = [key for key in keys if key not in {*fields, "year"}]
    if not keys or unknown:
        raise DocumentError(section.line, f"the keys of {name} are fields of the activity")
    whole = numbers.source_of(section) if "source" in section else None
    if whole is not None:
        numbers.table_sources[name] = whole
    unit = section.unit("unit")
    rows: dict[Keys, Fraction] = {}
    for row in section.items("rows"):
        at = tuple(_key(row.take(key), fields.get(key)) for key in keys)
        if at in rows:
            raise DocumentError(row.line, f"{name} has two rows for {at}")
        rows[at] = row.rational("value")
        numbers.row_sources[name, at] = (
            numbers.source_of(row) if "source" in row or whole is None else whole
        )
        row.finish()
    if not 1 <= len(rows) <= ROWS_MAX:
        raise DocumentError(section.line, f"a table has 1 to {ROWS_MAX} rows")
    section.finish()
    return Table(name=name, unit=unit, keys=keys, rows=rows)


def _key(entry: Entry, wanted: Field | None) -> int | str:
    value = entry.content
    if wanted is not None and not wanted.holds(value):
        raise DocumentError(entry.line, f"{wanted.name} is never {value!r}")
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise DocumentError(entry.line, "a key is a word or an integer")
    if wanted is not None and wanted.kind is FieldKind.TRUTH:
        raise DocumentError(entry.line, "a truth is no key: write a condition")
    return value


def _bands(name: str, section: Section) -> BandTable:
    of, unit = section.unit("of"), section.unit("unit")
    steps: list[Step] = []
    for row in section.items("rows"):
        high = row.optional("to")
        step = Step(
            low=row.rational("from"),
            high=None if high is None else rational_of(high),
            value=row.rational("value"),
        )
        before = steps[-1].high if steps else step.low
        if before is None or step.low < before or (step.high or step.low + 1) <= step.low:
            raise DocumentError(row.line, f"the bands of {name} are in order and do not overlap")
        steps.append(step)
        row.finish()
    if not steps:
        raise DocumentError(section.line, f"{name} has no rows")
    section.finish()
    return BandTable(name=name, of=of, unit=unit, steps=tuple(steps))


def _curve(name: str, section: Section) -> CurvePoints:
    of, unit = section.unit("of"), section.unit("unit")
    points: list[tuple[Fraction, Fraction]] = []
    for row in section.items("points"):
        at, value = row.rational("at"), row.rational("value")
        if points and at <= points[-1][0]:
            raise DocumentError(row.line, f"the points of {name} are in order")
        points.append((at, value))
        row.finish()
    if not points:
        raise DocumentError(section.line, f"{name} has no points")
    section.finish()
    return CurvePoints(name=name, of=of, unit=unit, points=tuple(points))
