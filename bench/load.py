"""`python -m bench.load`: what the hub takes, and what it does with twice as much.

Without a rate, the highest one is looked for at which every call is answered and the 99th
percentile of every kind stays under a bound; then the hub gets that rate, twice that rate, and
twice that rate without its limits. Each run begins with a fresh copy of the same hub, in a process
of its own over mTLS; at its end the hub is killed and its books are compared with its answers.

Calls arrive as `bench.open_loop` says; latencies count from the instant at which a call was due.
Generator, rail and hub share the machine.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cyclopts import App
from rich.console import Console
from rich.table import Table

from bench.histogram import P50, P90, P99, P999, Histogram
from bench.load_calls import KINDS, Maker, Said, check_books, dialled
from bench.open_loop import OK, Due, Measured, arrivals, mixed, run_open_loop
from bench.service import CALLERS, fill, served
from fedcarbon.wire.clocks import FileClock
from fedcarbon.wire.status import OverloadedError
from hub.storage.engine import reading, sqlite_engine
from tests.chance import seeded
from tests.hub.openings.world import PEOPLE
from tests.soak.rounds import order_maker, prepared

MIX: Final = "redemption=50,account=30,enrolment=10,leaves=10"
OUT: Final = Path("build/load.json")
BOUND_MS: Final = 500
START_PER_S: Final = 20.0
REFINEMENTS: Final = 3
"""Halvings between a rate that is sustained and twice that rate, which is not."""
RATE_MIN_PER_S: Final = 0.5
_US_PER_MS: Final = 1_000

app = App(name="load", help="Load the hub in an open loop; percentiles without omission.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run and what was found in the books after it."""

    rate_per_s: float
    limited: bool
    measured: Measured
    said: Said
    books: dict[str, int]

    def sustained(self, bound_us: int) -> bool:
        """Return whether every call was answered, and soon enough."""
        return all(
            outcome == OK and histogram.at(P99) <= bound_us
            for (_, outcome), histogram in self.measured.latencies.items()
        )

    def goodput_per_s(self) -> float:
        """Return how many calls were answered in a second."""
        return self.measured.count(outcome=OK) * 1_000_000 / max(self.measured.span_us, 1)

    def shed_share(self, kind: str | None = None) -> float:
        """Return which share of the calls, of one kind, was told to come back."""
        shed = self.measured.count(kind, OverloadedError.code)
        return shed / max(self.measured.count(kind), 1)

    def answered(self, kind: str) -> Histogram:
        """Return the latencies of the calls of a kind that were answered."""
        return self.measured.latencies.get((kind, OK), Histogram())


class Bench:
    """A hub that was prepared once, and runs on copies of it."""

    def __init__(
        self, folder: Path, *, seconds: int, kinds: Sequence[tuple[str, int]], constant: bool
    ) -> None:
        """Prepare the hub in `folder`."""
        self._folder, self._seconds, self._kinds = folder, seconds, kinds
        self._constant = constant
        self._runs = 0
        world = prepared(folder / "prepared" / "hub", None)
        world.hub.write_now(functools.partial(fill, world))
        self._maker = Maker(world, [order_maker(world, person) for person in PEOPLE])
        FileClock(folder / "prepared" / "clock").set_s(world.clock.now_s())
        world.close()

    def run(self, rate_per_s: float, *, limited: bool = True) -> Run:
        """Load a fresh copy of the hub at a rate and check its books.

        Raises:
            BooksDifferError: they are not what was answered.
        """
        self._runs += 1
        folder = self._folder / f"run-{self._runs}"
        shutil.copytree(self._folder / "prepared", folder)
        said = Said()
        with served(folder, None, limited=limited) as hub:
            measured = asyncio.run(self._load(folder, hub.port, rate_per_s, said))
            moved = hub.rail.movements()
        engine = sqlite_engine(folder / "hub" / "hub.db")
        with reading(engine) as session:
            books = check_books(session, said, moved)
        engine.dispose()
        shutil.rmtree(folder)
        return Run(
            rate_per_s=rate_per_s, limited=limited, measured=measured, said=said, books=books
        )

    async def _load(self, folder: Path, port: int, rate_per_s: float, said: Said) -> Measured:
        chance = seeded(self._runs)
        instants = arrivals(rate_per_s, self._seconds, None if self._constant else chance)
        kinds = mixed(self._kinds, len(instants), chance)
        async with dialled(folder, port, list(CALLERS)) as channels:
            sends = list(self._maker.prepared(kinds, channels, said))
            return await run_open_loop(map(Due, instants, kinds, sends))

    def sustainable(self, bound_us: int, note: Any) -> float:  # noqa: ANN401 - what prints
        """Return the highest rate that is sustained, within an eighth."""
        rate = START_PER_S

        def holds(tried: float) -> bool:
            run = self.run(tried)
            note(run)
            return run.sustained(bound_us)

        while not holds(rate) and rate > RATE_MIN_PER_S:
            rate /= 2
        if rate >= START_PER_S:
            while holds(2 * rate):
                rate *= 2
        step = rate
        for _ in range(REFINEMENTS):
            step /= 2
            if holds(rate + step):
                rate += step
        return rate


