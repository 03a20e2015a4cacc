"""The ranges of a revealed list as a task of an engine: checked wherever there is room.

What is checked is the two files of a list, which the hub reads anyway; no secret is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
from typing_extensions import override

from fedcarbon.engine.port import Engine, Task
from fedcarbon.identity.claims import DuplicateTokenInListError, MalformedClaimListError
from fedcarbon.identity.list_check import (
    CheckedRange,
    CheckedTokens,
    ListRange,
    RunRanges,
    checked_range,
)
from fedcarbon.identity.ristretto import Point

RANGES: Final = pa.schema({"start": pa.int64(), "tokens": pa.binary(), "commitments": pa.binary()})
"""`ListRange`."""
CHECKED: Final = pa.schema(
    {
        "code": pa.string(),
        "finding": pa.string(),
        "first": pa.binary(),
        "last": pa.binary(),
        "best_rank": pa.int32(),
        "root": pa.binary(),
        "same": pa.bool_(),
        "invalid": pa.int64(),
        "total": pa.binary(),
    }
)
"""`CheckedRange`, an error as its code and what it says."""

_ERRORS: Final = {
    error.code: error for error in (MalformedClaimListError, DuplicateTokenInListError)
}


@dataclass(frozen=True, slots=True)
class CheckRanges(Task):
    """Checks ranges of a list: `RANGES` in, `CHECKED` out."""

    @property
    @override
    def schema(self) -> pa.Schema:
        """`CHECKED`."""
        return CHECKED

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return what is to be known of every range; nothing is raised."""
        rows = [_row(checked_range(ListRange(**row))) for row in batch.to_pylist()]
        return pa.RecordBatch.from_pylist(rows, schema=CHECKED)


def ranges_through(engine: Engine) -> RunRanges:
    """Return what checks the ranges of a list through an engine, each in a batch of its own."""

    def run(
        _check: Callable[[ListRange], CheckedRange], ranges: Iterable[ListRange]
    ) -> Iterator[CheckedRange]:
        batches = (pa.RecordBatch.from_pylist([part._asdict()], schema=RANGES) for part in ranges)
        rows = pa.RecordBatchReader.from_batches(RANGES, batches)
        for batch in engine.map(CheckRanges(), rows):
            yield from map(_checked, batch.to_pylist())

    return run


def _row(part: CheckedRange) -> dict[str, object]:
    error = part.tokens.error
    return {
        "code": None if error is None else error.code,
        "finding": None if error is None else str(error),
        "first": part.tokens.first,
        "last": part.tokens.last,
        "best_rank": part.tokens.best_rank,
        "root": part.root,
        "same": part.same,
        "invalid": part.invalid,
        "total": part.total,
    }


def _checked(row: dict[str, Any]) -> CheckedRange:
    code = row["code"]
    return CheckedRange(
        tokens=CheckedTokens(
            error=None if code is None else _ERRORS[code](row["finding"]),
            first=row["first"],
            last=row["last"],
            best_rank=row["best_rank"],
        ),
        root=row["root"],
        same=row["same"],
        invalid=row["invalid"],
        total=Point(row["total"]),
    )
