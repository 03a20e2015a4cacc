"""The engine port: the same tasks over the same rows, wherever the rows are.

A `Task` is a pure function from a batch of rows to a batch of rows; an `Engine` runs it over any
number of batches, in processes of this machine or on a Spark cluster. What comes out does not
depend on the engine, nor on how the rows were cut into batches.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

import pyarrow as pa


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


def reader_of(table: pa.Table, rows_max: int | None = None) -> pa.RecordBatchReader:
    """Return a table as batches of at most `rows_max` rows."""
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(rows_max))
