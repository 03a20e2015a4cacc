"""Products of powers: by tables for bases that never change, by buckets for those that do.

`Comb` is the method of Lim and Lee 1994 over many fixed bases at once: an exponent is laid out in
`TEETH` rows, the bits of a column pick one entry of the base's table, and all bases share the
squarings. `multi_power` is the bucket method of Pippenger (as in Bernstein, Doumen, Lange and
Oosterwijk 2012) and needs no preparation.

As with `fedcarbon.paillier.randomiser`, which memory a secret exponent touches depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import gmpy2
from gmpy2 import mpz

TEETH: Final = 8
"""Rows of a comb: 2^8 products per base to prepare, one per 8 bits of exponent to use."""

_WINDOWS: Final = range(1, 13)
_BIT_TO_BYTE: Final = bytes(byte - ord("0") if byte in b"01" else 0 for byte in range(256))


class Comb:
    """Tables of fixed bases for exponents of one length."""

    __slots__ = ("_columns", "_modulus", "_tables", "exponent_bits")

    def __init__(self, bases: Sequence[int], *, modulus: int, exponent_bits: int) -> None:
        """Prepare 2^`TEETH` products per base (3072 bits: 100 kB each).

        Args:
            bases: reduced mod `modulus`.
            modulus: larger than 1.
            exponent_bits: length of the longest exponent, at least 1.
        """
        self.exponent_bits: Final = exponent_bits
        self._columns: Final = -(-exponent_bits // TEETH)
        self._modulus: Final = mpz(modulus)
        self._tables: Final = [self._table(mpz(base)) for base in bases]

    def power(self, exponents: Sequence[int]) -> Any:  # noqa: ANN401 - mpz has no type stubs
        """Return prod base_i^exponent_i mod modulus as an `mpz`.

        Raises:
            ValueError: not one exponent per base, or one is negative or too long (our mistake).
        """
        columns, modulus = self._columns, self._modulus
        rows = [self._digits(exponent) for exponent in exponents]
        picked = list(zip(self._tables, rows, strict=True))
        result = mpz(1)
        for column in range(columns):
            if column:
                result = result * result % modulus
            for table, digits in picked:
                result = result * table[digits[column]] % modulus
        return result

    def _table(self, base: Any) -> list[Any]:  # noqa: ANN401
        """Return prod over the set bits i of the index of base^(2^(i columns))."""
        table = [mpz(1)]
        tooth = base
        for _ in range(TEETH):
            table += [entry * tooth % self._modulus for entry in table]
            tooth = gmpy2.powmod(tooth, 1 << self._columns, self._modulus)
        return table

    def _digits(self, exponent: int) -> bytes:
        """Return the columns of an exponent, the highest first, one byte each."""
        columns = self._columns
        if exponent < 0 or exponent.bit_length() > columns * TEETH:
            raise ValueError(f"the exponent does not fit {columns * TEETH} bits")
        # Every bit becomes a byte, rows are added shifted: no loop over bits in Python.
        spread = f"{exponent:0{columns * TEETH}b}".encode().translate(_BIT_TO_BYTE)
        total = 0
        for row in range(TEETH):
            start = len(spread) - (row + 1) * columns
            total |= int.from_bytes(spread[start : start + columns], "big") << row
        return total.to_bytes(columns, "big")


def multi_power(bases: Sequence[Any], exponents: Sequence[int], modulus: Any) -> Any:  # noqa: ANN401
    """Return prod base_i^exponent_i mod modulus as an `mpz`; of none, 1.

    Args:
        bases: units mod `modulus`.
        exponents: one per base; for a negative one the base is inverted.
        modulus: larger than 1.
    """
    pairs = [
        (mpz(base) if exponent > 0 else gmpy2.invert(base, modulus), abs(exponent))
        for base, exponent in zip(bases, exponents, strict=True)
        if exponent
    ]
    if not pairs:
        return mpz(1)
    lengths = [exponent.bit_length() for _, exponent in pairs]
    width = min(_WINDOWS, key=lambda bits: _cost(lengths, bits))
    digits = [(base, gmpy2.unpack(mpz(exponent), width)) for base, exponent in pairs]
    result = mpz(1)
    for position in reversed(range(-(-max(lengths) // width))):
        if result != 1:
            result = gmpy2.powmod(result, 1 << width, modulus)
        result = result * _bucketed(digits, position, width, modulus) % modulus
    return result


def _bucketed(digits: Sequence[Any], position: int, width: int, modulus: Any) -> Any:  # noqa: ANN401
    """Return the product of all bases to the power of their digit at `position`."""
    buckets: list[Any] = [None] * (1 << width)
    for base, of_base in digits:
        digit = int(of_base[position]) if position < len(of_base) else 0
        if digit:
            held = buckets[digit]
            buckets[digit] = base if held is None else held * base % modulus
    running, total = mpz(1), mpz(1)
    for bucket in reversed(buckets[1:]):
        if bucket is not None:
            running = running * bucket % modulus
        if running != 1:
            total = total * running % modulus
    return total


def _cost(lengths: Sequence[int], width: int) -> int:
    """Return the products that buckets of `width` bits need, roughly."""
    used = sum(-(-length // width) for length in lengths)
    return used + -(-max(lengths) // width) * (1 << (width + 1))
