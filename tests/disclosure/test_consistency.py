"""Noisy sums are made to add up, moved as little as possible."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.disclosure.consistency import adjusted_rows, nearest_parts
from fedcarbon.disclosure.hierarchy import Hierarchy
from tests.disclosure.shells import shell

HIERARCHY = Hierarchy(shell())
cells = st.lists(st.integers(-500, 5_000), min_size=15, max_size=15)


def distance(first: list[int], second: tuple[int, ...] | list[int]) -> int:
    return sum((one - other) ** 2 for one, other in zip(first, second, strict=True))


@given(cells)
def test_all_rows_add_up_and_none_is_negative(noisy: list[int]) -> None:
    rows = adjusted_rows(HIERARCHY, HIERARCHY.sums(noisy))

    assert min(rows) >= 0
    for equation in HIERARCHY.equations:
        assert rows[equation.total] == sum(rows[part] for part in equation.parts)


@given(cells)
def test_the_total_is_kept_unless_the_noise_made_it_negative(noisy: list[int]) -> None:
    assert adjusted_rows(HIERARCHY, HIERARCHY.sums(noisy))[0] == max(0, sum(noisy))


@given(cells)
def test_what_adds_up_is_not_changed_again(noisy: list[int]) -> None:
    rows = adjusted_rows(HIERARCHY, HIERARCHY.sums(noisy))

    assert adjusted_rows(HIERARCHY, rows) == rows


@given(st.lists(st.integers(0, 5_000), min_size=15, max_size=15))
def test_cells_that_are_not_negative_stay_as_they_are(noisy: list[int]) -> None:
    assert adjusted_rows(HIERARCHY, HIERARCHY.sums(noisy)) == HIERARCHY.sums(noisy)


@given(st.lists(st.integers(-6, 8), min_size=1, max_size=4), st.integers(0, 7))
def test_no_other_integers_lie_nearer(wanted: list[int], total: int) -> None:
    """By trying all of them."""
    parts = nearest_parts(wanted, total)

    assert sum(parts) == total
    assert min(parts) >= 0
    assert distance(wanted, parts) == min(
        distance(wanted, other)
        for other in itertools.product(range(total + 1), repeat=len(wanted))
        if sum(other) == total
    )


@given(st.lists(st.integers(-(1 << 70), 1 << 70), min_size=1, max_size=30), st.integers(0, 1 << 75))
def test_numbers_beyond_any_float_add_up_exactly(wanted: list[int], total: int) -> None:
    parts = nearest_parts(wanted, total)

    assert sum(parts) == total
    assert min(parts) >= 0
    assert nearest_parts(parts, total) == parts


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=8), st.integers(0, 90))
def test_a_part_that_wanted_more_never_gets_less(wanted: list[int], total: int) -> None:
    parts = nearest_parts(wanted, total)

    for (more, got_more), (less, got_less) in itertools.permutations(
        zip(wanted, parts, strict=True), 2
    ):
        assert more <= less or got_more >= got_less


def test_what_rounding_leaves_over_goes_to_the_first() -> None:
    assert nearest_parts([5, 5, 5], 10) == [4, 3, 3]
    assert nearest_parts([0, 0, 0], 2) == [1, 1, 0]
    assert nearest_parts([3, -9], 0) == [0, 0]
