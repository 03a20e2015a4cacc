"""Products of powers by buckets, for bases that are never seen again.

The bucket method of Pippenger (as in Bernstein, Doumen, Lange and Oosterwijk 2012) needs no
preparation. For bases that never change see `fedcarbon.paillier.fixed_base`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import gmpy2
from gmpy2 import mpz

_WINDOWS: Final = range(1, 13)


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
