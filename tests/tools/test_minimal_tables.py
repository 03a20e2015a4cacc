"""The verifier in one file makes released tables as everybody else does, by its own means."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.disclosure.accounting import epsilon_thousandths
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import ReleaseStart
from fedcarbon.disclosure.table import released_table
from tests.disclosure.shells import (
    DISTANCE,
    MODE,
    PARAMETER_ID,
    PEOPLE_COUNTED,
    SHELL_LEAF,
    dimension,
    one_way,
    programme,
    quantity,
    shell,
    start,
    two_way,
)
from tools import verify_minimal as minimal

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "PROTOCOL.md"
MASS: Final = quantity("mass", unit="ug", per_cell_max=(1 << 43) - 1, rho_millionths=1)
SHELLS: Final = {
    "groups": shell(),
    "large numbers": shell(quantities=(PEOPLE_COUNTED, DISTANCE, MASS), cells_max=1),
    "one cell": one_way(1),
    "one dimension": one_way(7, people_min=10),
    "two dimensions": two_way(3, 4),
    "a single column": two_way(5, 1),
    "three dimensions": one_way(
        1,
        dimensions=(
            dimension("mode", MODE),
            dimension("zone", {"in": ("i1", "i2"), "out": ("o1",)}),
            dimension("hour", {"": ("day", "rest")}),
        ),
    ),
}


class OneSet(minimal.World):
    """A world with a parameter set of which only the name is known."""

    def __init__(self) -> None:
        super().__init__(minimal.Folder(Path()), {"root": []})
        self.parameters = minimal.Parameters.__new__(minimal.Parameters)
        self.parameters.id = PARAMETER_ID


def said(statement: Statement) -> minimal.Statement:
    return minimal.decoded(statement.KIND, statements.encode(statement), PARAMETER_ID)


def made_again(item: TableShell, begun: ReleaseStart, noisy: list[int]) -> bytes:
    world = OneSet()
    world.programmes[item.programme_id] = minimal.Programme(said(programme()))
    leaf = minimal.Leaf(SHELL_LEAF + 20, begun.KIND, bytes(34), b"", said(begun))
    release = minimal.Release(leaf, minimal.Shell(bytes(34), SHELL_LEAF, said(item)))
    return minimal.table_of(world, release, noisy)


@pytest.mark.parametrize("name", SHELLS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_table_has_the_same_bytes(name: str, data: st.DataObject) -> None:
    """Few different counts, so that rows are hidden in many ways and many of them are equal."""
    item = SHELLS[name]
    counts = st.one_of(st.integers(-3, 3), st.integers(15, 25), st.integers(-(10**15), 10**15))
    noisy = data.draw(st.lists(counts, min_size=item.values, max_size=item.values))
    period = data.draw(st.integers(1, item.periods))
    spent = data.draw(st.integers(0, item.rho_year_millionths - item.rho_millionths))
    begun = start(period=period, rho_millionths=item.rho_millionths, spent_millionths=spent)

    table = released_table(SHELL_LEAF, item, programme(), begun, noisy)

    assert made_again(item, begun, noisy) == statements.encode(table)


@pytest.mark.parametrize("rho", [1, 20_000, 1_040_000, 999_999, 8_000_000, 30_000_000, 10**9])
def test_a_budget_promises_the_same(rho: int) -> None:
    epsilon = epsilon_thousandths(rho)
    kept = "none" if epsilon is None else minimal.decimal_text(epsilon, 3)

    assert minimal.promise(rho).endswith(f"(epsilon = {kept})")


@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_that_may_be_said_is_taken(name: str) -> None:
    assert all(minimal.forms_of_table("table_shell", said(SHELLS[name])))


def test_the_words_are_those_of_the_page() -> None:
    block = "".join(f"    {line}\n" if line else "\n" for line in minimal.WORDS.strip().split("\n"))

    assert block in PAGE.read_text(encoding="utf-8")
