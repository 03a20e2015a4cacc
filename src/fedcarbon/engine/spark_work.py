"""What runs in the Python of a Spark worker: tasks over rows as Spark hands them over.

Nothing here imports Spark. A worker is sent names of this package and the constants of a task, and
has the package itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from fedcarbon import __version__
from fedcarbon.engine.port import Task
from fedcarbon.errors import FedcarbonError

NUMBER: Final = "number"
"""Column: the place of a batch among those of a job; of a row among those of its group."""
DATA: Final = "data"
"""Column: a whole batch as an Arrow stream."""
FAILED: Final = "failed"
"""Column: of a batch whether the task failed; of groups their rows, if it did."""

SHIPPED: Final = pa.schema({NUMBER: pa.int64(), DATA: pa.binary()})
RETURNED: Final = pa.schema({NUMBER: pa.int64(), DATA: pa.binary(), FAILED: pa.bool_()})


def packed(batch: pa.RecordBatch) -> bytes:
    """Return a batch as bytes that know their own schema."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue())


def unpacked(data: bytes) -> pa.RecordBatch:
    """Return the batch that `packed` packed."""
    with pa.ipc.open_stream(data) as stream:
        return stream.read_next_batch()


def map_batches(task: Task, rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield a row per batch: what came of it, or that the task failed.

    Each batch is one row for Spark, which therefore cuts none in another way, renames no column
    and sees no type but bytes.

    Args:
        task: what is done with a batch.
        rows: see `SHIPPED`.
    """
    for shipped in rows:
        for number, data in zip(shipped.column(NUMBER), shipped.column(DATA), strict=True):
            try:
                answer, failed = packed(task.work(unpacked(data.as_py()))), False
            except FedcarbonError:
                answer, failed = None, True
            yield pa.record_batch([[number.as_py()], [answer], [failed]], schema=RETURNED)


def work_groups(task: Task, schema: pa.Schema, table: pa.Table) -> pa.Table:
    """Return what comes of the groups, each row with its place; or their rows, if the task fails.

    Args:
        task: what is done with groups.
        schema: of the rows as the caller had them.
        table: the rows of whole groups, as Spark brings them.
    """
    batch = as_batch(table, schema)
    out = returned_by_groups(task.schema)
    try:
        done = pa.Table.from_batches([task.work(batch)]).cast(travelling(task.schema))
    except FedcarbonError:
        nothing = [pa.nulls(1, field.type) for field in list(out)[:-1]]
        return pa.table([*nothing, pa.array([packed(batch)], pa.binary())], schema=out)
    numbers = pa.array(range(done.num_rows), pa.int64())
    none_failed = pa.nulls(done.num_rows, pa.binary())
    return pa.table([*done.columns, numbers, none_failed], schema=out)


def version_here(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the version of this package that a worker has."""
    for batch in rows:
        yield pa.record_batch({"version": [__version__] * batch.num_rows})


def travelling(schema: pa.Schema) -> pa.Schema:
    """Return a schema of types that Spark has: it knows no unsigned and no fixed-size ones."""
    return pa.schema([pa.field(field.name, _travelling(field.type)) for field in schema])


def _travelling(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_travelling(kind.value_type))
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_fixed_size_binary(kind) or pa.types.is_large_binary(kind):
        return pa.binary()
    if pa.types.is_large_string(kind):
        return pa.string()
    return kind


def returned_by_groups(schema: pa.Schema) -> pa.Schema:
    """Return what `work_groups` returns for a task with this schema."""
    extra = [pa.field(NUMBER, pa.int64()), pa.field(FAILED, pa.binary())]
    return pa.schema([*travelling(schema), *extra])


def as_batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    """Return a table that Spark brought as one batch of the given schema."""
    joined = table.select(schema.names).cast(schema).combine_chunks()
    batches = joined.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=schema)
