from __future__ import annotations

import dataclasses
from collections import Counter
from functools import cache
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedcarbon.methodology.definition import FieldKind, Methodology
from fedcarbon.methodology.integer_arithmetic import choose, literal, multiply
from fedcarbon.methodology.integer_program import IntegerProgram, Not, WordIs, run
from fedcarbon.methodology.lowering import lower
from partner_node.warehouse import compiling
from partner_node.warehouse.compiling import query_of
from partner_node.warehouse.engines import DuckDBWarehouse
from partner_node.warehouse.table import Engine
from tests.partner_node.warehouse.rows import (
    Answer,
    Row,
    answered,
    arrow_table,
    computing,
    differing,
    edges_of,
    expected,
    meter_rows,
    own,
    table_rows,
)

METHODOLOGIES = computing()
OF_ROWS = sorted(name for name, item in METHODOLOGIES.items() if item.history is None)


def on_duckdb(methodology: Methodology, table: pa.Table, zone: str = "Asia/Shanghai") -> Any:
    with duckdb.connect() as connection:
        connection.register("activities", table)
        return answered(DuckDBWarehouse(connection, ("activities",)), methodology, zone)


@pytest.mark.parametrize("methodology_id", sorted(METHODOLOGIES))
def test_duckdb_answers_what_the_reference_answers(methodology_id: str) -> None:
    methodology = METHODOLOGIES[methodology_id]
    seed = len(methodology_id)
    rows = (
        meter_rows(methodology, 40, 60, seed)
        if methodology.history
        else table_rows(methodology, 2_000, seed)
    )
    wanted = expected(methodology, rows)

    found = on_duckdb(methodology, arrow_table(methodology, rows))

    assert differing(found, wanted) == {}
    counts = Counter(refusal for _, refusal in wanted.values())
    assert counts[None] > 0, "no row of these counts: the test compares refusals only"
    assert len(counts) > 2, "hardly any rule of the methodology was broken"


@cache
def _query(methodology_id: str) -> tuple[Methodology, str]:
    methodology = METHODOLOGIES[methodology_id]
    with duckdb.connect() as connection:
        connection.register("activities", arrow_table(methodology, []))
        table = DuckDBWarehouse(connection, ("activities",)).table
    return methodology, query_of(lower(methodology), table, Engine.DUCKDB, "Asia/Shanghai")


@st.composite
def _methodology_and_rows(draw: st.DrawFn) -> tuple[str, list[Row]]:
    methodology_id = draw(st.sampled_from(OF_ROWS))
    methodology = METHODOLOGIES[methodology_id]
    values: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in methodology.inputs.items():
        edges = st.sampled_from(edges_of(methodology, field))
        if field.kind is FieldKind.INTEGER:
            values[name] = edges | st.integers(field.low, field.high)
        else:
            values[name] = edges | st.text("abAÄ地铁'\\ %_\n", max_size=4) if field.words else edges
    starts = st.integers(-5, 1 << 34) | st.integers(1_514_736_000, 1_830_000_000) | st.none()
    lengths = st.integers(-5, 40_000_000) | st.integers(1, 20_000)
    drawn = st.tuples(starts, lengths, st.fixed_dictionaries(values))
    rows = []
    for index, (start, length, row) in enumerate(draw(st.lists(drawn, min_size=1, max_size=60))):
        times = {"started_at": start, "ended_at": None if start is None else start + length}
        rows.append({"activity_id": f"a{index}", "person_ref": "p1"} | row | times)
    return methodology_id, rows


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(_methodology_and_rows())
def test_whatever_rows_there_are_the_answers_agree(drawn: tuple[str, list[Row]]) -> None:
    methodology, query = _query(drawn[0])
    table = arrow_table(methodology, drawn[1])
    with duckdb.connect() as connection:
        connection.register("activities", table)
        answers = connection.sql(query).to_arrow_table().to_pylist()

    found = {item["activity_id"]: (item["amount"], item["refusal"]) for item in answers}

    assert differing(found, expected(methodology, drawn[1])) == {}


@pytest.mark.parametrize("methodology_id", OF_ROWS)
def test_the_plain_interpreter_of_programs_agrees_too(methodology_id: str) -> None:
    methodology = METHODOLOGIES[methodology_id]
    program = lower(methodology)
    rows = [row for row in table_rows(methodology, 300) if _has_times(row)]
    wanted = expected(methodology, rows)

    for row in rows:
        wide = _with_computed(row)
        if wide["duration_s"] <= 400 * 86_400:
            assert run(program, wide) == wanted[row["activity_id"]], row


def _has_times(row: Row) -> bool:
    start, end = row["started_at"], row["ended_at"]
    return None not in (start, end) and 0 <= start < end < 1 << 33


def _with_computed(row: Row) -> Row:
    local_s = row["started_at"] + 8 * 3_600  # Shanghai, without its summers of long ago
    stamp = pa.scalar(local_s, pa.timestamp("s")).as_py()
    return row | {
        "duration_s": row["ended_at"] - row["started_at"],
        "day": local_s // 86_400,
        "year": stamp.year,
    }


