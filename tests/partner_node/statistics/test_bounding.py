"""One person changes every number by no more than the shell says, whatever the person does."""

from __future__ import annotations

from math import isqrt

import pytest

from fedcarbon.disclosure.shell import TableShell
from partner_node.statistics.bounding import CellDraw, Figures, TableSum, UnitUnknownError
from tests.chance import seeded
from tests.partner_node.statistics.shells import by_cell, logged, quantity, shell

SECRET = b"s" * 32


def draw(secret: bytes = SECRET, period: int = 1, index: int = 9) -> CellDraw:
    """Return the draw of a period."""
    return CellDraw.of(logged(shell(), index), period, secret)


def summed(statement: TableShell, people: dict[int, dict[int, Figures]]) -> list[int]:
    """Return the bounded vector of some people."""
    table = TableSum(statement, draw())
    for person_id, cells in people.items():
        table.add(person_id, cells)
    return table.values


def test_everything_below_the_bounds_is_counted() -> None:
    values = summed(shell(), {1: {0: Figures(2, 9_000, 500), 4: Figures(1, 0, 0)}})

    assert by_cell(shell(), values) == {
        ("metro", "310101"): (1, 2, 9_000, 500),
        ("bus", "310115"): (1, 1, 0, 0),
    }


def test_a_person_with_a_thousand_trips_counts_as_much_as_the_bounds() -> None:
    values = summed(shell(), {1: {3: Figures(1_000, 9_000_000, 10**15)}})

    assert by_cell(shell(), values) == {("bus", "310101"): (1, 3, 30_000, 2_000_000_000)}


def test_a_person_in_every_cell_counts_in_as_many_as_the_bounds_say() -> None:
    values = summed(shell(), {1: {cell: Figures(1, 1, 1) for cell in range(9)}})

    assert list(by_cell(shell(), values).values()) == [(1, 1, 1, 1)] * 2


def test_a_person_more_or_less_moves_every_quantity_within_its_sensitivity() -> None:
    chance = seeded(5)
    statement = shell()

    def anybody() -> dict[int, Figures]:
        cells = chance.sample(range(9), chance.randrange(10))
        return {
            cell: Figures(
                chance.randrange(1, 9), chance.randrange(90_000), chance.randrange(10**10)
            )
            for cell in cells
        }

    people = {serial: anybody() for serial in range(1, 60)}
    whole = summed(statement, people)
    width = len(statement.quantities)

    for left_out in people:
        rest = summed(statement, {who: cells for who, cells in people.items() if who != left_out})
        for at, item in enumerate(statement.quantities):
            moved = sum(
                (a - b) ** 2 for a, b in zip(whole[at::width], rest[at::width], strict=True)
            )
            assert moved <= item.per_cell_max**2 * statement.cells_max
            # With one partner, the sigma of the shell is wide enough for its rho.
            assert isqrt(moved) <= 2 * statement.sigma(item)


def test_the_choice_of_cells_is_the_same_whenever_it_is_made_and_in_any_order() -> None:
    cells = list(range(9))
    first = draw().surviving(7, cells, 2)

    assert sorted(first) == sorted(draw().surviving(7, reversed(cells), 2))
    assert len(first) == 2


def test_nobody_without_the_secret_can_predict_the_choice() -> None:
    cells = range(9)
    of_others = [sorted(draw(bytes([n]) * 32).surviving(7, cells, 2)) for n in range(40)]

    assert len({tuple(item) for item in of_others}) > 15


def test_periods_tables_and_persons_draw_for_themselves() -> None:
    cells = range(9)

    def choices(*draws: CellDraw) -> set[tuple[int, ...]]:
        return {tuple(sorted(item.surviving(7, cells, 2))) for item in draws}

    assert len(choices(*(draw(period=n) for n in range(1, 30)))) > 10
    assert len(choices(*(draw(index=n) for n in range(30)))) > 10
    assert len({tuple(sorted(draw().surviving(n, cells, 2))) for n in range(30)}) > 10


def test_the_choice_is_even_over_cells() -> None:
    counts = [0] * 9
    for person_id in range(2_000):
        for cell in draw().surviving(person_id, range(9), 2):
            counts[cell] += 1

    expected = 2_000 * 2 / 9
    # 8 degrees of freedom: above 26 once in a thousand draws, and this one is always the same.
    assert sum((count - expected) ** 2 / expected for count in counts) < 26


def test_what_is_whole_is_kept_for_the_partner_itself() -> None:
    table = TableSum(shell(), draw())
    table.add(1, {0: Figures(1_000, 9_000_000, 10**15)})

    assert by_cell(shell(), table.whole) == {("metro", "310101"): (1, 1_000, 9_000_000, 10**15)}
    assert "1000" not in repr(table)
    assert "secret" not in repr(draw())


def test_a_unit_that_this_node_does_not_know_is_refused() -> None:
    statement = shell(quantities=(quantity("people", "people", 1), quantity("energy", "kWh", 9)))

    with pytest.raises(UnitUnknownError, match="counts in kWh") as caught:
        TableSum(statement, draw())

    assert caught.value.code == "TABLE_UNIT_UNKNOWN"


def test_quantities_are_known_by_their_units_in_any_order() -> None:
    statement = shell(
        quantities=(
            quantity("people", "people", 1),
            quantity("mass", "ug", 10**9),
            quantity("length", "m", 10**6),
        )
    )

    values = summed(statement, {1: {8: Figures(2, 30, 4_000)}})

    assert values[-3:] == [1, 4_000, 30]
