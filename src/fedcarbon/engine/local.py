"""The engine of one machine: tasks in all its processes, groups sorted by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from typing_extensions import override

from fedcarbon.engine.port import Engine, Task
from fedcarbon.wire.processes import ProcessMap

Setting = str | bool | int | float | list[str]
"""A value of DuckDB's configuration."""
MEMORY_MIB: Final = 256
"""What sorting may hold in memory; the rest goes to a folder of its own."""
GROUP_ROWS: Final = 16_384
"""So many rows of whole groups make a batch."""


class LocalEngine(Engine):
    """Runs tasks in the processes of a `ProcessMap`; with one worker, in the caller's own."""

    def __init__(
        self,
        processes: ProcessMap,
        folder: Path | None = None,
        *,
        memory_mib: int = MEMORY_MIB,
        group_rows: int = GROUP_ROWS,
    ) -> None:
        """Take the processes, which end with the engine.

        Args:
            processes: where batches are worked on.
            folder: for what sorting cannot hold in memory; by default DuckDB's own choice.
            memory_mib: what sorting may hold in memory, MiB.
            group_rows: rows of whole groups that make a batch.
        """
        self._processes: Final = processes
        self._folder: Final = folder
        self._memory_mib: Final = memory_mib
        self._group_rows: Final = group_rows

    @override
    def map(self, task: Task, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """Return what comes of every row, in the order of the rows; see `Engine.map`."""
        given = (alone(batch) for batch in rows if batch.num_rows)
        done = self._processes.stream(task.work, given)
        return pa.RecordBatchReader.from_batches(task.schema, done)

    @override
    def group(self, task: Task, rows: pa.RecordBatchReader, key: str) -> pa.RecordBatchReader:
        """Return what comes of every group; see `Engine.group`."""
        done = self._processes.stream(task.work, map(alone, self._groups(rows, key)))
        return pa.RecordBatchReader.from_batches(task.schema, done)

    @override
    def close(self) -> None:
        """Let the processes go."""
        self._processes.close()

    def _groups(self, rows: pa.RecordBatchReader, key: str) -> Iterator[pa.RecordBatch]:
        """Yield batches of whole groups, ascending by key."""
        schema = rows.schema
        config: dict[str, Setting] = {"memory_limit": f"{self._memory_mib}MiB", "threads": 2}
        if self._folder is not None:
            config["temp_directory"] = str(self._folder)
        with duckdb.connect(config=config) as connection:
            connection.register("given", rows)
            # The key is a name of ours, never input.
            ordered = connection.sql(f'SELECT * FROM given ORDER BY "{key}"')  # noqa: S608
            batches = ordered.to_arrow_reader(self._group_rows)
            # DuckDB has no fixed-size bytes: a task sees the columns that it was given.
            for groups in whole_groups(batches, key, self._group_rows):
                yield groups.cast(schema)


def alone(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch in memory of its own, if it is a small part of a larger table.

    On its way to a process a part takes all memory with it that it stands in: each of the forty
    batches of a table would bring the whole table.
    """
    shared = batch.get_total_buffer_size() > 2 * batch.nbytes
    return pa.concat_batches([batch]) if shared else batch


def whole_groups(batches: pa.RecordBatchReader, key: str, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield batches that end where a group ends.

    Args:
        batches: ascending by `key`.
        key: the column of the groups.
        rows: whenever so many are there, the groups that are surely whole make a batch.
    """
    held: list[pa.RecordBatch] = []
    count, wanted = 0, rows
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        if count < wanted:
            continue
        joined = pa.concat_batches(held)
        keys = joined.column(key)
        ends = pc.index(keys, keys[-1]).as_py()
        if ends:
            yield joined.slice(0, ends)
        held, count = [joined.slice(ends)], count - ends
        # One group that fills all of it is joined again only when it has doubled.
        wanted = max(rows, 2 * count)
    if count:
        yield pa.concat_batches(held)
