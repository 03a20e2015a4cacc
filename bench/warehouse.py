"""Rows per second that a methodology judges where the data is, beside a bare product.

DuckDB evaluates the catalogue's methodology for Shanghai on generated trips: ranges, look-ups,
eligibility and amount, for every row. Beside it, in the same run, the same engine multiplies the
two columns that the amount is made of and does nothing else: the least that any evaluation costs.

* `evaluation_over_product`: time of the one over time of the other.
* `reference_rows_per_s`: the same rows by the reference evaluator, one by one, for comparison.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Final

import duckdb

from bench.effort import Effort
from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.methodology.lowering import lower
from fedcarbon.methodology.reference import evaluate
from partner_node.warehouse.compiling import query_of
from partner_node.warehouse.engines import DuckDBWarehouse
from partner_node.warehouse.table import Engine

METHODOLOGY: Final = "cn-ecny-shanghai"
ZONE: Final = "Asia/Shanghai"
ROWS: Final = 2_000_000
REFERENCE_ROWS: Final = 2_000
ROUNDS: Final = 5

_TRIPS: Final = """
    CREATE TABLE trips AS
    SELECT 'a' || n AS activity_id,
        ['rail', 'bike', 'ev_ride', 'walk'][1 + n % 4] AS mode,
        100 + (n * 7919) % 30000 AS distance_m,
        97000 + n % 2 AS factor,
        1772380800 + n % 2000000 AS started_at,
        1772380800 + n % 2000000 + 600 + n % 3000 AS ended_at
    FROM range(?) AS numbers(n)
"""
_PRODUCT: Final = "SELECT activity_id, distance_m * factor AS amount FROM trips"


def run(effort: Effort) -> dict[str, float]:
    """Return rows per second and the ratio above."""
    methodology = load_from_catalogue(METHODOLOGY)
    rows = effort.of(ROWS, 20_000)
    with duckdb.connect() as connection:
        connection.execute(_TRIPS, [rows])
        table = DuckDBWarehouse(connection, ("trips",)).table
        compiling = time.perf_counter()
        query = query_of(lower(methodology), table, Engine.DUCKDB, ZONE)
        compile_s = time.perf_counter() - compiling

        def answer(text: str) -> Callable[[], object]:
            return lambda: connection.sql(text).to_arrow_table()

        evaluation_s, product_s = _best(effort, answer(query), answer(_PRODUCT))
    reference_rows = effort.of(REFERENCE_ROWS, 50)
    values = {"mode": "rail", "distance_m": 12_500}
    started = time.perf_counter()
    for _ in range(reference_rows):
        evaluate(methodology, values, duration_s=1_800, day=dt.date(2026, 3, 2))
    reference_s = time.perf_counter() - started
    return {
        "compile_ms": round(compile_s * 1e3, 2),
        "duckdb_rows_per_s": round(rows / evaluation_s),
        "product_rows_per_s": round(rows / product_s),
        "reference_rows_per_s": round(reference_rows / reference_s),
        "evaluation_over_product": round(evaluation_s / product_s, 3),
    }


def _best(effort: Effort, *functions: Callable[[], object]) -> list[float]:
    """Return the shortest time of each in seconds; they take turns, so noise meets all alike."""
    best = [float("inf")] * len(functions)
    for _ in range(effort.of(ROUNDS)):
        for index, function in enumerate(functions):
            started = time.perf_counter()
            function()
            best[index] = min(best[index], time.perf_counter() - started)
    return best
