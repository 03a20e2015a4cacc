from __future__ import annotations

from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.proofs.multi_power import multi_power
from tests.keys.primes import TINY, load_primes

MODULUS = load_primes(TINY).big_n
BASES = tuple(pow(3, 7**j, MODULUS) for j in range(1, 6))


def naive(exponents: list[int]) -> int:
    pairs = zip(BASES, exponents, strict=False)
    return prod(pow(base, exponent, MODULUS) for base, exponent in pairs) % MODULUS


LENGTHS = st.sampled_from([0, 1, 2, 7, 8, 9, 63, 64, 65, 245, 600])


def exponents(lengths: st.SearchStrategy[int]) -> st.SearchStrategy[list[int]]:
    one = lengths.flatmap(lambda bits: st.integers(0, (1 << bits) - (bits > 0)))
    return st.lists(one, min_size=5, max_size=5)


@settings(deadline=None)
@given(exponents(LENGTHS))
def test_buckets_give_the_product_of_the_powers(numbers: list[int]) -> None:
    assert int(multi_power(BASES, numbers, MODULUS)) == naive(numbers)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**200), 2**200), max_size=5))
def test_a_negative_exponent_inverts_its_base(numbers: list[int]) -> None:
    assert int(multi_power(BASES[: len(numbers)], numbers, MODULUS)) == naive(numbers)


def test_of_nothing_the_product_is_one() -> None:
    assert multi_power([], [], MODULUS) == 1
    assert multi_power(BASES, [0] * 5, MODULUS) == 1


def test_many_bases_take_wide_windows() -> None:
    bases = [pow(5, j, MODULUS) for j in range(1, 400)]
    numbers = [pow(7, j, 2**128) for j in range(1, 400)]

    expected = pow(5, sum(j * e for j, e in enumerate(numbers, start=1)), MODULUS)
    assert multi_power(bases, numbers, MODULUS) == expected


def test_there_is_one_exponent_per_base() -> None:
    for numbers in ([1] * 4, [1] * 6):
        with pytest.raises(ValueError, match="zip"):
            multi_power(BASES, numbers, MODULUS)
