from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path

import ibis
import pytest

from fedcarbon.methodology.definition import InvalidMethodologyError, Methodology
from fedcarbon.methodology.integer_arithmetic import add, literal, quotient
from fedcarbon.methodology.integer_program import Column, Number
from fedcarbon.methodology.lowering import lower
from fedcarbon.methodology.reader import parse_methodology
from partner_node.warehouse import compiling
from partner_node.warehouse.compiling import query_of
from partner_node.warehouse.steps import Steps
from partner_node.warehouse.table import (
    ColumnType,
    Engine,
    Table,
    WarehouseTableError,
    columns_of,
)
from tests.partner_node.warehouse.rows import OWN_FILES, arrow_table, computing, own

METHODOLOGIES = computing()
ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = ("src", "hub", "partner_node", "trustee", "demo")


def _table_of(methodology: Methodology) -> Table:
    return Table(name=("activities",), columns=columns_of(arrow_table(methodology, []).schema))


def _query(methodology: Methodology, engine: Engine) -> str:
    return query_of(lower(methodology), _table_of(methodology), engine, "Asia/Shanghai")


# --- one module that may be replaced ------------------------------------------------------------


def test_one_module_knows_ibis() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in PROGRAMS
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"^\s*(import|from) ibis\b", path.read_text("utf-8"), re.MULTILINE)
    }

    assert found == {"partner_node/warehouse/compiling.py"}


def test_the_compiler_divides_by_functions_only() -> None:
    """`/` and `//` of Ibis expressions are floating point on every SQL engine."""
    tree = ast.parse(Path(compiling.__file__).read_text("utf-8"))

    divisions = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp | ast.AugAssign)
        and isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod)
    ]

    assert divisions == []


@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize("methodology_id", sorted(METHODOLOGIES))
def test_no_query_has_a_float(methodology_id: str, engine: Engine) -> None:
    query = _query(METHODOLOGIES[methodology_id], engine).upper()

    for word in ("FLOOR(", "DOUBLE", "FLOAT", "DECIMAL", "ROUND(", " / ", "//", "%"):
        assert word not in query


def test_the_options_of_ibis_are_left_as_they_were() -> None:
    _query(own("every-word"), Engine.DUCKDB)

    assert ibis.options.sql.fuse_selects is True


# --- size ---------------------------------------------------------------------------------------


def test_a_query_grows_with_its_program_and_not_with_its_ways() -> None:
    # As far as a program may double: the text of the tree itself would have 2^14 leaves.
    steps, length = _doubled(14)
    fewer_steps, less_length = _doubled(7)

    assert steps == fewer_steps + 7
    assert length < 4 * less_length


def _doubled(times: int) -> tuple[int, int]:
    """Return the steps and the length of a query that doubles a column so many times."""
    methodology = own("two-keys")
    amount: Number = Column(name="distance_m", low=0, high=1)
    for _ in range(times):
        amount = add(amount, amount)
    program = dataclasses.replace(lower(methodology), amount=quotient(amount, literal(3)))
    query = query_of(program, _table_of(methodology), Engine.SPARK, "Asia/Shanghai")
    return len(Steps(program).nodes), len(query)


def test_operands_are_steps_before_those_that_need_them() -> None:
    for methodology in METHODOLOGIES.values():
        steps = Steps(lower(methodology))
        done: set[int] = set()
        for level in steps.levels:
            for step in level:
                assert _shared_below(steps, step) <= done
            done |= set(level)
        assert done == steps.shared


def _shared_below(steps: Steps, step: int) -> set[int]:
    found: set[int] = set()
    for operand in steps.operands[step]:
        assert operand < step
        found |= {operand} & steps.shared or _shared_below(steps, operand)
    return found


# --- bounds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "instead"),
    {
        "one more metre": ("max: 1000000007", "max: 1000000008"),
        "one more gram": ('"9223371971"', '"9223371973"'),
        "a fraction that must be carried along": ('"9223371971"', '"9223371971.5"'),
        "one more other metre": ("max: 9223372}", "max: 9223373}"),
    }.values(),
    ids=lambda value: value,
)
def test_a_methodology_that_could_overflow_does_not_load(written: str, instead: str) -> None:
    text = (OWN_FILES / "full-width.yaml").read_text("utf-8")
    assert text.count(written) == 1

    with pytest.raises(InvalidMethodologyError, match="OVERFLOW_POSSIBLE"):
        parse_methodology(text.replace(written, instead).encode(), "full-width.yaml")


def test_a_divisor_that_could_be_zero_does_not_load() -> None:
    text = (OWN_FILES / "full-width.yaml").read_text("utf-8")
    spoilt = text.replace('shares: {unit: "1", min: 1', 'shares: {unit: "1", min: 0')

    with pytest.raises(InvalidMethodologyError, match="DIVISOR_MAY_BE_ZERO"):
        parse_methodology(spoilt.encode(), "full-width.yaml")


# --- tables -------------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, ColumnType | None], str]] = {
    "no times": ({"started_at": None}, "no column started_at"),
    "no id": ({"activity_id": None}, "no column activity_id"),
    "a time as text": ({"ended_at": ColumnType.TEXT}, "ended_at of activities holds text"),
    "no field": ({"distance_m": None}, "no column distance_m"),
    "a field as text": ({"distance_m": ColumnType.TEXT}, "holds text, not integer"),
    "a word as a number": ({"mode": ColumnType.INTEGER}, "holds integer, not text"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_table_that_does_not_fit_is_refused_by_column(case: str) -> None:
    changes, message = WRONG[case]
    methodology = own("two-keys")
    columns = {**_table_of(methodology).columns, **changes}
    table = Table(
        name=("activities",), columns={name: kind for name, kind in columns.items() if kind}
    )

    with pytest.raises(WarehouseTableError, match=message) as caught:
        query_of(lower(methodology), table, Engine.DUCKDB, "Asia/Shanghai")

    assert caught.value.code == "WAREHOUSE_TABLE"


def test_a_baseline_needs_to_know_whose_it_is() -> None:
    methodology = own("own-history")
    columns = dict(_table_of(methodology).columns)
    del columns["object_ref"]

    with pytest.raises(WarehouseTableError, match="no column object_ref"):
        query_of(
            lower(methodology),
            Table(name=("readings",), columns=columns),
            Engine.DUCKDB,
            "Asia/Shanghai",
        )


def test_columns_with_a_default_may_be_absent() -> None:
    methodology = own("every-word")
    columns = {
        name: kind
        for name, kind in _table_of(methodology).columns.items()
        if name not in {"label", "tries", "alert", "regime", "person_ref"}
    }
    query = query_of(
        lower(methodology),
        Table(name=("activities",), columns=columns),
        Engine.DUCKDB,
        "Asia/Shanghai",
    )

    assert "'plain'" in query
    assert '"label"' not in query
