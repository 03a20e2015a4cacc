"""Evaluation in bulk: many activities in one query of DuckDB, which equals the reference.

A methodology that has been lowered to integers gives the same outcome in a query as step by step
(`partner_node.warehouse`), a thousand times faster. What a query cannot say is left to the
reference: methodologies with a baseline, which look at other periods, those that do not fit 64
bits, and rows whose values are not of the declared fields and kinds.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa

from fedcarbon.methodology.activity import Activity, Deed, Value
from fedcarbon.methodology.crediting import Evaluated
from fedcarbon.methodology.definition import FieldKind, Methodology
from fedcarbon.methodology.integer_program import OverflowPossibleError
from fedcarbon.methodology.lowering import lower
from partner_node.activities.bundle import Bundle
from partner_node.warehouse.table import (
    ACTIVITY_ID,
    COMPUTED,
    ENDED_AT,
    STARTED_AT,
    Engine,
    Table,
    columns_of,
)

BULK_FROM: Final = 256
"""Fewer activities of a methodology than these are not worth a query."""
MEMORY_MIB: Final = 128

_GIVEN: Final = "given"
_REGIME: Final = "regime"
_TYPES: Final[Mapping[FieldKind, tuple[type, pa.DataType]]] = {
    FieldKind.INTEGER: (int, pa.int64()),
    FieldKind.WORD: (str, pa.string()),
    FieldKind.TRUTH: (bool, pa.bool_()),
}


class Query(NamedTuple):
    """A methodology ready to be asked, in any process."""

    sql: str
    columns: Mapping[str, FieldKind]

    def outcomes(self, deeds: Sequence[Deed]) -> list[Evaluated | None]:
        """Return the outcome of every activity; None where the reference must be asked."""
        allowed = self.columns.keys() | {_REGIME}
        kinds = {name: _TYPES[kind][0] for name, kind in self.columns.items()}
        asked = [number for number, deed in enumerate(deeds) if _fits(deed.values, allowed, kinds)]
        items = [deeds[number] for number in asked]
        columns = {
            ACTIVITY_ID: pa.array(list(map(str, asked)), pa.string()),
            STARTED_AT: pa.array([item.started_at_s for item in items], pa.int64()),
            ENDED_AT: pa.array([item.ended_at_s for item in items], pa.int64()),
        } | {
            name: pa.array([item.values.get(name) for item in items], _TYPES[kind][1])
            for name, kind in self.columns.items()
        }
        found: list[Evaluated | None] = [None] * len(deeds)
        for number, amount, refusal in _answers(self.sql, pa.table(columns)):
            found[int(number)] = Evaluated(amount, refusal)
        return found


class BulkEvaluation:
    """Evaluates by the methodologies of a bundle; keep it, because compiling takes a second."""

    def __init__(self, bundle: Bundle, *, bulk_from: int = BULK_FROM) -> None:
        """Take the methodologies, and from how many rows on a query is worth it."""
        self._bundle: Final = bundle
        self._bulk_from: Final = bulk_from
        self._queries: dict[tuple[str, str], Query | None] = {}
        self._lock: Final = threading.Lock()

    def evaluated(self, activities: Sequence[Activity], time_zone: str) -> list[Evaluated | None]:
        """Return the outcome of every activity; None where the reference must be asked.

        Args:
            activities: of any methodologies.
            time_zone: of the programme, IANA name.
        """
        names = [activity.methodology_id for activity in activities]
        return outcomes_of(self.queries(Counter(names), time_zone), names, activities)

    def queries(self, counts: Mapping[str, int], time_zone: str) -> Mapping[str, Query]:
        """Return the queries of those methodologies for which one is worth it, and possible.

        Args:
            counts: how many activities are to be evaluated, by methodology id.
            time_zone: of the programme, IANA name.
        """
        with self._lock:
            found = {
                name: self._query(name, time_zone)
                for name, count in counts.items()
                if count >= self._bulk_from
            }
        return {name: query for name, query in found.items() if query is not None}

    def _query(self, name: str, time_zone: str) -> Query | None:
        key = (name, time_zone)
        if key not in self._queries:
            methodology = self._bundle.find(name)
            self._queries[key] = None if methodology is None else _compiled(methodology, time_zone)
        return self._queries[key]


def outcomes_of(
    queries: Mapping[str, Query], names: Sequence[str], deeds: Sequence[Deed]
) -> list[Evaluated | None]:
    """Return the outcome of every activity; None where the reference must be asked.

    Args:
        queries: by methodology id.
        names: the methodology id of every activity.
        deeds: the activities.
    """
    of_methodology: defaultdict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        of_methodology[name].append(number)
    found: list[Evaluated | None] = [None] * len(deeds)
    for name in of_methodology.keys() & queries.keys():
        numbers = of_methodology[name]
        outcomes = queries[name].outcomes([deeds[number] for number in numbers])
        for number, outcome in zip(numbers, outcomes, strict=True):
            found[number] = outcome
    return found


_asking: Final = threading.Lock()


def _answers(sql: str, rows: pa.Table) -> list[tuple[str, int, str | None]]:
    """Return number, amount and refusal of every row, from this process's own DuckDB."""
    with _asking:
        connection = _connection()
        connection.register(_GIVEN, rows)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.unregister(_GIVEN)


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    # One thread: where there is much to do, there is a process for every core.
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{MEMORY_MIB}MiB",
        "threads": 1,
    }
    return duckdb.connect(config=config)


def _compiled(methodology: Methodology, time_zone: str) -> Query | None:
    """Return the query of a methodology, None if it is one for the reference."""
    # Ibis takes a second and a hundred MiB: only a node with many activities needs it.
    from partner_node.warehouse.compiling import query_of  # noqa: PLC0415

    if methodology.history is not None:
        return None
    try:
        program = lower(methodology)
    except OverflowPossibleError:
        return None
    fields = {
        name: field.kind for name, field in methodology.inputs.items() if name not in COMPUTED
    }
    schema = pa.schema(
        [(ACTIVITY_ID, pa.string()), (STARTED_AT, pa.int64()), (ENDED_AT, pa.int64())]
        + [(name, _TYPES[kind][1]) for name, kind in fields.items()]
    )
    table = Table(name=(_GIVEN,), columns=columns_of(schema))
    return Query(query_of(program, table, Engine.DUCKDB, time_zone), fields)


def _fits(
    values: Mapping[str, Value], allowed: frozenset[str] | set[str], kinds: Mapping[str, type]
) -> bool:
    """Tell whether values are of declared fields and kinds: a truth is an int only to Python."""
    return values.keys() <= allowed and all(
        type(value) is kinds.get(name, str) for name, value in values.items()
    )
