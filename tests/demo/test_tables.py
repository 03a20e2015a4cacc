"""The demo's released tables beside its own truth: what is off by too much is found."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from demo.city import make_city
from demo.crosscheck import Recomputed, recompute
from demo.scenario import Scenario, load_scenario
from demo.tables import MARGINS_MAX, Compared, compare, errors_of, exact_cells, findings_of
from fedcarbon.cli.registry_tables import shell_from_toml
from fedcarbon.disclosure.margins import margin_95
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.table import ReleasedTable, released_table
from fedcarbon.ids import ProgrammeId
from tests.disclosure.shells import SHELL_LEAF, programme, start

CITY = programme(
    programme_id=ProgrammeId("city"), first_day="2026-03-02", last_day="2026-03-02", epoch_days=1
)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    folder = tmp_path_factory.mktemp("city")
    return load_scenario(make_city(folder, people=40, days=1, seed=4, bits=1024))


@pytest.fixture(scope="module")
def expected(scenario: Scenario) -> Recomputed:
    return recompute(scenario, [])


@pytest.fixture(scope="module")
def shell(scenario: Scenario) -> TableShell:
    (tree,) = scenario.programmes[0].tables
    return shell_from_toml(tree, CITY)


def table_of(shell: TableShell, noisy: Sequence[int]) -> ReleasedTable:
    rho = shell.rho_millionths
    return released_table(
        SHELL_LEAF, shell, CITY, start(programme_id=CITY.programme_id, rho_millionths=rho), noisy
    )


def compared(
    scenario: Scenario, shell: TableShell, expected: Recomputed, off: int = 0
) -> list[Compared]:
    """Release the exact cells, the people of the first one off by so many, and compare."""
    days = table_of(shell, [0] * shell.values)
    cells = exact_cells(scenario, shell, days, expected)
    noisy = [truth.exact for of_cell in cells for truth in of_cell]
    noisy[0] += off
    return compare(shell, table_of(shell, noisy), cells)


def test_every_activity_that_keeps_something_is_in_one_cell(
    scenario: Scenario, shell: TableShell, expected: Recomputed
) -> None:
    days = table_of(shell, [0] * shell.values)
    cells = exact_cells(scenario, shell, days, expected)
    kept = {
        (seat, activity)
        for seat, own in expected.kept.items()
        for (_, _, activity), amount in own.items()
        if amount
    }

    assert sum(of_cell[1].exact for of_cell in cells) == len(kept) > 80
    assert sum(of_cell[3].exact for of_cell in cells) == sum(
        sum(own.values()) for own in expected.kept.values()
    )
    assert sum(bool(of_cell[0].exact) for of_cell in cells) > 8


def test_exact_cells_are_off_by_nothing(
    scenario: Scenario, shell: TableShell, expected: Recomputed
) -> None:
    values = compared(scenario, shell, expected)

    assert findings_of(values) == []
    assert {
        name: item["median_error"] for name, item in errors_of(values).items()
    } == dict.fromkeys((item.name for item in shell.quantities), 0.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_value_that_noise_does_not_explain_is_found(
    scenario: Scenario, shell: TableShell, expected: Recomputed, sign: int
) -> None:
    margin = margin_95(shell.sigma(shell.quantities[0]), shell.cell_count, 2)
    honest = compared(scenario, shell, expected)
    slack = max(item.truth.slack for item in honest if item.quantity is shell.quantities[0])
    values = compared(scenario, shell, expected, sign * (MARGINS_MAX * margin + slack + 1))

    found = findings_of(values)

    # A loss so large hides the rows it is in; a gain shows in the cell and in all its margins.
    assert bool(found) is (sign > 0)
    assert all("people" in text for text in found)
