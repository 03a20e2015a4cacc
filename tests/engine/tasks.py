"""Small tasks that tests run on engines."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from fedcarbon.engine.port import Task
from fedcarbon.errors import StateError


@dataclass(frozen=True, slots=True)
class Scale(Task):
    """`value` times a factor, and the process that did it."""

    factor: int

    @property
    @override
    def schema(self) -> pa.Schema:
        return pa.schema({"value": pa.int64(), "process": pa.int64()})

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        scaled = pc.multiply(batch.column("value"), self.factor)
        process = pa.array([os.getpid()] * batch.num_rows, pa.int64())
        return pa.record_batch([scaled, process], schema=self.schema)


@dataclass(frozen=True, slots=True)
class Total(Task):
    """The sum of `value` and the number of rows of every `group`."""

    @property
    @override
    def schema(self) -> pa.Schema:
        return pa.schema({"group": pa.int64(), "total": pa.int64(), "rows": pa.int64()})

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        table = pa.Table.from_batches([batch]).group_by("group")
        found = table.aggregate([("value", "sum"), ("value", "count")]).sort_by("group")
        (out,) = found.select(["group", "value_sum", "value_count"]).combine_chunks().to_batches()
        return pa.record_batch(out.columns, schema=self.schema)


class RefusedError(StateError):
    """A batch that a test refuses."""

    code = "TEST_REFUSED"


@dataclass(frozen=True, slots=True)
class Refuse(Task):
    """Refuses a batch that holds a value."""

    refused: int

    @property
    @override
    def schema(self) -> pa.Schema:
        return pa.schema({"value": pa.int64()})

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self.refused in batch.column("value").to_pylist():
            raise RefusedError(f"{self.refused} is refused")
        return batch.select(["value"])


@dataclass(frozen=True, slots=True)
class Die(Task):
    """Ends the process that works on it, as a machine without memory does."""

    @property
    @override
    def schema(self) -> pa.Schema:
        return pa.schema({"value": pa.int64()})

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        os._exit(1)


@dataclass(frozen=True, slots=True)
class Doubled(Task):
    """Every `value` so often as it says."""

    @property
    @override
    def schema(self) -> pa.Schema:
        return pa.schema({"value": pa.uint8()})

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        values = [value for value in batch.column("value").to_pylist() for _ in range(value)]
        return pa.record_batch([values], schema=self.schema)


@dataclass(frozen=True, slots=True)
class Largest(Task):
    """The two largest values of every `key`, largest first."""

    key: pa.DataType

    @property
    @override
    def schema(self) -> pa.Schema:
        return pa.schema({"key": self.key, "value": pa.int32()})

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        assert batch.schema == self.schema
        of_key: dict[int | bytes, list[int]] = {}
        for key, value in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            of_key.setdefault(key, []).append(value)
        rows = [
            (key, value)
            for key in sorted(of_key)
            for value in sorted(of_key[key], reverse=True)[:2]
        ]
        return pa.record_batch([list(column) for column in zip(*rows, strict=True)], self.schema)
