"""The engine of one machine."""

from __future__ import annotations

import itertools
import os
import pickle
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool

import pyarrow as pa
import pytest

from fedcarbon.engine.local import LocalEngine, alone, whole_groups
from fedcarbon.engine.port import reader_of
from fedcarbon.wire.processes import ProcessMap
from tests.engine.tasks import Die, Refuse, RefusedError, Scale, Total

ROWS = 10_000


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessMap]:
    with ProcessMap(2) as processes:
        yield processes


def test_rows_come_back_in_their_order_from_other_processes(processes: ProcessMap) -> None:
    rows = reader_of(pa.table({"value": pa.array(range(ROWS))}), 100)

    done = LocalEngine(processes).map(Scale(3), rows).read_all()

    assert done.column("value").to_pylist() == [3 * value for value in range(ROWS)]
    assert os.getpid() not in done.column("process").to_pylist()


def test_a_reader_without_rows_gives_an_empty_table_of_the_schema(processes: ProcessMap) -> None:
    rows = reader_of(pa.table({"value": pa.array([], pa.int64())}))

    done = LocalEngine(processes).map(Scale(3), rows).read_all()

    assert (done.num_rows, done.schema) == (0, Scale(3).schema)


def test_no_more_batches_are_taken_than_keep_the_processes_busy(processes: ProcessMap) -> None:
    taken = itertools.count()
    batch = pa.record_batch({"value": [1]})

    def endless() -> Iterator[pa.RecordBatch]:
        while True:
            next(taken)
            yield batch

    rows = pa.RecordBatchReader.from_batches(batch.schema, endless())
    done = LocalEngine(processes).map(Scale(2), rows)
    for _ in range(10):
        done.read_next_batch()

    assert next(taken) <= 10 + 2 * 2 + 1


def test_an_error_of_a_task_comes_out_as_it_is(processes: ProcessMap) -> None:
    rows = reader_of(pa.table({"value": pa.array(range(100))}), 10)
    done = LocalEngine(processes).map(Refuse(55), rows)

    with pytest.raises(RefusedError, match="55 is refused"):
        done.read_all()


def test_processes_that_died_are_replaced_for_the_next_call() -> None:
    table = pa.table({"value": pa.array(range(100))})
    with LocalEngine(ProcessMap(2)) as engine:
        with pytest.raises(BrokenProcessPool):
            engine.map(Die(), reader_of(table, 10)).read_all()

        done = engine.map(Scale(3), reader_of(table, 10)).read_all()

    assert done.column("value").to_pylist() == [3 * value for value in range(100)]


def test_a_part_of_a_table_travels_without_the_rest_of_it() -> None:
    parts = pa.table({"value": range(ROWS), "word": ["word"] * ROWS}).to_batches(100)

    sent = [pickle.dumps(alone(part)) for part in parts]

    assert max(map(len, sent)) < 4_000 < len(pickle.dumps(parts[0]))
    assert list(map(pickle.loads, sent)) == parts


@pytest.mark.parametrize("group_rows", [1, 7, 1_000, 100_000])
def test_every_group_is_seen_whole_and_in_order(processes: ProcessMap, group_rows: int) -> None:
    groups = [value * value % 37 for value in range(ROWS)]
    rows = reader_of(pa.table({"group": groups, "value": list(range(ROWS))}), 64)
    engine = LocalEngine(processes, group_rows=group_rows)

    done = engine.group(Total(), rows, "group").read_all().to_pylist()

    expected = [
        {
            "group": group,
            "total": sum(value for value in range(ROWS) if groups[value] == group),
            "rows": groups.count(group),
        }
        for group in sorted(set(groups))
    ]
    assert done == expected


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("rows_each", [1, 2, 4, 9])
def test_a_group_is_never_cut_wherever_the_batches_end(rows: int, rows_each: int) -> None:
    keys = [1, 1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5, 6]
    batches = reader_of(pa.table({"key": keys}), rows_each)

    found = [batch.column("key").to_pylist() for batch in whole_groups(batches, "key", rows)]

    assert list(itertools.chain(*found)) == keys
    assert all(not set(a) & set(b) for a, b in itertools.combinations(found, 2))
