"""python -m tests.soak: rounds of kill -9 on a store, then seeds of the simulation for a while."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

from demo.own_folder import begin
from tests.conftest import TEMPLATE
from tests.databases import make_schema
from tests.postgresql import running_cluster
from tests.simulation.clearing.shrinking import Play, failure_of, on_postgresql, report
from tests.soak.rounds import soak

SQLITE, POSTGRESQL = "sqlite", "postgresql"
LENGTH: Final = 40
MARKER: Final = ".fedcarbon-soak"


def main() -> int:
    """Run what is asked for; 0 if nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how often the hub is killed")
    parser.add_argument("--store", choices=(SQLITE, POSTGRESQL), default=SQLITE)
    parser.add_argument("--seconds", type=int, default=0, help="how long seeds are played")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the first seed")
    parser.add_argument("--out", type=Path, help="folder, kept until the next run; else temporary")
    asked = parser.parse_args()
    _say(f"seed {asked.seed}")
    with contextlib.ExitStack() as stack:
        if asked.rounds:
            folder = asked.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            if asked.out:
                begin(folder, MARKER)
            database = None
            if asked.store == POSTGRESQL:
                cluster = stack.enter_context(running_cluster(durable=True))
                database = cluster.create()
            done = soak(
                folder,
                rounds=asked.rounds,
                seed=asked.seed,
                store=asked.store,
                database=database,
            )
            _say(json.dumps(asdict(done), indent=2))
        if not asked.seconds:
            return 0
        play: Play = failure_of
        if asked.store == POSTGRESQL:
            fast = stack.enter_context(running_cluster())
            make_schema(fast.create(TEMPLATE))
            play = on_postgresql(fast, TEMPLATE)
        return _play(play, asked.seed, asked.seconds)


def _play(play: Play, seed: int, seconds: int) -> int:
    """Play seeds of the simulation for so long; 1 if one of them fails."""
    ends, first = time.monotonic() + seconds, seed
    while time.monotonic() < ends:
        failure = report(seed, LENGTH, play)
        if failure is not None:
            _say(failure)
            return 1
        seed += 1
    _say(f"{seed - first} seeds of {LENGTH} operations")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
