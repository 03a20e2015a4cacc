"""The released table: a function of the record, and nothing that a reader could not check."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from math import isqrt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.canonical.statement import decode, encode
from fedcarbon.disclosure.accounting import BudgetEntry
from fedcarbon.disclosure.leakage import Paragraph
from fedcarbon.disclosure.margins import margin_95
from fedcarbon.disclosure.table import (
    ReleasedTable,
    TableDiffersError,
    TableRow,
    noisy_vector,
    released_table,
    require_table_of,
)
from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.units import Amount
from tests.disclosure.shells import PROGRAMME_ID, SHELL_LEAF, programme, shell, start

SHELL = shell()
NOISY = [
    number
    for cell in range(SHELL.cell_count)
    for number in ((-7 if cell == 4 else 30 + cell), 10**17 + cell)
]
"""Metro in district s2 has almost nobody; distances beyond what a float can hold."""


def table(noisy: list[int] = NOISY) -> ReleasedTable:
    return released_table(SHELL_LEAF, SHELL, programme(), start(), noisy)


def row_of(released: ReleasedTable, *codes: str) -> TableRow:
    return next(row for row in released.rows if row.codes == codes)


def test_the_same_record_gives_the_same_bytes() -> None:
    assert encode(table()) == encode(table())
    assert decode(ReleasedTable, encode(table())) == table()


def test_a_table_says_where_it_is_from() -> None:
    released = table()

    assert (released.first_day, released.last_day) == ("2026-03-02", "2026-03-05")
    assert (released.partners, released.trustees) == (3, 2)
    assert released.budget == BudgetEntry(
        year=2026, rho_millionths=75_000, spent_millionths=0, limit_millionths=300_000
    )
    assert [(item.name, item.unit) for item in released.quantities] == [
        ("people", "people"),
        ("distance", "m"),
    ]
    assert released.quantities[0].shift_max == 16 * released.quantities[0].sigma == 16 * 26


def test_offsets_of_all_trustees_are_taken_off() -> None:
    digits = [7] * SHELL.values

    assert noisy_vector(SHELL, start(), digits)[:2] == [
        7 - 2 * SHELL.offset(item) for item in SHELL.quantities
    ]


def test_a_hidden_row_carries_nothing_and_is_not_the_only_one_of_its_line() -> None:
    released = table()

    assert not row_of(released, "metro", "s2").shown
    assert row_of(released, "metro", "s2").values == ()
    assert not row_of(released, "metro", "s1").shown
    assert row_of(released, "metro", "south").values[0].noisy == 33 - 7
    assert row_of(released, "", "").values[1].noisy == sum(NOISY[1::2])


def test_margins_of_sums_grow_with_the_square_root_of_their_cells() -> None:
    released = table()
    cell, total = row_of(released, "bike", "n1"), row_of(released, "", "")

    assert cell.values[0].margin_95 == 73
    assert total.cells == 15
    assert total.values[0].margin_95 == 280


@given(st.integers(1, 1 << 56), st.integers(1, 2_048), st.integers(1, 15))
def test_a_margin_is_rounded_up_and_never_by_more_than_one(
    sigma: int, cells: int, trustees: int
) -> None:
    margin = margin_95(sigma, cells, trustees)

    variance = cells * trustees * sigma**2
    assert 100**2 * margin**2 >= 196**2 * variance
    assert 100**2 * (margin - 1) ** 2 < 196**2 * variance
    assert margin >= isqrt(variance)


@given(st.lists(st.integers(-200, 2_000), min_size=30, max_size=30))
@settings(max_examples=30)
def test_every_table_is_one_of_its_shell(noisy: list[int]) -> None:
    released = table(noisy)

    require_table_of(SHELL_LEAF, SHELL, decode(ReleasedTable, encode(released)))


@pytest.mark.parametrize(
    "changes",
    [
        {"programme": programme(programme_id=ProgrammeId("another"))},
        {"start": start(shell_leaf=SHELL_LEAF + 1)},
        {"start": start(period=6)},
        {"noisy": NOISY[:-1]},
        {"programme": programme(first_day="2026-12-30", last_day="2027-01-18")},
    ],
)
def test_parts_that_do_not_belong_together_make_no_table(changes: dict[str, Any]) -> None:
    parts = {"programme": programme(), "start": start(), "noisy": NOISY, **changes}

    with pytest.raises(MalformedError):
        released_table(SHELL_LEAF, SHELL, parts["programme"], parts["start"], parts["noisy"])


def replaced(**changes: Any) -> ReleasedTable:
    return dataclasses.replace(table(), **changes)


def with_row(at: int, **changes: Any) -> ReleasedTable:
    rows = list(table().rows)
    rows[at] = dataclasses.replace(rows[at], **changes)
    return replaced(rows=tuple(rows))


def with_value(at: int, **changes: Any) -> ReleasedTable:
    first, *others = table().rows[at].values
    return with_row(at, values=(dataclasses.replace(first, **changes), *others))


def shown_all_the_same() -> ReleasedTable:
    """Show a row of too few people."""
    rows = table().rows
    at = next(at for at, row in enumerate(rows) if row.codes == ("metro", "s2"))
    few = dataclasses.replace(row_of(table(), "bike", "n1").values[0], noisy=Amount(-7))
    return with_row(at, shown=True, values=(few, row_of(table(), "bike", "n1").values[1]))


def hidden_alone() -> ReleasedTable:
    at = next(at for at, row in enumerate(table().rows) if row.codes == ("bike", "n1"))
    return with_row(at, shown=False, values=())


DIFFERENT: dict[str, Callable[[], ReleasedTable]] = {
    "of another shell": lambda: replaced(shell_leaf=SHELL_LEAF + 1),
    "of another name": lambda: replaced(shell_id="another"),
    "of another programme": lambda: replaced(programme_id=ProgrammeId("another")),
    "of another parameter set": lambda: replaced(parameter_id=b"q" * 32),
    "after the calendar": lambda: replaced(period=6),
    "of more partners than the noise is for": lambda: replaced(partners=5),
    "another budget": lambda: replaced(
        budget=dataclasses.replace(table().budget, limit_millionths=300_001)
    ),
    "of too few days": lambda: replaced(last_day="2026-03-04"),
    "less noise": lambda: released_table(
        SHELL_LEAF,
        shell(partners_max=3),
        programme(),
        start(),
        NOISY,
    ),
    "a quantity left out": lambda: dataclasses.replace(
        table(),
        quantities=table().quantities[:1],
        rows=tuple(dataclasses.replace(row, values=row.values[:1]) for row in table().rows),
    ),
    "a row left out": lambda: replaced(rows=table().rows[:-1]),
    "rows in another order": lambda: replaced(rows=table().rows[::-1]),
    "too few people shown": shown_all_the_same,
    "a hidden row that can be computed": hidden_alone,
    "noisy numbers that do not add up": lambda: with_value(0, noisy=Amount(1_000)),
    "adjusted numbers that do not add up": lambda: with_value(0, adjusted=Amount(1_000)),
    "other words": lambda: replaced(leakage=(Paragraph(zh="没有", en="nothing"),)),
    "fewer words": lambda: replaced(leakage=()),
}


@pytest.mark.parametrize("made", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_table_that_differs_from_its_shell_is_refused(
    made: Callable[[], ReleasedTable],
) -> None:
    different = made()

    with pytest.raises(TableDiffersError) as caught:
        require_table_of(SHELL_LEAF, SHELL, different)

    assert caught.value.code == "TABLE_DIFFERS"


def budget(**changes: int) -> BudgetEntry:
    return dataclasses.replace(table().budget, **changes)


MALFORMED: dict[str, Callable[[], object]] = {
    "no name": lambda: replaced(shell_id="Not A Name"),
    "a short parameter id": lambda: replaced(parameter_id=b"p"),
    "no partner": lambda: replaced(partners=0),
    "no trustee": lambda: replaced(trustees=0),
    "period zero": lambda: replaced(period=0),
    "an end before its beginning": lambda: replaced(last_day="2026-03-01"),
    "no date": lambda: replaced(last_day="2026-02-30"),
    "a date in another form": lambda: replaced(first_day="20260302"),
    "a budget of another year": lambda: replaced(budget=budget(year=2027)),
    "no rows": lambda: replaced(rows=()),
    "no quantities": lambda: replaced(quantities=()),
    "people not first": lambda: replaced(quantities=table().quantities[::-1]),
    "a row with one code": lambda: with_row(3, codes=("",)),
    "another margin": lambda: with_value(0, margin_95=Amount(1)),
    "a margin for more cells": lambda: with_row(0, cells=16),
    "no margin at all": lambda: with_value(0, margin_95=Amount(-1)),
    "an adjusted number below zero": lambda: with_value(0, adjusted=Amount(-1)),
    "a value too few": lambda: with_row(0, values=table().rows[0].values[:1]),
    "hidden with values": lambda: with_row(0, shown=False),
    "shown without values": lambda: with_row(0, values=()),
    "a row of no cells": lambda: with_row(0, cells=0),
    "no noise": lambda: replaced(
        quantities=(
            dataclasses.replace(table().quantities[0], sigma=Amount(0)),
            table().quantities[1],
        )
    ),
}


@pytest.mark.parametrize("made", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_table_that_contradicts_itself_is_malformed(made: Callable[[], object]) -> None:
    with pytest.raises(MalformedError):
        made()


def test_the_programme_of_the_examples_is_that_of_the_shell() -> None:
    assert programme().programme_id == SHELL.programme_id == PROGRAMME_ID
