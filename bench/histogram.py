"""Latencies in buckets whose width grows with the value (after HdrHistogram, Gil Tene).

Up to `2 ** (BITS + 1)` microseconds every value has a bucket of its own; above that a power of two
is divided into `2 ** BITS` buckets, so that a percentile is never below the true one, and above it
by less than one part in `2 ** BITS`. Only integers; merging loses nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

BITS: Final = 7
"""A percentile is at most 0.8 % too high."""
PARTS: Final = 1_000_000
"""Percentiles are asked for in parts of a million."""
P50: Final = 500_000
P90: Final = 900_000
P99: Final = 990_000
P999: Final = 999_000


@dataclass(slots=True)
class Histogram:
    """Counts of values, which are microseconds."""

    _counts: Counter[int] = field(default_factory=Counter)
    total: int = 0
    """How many values there are."""
    max_us: int = 0
    """The largest, exactly."""

    def add(self, value_us: int) -> None:
        """Count a value; a negative one is 0."""
        value_us = max(value_us, 0)
        self._counts[_bucket(value_us)] += 1
        self.total += 1
        self.max_us = max(self.max_us, value_us)

    def merge(self, other: Histogram) -> None:
        """Count all values of another one."""
        self._counts.update(other._counts)
        self.total += other.total
        self.max_us = max(self.max_us, other.max_us)

    def at(self, parts: int) -> int:
        """Return the least value that so many parts of a million of all values do not exceed.

        Args:
            parts: 1 to `PARTS`.

        Returns:
            The upper edge of its bucket, and never more than the largest value; 0 if there is none.
        """
        if not 0 < parts <= PARTS:
            raise ValueError(f"{parts} parts are not between 1 and {PARTS}")
        rank, seen = -(-self.total * parts // PARTS), 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= rank:
                return min(_upper_us(bucket), self.max_us)
        return 0


def _bucket(value_us: int) -> int:
    shift = max(value_us.bit_length() - (BITS + 1), 0)
    return (shift << BITS) + (value_us >> shift)


def _upper_us(bucket: int) -> int:
    """Return the largest value of a bucket."""
    if bucket < 2 << BITS:
        return bucket
    shift = (bucket >> BITS) - 1
    return (((bucket - (shift << BITS)) + 1) << shift) - 1