@pytest.mark.parametrize("zone", ["Europe/Helsinki", "America/Los_Angeles", "Asia/Kathmandu"])
@pytest.mark.parametrize("name", ["two-keys", "own-history"])
def test_days_are_those_of_the_programmes_zone(zone: str, name: str) -> None:
    methodology = own(name)
    rows = (
        meter_rows(methodology, 10, 60, zone=zone)
        if methodology.history
        else table_rows(methodology, 900)
    )

    found = on_duckdb(methodology, arrow_table(methodology, rows), zone)

    assert differing(found, expected(methodology, rows, zone)) == {}


def test_times_may_be_timestamps() -> None:
    methodology = own("two-keys")
    rows = [row for row in table_rows(methodology, 900) if (row["started_at"] or 0) < 1 << 34]

    found = on_duckdb(methodology, arrow_table(methodology, rows, stamps=True))

    assert differing(found, expected(methodology, rows)) == {}


def test_the_order_of_rows_does_not_matter() -> None:
    methodology = own("own-history")
    table = arrow_table(methodology, meter_rows(methodology, 10, 48))

    assert on_duckdb(methodology, table) == on_duckdb(
        methodology, table.take(list(reversed(range(table.num_rows))))
    )


def test_a_month_that_was_read_twice_is_no_history() -> None:
    methodology = own("own-history")
    rows = [row for row in meter_rows(methodology, 2, 48) if row["object_ref"]]
    single = {row["started_at"]: row for row in rows}.values()
    alone = on_duckdb(methodology, arrow_table(methodology, list(single)))
    again = [row | {"activity_id": f"{row['activity_id']}-again"} for row in single]

    twice = on_duckdb(methodology, arrow_table(methodology, [*single, *again]))

    assert "too_little_history" in {refusal for _, refusal in twice.values()}
    assert any(refusal is None for _, refusal in alone.values())
    assert all(refusal is not None for _, refusal in twice.values())


def test_every_step_may_be_as_wide_as_64_bits() -> None:
    methodology = own("full-width")
    rows = table_rows(methodology, 0)
    widest = {"distance_m": 1_000_000_007, "other_m": 9_223_372}
    rows.append(rows[0] | widest | {"activity_id": "widest"})

    found = on_duckdb(methodology, arrow_table(methodology, rows))

    assert found["widest"] == (9_223_371_971 * 1_000_000_007, None)
    assert found["widest"][0] > (1 << 63) - (1 << 31)


def test_a_collation_makes_no_two_words_one() -> None:
    methodology = own("two-keys")
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE activities (activity_id VARCHAR, started_at BIGINT, ended_at BIGINT,"
            " mode VARCHAR COLLATE NOCASE, riders TINYINT, distance_m INTEGER);"
            "INSERT INTO activities VALUES ('a', 1600000000, 1600000600, 'RAIL', 1, 1000),"
            " ('b', 1630000000, 1630000600, 'rail', 1, 1000)"
        )
        found = answered(DuckDBWarehouse(connection, ("activities",)), methodology)

    assert found == {"a": (0, "mode_out_of_range"), "b": (136_667_000, None)}


# --- planted mistakes ---------------------------------------------------------------------------


def _differ(methodology: Methodology, rows: list[Row]) -> dict[str, Answer]:
    found = on_duckdb(methodology, arrow_table(methodology, rows))
    return differing(found, expected(methodology, rows))


def test_division_in_floating_point_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    methodology = own("full-width")
    rows = table_rows(methodology, 1_000)
    floating = dataclasses.replace(
        compiling.WORDS[Engine.DUCKDB], divide=lambda left, right: left // right
    )
    monkeypatch.setitem(compiling.WORDS, Engine.DUCKDB, floating)

    assert _differ(methodology, rows) != {}


def test_literals_of_32_bits_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    one, many = literal(1), literal(100_000)
    is_rail = WordIs(column="mode", word="rail")
    factor = choose(((is_rail, many),), one)
    other = choose(((Not(condition=is_rail), one),), many)
    program = dataclasses.replace(lower(own("two-keys")), amount=multiply(factor, other))
    row = {"activity_id": "a", "started_at": 1_630_000_000, "ended_at": 1_630_000_600}
    table = pa.Table.from_pylist([row | {"mode": "rail", "riders": 1, "distance_m": 1}])

    assert _run(program, table) == [10**10]
    monkeypatch.setattr(compiling, "_literal", lambda value: ibis.literal(value, type="int64"))
    with pytest.raises(duckdb.OutOfRangeException, match="INT32"):
        _run(program, table)


def _run(program: IntegerProgram, table: pa.Table) -> list[int]:
    with duckdb.connect() as connection:
        connection.register("activities", table)
        activities = DuckDBWarehouse(connection, ("activities",)).table
        query = query_of(program, activities, Engine.DUCKDB, "Asia/Shanghai")
        return list(connection.sql(query).to_arrow_table()["amount"].to_pylist())


def test_arithmetic_on_refused_values_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    methodology = own("full-width")
    rows = table_rows(methodology, 100)
    monkeypatch.setattr(compiling, "_in_range", lambda column, table: table[column.name])

    with pytest.raises(duckdb.OutOfRangeException, match="Overflow"):
        _differ(methodology, rows)


def test_refusals_in_another_order_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    methodology = METHODOLOGIES["cn-ecny-shanghai"]
    rows = table_rows(methodology, 1_000)
    straight = compiling._input_refusals
    monkeypatch.setattr(compiling, "_input_refusals", lambda *given: straight(*given)[::-1])

    assert _differ(methodology, rows) != {}
