"""Playing a list of operations, and making a list that fails as short as it gets."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from fedcarbon.redemption.rail import Rail
from tests.postgresql import Cluster
from tests.simulation.clearing.operations import Dies, Fails, Operation, RunOutbox, Together, drawn
from tests.simulation.clearing.store import SqliteStore, Store, UrlStore
from tests.simulation.clearing.world import World

Play = Callable[[Sequence[Operation]], Exception | None]
TRIES_MAX: Final = 400


def failure_of(
    operations: Sequence[Operation],
    *,
    store_in: Callable[[Path], Store] = SqliteStore,
    over_rail: Callable[[Rail], Rail] = lambda rail: rail,
) -> Exception | None:
    """Play `operations` in a fresh world; return what went wrong, if anything did."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(store_in(Path(folder)), over_rail=over_rail)
        try:
            world.play(operations)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is to be shrunk
            return error
        finally:
            world.close()
    return None


def on_postgresql(cluster: Cluster, template: str) -> Play:
    """Return how to play each list in a fresh copy of the cluster's database `template`."""

    def play(operations: Sequence[Operation]) -> Exception | None:
        url = cluster.create(template=template)
        try:
            return failure_of(operations, store_in=lambda _: UrlStore(url))
        finally:
            cluster.drop(url)

    return play


def shrunk(operations: Sequence[Operation], play: Play) -> list[Operation]:
    """Return a list that still fails: without what can be left out, then with simpler parts."""
    left, tries = list(operations), TRIES_MAX

    def fails(candidate: Sequence[Operation]) -> bool:
        nonlocal tries
        tries -= 1
        return tries > 0 and play(candidate) is not None

    before: list[Operation] = []
    while left != before:
        before = left
        left = _shortened(left, fails)
        for place, operation in enumerate(left):
            for simpler in _simpler(operation):
                candidate = [*left[:place], simpler, *left[place + 1 :]]
                if fails(candidate):
                    left = candidate
                    break
    return left


def _shortened(
    operations: list[Operation], fails: Callable[[Sequence[Operation]], bool]
) -> list[Operation]:
    """Leave out halves, quarters and so on, as long as it still fails."""
    left, size = operations, max(1, len(operations) // 2)
    while size:
        start = 0
        while start < len(left):
            candidate = left[:start] + left[start + size :]
            if fails(candidate):
                left = candidate
            else:
                start += size
        size //= 2
    return left


def _simpler(operation: Operation) -> list[Operation]:
    """Return simpler operations, the simplest first."""
    if isinstance(operation, Dies | Fails):
        acts = [operation.act, *_simpler(operation.act)]
        return [*acts, *(replace(operation, act=act) for act in acts[1:])]
    if isinstance(operation, Together):
        among = operation.acts
        return [*among, *(Together(among[:n] + among[n + 1 :]) for n in range(len(among)))]
    if isinstance(operation, RunOutbox):
        faults = operation.faults
        return [RunOutbox(faults[:length]) for length in range(len(faults))]
    return []


def report(seed: int, length: int, play: Play) -> str | None:
    """Play a seed; return how to see its failure again, None if there is none."""
    operations = drawn(seed, length)
    first = play(operations)
    if first is None:
        return None
    least = shrunk(operations, play)
    lines = "".join(f"    {operation!r},\n" for operation in least)
    why = play(least) or first
    return f"seed {seed}, length {length}: {type(why).__name__}: {why}\noperations = [\n{lines}]"
