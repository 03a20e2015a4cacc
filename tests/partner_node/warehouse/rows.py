"""Rows for differential tests: what a partner's table may hold, right and wrong, and its answer.

The answer comes from the reference evaluator over `zoneinfo`; nothing of the compiler is used.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from random import Random  # noqa: TID251 - a seeded one
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from fedcarbon.methodology.crediting import NOT_WHOLE_MONTHS
from fedcarbon.methodology.definition import (
    DURATION_S_MAX,
    Field,
    FieldKind,
    Methodology,
)
from fedcarbon.methodology.integer_program import Literal
from fedcarbon.methodology.lowering import lower
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.methodology.reference import evaluate
from partner_node.importing.activities import may_be_instant
from partner_node.warehouse.compiling import query_of
from partner_node.warehouse.engines import Warehouse
from partner_node.warehouse.steps import Steps
from partner_node.warehouse.table import COMPUTED
from tests.methodology import loaded
from tests.methodology.loaded import methodology

Row = dict[str, Any]
Answer = tuple[int, str | None]
History = Mapping[tuple[str, int, int], list[int]]
"""Object, first month and month after the last to what was read."""

ZONE = "Asia/Shanghai"
OWN_FILES = Path(__file__).parent / "methodologies"
INSTANT_S_MAX = (1 << 33) - 1
INT64 = (-(1 << 63), (1 << 63) - 1)
_TYPES = {
    FieldKind.INTEGER: pa.int64(),
    FieldKind.WORD: pa.string(),
    FieldKind.TRUTH: pa.bool_(),
}
_SECOND = dt.timedelta(seconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def own(name: str) -> Methodology:
    """Return a methodology that was written for these tests."""
    path = OWN_FILES / f"{name}.yaml"
    return parse_methodology(path.read_bytes(), path.name)


def computing() -> dict[str, Methodology]:
    """Return every methodology of the catalogue and of these tests that computes."""
    found = [methodology(name) for name in loaded.computing()]
    found += [own(path.stem) for path in sorted(OWN_FILES.glob("*.yaml"))]
    return {item.methodology_id: item for item in found if item.status.computes}


# --- rows ---------------------------------------------------------------------------------------


def field_values(methodology: Methodology, field: Field, chance: Random) -> Iterator[Any]:
    """Yield values of a field, without end: its bounds and what lies beyond, words, chance."""
    while True:
        yield from edges_of(methodology, field)
        for _ in range(20):
            if field.kind is FieldKind.INTEGER:
                width = chance.randrange(1, (field.high - field.low).bit_length() + 1)
                yield min(field.high, field.low + chance.getrandbits(width))
            elif field.kind is FieldKind.WORD:
                yield chance.choice(sorted(field.words) or ["", "CEA", "other"])
            else:
                yield chance.random() < 0.5


def _within(field: Field, chance: Random) -> Any:
    if field.kind is FieldKind.INTEGER:
        return chance.randint(field.low, field.high)
    return chance.choice(sorted(field.words) or [""]) if field.kind is FieldKind.WORD else False


def edges_of(methodology: Methodology, field: Field) -> list[Any]:
    """Return the values around a field's bounds and around every number of the methodology."""
    if field.kind is FieldKind.TRUTH:
        return [True, False, None]
    if field.kind is FieldKind.WORD:
        words = sorted(field.words) or [*methodology.exclusivity.regimes, ""]
        spoilt = [words[0].upper(), f"{words[0]} ", f" {words[-1]}", words[0] + "x", "e\u0301"]
        return [*words, *spoilt, "", None]
    numbers = [node.low for node in Steps(lower(methodology)).nodes if isinstance(node, Literal)]
    inside = [number for number in numbers if field.low <= number <= field.high]
    around = {item + step for item in (field.low, field.high, *inside) for step in (-1, 0, 1)}
    return [*sorted(number for number in around if INT64[0] <= number <= INT64[1]), *INT64, 0, None]


def durations_of(methodology: Methodology, chance: Random) -> Iterator[int]:
    """Yield lengths in seconds, most of them possible, without end."""
    edges = edges_of(methodology, methodology.inputs["duration_s"])
    possible = [item for item in edges if item is not None and abs(item) <= 2 * DURATION_S_MAX]
    while True:
        yield from possible
        for _ in range(50):
            yield chance.randrange(60, 7_200)


