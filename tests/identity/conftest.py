"""Randomness for these tests: a hash over a counter, so that every run sees the same values."""

from __future__ import annotations

from itertools import count

import pytest

from fedcarbon.canonical.hashing import expand_integer, u64
from fedcarbon.identity.ristretto import RandomBelow


@pytest.fixture
def random_below() -> RandomBelow:
    numbers = count()

    def below(bound: int) -> int:
        bits = bound.bit_length() + 64
        return expand_integer(b"fedcarbon/test/random", u64(next(numbers)), bits=bits) % bound

    return below
