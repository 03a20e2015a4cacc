"""The engine port: the same tasks over the same rows, wherever the rows are.

A `Task` is a pure function from a batch of rows to a batch of rows; an `Engine` runs it over any
number of batches, in processes of this machine or on a Spark cluster. What comes out does not
depend on the engine, nor on how the rows were cut into batches.

What an engine answers is not believed to be whole: a row that is missing would look like one that
has nothing to say. Whoever needs a row for every row asks by `row_by_row`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Any, ClassVar, Self

import pyarrow as pa

from fedcarbon.errors import ConfigurationError


class EngineAnswerError(ConfigurationError):
    """What an engine answered is not what it was asked: its operator must look."""

    code: ClassVar[str] = "ENGINE_ANSWER"


class Task(ABC):
    """What is done with a batch.

    A task is a frozen dataclass of constants (keys, bounds, names): it is pickled and sent to where
    the rows are. What is expensive to prepare, such as a table of powers, it keeps once per process
    behind `functools.cache`. It holds no connection and no open file.
    """

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The columns of what comes out."""

    @abstractmethod
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows that come of `batch`, whose columns have the names that it documents.

        For `Engine.map` every row must come out the same whatever stands beside it. For
        `Engine.group` the batch holds one group or several, each of them whole, its rows in any
        order.

        Raises:
            FedcarbonError: work that fails as a whole; what may fail for one row and not for the
                next is said in a column instead.
        """


class Engine(ABC):
    """Runs tasks. Results stream: neither side holds more than some batches at a time."""

    @abstractmethod
    def map(self, task: Task, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """Return what comes of every row, in the order of the rows."""

    @abstractmethod
    def group(self, task: Task, rows: pa.RecordBatchReader, key: str) -> pa.RecordBatchReader:
        """Return what comes of every group of rows that have the same `key`, ascending by it.

        Args:
            task: gets whole groups, and names the key in what comes out too.
            rows: in any order.
            key: a column of integers or of bytes, never null.
        """

    @abstractmethod
    def close(self) -> None:
        """Let processes and connections go."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let processes and connections go."""
        self.close()


def row_by_row(
    engine: Engine, task: Task, rows: pa.RecordBatchReader, key: str | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield what comes of every row by `Engine.map`: one row for each, none missing or added.

    Args:
        engine: where the work is done.
        task: one that makes a row of every row.
        rows: what it is given.
        key: a column that rows have before and after, by which they are known again; without it
            they are only counted.

    Raises:
        EngineAnswerError: other columns came back, or not one row for every row in their order. At
            the latest when all have been asked for: until then nothing is to be built on them.
    """
    asked: deque[Any] = deque()

    def keys_of(batch: pa.RecordBatch) -> list[Any]:
        return [None] * batch.num_rows if key is None else batch.column(key).to_pylist()

    def given() -> Iterator[pa.RecordBatch]:
        for batch in rows:
            asked.extend(keys_of(batch))
            yield batch

    for batch in engine.map(task, pa.RecordBatchReader.from_batches(rows.schema, given())):
        if batch.schema != task.schema:
            raise EngineAnswerError("the engine answered with other columns than it was asked for")
        answered = keys_of(batch)
        if answered != [asked.popleft() for _ in range(min(len(asked), len(answered)))]:
            raise EngineAnswerError("the engine answered for other rows than it was asked about")
        yield batch
    if asked:
        raise EngineAnswerError(f"the engine left {len(asked)} rows without an answer")


def reader_of(table: pa.Table, rows_max: int | None = None) -> pa.RecordBatchReader:
    """Return a table as batches of at most `rows_max` rows."""
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(rows_max))