def instants(chance: Random) -> Iterator[int | None]:
    """Yield seconds since 1970, without end; a few are none, or not those of an activity."""
    while True:
        yield from (0, -1, 1, None, INSTANT_S_MAX, INSTANT_S_MAX + 1, 1 << 40)
        for year in (1986, 1991, 2018, 2019, 2020, 2021, 2026, 2027):
            midnight = dt.datetime(year, 1, 1, tzinfo=ZoneInfo(ZONE))
            at = (midnight - _EPOCH) // _SECOND
            yield from (at - 1, at)
        for _ in range(300):
            yield chance.randrange(1_514_736_000, 1_830_000_000)


def table_rows(methodology: Methodology, count: int, seed: int = 1) -> list[Row]:
    """Return rows of a trip, a purchase or whatever has no history of its own."""
    chance = Random(seed)  # noqa: S311
    fields = [field for name, field in methodology.inputs.items() if name not in COMPUTED]
    columns = [field_values(methodology, field, chance) for field in fields]
    starts, lengths = instants(chance), durations_of(methodology, chance)
    rows = []
    for index, values in enumerate(zip(*columns, strict=False) if columns else _nothing()):
        if index == count:
            break
        start, length = next(starts), next(lengths)
        # Columns go round at different speeds; now and then one bound meets another.
        row = dict(zip((field.name for field in fields), values, strict=True))
        open_end = start is None or chance.random() < 0.05
        rows.append(_row(index, start, None if open_end else start + length, row))
    return rows + list(_corners(methodology, fields, len(rows)))


def _nothing() -> Iterator[tuple[()]]:
    while True:
        yield ()


def _corners(methodology: Methodology, fields: Sequence[Field], first: int) -> Iterator[Row]:
    """Yield every combination of the fields' own bounds, at most a few thousand."""
    sets = [
        [field.low, field.high] if field.kind is FieldKind.INTEGER else edges_of(methodology, field)
        for field in fields
    ]
    for index, values in zip(range(first, first + 3_000), product(*sets), strict=False):
        row = dict(zip((field.name for field in fields), values, strict=True))
        yield _row(index, 1_780_000_000, 1_780_001_800, row)


