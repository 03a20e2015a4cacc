"""What is hidden cannot be computed from what is shown."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.disclosure.hierarchy import Hierarchy
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.suppression import shown_rows
from tests.chance import Random, seeded
from tests.disclosure.shells import dimension, one_way, shell, two_way

PEOPLE_MIN = 20


def determined(hierarchy: Hierarchy, shown: list[bool]) -> list[int]:
    """Return the hidden rows that the shown ones determine, by Gaussian elimination over cells.

    Another way than the code under test: a row is the vector of the cells below it, and it is
    determined if it lies in the space that shown rows span.
    """
    basis: dict[int, list[Fraction]] = {}

    def reduced(row: int) -> list[Fraction]:
        below = set(hierarchy.cells[row])
        vector = [Fraction(cell in below) for cell in range(len(hierarchy.cells[0]))]
        for lead, other in basis.items():
            if vector[lead]:
                factor = vector[lead] / other[lead]
                vector = [one - factor * two for one, two in zip(vector, other, strict=True)]
        return vector

    for row in range(hierarchy.size):
        vector = reduced(row) if shown[row] else []
        if any(vector):
            basis[next(at for at, value in enumerate(vector) if value)] = vector
    return [row for row in range(hierarchy.size) if not shown[row] and not any(reduced(row))]


def random_table(chance: Random) -> TableShell:
    axes = []
    for name in ("a", "b", "c")[: chance.randint(1, 3)]:
        sizes = [chance.randint(1, 3) for _ in range(chance.randint(1, 2))]
        axes.append(
            dimension(
                name,
                {
                    f"{name}-{group}" if len(sizes) > 1 else "": [
                        f"{name}{group}{at}" for at in range(size)
                    ]
                    for group, size in enumerate(sizes)
                },
            )
        )
    return one_way(1, dimensions=tuple(axes))


@pytest.mark.parametrize("seed", range(60))
def test_no_hidden_row_of_a_random_table_is_determined(seed: int) -> None:
    chance = seeded(seed)
    hierarchy = Hierarchy(random_table(chance))
    small = chance.random() / 2
    people = hierarchy.sums(
        [
            chance.randint(-10, 19) if chance.random() < small else chance.randint(20, 300)
            for _ in hierarchy.cells[0]
        ]
    )

    shown = shown_rows(hierarchy, people, PEOPLE_MIN)

    assert determined(hierarchy, shown) == []
    for row in range(hierarchy.size):
        assert not shown[row] or people[row] >= PEOPLE_MIN


@given(st.lists(st.integers(-30, 200), min_size=15, max_size=15))
@settings(max_examples=60)
def test_along_no_dimension_is_exactly_one_row_hidden(cells: list[int]) -> None:
    hierarchy = Hierarchy(shell())

    shown = shown_rows(hierarchy, hierarchy.sums(cells), PEOPLE_MIN)

    for equation in hierarchy.equations:
        assert sum(not shown[row] for row in (equation.total, *equation.parts)) != 1


def test_a_single_small_cell_takes_the_smallest_of_its_siblings_with_it() -> None:
    hierarchy = Hierarchy(one_way(4))

    shown = shown_rows(hierarchy, hierarchy.sums([500, 3, 90, 70]), PEOPLE_MIN)

    assert [codes[0] for codes, seen in zip(hierarchy.codes, shown, strict=True) if not seen] == [
        "c1",
        "c3",
    ]


def test_of_siblings_with_as_many_people_the_first_is_hidden() -> None:
    hierarchy = Hierarchy(one_way(3))

    assert shown_rows(hierarchy, hierarchy.sums([50, 50, 3]), PEOPLE_MIN) == [
        True,
        False,
        True,
        False,
    ]


def test_an_only_child_takes_its_parent_with_it() -> None:
    hierarchy = Hierarchy(one_way(1, dimensions=(dimension("a", {"g": ["x"], "h": ["y", "z"]}),)))

    shown = shown_rows(hierarchy, hierarchy.sums([5, 100, 200]), PEOPLE_MIN)

    hidden = {codes[0] for codes, seen in zip(hierarchy.codes, shown, strict=True) if not seen}
    assert hidden >= {"g", "x"}
    assert determined(hierarchy, shown) == []


def test_a_cell_that_only_several_margins_together_reveal_is_protected_too() -> None:
    """Two squares of hidden cells with one hidden cell between: no line has just one.

    What the two upper lines hide less what the two left columns hide is that cell.
    """
    hierarchy = Hierarchy(two_way(4, 4))
    squares = {(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 3), (3, 2), (3, 3)}
    small = squares | {(0, 2)}
    people = hierarchy.sums(
        [
            15 if (first, second) in small else 400 + 10 * first + second
            for first in range(4)
            for second in range(4)
        ]
    )
    by_rule = [
        not (codes[0] and codes[1] and (int(codes[0][1:]), int(codes[1][1:])) in small)
        for codes in hierarchy.codes
    ]

    shown = shown_rows(hierarchy, people, PEOPLE_MIN)

    bridge = hierarchy.codes.index(("a0", "b2"))
    assert determined(hierarchy, by_rule) == [bridge]
    assert not shown[bridge]
    assert determined(hierarchy, shown) == []
    assert sum(not seen for seen in shown) > len(small)


def test_a_table_of_nobody_shows_nothing() -> None:
    hierarchy = Hierarchy(shell())

    assert not any(shown_rows(hierarchy, hierarchy.sums([0] * 15), PEOPLE_MIN))


def test_a_table_of_many_shows_everything() -> None:
    hierarchy = Hierarchy(shell())

    assert all(shown_rows(hierarchy, hierarchy.sums([20] * 15), PEOPLE_MIN))
