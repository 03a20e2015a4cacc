"""How much of a measurement is made: all of it, or enough to see that every figure still comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PERCENT_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """A share of the repetitions; figures of a small share are noisy, and name the same things."""

    percent: int = PERCENT_MAX
    """1 to 100."""

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        if not 0 < self.percent <= PERCENT_MAX:
            raise ValueError(f"{self.percent} percent is not between 1 and {PERCENT_MAX}")

    def of(self, times: int, least: int = 1) -> int:
        """Return that share of `times`, and `least` at least."""
        return max(least, times * self.percent // PERCENT_MAX)
