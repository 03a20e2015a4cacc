from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.paillier.randomiser import FixedBaseTable, window_bits_for

MODULUS = 2**127 - 1


@given(
    base=st.integers(2, MODULUS - 1),
    exponent=st.integers(0, 2**61 - 1),
    window_bits=st.integers(1, 8),
)
def test_a_table_gives_the_same_power_as_plain_arithmetic(
    base: int, exponent: int, window_bits: int
) -> None:
    table = FixedBaseTable(base=base, modulus=MODULUS, exponent_bits=61, window_bits=window_bits)

    assert table.power(exponent) == pow(base, exponent, MODULUS)


@pytest.mark.parametrize("exponent", [-1, 2**61])
def test_an_exponent_beyond_the_table_is_our_own_mistake(exponent: int) -> None:
    table = FixedBaseTable(base=3, modulus=MODULUS, exponent_bits=61, window_bits=4)

    with pytest.raises(ValueError, match="does not fit 61 bits"):
        table.power(exponent)


@pytest.mark.parametrize(("exponent_bits", "window_bits"), [(0, 4), (61, 0), (61, 17)])
def test_a_table_of_absurd_size_is_not_built(exponent_bits: int, window_bits: int) -> None:
    with pytest.raises(ValueError, match="no table"):
        FixedBaseTable(
            base=3, modulus=MODULUS, exponent_bits=exponent_bits, window_bits=window_bits
        )


def test_test_keys_get_a_small_table() -> None:
    assert window_bits_for(1536) == window_bits_for(1024) == 10
    assert window_bits_for(256) == 5


def test_a_table_shows_only_its_sizes() -> None:
    table = FixedBaseTable(base=3, modulus=MODULUS, exponent_bits=61, window_bits=4)

    assert repr(table) == "FixedBaseTable(exponent_bits=61, window=4)"
