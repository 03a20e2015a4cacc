"""The claims join beside DuckDB grouping the same rows.

Three partners claim ten million tokens, a twentieth of them twice or three times. The hub's join
reads the sorted lists from the disk and returns who lost what, ties by the beacon included; DuckDB
has token and rank of every claim in memory and returns, for every token that came more than once,
how often it did and the lowest rank: the least that any join must do.

* `join_over_duckdb`: time of the one over time of the other, with the same number of threads.
* `with_earlier_over_without`: joining the lists of as large an earlier epoch too, over not.
"""

from __future__ import annotations

import os
import random  # noqa: TID251 - seeded, and no secret
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from bench.effort import Effort
from fedcarbon.engine.local import LocalEngine
from fedcarbon.identity.claims import RANK_MAX, RECORD_BYTES, SALT_BYTES
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES
from fedcarbon.ids import Claimant, PartyId, ProgrammeId
from fedcarbon.wire.processes import ProcessMap
from hub.epochs.join_task import JudgeTask, rows_of
from hub.record.content_store import FileSlices

CLAIMS: Final = 10_000_000
PARTNERS: Final = ("bike", "journey", "metro")
SHARED_PERCENT: Final = 5
ROUNDS: Final = 3

_FIRST_BYTES: Final = 256
_PERCENT: Final = 100
_GROUP: Final = """
    SELECT token, count(*) AS claimants, min(rank) AS best FROM claims
    GROUP BY token HAVING count(*) > 1
"""


def run(effort: Effort) -> dict[str, float]:
    """Return claims per second and the ratios above."""
    claims = effort.of(CLAIMS, 100_000)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        epochs = [
            [stack.enter_context(FileSlices(path)) for path in _lists(Path(folder), claims, epoch)]
            for epoch in range(2)
        ]
        engine = stack.enter_context(LocalEngine(ProcessMap()))
        connection = stack.enter_context(duckdb.connect(config={"threads": os.cpu_count() or 1}))
        connection.register("claims", _table(epochs[0]))
        _join(engine, epochs[0], [])  # starts the processes
        join_s, group_s, longer_s = _best(
            effort,
            lambda: _join(engine, epochs[0], []),
            lambda: connection.sql(_GROUP).to_arrow_table(),
            lambda: _join(engine, *epochs),
        )
    return {
        "claims": claims,
        "claims_per_s": round(claims / join_s),
        "duckdb_rows_per_s": round(claims / group_s),
        "join_over_duckdb": round(join_s / group_s, 3),
        "with_earlier_over_without": round(longer_s / join_s, 3),
    }


def _lists(folder: Path, claims: int, seed: int) -> Iterator[Path]:
    """Write a list for every partner: records without the magic line, ascending by token."""
    for partner in PARTNERS:
        path = folder / f"{partner}-{seed}"
        with path.open("wb") as file:
            for first in range(_FIRST_BYTES):
                file.writelines(_records(first, claims, partner, seed))
        yield path


def _records(first: int, claims: int, partner: str, seed: int) -> list[bytes]:
    """Return the records of one first byte, of which all partners share some tokens."""
    count = claims // len(PARTNERS) // _FIRST_BYTES
    shared = count * SHARED_PERCENT // _PERCENT
    together = random.Random(f"{seed} {first}")  # noqa: S311 - not a secret
    alone = random.Random(f"{seed} {first} {partner}")  # noqa: S311
    tokens = [bytes([first]) + together.randbytes(CLAIM_TOKEN_BYTES - 1) for _ in range(shared)]
    tokens += [
        bytes([first]) + alone.randbytes(CLAIM_TOKEN_BYTES - 1) for _ in range(count - shared)
    ]
    salt = bytes(SALT_BYTES)
    return sorted(token + bytes([alone.randrange(RANK_MAX + 1)]) + salt for token in tokens)


def _table(lists: Sequence[FileSlices]) -> pa.Table:
    """Return token and rank of every claim."""
    tables = []
    for records in lists:
        data = records[:]
        starts = range(0, len(data), RECORD_BYTES)
        tokens = pa.array((data[at : at + CLAIM_TOKEN_BYTES] for at in starts), pa.binary())
        ranks = pa.array(data[CLAIM_TOKEN_BYTES::RECORD_BYTES], pa.uint8())
        tables.append(pa.table({"token": tokens, "rank": ranks}))
    return pa.concat_tables(tables).combine_chunks()


def _join(engine: LocalEngine, lists: Sequence[FileSlices], earlier: Sequence[FileSlices]) -> None:
    claimants = tuple(Claimant(ProgrammeId("city"), PartyId(name)) for name in PARTNERS)
    task = JudgeTask(claimants=claimants, beacon=bytes(64))
    for _ in engine.map(task, rows_of(lists, earlier)):
        pass


def _best(effort: Effort, *functions: Callable[[], object]) -> list[float]:
    """Return the shortest time of each in seconds; they take turns, so noise meets all alike."""
    best = [float("inf")] * len(functions)
    for _ in range(effort.of(ROUNDS)):
        for index, function in enumerate(functions):
            started = time.perf_counter()
            function()
            best[index] = min(best[index], time.perf_counter() - started)
    return best
