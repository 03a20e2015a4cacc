from __future__ import annotations

import math

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.proofs.three_squares import (
    EXHAUSTIVE_BELOW,
    ThreeSquaresNotFoundError,
    three_squares,
)
from tests.chance import seeded


def never(bound: int) -> int:
    raise AssertionError(bound)


def is_sum(number: int, roots: tuple[int, int, int]) -> bool:
    return sum(root * root for root in roots) == number and min(roots) >= 0


def test_three_squares_85_terminates() -> None:
    # No even x leaves a prime that is 1 mod 4: 85, 81, 69, 49 and 21 are none.
    assert not any(gmpy2.is_prime(85 - x * x) for x in range(0, 10, 2))

    assert is_sum(85, three_squares(85, never))


@pytest.mark.parametrize("bound", [1, 3, 85, 4_095, 50_000_000_001, 2**108 - 1, 2**112 - 1])
def test_three_squares_half_cap_odd_b_terminates(bound: int) -> None:
    # At both halves of an odd bound the number is B^2: no draw would ever leave a prime there.
    for value in ((bound - 1) // 2, (bound + 1) // 2):
        number = 4 * value * (bound - value) + 1
        assert number == bound * bound
        assert three_squares(number, never) == (bound, 0, 0)


def test_three_squares_all_small() -> None:
    for number in range(1, EXHAUSTIVE_BELOW, 4):
        assert is_sum(number, three_squares(number, never))


def test_above_the_exhaustive_search_an_even_root_leaves_a_prime() -> None:
    chance = seeded(1)
    for number in range(EXHAUSTIVE_BELOW + 1, 5 * EXHAUSTIVE_BELOW, 4):
        evens = range(0, math.isqrt(number) + 1, 2)
        is_square = math.isqrt(number) ** 2 == number
        assert is_square or any(gmpy2.is_prime(number - x * x) for x in evens)
        assert is_sum(number, three_squares(number, chance.randrange))


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=2**224).map(lambda number: 4 * number + 1))
def test_every_number_that_is_one_mod_four_is_a_sum(number: int) -> None:
    assert is_sum(number, three_squares(number, seeded(number % 1000).randrange))


@settings(deadline=None)
@given(st.integers(0, 2**112 - 1), st.integers(0, 2**112 - 1))
def test_the_roots_of_a_slot_are_no_longer_than_its_bound(one: int, other: int) -> None:
    value, bound = min(one, other), max(one, other)

    roots = three_squares(4 * value * (bound - value) + 1, seeded(1).randrange)

    assert max(roots) <= max(bound, 1)


@pytest.mark.parametrize("number", [0, -3, -7, 2, 3, 4, 7])
def test_another_number_is_our_own_mistake(number: int) -> None:
    with pytest.raises(ValueError, match="1 mod 4"):
        three_squares(number, never)


def test_a_source_of_chance_that_is_stuck_ends_the_search() -> None:
    number = next(n for n in range(10**6 + 1, 10**7, 4) if not gmpy2.is_prime(n - 4))

    with pytest.raises(ThreeSquaresNotFoundError):
        three_squares(number, lambda _: 1)