@app.default
def load(
    *,
    rate: float = 0.0,
    seconds: int = 10,
    mix: str = MIX,
    bound_ms: int = BOUND_MS,
    constant: bool = False,
    out: Path = OUT,
) -> None:
    """Load the hub: at one rate, or look for the sustainable one and then load it twice as much.

    Args:
        rate: calls a second; 0 looks for it.
        seconds: of each run.
        mix: shares of redemption, account, enrolment (batches of 200) and leaves (pages of 200).
        bound_ms: what the 99th percentile of every kind may be at the sustainable rate.
        constant: evenly spaced arrivals, not independent ones.
        out: where the JSON goes.
    """
    console = Console()

    def note(run: Run) -> None:
        console.print(
            f"{run.rate_per_s:8.1f} calls/s: {run.goodput_per_s():.1f}/s answered, "
            f"{100 * run.shed_share():.1f} % shed, redemption p99 "
            f"{run.answered('redemption').at(P99) / _US_PER_MS:.0f} ms, books agree"
        )

    with tempfile.TemporaryDirectory(prefix="fedcarbon-load-") as name:
        bench = Bench(Path(name), seconds=seconds, kinds=shares_of(mix), constant=constant)
        if rate:
            runs = {"run": bench.run(rate)}
        else:
            found = bench.sustainable(bound_ms * _US_PER_MS, note)
            runs = {
                "sustainable": bench.run(found),
                "twice": bench.run(2 * found),
                "twice_without_limits": bench.run(2 * found, limited=False),
            }
    out.parent.mkdir(parents=True, exist_ok=True)
    figures = {title: _figures(run) for title, run in runs.items()}
    machine = {"cores": os.cpu_count(), "load_before": os.getloadavg()[2]}
    kept = {"mix": mix, "seconds": seconds, "bound_ms": bound_ms, "machine": machine, **figures}
    out.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    for title, run in runs.items():
        console.print(_table(title, run))
        note(run)
    console.print(f"all figures are in {out}")


def shares_of(mix: str) -> list[tuple[str, int]]:
    """Return kinds and their shares, from `kind=share,kind=share`.

    Raises:
        ValueError: a kind that there is not, or a share that is no positive integer.
    """
    shares = []
    for part in mix.split(","):
        kind, _, share = part.partition("=")
        if kind not in KINDS or not share.isdecimal() or not int(share):
            raise ValueError(f"{part!r} is not one of {', '.join(KINDS)} with a share, as in {MIX}")
        shares.append((kind, int(share)))
    return shares


def _figures(run: Run) -> dict[str, Any]:
    hints = run.said.hints_ms
    return {
        "rate_per_s": run.rate_per_s,
        "limited": run.limited,
        "goodput_per_s": round(run.goodput_per_s(), 1),
        "shed_share": round(run.shed_share(), 4),
        "span_us": run.measured.span_us,
        "generator_lag_us": _percentiles(run.measured.lags),
        "hint_ms": {"min": min(hints, default=0), "max": max(hints, default=0)},
        "books": run.books,
        "calls": [
            {"kind": kind, "outcome": outcome, **_percentiles(histogram)}
            for (kind, outcome), histogram in sorted(run.measured.latencies.items())
        ],
    }


def _percentiles(histogram: Histogram) -> dict[str, int]:
    return {
        "count": histogram.total,
        "p50_us": histogram.at(P50),
        "p90_us": histogram.at(P90),
        "p99_us": histogram.at(P99),
        "p999_us": histogram.at(P999),
        "max_us": histogram.max_us,
    }


def _table(title: str, run: Run) -> Table:
    table = Table("call", "outcome", "count", "p50 ms", "p90", "p99", "p99.9", "max")
    table.title = f"{title}: {run.rate_per_s:.1f} calls a second"
    for (kind, outcome), histogram in sorted(run.measured.latencies.items()):
        row = list(_percentiles(histogram).items())
        figures = [f"{value / _US_PER_MS:.1f}" for _, value in row[1:]]
        table.add_row(kind, outcome, str(histogram.total), *figures)
    return table


if __name__ == "__main__":
    app()
