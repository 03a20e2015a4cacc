"""Checking the ranges of a revealed list as a task of an engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
from typing_extensions import override

from fedcarbon.engine.port import Engine, Task, row_by_row
from fedcarbon.identity.list_check import CheckedRange, ListRange, checked_range

RANGES: Final = pa.schema({"start": pa.int64(), "tokens": pa.binary(), "commitments": pa.binary()})
"""`ListRange`."""
CHECKED: Final = pa.schema(
    {
        "fault": pa.string(),
        "first": pa.binary(),
        "last": pa.binary(),
        "best_rank": pa.int64(),
        "root": pa.binary(),
        "same": pa.bool_(),
        "invalid": pa.int64(),
        "total": pa.binary(),
    }
)
"""`CheckedRange`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRanges(Task):
    """Checks ranges of a list: `RANGES` to `CHECKED`."""

    @property
    @override
    def schema(self) -> pa.Schema:
        """The columns of what comes out."""
        return CHECKED

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return what is left of every range."""
        checked = (checked_range(ListRange(**row)) for row in batch.to_pylist())
        return pa.RecordBatch.from_pylist([part._asdict() for part in checked], schema=CHECKED)


def checked_ranges(engine: Engine, ranges: Iterable[ListRange]) -> Iterator[CheckedRange]:
    """Yield what is left of every range, in their order; each is a batch of its own.

    Raises:
        EngineAnswerError: not every range came back.
    """
    batches = (pa.RecordBatch.from_pylist([part._asdict()], schema=RANGES) for part in ranges)
    rows = pa.RecordBatchReader.from_batches(RANGES, batches)
    for batch in row_by_row(engine, CheckRanges(), rows):
        for row in batch.to_pylist():
            yield CheckedRange(**row)
