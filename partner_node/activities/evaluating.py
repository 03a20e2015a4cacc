"""Evaluation in bulk: many activities in one query of DuckDB, which equals the reference.

A methodology that has been lowered to integers gives the same outcome in a query as step by step
(`partner_node.warehouse`), a thousand times faster. What a query cannot say is left to the
reference: methodologies with a baseline, which look at other periods, those that do not fit 64
bits, and rows whose values are not of the declared fields and kinds.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa

from fedcarbon.methodology.activity import Activity, Value
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


class _Query(NamedTuple):
    """A methodology ready to be asked."""

    sql: str
    columns: Mapping[str, FieldKind]


class BulkEvaluation:
    """Evaluates by the methodologies of a bundle; keep it, because compiling takes a second."""

    def __init__(self, bundle: Bundle, *, bulk_from: int = BULK_FROM) -> None:
        """Take the methodologies, and from how many rows on a query is worth it."""
        self._bundle: Final = bundle
        self._bulk_from: Final = bulk_from
        self._queries: dict[tuple[str, str], _Query | None] = {}
        self._lock: Final = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def evaluated(self, activities: Sequence[Activity], time_zone: str) -> list[Evaluated | None]:
        """Return the outcome of every activity; None where the reference must be asked.

        Args:
            activities: of any methodologies.
            time_zone: of the programme, IANA name.
        """
        found: list[Evaluated | None] = [None] * len(activities)
        of_methodology: defaultdict[str, list[int]] = defaultdict(list)
        for position, activity in enumerate(activities):
            of_methodology[activity.methodology_id].append(position)
        with self._lock:
            for name, positions in of_methodology.items():
                query = None
                if len(positions) >= self._bulk_from:
                    query = self._query(name, time_zone)
                if query is not None:
                    self._ask(query, activities, positions, found)
        return found

    def _query(self, name: str, time_zone: str) -> _Query | None:
        key = (name, time_zone)
        if key not in self._queries:
            methodology = self._bundle.find(name)
            self._queries[key] = None if methodology is None else _compiled(methodology, time_zone)
        return self._queries[key]

    def _ask(
        self,
        query: _Query,
        activities: Sequence[Activity],
        positions: Sequence[int],
        found: list[Evaluated | None],
    ) -> None:
        allowed = query.columns.keys() | {_REGIME}
        kinds = {name: _TYPES[kind][0] for name, kind in query.columns.items()}
        asked = [
            position for position in positions if _fits(activities[position].values, allowed, kinds)
        ]
        items = [activities[position] for position in asked]
        columns = {
            ACTIVITY_ID: pa.array(map(str, asked), pa.string()),
            STARTED_AT: pa.array((item.started_at_s for item in items), pa.int64()),
            ENDED_AT: pa.array((item.ended_at_s for item in items), pa.int64()),
        } | {
            name: pa.array((item.values.get(name) for item in items), _TYPES[kind][1])
            for name, kind in query.columns.items()
        }
        if self._connection is None:
            config: dict[str, str | bool | int | float | list[str]] = {
                "memory_limit": f"{MEMORY_MIB}MiB"
            }
            self._connection = duckdb.connect(config=config)
        self._connection.register(_GIVEN, pa.table(columns))
        try:
            rows = self._connection.execute(query.sql).fetchall()
        finally:
            self._connection.unregister(_GIVEN)
        for position, amount, refusal in rows:
            found[int(position)] = Evaluated(amount, refusal)


def _compiled(methodology: Methodology, time_zone: str) -> _Query | None:
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
    return _Query(query_of(program, table, Engine.DUCKDB, time_zone), fields)


def _fits(
    values: Mapping[str, Value], allowed: frozenset[str] | set[str], kinds: Mapping[str, type]
) -> bool:
    """Tell whether values are of declared fields and kinds: a truth is an int only to Python."""
    return values.keys() <= allowed and all(
        type(value) is kinds.get(name, str) for name, value in values.items()
    )
