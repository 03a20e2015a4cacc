"""Randomness that is the same on every machine, for vectors and repeatable tests."""

from __future__ import annotations

from dataclasses import dataclass

from fedcarbon.canonical.hashing import expand_integer, u32


@dataclass(slots=True)
class SeededStream:
    """Draws from SHAKE-256 over (label, seed, counter), the counter rising from 0 at each draw."""

    seed: str
    counter: int = 0

    def randbelow(self, bound: int) -> int:
        """Return an integer in [0, bound): |bound| + 128 bits, reduced."""
        bits = bound.bit_length() + 128
        label = b"fedcarbon/test-vector-randomness"
        value = expand_integer(label, self.seed.encode(), u32(self.counter), bits=bits)
        self.counter += 1
        return value % bound
