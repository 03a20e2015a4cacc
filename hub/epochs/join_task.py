"""The claims join as a task of an engine: one row per range of tokens, in any process.

A row has the records of all lists that fall into the range. Lists are sorted, so ranges are cut out
of them as they lie on the disk, and nothing needs to be sorted or sent to where its group is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
from typing_extensions import override

from fedcarbon.canonical.slices import Slices
from fedcarbon.engine.port import Task
from fedcarbon.identity.claim_ranges import ranges_of, records_of
from fedcarbon.identity.verdicts import contests, lost_claims, repeated_tokens
from fedcarbon.ids import Claimant

RANGE_CLAIMS: Final = 1 << 17
"""Claims of a row: some megabytes, and some tens of milliseconds of work."""
LIST_CLAIMS: Final = 1 << 10
"""So many of each list at least, lest thousands of earlier lists be cut to crumbs."""

_NUMBER_BYTES: Final = 4
_BINARIES: Final = pa.list_(pa.binary())
ROWS: Final = pa.schema(
    {"records": _BINARIES, "starts": pa.list_(pa.int64()), "earlier": _BINARIES}
)
"""Records and position of the first, by claimant; and the records of every earlier list."""
JUDGED: Final = pa.schema(
    {"positions": _BINARIES, "tokens": _BINARIES, "repeated": _BINARIES, "holders": _BINARIES}
)
"""What each claimant lost, as position and verdict files have it; then the tokens of earlier lists,
and for each the numbers of all lists that have it, 4 bytes each: claimants first, then earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTask(Task):
    """Judges ranges of tokens: `ROWS` to `JUDGED`."""

    claimants: tuple[Claimant, ...]
    """Sorted; whose the lists are."""
    beacon: bytes
    """The epoch's tie beacon."""

    @property
    @override
    def schema(self) -> pa.Schema:
        """The columns of what comes out."""
        return JUDGED

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the verdicts over every range."""
        return pa.RecordBatch.from_pylist(list(map(self._judged, batch.to_pylist())), schema=JUDGED)

    def _judged(self, row: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
        records, starts = row["records"], list(map(int, row["starts"]))
        lost = lost_claims(contests(records, self.claimants, self.beacon), starts)
        repeated = list(repeated_tokens(records, row["earlier"]))
        return {
            "positions": [number_bytes(own.positions) for own in lost],
            "tokens": [b"".join(own.tokens) for own in lost],
            "repeated": [token for token, _ in repeated],
            "holders": [number_bytes(numbers) for _, numbers in repeated],
        }


def rows_of(lists: Sequence[Slices], earlier: Sequence[Slices]) -> pa.RecordBatchReader:
    """Return the rows of a join, ascending by their tokens.

    Args:
        lists: the records of every claimant's list.
        earlier: the records of lists that were judged before.
    """
    return pa.RecordBatchReader.from_batches(ROWS, _rows(lists, earlier))


def _rows(lists: Sequence[Slices], earlier: Sequence[Slices]) -> Iterator[pa.RecordBatch]:
    everything = [*lists, *earlier]
    for parts in ranges_of(everything, max(RANGE_CLAIMS, LIST_CLAIMS * len(everything))):
        if not any(parts[: len(lists)]):
            continue
        records = [records_of(*pair) for pair in zip(everything, parts, strict=True)]
        row = {
            "records": records[: len(lists)],
            "starts": [part.start for part in parts[: len(lists)]],
            "earlier": records[len(lists) :],
        }
        yield pa.RecordBatch.from_pylist([row], schema=ROWS)


def number_bytes(numbers: Sequence[int]) -> bytes:
    """Return numbers of 4 bytes each, big-endian."""
    return struct.pack(f">{len(numbers)}I", *numbers)


def numbers_in(data: bytes) -> tuple[int, ...]:
    """Return the numbers in what `number_bytes` returned."""
    return struct.unpack(f">{len(data) // _NUMBER_BYTES}I", data)
