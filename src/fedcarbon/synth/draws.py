"""Reproducible draws: the same seed gives the same city, on every machine and in any order."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

BOUND_MAX: Final = 1 << 32


class Draws:
    """Columns of draws for one part of the city.

    Philox is a published counter-based generator whose raw words do not change between releases of
    numpy, unlike the distributions on top of it, so those are made here, from integers alone.
    """

    def __init__(self, count: int, *labels: object) -> None:
        """Give columns of `count` draws; other labels give other, independent ones."""
        name = "|".join(map(str, labels)).encode()
        key = int.from_bytes(hashlib.sha256(name).digest()[:16], "big")
        self._bits: Final = np.random.Philox(key=key)
        self._count: Final = count

    def below(self, bound: int) -> Integers:
        """Return integers in [0, bound), each as likely as the next up to one in 2^32.

        Args:
            bound: 1 to 2^32.
        """
        assert 1 <= bound <= BOUND_MAX
        words = self._bits.random_raw(self._count) >> np.uint64(32)
        return (words * np.uint64(bound) >> np.uint64(32)).astype(np.int64)

    def happens(self, percent: int) -> Truths:
        """Return what is true for so many of a hundred."""
        return self.below(100) < percent
