"""The generator does not wait for the server: a stall is seen in every call that it held up."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from bench.histogram import P50, P99, PARTS
from bench.load import MIX, shares_of
from bench.open_loop import OK, Due, Measured, arrivals, mixed, run_open_loop
from tests.chance import seeded
from tests.virtual_time import run_virtually

SERVICE_US = 1_000


class Stalling:
    """A server that answers after a millisecond, and not at all during its stall."""

    def __init__(self, begins_s: float, ends_s: float) -> None:
        self.begins_s, self.ends_s = begins_s, ends_s
        self.calls = 0

    async def call(self) -> str:
        self.calls += 1
        loop = asyncio.get_running_loop()
        if self.begins_s <= loop.time() < self.ends_s:
            await asyncio.sleep(self.ends_s - loop.time())
        await asyncio.sleep(SERVICE_US / 1_000_000)
        return OK


def loaded(server: Stalling, instants: Sequence[int]) -> Measured:
    return run_virtually(run_open_loop(Due(at_us, "call", server.call) for at_us in instants))


def test_calls_that_were_due_during_a_stall_count_from_when_they_were_due() -> None:
    """A closed loop would have sent one call into the stall and seen a p99 of a millisecond."""
    server = Stalling(2.0, 4.0)

    measured = loaded(server, arrivals(100, 10))

    seen = measured.latencies["call", OK]
    assert server.calls == seen.total == 999
    # 200 of 999 calls were due in the stall, evenly over its 2 s: the worst fifth is 0 to 2 s late
    assert seen.at(P50) <= SERVICE_US + 100
    assert 1_850_000 <= seen.at(P99) <= seen.max_us == 2_001_000
    assert 1_000_000 <= seen.at(900_000) <= 1_020_000


def test_a_generator_that_is_late_itself_makes_latencies_longer() -> None:
    async def blocked() -> Measured:
        loop = asyncio.get_running_loop()

        async def hog() -> str:
            loop._skipping.now_s += 0.5  # type: ignore[attr-defined]  # as if it computed
            return OK

        server = Stalling(0, 0)
        calls = [Due(0, "hog", hog), Due(10_000, "call", server.call)]
        return await run_open_loop(calls)

    measured = run_virtually(blocked())

    assert measured.lags.max_us == 490_000
    assert measured.latencies["call", OK].max_us == 490_000 + SERVICE_US


def test_outcomes_are_kept_apart() -> None:
    async def refused() -> str:
        return "OVERLOADED"

    server = Stalling(0, 0)
    measured = run_virtually(
        run_open_loop([Due(0, "a", server.call), Due(1, "a", refused), Due(2, "b", refused)])
    )

    assert measured.count() == 3
    assert measured.count("a") == measured.count(outcome="OVERLOADED") == 2
    assert measured.count("a", OK) == measured.count("b", "OVERLOADED") == 1


def test_constant_arrivals_are_evenly_spaced_and_chance_ones_are_as_many_on_average() -> None:
    even = arrivals(50, 2)
    drawn = arrivals(50, 200, seeded(1))

    assert {later - earlier for earlier, later in itertools.pairwise(even)} == {20_000}
    assert drawn == sorted(drawn) == arrivals(50, 200, seeded(1))
    # of a Poisson number with mean 10,000, five standard deviations
    assert abs(len(drawn) - 10_000) < 500
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(drawn))
    # the median gap of independent arrivals is ln 2 of the mean
    assert 13_000 < gaps[len(gaps) // 2] < 14_800
    assert max(drawn) < 200 * PARTS


def test_kinds_come_in_their_shares() -> None:
    kinds = mixed([("a", 3), ("b", 1)], 4_000, seeded(2))

    assert abs(kinds.count("a") - 3_000) < 150


def test_a_mix_is_read_and_a_wrong_one_refused() -> None:
    assert shares_of("redemption=50,leaves=1") == [("redemption", 50), ("leaves", 1)]
    assert sum(share for _, share in shares_of(MIX)) == 100
    for wrong in ("redemptions=50", "leaves", "leaves=0", "leaves=-1", ""):
        with pytest.raises(ValueError, match="is not one of"):
            shares_of(wrong)
