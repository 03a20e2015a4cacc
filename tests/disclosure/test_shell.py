"""Shells: what they refuse, and that their noise is as large as their bounds ask for."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.canonical.statement import decode, encode
from fedcarbon.disclosure.shell import (
    CELLS_MAX,
    MILLIONTHS,
    NOISE_REACH,
    PER_CELL_MAX,
    QUANTITIES_MAX,
    ROWS_MAX,
    Category,
    Dimension,
    Group,
    Label,
    TableShell,
)
from fedcarbon.errors import MalformedError
from fedcarbon.ids import EpochIndex, ProgrammeId
from tests.chance import seeded
from tests.disclosure.shells import (
    DISTANCE,
    DISTRICT,
    MODE,
    PEOPLE_COUNTED,
    dimension,
    label,
    one_way,
    quantity,
    shell,
)


def codes(count: int) -> dict[str, list[str]]:
    return {"": [f"c{at}" for at in range(count)]}


def test_a_shell_is_read_back_as_it_was_written() -> None:
    assert decode(TableShell, encode(shell())) == shell()


def test_cells_are_the_product_of_the_dimensions_the_last_fastest() -> None:
    table = shell()

    assert table.cells[:2] == (("metro", "n1"), ("metro", "n2"))
    assert table.cells[5] == ("bike", "n1")
    assert (len(table.cells), table.cell_count, table.values) == (15, 15, 30)


def test_bounds_stand_for_every_cell_quantity_by_quantity() -> None:
    table = shell()
    people, metres = table.quantities

    assert table.value_bounds(100)[:4] == [100, 4_000_000, 100, 4_000_000]
    assert table.offsets()[:2] == [16 * table.sigma(people), 16 * table.sigma(metres)]
    assert table.noise_bounds() == [2 * offset for offset in table.offsets()]
    assert len(table.noise_bounds()) == len(table.value_bounds(0)) == table.values


def test_periods_cut_the_epochs_without_a_gap_or_an_overlap() -> None:
    table = shell(first_epoch=EpochIndex(3))

    epochs = [epoch for period in range(1, 6) for epoch in table.epochs_of(period)]

    assert epochs == list(range(3, table.last_epoch + 1))
    for period in (0, 6):
        with pytest.raises(MalformedError):
            table.epochs_of(period)


REFUSED: dict[str, dict[str, Any]] = {
    "no name of a programme": {"programme_id": ProgrammeId("No Name")},
    "no name of a shell": {"shell_id": ""},
    "a short parameter id": {"parameter_id": b"p"},
    "no dimension": {"dimensions": ()},
    "a dimension twice": {"dimensions": (dimension("mode", MODE), dimension("mode", DISTRICT))},
    "no quantity": {"quantities": ()},
    "a quantity named like a dimension": {"quantities": (PEOPLE_COUNTED, quantity("mode"))},
    "too many quantities": {
        "quantities": (PEOPLE_COUNTED, *(quantity(f"q{at}") for at in range(QUANTITIES_MAX))),
        "rho_year_millionths": 1_000_000,
    },
    "too many cells": {"dimensions": (dimension("mode", codes(CELLS_MAX + 1)),)},
    "too many rows": {
        "dimensions": tuple(dimension(f"d{at}", codes(1)) for at in range(ROWS_MAX.bit_length()))
    },
    "people not first": {"quantities": (DISTANCE, PEOPLE_COUNTED)},
    "people counted twice": {
        "quantities": (dataclasses.replace(PEOPLE_COUNTED, per_cell_max=2), DISTANCE)
    },
    "people in another unit": {
        "quantities": (dataclasses.replace(PEOPLE_COUNTED, unit="heads"), DISTANCE)
    },
    "epoch zero": {"first_epoch": EpochIndex(0)},
    "periods without epochs": {"period_epochs": 0},
    "no period": {"periods": 0},
    "a window before the seal": {"contribute_window_s": -1},
    "no cell for a person": {"cells_max": 0},
    "more cells for a person than there are": {"cells_max": 16},
    "two partners are enough": {"partners_min": 2},
    "more partners needed than the noise is for": {"partners_min": 5},
    "cells of few people shown": {"people_min": 9},
    "sham partners of few members counted": {"members_min": 9},
    "a year that does not cover one release": {"rho_year_millionths": 74_999},
    "noise that fits no slot": {
        "partners_max": 256,
        "quantities": (
            PEOPLE_COUNTED,
            dataclasses.replace(DISTANCE, per_cell_max=PER_CELL_MAX, rho_millionths=1),
        ),
    },
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED.keys())
def test_a_shell_that_protects_less_or_cannot_be_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        shell(**changes)


def test_a_shell_for_one_person_is_no_shell() -> None:
    """A cell may be as narrow as a code list is; it is never shown for one person."""
    for minimum in ("people_min", "members_min"):
        with pytest.raises(MalformedError):
            shell(**{minimum: 1})


def test_the_widest_shells_are_accepted() -> None:
    widest = one_way(CELLS_MAX, cells_max=CELLS_MAX, partners_max=256)

    assert widest.values == CELLS_MAX


def categories(*groups: str) -> tuple[Category, ...]:
    return tuple(
        Category(code=f"c{at}", label=label("c"), group=group) for at, group in enumerate(groups)
    )


GROUP = Group(code="g", label=label("g"))
DIMENSIONS: dict[str, dict[str, Any]] = {
    "no name": {"name": ""},
    "no category": {"categories": ()},
    "a group without categories": {"groups": (GROUP,)},
    "a group that is not there": {"categories": categories("g", "h"), "groups": (GROUP,)},
    "a category outside all groups": {"categories": categories("g", ""), "groups": (GROUP,)},
    "a code twice": {"categories": categories("") * 2},
    "a group named like a category": {
        "categories": categories("c0"),
        "groups": (Group(code="c0", label=label("g")),),
    },
    "an empty code": {"categories": (Category(code="", label=label("c"), group=""),)},
    "a long code": {"categories": (Category(code="c" * 41, label=label("c"), group=""),)},
    "a code that a terminal obeys": {
        "categories": (Category(code="\x1b[2J", label=label("c"), group=""),)
    },
}


@pytest.mark.parametrize("changes", DIMENSIONS.values(), ids=DIMENSIONS.keys())
def test_a_dimension_that_is_no_tree_is_malformed(changes: dict[str, Any]) -> None:
    fields: dict[str, Any] = {
        "name": "mode",
        "label": label("mode"),
        "code_list": "a list",
        "categories": categories("", ""),
        "groups": (),
    }

    assert Dimension(**fields).name == "mode"
    with pytest.raises(MalformedError):
        Dimension(**fields | changes)


@pytest.mark.parametrize("text", ["", "x" * 81, "two\nlines", "\x1b[2J"])
def test_a_label_is_one_short_line(text: str) -> None:
    with pytest.raises(MalformedError):
        Label(zh="好", en=text)
    with pytest.raises(MalformedError):
        Label(zh=text, en="good")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "No Name"},
        {"per_cell_max": 0},
        {"per_cell_max": PER_CELL_MAX + 1},
        {"rho_millionths": 0},
    ],
)
def test_a_quantity_without_a_bound_or_a_budget_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        dataclasses.replace(DISTANCE, **changes)


@given(st.integers(1, 1 << 30), st.integers(1, 5_000_000), st.integers(3, 256), st.integers(1, 15))
def test_noise_is_the_least_that_keeps_the_budget(
    per_cell_max: int, rho_millionths: int, partners_max: int, cells_max: int
) -> None:
    counted = quantity("distance", per_cell_max=per_cell_max, rho_millionths=rho_millionths)
    table = shell(
        quantities=(PEOPLE_COUNTED, counted),
        partners_max=partners_max,
        cells_max=cells_max,
        rho_year_millionths=10_000_000,
    )
    reach = (partners_max * per_cell_max) ** 2 * cells_max * MILLIONTHS

    sigma = table.sigma(counted)

    assert 2 * rho_millionths * sigma**2 >= reach
    assert sigma == 1 or 2 * rho_millionths * (sigma - 1) ** 2 < reach
    assert table.offset(counted) == NOISE_REACH * sigma


@pytest.mark.parametrize("seed", range(20))
def test_no_person_moves_the_table_further_than_its_noise_is_made_for(seed: int) -> None:
    """Random tables with and without a person who is bounded as the shell says."""
    chance = seeded(seed)
    counted = quantity("distance", per_cell_max=chance.randint(1, 100))
    table = shell(
        quantities=(PEOPLE_COUNTED, counted),
        cells_max=chance.randint(1, 15),
        partners_max=chance.randint(3, 6),
    )

    for of_quantity in table.quantities:
        reach = (table.partners_max * of_quantity.per_cell_max) ** 2 * table.cells_max
        for _ in range(50):
            others = [chance.randint(0, 1_000) for _ in range(table.cell_count)]
            joined = list(others)
            for _ in range(chance.randint(1, table.partners_max)):
                touched = chance.randint(1, table.cells_max)
                for cell in chance.sample(range(table.cell_count), touched):
                    joined[cell] += chance.randint(1, of_quantity.per_cell_max)
            assert sum((a - b) ** 2 for a, b in zip(joined, others, strict=True)) <= reach


def test_the_bound_on_a_person_is_reached_and_so_not_too_wide() -> None:
    """All partners name the same cells, each with all that a person may add."""
    table = shell()
    metres = table.quantities[1]
    moved = [table.partners_max * metres.per_cell_max] * table.cells_max

    squared = sum(value**2 for value in moved)

    assert squared == (table.partners_max * metres.per_cell_max) ** 2 * table.cells_max
    # The squared distance over 2 sigma^2 is the rho that the shell says.
    assert squared * MILLIONTHS <= metres.rho_millionths * 2 * table.sigma(metres) ** 2
