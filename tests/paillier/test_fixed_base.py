from __future__ import annotations

from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.paillier.fixed_base import Comb, CombShape, window_bits_for

MODULUS = 2**127 - 1
BASES = (3, 5**40 % MODULUS, 7**30 % MODULUS)


def shape(exponent_bits: int = 61, window_bits: int = 4, columns: int = 3) -> CombShape:
    return CombShape(
        bases=BASES,
        modulus=MODULUS,
        exponent_bits=exponent_bits,
        window_bits=window_bits,
        columns=columns,
    )


def plain(row: list[int]) -> int:
    return prod(pow(base, exponent, MODULUS) for base, exponent in zip(BASES, row, strict=True)) % (
        MODULUS
    )


ROWS = st.lists(st.lists(st.integers(0, 2**61 - 1), min_size=3, max_size=3), max_size=40)


@settings(deadline=None)
@given(rows=ROWS, window_bits=st.integers(1, 9), columns=st.integers(1, 70))
def test_tables_give_the_same_powers_as_plain_arithmetic(
    rows: list[list[int]], window_bits: int, columns: int
) -> None:
    comb = Comb(shape(window_bits=window_bits, columns=columns))

    assert comb.powers(rows) == [plain(row) for row in rows]


@pytest.mark.parametrize("bits", [1, 7, 8, 9, 36, 245])
def test_the_longest_exponent_is_taken_and_longer_ones_are_our_own_mistake(bits: int) -> None:
    comb = Comb(shape(bits))
    longest = [2**bits - 1] * 3

    assert comb.power(longest) == plain(longest)
    for wrong in (2**bits, -1):
        with pytest.raises(ValueError, match=f"does not fit {bits} bits"):
            comb.powers([longest, [0, wrong, 0]])


def test_one_proof_and_hundreds_read_the_same_tables() -> None:
    """A few picks read single entries, many picks whole tables."""
    comb = Comb(shape(window_bits=3, columns=2))
    rows = [[number, 7**number % 2**61, 2**61 - 1 - number] for number in range(100)]

    assert comb.powers(rows) == [comb.power(row) for row in rows]


def test_tables_may_stand_anywhere_in_bytes_that_are_there() -> None:
    of_tables = b"".join(shape().built())

    assert len(of_tables) == shape().data_bytes
    comb = Comb(shape(), b"before" + of_tables + b"behind", start=6)
    assert comb.power([1, 2, 2**60]) == plain([1, 2, 2**60])


def test_there_is_one_exponent_per_base() -> None:
    for row in ([1, 2], [1, 2, 3, 4]):
        with pytest.raises(ValueError, match="each of 3 bases"):
            Comb(shape()).power(row)


@pytest.mark.parametrize(
    ("exponent_bits", "window_bits", "columns"), [(0, 4, 3), (61, 0, 3), (61, 17, 3), (61, 4, 0)]
)
def test_tables_of_absurd_size_are_not_built(
    exponent_bits: int, window_bits: int, columns: int
) -> None:
    with pytest.raises(ValueError, match="no table"):
        shape(exponent_bits, window_bits, columns)


def test_test_keys_get_small_tables() -> None:
    assert window_bits_for(1536) == window_bits_for(1024) == 11
    assert window_bits_for(256) == 5


def test_tables_show_only_their_sizes() -> None:
    assert repr(Comb(shape())) == ("Comb(CombShape(exponent_bits=61, window_bits=4, columns=3))")


def test_tables_that_are_kept_as_numbers_are_read_from_the_bytes_once() -> None:
    read: list[slice] = []

    class Counting(bytes):
        def __getitem__(self, key: slice) -> bytes:  # type: ignore[override]
            read.append(key)
            return super().__getitem__(key)

    comb = Comb(shape(window_bits=4, columns=2), Counting(b"".join(shape(61, 4, 2).built())))
    rows = [[5, 6, number] for number in range(20)]

    assert comb.powers(rows) == [plain(row) for row in rows]
    tables = len(read)
    assert comb.powers(rows) == [plain(row) for row in rows]
    assert tables == len(read) == 3 * shape(61, 4, 2).tables
