"""Calls that are sent when they are due, whether or not earlier ones were answered.

People do not wait for each other: while a server stalls, more of them come. A generator that waits
for an answer before it sends again leaves out exactly the calls that would have suffered
(coordinated omission, Gil Tene). Here the instants are drawn before the run, nothing delays a call
but the machine itself, and a latency counts from the instant at which the call was due, so that
also a late generator makes a figure worse and never better.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - only the type; seeds come from tests.chance
from typing import Final

from bench.histogram import Histogram

OK: Final = "OK"
_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Due:
    """A call and when it is due."""

    at_us: int
    """After the beginning of the run."""
    kind: str
    send: Callable[[], Awaitable[str]]
    """Makes the call and returns how it ended: `OK`, or the code of an error."""


@dataclass(slots=True)
class Measured:
    """What a run has shown."""

    latencies: defaultdict[tuple[str, str], Histogram] = field(
        default_factory=lambda: defaultdict(Histogram)
    )
    """From the instant that a call was due to its end, by kind and outcome."""
    lags: Histogram = field(default_factory=Histogram)
    """How late calls were sent: the generator's own share."""
    span_us: int = 0
    """From the beginning to the last answer."""

    def count(self, kind: str | None = None, outcome: str | None = None) -> int:
        """Return how many calls there were, of one kind, of one outcome."""
        return sum(
            histogram.total
            for (of_kind, ended), histogram in self.latencies.items()
            if kind in {None, of_kind} and outcome in {None, ended}
        )


def arrivals(rate_per_s: float, seconds: float, chance: Random | None = None) -> list[int]:
    """Return the instants of a run in microseconds.

    Args:
        rate_per_s: calls a second, on average.
        seconds: how long.
        chance: for independent arrivals (Poisson); without it they are evenly spaced.
    """
    end_us, mean_us = seconds * _US, _US / rate_per_s
    instants: list[int] = []
    at_us = 0.0
    while True:
        at_us += mean_us if chance is None else chance.expovariate(1 / mean_us)
        if at_us >= end_us:
            return instants
        instants.append(int(at_us))


async def run_open_loop(calls: Iterable[Due]) -> Measured:
    """Send every call when it is due and return what was measured when all have ended.

    Args:
        calls: by the instant at which they are due.
    """
    loop, measured = asyncio.get_running_loop(), Measured()
    begun_s = loop.time()

    def now_us() -> int:
        return int((loop.time() - begun_s) * _US)

    async def one(due: Due) -> None:
        measured.lags.add(now_us() - due.at_us)
        outcome = await due.send()
        measured.latencies[due.kind, outcome].add(now_us() - due.at_us)

    async with asyncio.TaskGroup() as group:
        for due in calls:
            wait_us = due.at_us - now_us()
            if wait_us > 0:
                await asyncio.sleep(wait_us / _US)
            group.create_task(one(due))
    measured.span_us = now_us()
    return measured


def mixed(kinds: Sequence[tuple[str, int]], count: int, chance: Random) -> list[str]:
    """Return `count` kinds drawn by their shares."""
    names, shares = zip(*kinds, strict=True)
    return chance.choices(names, shares, k=count)
