"""The engine of a cluster gives what the engine of one machine gives."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pyarrow as pa
import pytest

from fedcarbon.engine import spark_work
from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.port import Engine, reader_of
from fedcarbon.engine.spark import OtherVersionError, SparkEngine, SparkFailedError
from fedcarbon.engine.spark_session import SparkUnavailableError, spark_session
from fedcarbon.wire.processes import ProcessMap
from tests.engine.tasks import Doubled, Largest, Refuse, RefusedError, Scale, Total

ROWS = 2_000


@pytest.fixture
def cluster(spark_address: str) -> Engine:
    """Jobs and blocks so small that there are several of each."""
    new_session = partial(spark_session, spark_address)
    return SparkEngine(new_session, slots=4, upload_rows=700, buckets=5)


@pytest.fixture
def here() -> Iterator[Engine]:
    with LocalEngine(ProcessMap(1)) as engine:
        yield engine


def test_rows_come_back_in_their_order_however_they_are_cut(cluster: Engine) -> None:
    rows = reader_of(pa.table({"value": pa.array(range(ROWS))}), 170)

    done = cluster.map(Scale(3), rows).read_all()

    assert done.column("value").to_pylist() == [3 * value for value in range(ROWS)]


def test_a_row_may_become_several_or_none(cluster: Engine, here: Engine) -> None:
    table = pa.table({"value": pa.array([value % 4 for value in range(50)], pa.uint8())})

    done = cluster.map(Doubled(), reader_of(table, 7)).read_all()

    assert done.equals(here.map(Doubled(), reader_of(table, 50)).read_all().combine_chunks())
    assert done.num_rows == sum(table.column("value").to_pylist())


@pytest.mark.parametrize("key_type", [pa.int64(), pa.uint32(), pa.binary(), pa.binary(4)])
def test_groups_are_whole_and_ascend_by_keys_of_any_type(
    cluster: Engine, here: Engine, key_type: pa.DataType
) -> None:
    numbers = [value * value % 37 + 250 for value in range(ROWS)]
    keys = (
        [number.to_bytes(4, "big") for number in numbers]
        if pa.types.is_binary(key_type) or pa.types.is_fixed_size_binary(key_type)
        else numbers
    )
    table = pa.table({"key": pa.array(keys, key_type), "value": pa.array(range(ROWS), pa.int32())})
    task = Largest(key_type)

    done = cluster.group(task, reader_of(table, 64), "key").read_all()

    assert done.schema == task.schema
    assert done.equals(here.group(task, reader_of(table), "key").read_all())
    assert done.num_rows == 2 * len(set(keys))


def test_sums_of_groups_are_those_of_one_machine(cluster: Engine, here: Engine) -> None:
    table = pa.table({"group": [value % 11 - 5 for value in range(ROWS)], "value": range(ROWS)})

    done = cluster.group(Total(), reader_of(table, 300), "group").read_all()

    assert done.equals(here.group(Total(), reader_of(table), "group").read_all())


def test_nothing_gives_an_empty_table_of_the_schema(cluster: Engine) -> None:
    empty = pa.table({"group": pa.array([], pa.int64()), "value": pa.array([], pa.int64())})

    mapped = cluster.map(Scale(3), reader_of(empty)).read_all()
    grouped = cluster.group(Total(), reader_of(empty), "group").read_all()

    assert (mapped.num_rows, mapped.schema) == (0, Scale(3).schema)
    assert (grouped.num_rows, grouped.schema) == (0, Total().schema)


def test_an_error_of_a_task_comes_out_as_it_is(cluster: Engine) -> None:
    table = pa.table({"value": list(range(60))})

    with pytest.raises(RefusedError, match="55 is refused"):
        cluster.map(Refuse(55), reader_of(table, 10)).read_all()
    with pytest.raises(RefusedError, match="55 is refused"):
        cluster.group(Refuse(55), reader_of(table, 10), "value").read_all()


def test_a_task_that_fails_only_on_the_cluster_is_its_operators_matter(
    cluster: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refuse, "work", lambda _self, batch: batch)  # here, not in the server
    rows = reader_of(pa.table({"value": [1, 55]}))

    with pytest.raises(SparkFailedError, match="does not fail here"):
        cluster.map(Refuse(55), rows).read_all()


def test_a_bug_in_a_task_is_named(cluster: Engine) -> None:
    rows = reader_of(pa.table({"other": [1]}))

    with pytest.raises(SparkFailedError, match="value"):
        cluster.map(Scale(3), rows).read_all()


def test_workers_with_another_version_are_not_used(
    cluster: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedcarbon.engine.spark.__version__", "0.0.7")

    with pytest.raises(OtherVersionError, match=r"this is fedcarbon 0\.0\.7"):
        cluster.map(Scale(3), reader_of(pa.table({"value": [1]}))).read_all()


def test_a_server_that_went_away_is_named_and_asked_again_later(spark_address: str) -> None:
    addresses = iter(["sc://127.0.0.1:9", spark_address])
    engine = SparkEngine(lambda: spark_session(next(addresses)))
    rows = pa.table({"value": [1]})

    with pytest.raises(SparkUnavailableError):
        engine.map(Scale(3), reader_of(rows)).read_all()

    assert engine.map(Scale(3), reader_of(rows)).read_all().column("value").to_pylist() == [3]


@pytest.mark.parametrize("rows", [0, 1, 100])
def test_a_batch_survives_being_packed_whatever_it_was_cut_from(rows: int) -> None:
    whole = pa.record_batch({"value": pa.array(range(300), pa.uint16())})
    batch = whole.slice(100, rows)

    assert spark_work.unpacked(spark_work.packed(batch)).equals(batch)
    assert len(spark_work.packed(batch)) < 1_000
