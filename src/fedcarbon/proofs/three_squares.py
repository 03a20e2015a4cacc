"""Integers as sums of three squares: why a number that is one cannot be negative.

Every positive integer that is 1 mod 4 is x^2 + y^2 + z^2 (Legendre; Groth 2005 uses it for range
proofs). The search is that of Rabin and Shallit 1986: draw x until m - x^2 is a prime, which is a
sum of two squares if it is 1 mod 4, and those are found at once. Three inputs need care, because a
random search would not end or not begin there: squares, small numbers, and the odd x, whose
m - x^2 is 0 mod 4 and never a prime.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Final

import gmpy2

from fedcarbon.errors import StateError

EXHAUSTIVE_BELOW: Final = 4_096
TRIES_MAX: Final = 65_536
"""The mean is 114 at 224 bits: not to find one in so many is to have a broken source of chance."""


class ThreeSquaresNotFoundError(StateError):
    """The random search did not end; draw again."""

    code: ClassVar[str] = "THREE_SQUARES_NOT_FOUND"


def three_squares(number: int, randbelow: Callable[[int], int]) -> tuple[int, int, int]:
    """Return (x, y, z), none negative, with x^2 + y^2 + z^2 = `number`.

    Args:
        number: positive and 1 mod 4.
        randbelow: uniform in [0, bound).

    Raises:
        ValueError: `number` is not positive or not 1 mod 4 (our own mistake).
        ThreeSquaresNotFoundError: see there.
    """
    if number < 1 or number % 4 != 1:
        raise ValueError("three squares are searched for positive numbers that are 1 mod 4")
    root = math.isqrt(number)
    if root * root == number:
        return root, 0, 0
    if number < EXHAUSTIVE_BELOW:
        return _exhaustive(number, root)
    for _ in range(TRIES_MAX):
        x = 2 * randbelow(root // 2 + 1)
        rest = number - x * x
        if gmpy2.is_prime(rest):
            y, z = _two_squares(rest)
            return x, y, z
    raise ThreeSquaresNotFoundError(f"no sum of three squares found in {TRIES_MAX} draws")


def _exhaustive(number: int, root: int) -> tuple[int, int, int]:
    for x in range(root, -1, -1):
        rest = number - x * x
        for y in range(math.isqrt(rest), -1, -1):
            z = math.isqrt(rest - y * y)
            if z * z == rest - y * y:
                return x, y, z
    raise AssertionError("every positive number that is 1 mod 4 is a sum of three squares")


def _two_squares(prime: int) -> tuple[int, int]:
    """Return (y, z) with y^2 + z^2 = `prime`, which is 1 mod 4: Euclid from a root of -1."""
    non_residue = 2
    while gmpy2.legendre(non_residue, prime) != -1:
        non_residue += 1
    # a^((p-1)/4) squares to a^((p-1)/2) = -1.
    larger, smaller = prime, int(gmpy2.powmod(non_residue, (prime - 1) // 4, prime))
    limit = math.isqrt(prime)
    while smaller > limit:
        larger, smaller = smaller, larger % smaller
    return smaller, math.isqrt(prime - smaller * smaller)
