"""Protocol time is handed in, so that tests and the demo can live in the past.

TLS always uses the machine's own time; everything that a protocol rule compares uses a `Clock`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from fedcarbon.units import Seconds


class Clock(Protocol):
    """A source of protocol time."""

    def now_s(self) -> Seconds:
        """Return the present instant in seconds since 1970-01-01T00:00:00Z."""
        ...


class SystemClock:
    """The machine's own time."""

    def now_s(self) -> Seconds:
        """Return the machine's time in whole seconds."""
        return Seconds(int(time.time()))


@dataclass(slots=True)
class SteppedClock:
    """A clock that stands still until it is told to move."""

    at_s: Seconds

    def now_s(self) -> Seconds:
        """Return the instant that was last set."""
        return self.at_s