def meter_rows(
    methodology: Methodology, meters: int, months: int, seed: int = 1, zone: str = ZONE
) -> list[Row]:
    """Return monthly periods of meters, with gaps, doubles, late readings and wild values."""
    assert methodology.history is not None
    chance = Random(seed)  # noqa: S311
    columns = {
        name: field_values(methodology, field, chance)
        for name, field in methodology.inputs.items()
        if name not in COMPUTED
    }
    rows = []
    for meter in range(meters):
        usual = chance.randrange(1, 1 + methodology.fields[methodology.history.field].high // 2)
        usually = 6 if meter % 3 == 2 else 1
        for month in range(0, months, usually):
            if chance.random() < 0.1:
                continue
            length = usually if chance.random() < 0.95 else 2
            start, end = (_month_start_s(zone, 2022, month + step) for step in (0, length))
            start += chance.choice((*[0] * 20, 86_400, -7_200, 1))
            row = {name: next(values) for name, values in columns.items()}
            if chance.random() < 0.7:
                row |= {name: _within(methodology.inputs[name], chance) for name in row}
            if chance.random() < 0.9:
                row[methodology.history.field] = usual * chance.randrange(50, 150) // 100
            owner = f"METER:GRID:{meter}" if meter else chance.choice(("", None))
            for _ in range(2 if chance.random() < 0.05 else 1):
                rows.append(_row(len(rows), start, end, row) | {"object_ref": owner})
    return rows


def _month_start_s(zone: str, year: int, month: int) -> int:
    first = dt.datetime(year + month // 12, month % 12 + 1, 1, tzinfo=ZoneInfo(zone))
    return (first - _EPOCH) // _SECOND


def _row(index: int, start: int | None, end: int | None, values: Mapping[str, Any]) -> Row:
    times = {"started_at": start, "ended_at": end}
    return {"activity_id": f"a{index}", "person_ref": "p1", **times, **values}


def arrow_table(methodology: Methodology, rows: Sequence[Row], *, stamps: bool = False) -> pa.Table:
    """Return rows as a warehouse holds them; times as integers or as timestamps."""
    columns = {name: pa.string() for name in ("activity_id", "person_ref")}
    if methodology.history is not None:
        columns["object_ref"] = pa.string()
    columns |= dict.fromkeys(
        ("started_at", "ended_at"), pa.timestamp("us", "UTC") if stamps else pa.int64()
    )
    for name, field in methodology.inputs.items():
        if name not in COMPUTED:
            columns[name] = _TYPES[field.kind]
    return pa.table(
        {
            name: pa.array([_cell(row.get(name), kind) for row in rows], _stored(kind)).cast(kind)
            for name, kind in columns.items()
        }
    )


def _cell(value: Any, kind: pa.DataType) -> Any:
    """Return a value as it is stored; a timestamp in microseconds, half a second late."""
    if value is None or not pa.types.is_timestamp(kind):
        return value
    return value * 1_000_000 + 500_000


def _stored(kind: pa.DataType) -> pa.DataType:
    return pa.int64() if pa.types.is_timestamp(kind) else kind


# --- answers ------------------------------------------------------------------------------------


def expected(methodology: Methodology, rows: Iterable[Row], zone: str = ZONE) -> dict[str, Answer]:
    """Return what the reference makes of every row."""
    rows = list(rows)
    history = _history_of(methodology, rows, zone)
    return {row["activity_id"]: _answer(methodology, row, history, zone) for row in rows}


def _answer(methodology: Methodology, row: Row, history: History, zone: str) -> Answer:
    start, end = _instant(row["started_at"]), _instant(row["ended_at"])
    if start is not None and row["ended_at"] is None and may_be_instant(methodology):
        end = start + 1
    if start is None or end is None:
        return 0, "malformed_time"
    if end <= start:
        return 0, "not_positive_duration"
    if end - start > DURATION_S_MAX:
        return 0, "duration_above_maximum"
    fields = methodology.inputs.keys() - COMPUTED
    earlier: list[int | None] = []
    if methodology.history is not None:
        months = _months(start, end, zone)
        if months is None:
            return 0, NOT_WHOLE_MONTHS
        for year in range(1, methodology.history.years + 1):
            first, last = (month - 12 * year for month in months)
            found = history.get((row.get("object_ref") or "", first, last), [])
            earlier.append(found[0] if len(found) == 1 else None)
    outcome = evaluate(
        methodology,
        {name: row[name] for name in fields if row.get(name) is not None},
        duration_s=end - start,
        day=_local(start, zone).date(),
        history=earlier,
    )
    return outcome.amount, outcome.refusal


def _history_of(methodology: Methodology, rows: Iterable[Row], zone: str) -> History:
    found: defaultdict[tuple[str, int, int], list[int]] = defaultdict(list)
    if methodology.history is None:
        return found
    for row in rows:
        start, end = _instant(row["started_at"]), _instant(row["ended_at"])
        value, owner = row[methodology.history.field], row.get("object_ref")
        if value is None or not owner or start is None or end is None:
            continue
        if (months := _months(start, end, zone)) is not None:
            found[owner, *months].append(value)
    return found


def _months(start: int, end: int, zone: str) -> tuple[int, int] | None:
    first, last = _local(start, zone), _local(end, zone)
    for at in (first, last):
        if (at.day, at.hour, at.minute, at.second) != (1, 0, 0, 0):
            return None
    return first.year * 12 + first.month, last.year * 12 + last.month


def _instant(at: int | None) -> int | None:
    return at if at is not None and 0 <= at <= INSTANT_S_MAX else None


def _local(at: int, zone: str) -> dt.datetime:
    return (_EPOCH + at * _SECOND).astimezone(ZoneInfo(zone))


def answered(warehouse: Warehouse, methodology: Methodology, zone: str = ZONE) -> dict[str, Answer]:
    """Return what the compiled methodology answers in a warehouse."""
    query = query_of(
        lower(methodology),
        warehouse.table,
        warehouse.engine,
        zone,
        may_be_instant=may_be_instant(methodology),
    )
    found: dict[str, Answer] = {}
    for batch in warehouse.batches(query):
        assert batch.schema.field("amount").type == pa.int64()
        for item in batch.to_pylist():
            assert item["activity_id"] not in found
            found[item["activity_id"]] = (item["amount"], item["refusal"])
    return found


def differing(found: Mapping[str, Answer], wanted: Mapping[str, Answer]) -> dict[str, Any]:
    """Return a few rows on which two answers differ, for a message that can be read."""
    names = [name for name in wanted.keys() | found.keys() if found.get(name) != wanted.get(name)]
    return {name: (found.get(name), wanted.get(name)) for name in sorted(names)[:5]}
