from __future__ import annotations

import builtins
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import SecretStr

from fedcarbon.engine.settings import EngineKind, EngineSettings
from partner_node.warehouse import engines
from partner_node.warehouse.engines import (
    WarehouseAddressError,
    WarehouseUnavailableError,
    at_own_cluster,
    opened_warehouse,
)
from partner_node.warehouse.table import ColumnType, Engine
from tests.partner_node.warehouse.rows import (
    answered,
    arrow_table,
    differing,
    expected,
    own,
    table_rows,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A DuckDB file with a table `trips` in a schema of its own."""
    path = tmp_path / "own.duckdb"
    methodology = own("two-keys")
    with duckdb.connect(str(path)) as connection:
        connection.register("given", arrow_table(methodology, table_rows(methodology, 500)))
        connection.execute('CREATE SCHEMA "year 2026"')
        connection.execute('CREATE TABLE "year 2026".trips AS SELECT * FROM given')
    return path


@pytest.mark.parametrize("slashes", ["", "//"])
def test_a_duckdb_file_is_asked_by_its_table(file: Path, slashes: str) -> None:
    methodology = own("two-keys")

    with opened_warehouse(f"duckdb:{slashes}{file}?table=year%202026.trips") as warehouse:
        found = answered(warehouse, methodology)

    assert warehouse.engine is Engine.DUCKDB
    assert differing(found, expected(methodology, table_rows(methodology, 500))) == {}


def test_parquet_files_are_asked_as_one_table(tmp_path: Path) -> None:
    methodology = own("two-keys")
    rows = [row for row in table_rows(methodology, 600) if (row["started_at"] or 0) < 1 << 34]
    table = arrow_table(methodology, rows, stamps=True)
    parquet.write_table(table.slice(0, 100), tmp_path / "trips-1.parquet")
    parquet.write_table(table.slice(100), tmp_path / "trips-2.parquet")

    with opened_warehouse(f"parquet:{tmp_path}/trips-*.parquet") as warehouse:
        found = answered(warehouse, methodology)

    assert differing(found, expected(methodology, rows)) == {}


def test_a_warehouse_is_opened_for_reading_only(file: Path) -> None:
    with (
        opened_warehouse(f"duckdb:{file}?table=year%202026.trips") as warehouse,
        pytest.raises(WarehouseUnavailableError, match="read-only"),
    ):
        list(warehouse.batches("CREATE TABLE stolen AS SELECT 1"))


def test_a_name_is_a_name_whatever_it_holds(file: Path) -> None:
    hostile = 'trips"%20LIMIT%200;%20DROP%20TABLE%20trips'

    with (
        pytest.raises(WarehouseUnavailableError, match="does not exist"),
        opened_warehouse(f"duckdb:{file}?table={hostile}"),
    ):
        pass


ADDRESSES: dict[str, tuple[str, type[Exception], str]] = {
    "no table": ("duckdb:trips.duckdb", WarehouseAddressError, "names its table"),
    "an empty table": ("sc://host?table=", WarehouseAddressError, "names its table"),
    "too long a name": ("duckdb:t?table=a.b.c.d", WarehouseAddressError, "names its table"),
    "another scheme": ("postgres://host?table=trips", WarehouseAddressError, "begins with"),
    "a port that is none": ("sc://host:x?table=trips", WarehouseAddressError, "no address"),
    "no such file": ("duckdb:/nowhere/t.duckdb?table=t", WarehouseUnavailableError, "DuckDB"),
    "no such parquet": ("parquet:/nowhere/t.parquet", WarehouseUnavailableError, "DuckDB"),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_an_address_that_leads_nowhere_says_so(case: str) -> None:
    address, error, message = ADDRESSES[case]
    if address.startswith("sc:"):
        pytest.importorskip("pyspark")

    with pytest.raises(error, match=message), opened_warehouse(address):
        pass


def test_an_address_is_not_repeated_with_its_token() -> None:
    pytest.importorskip("pyspark")

    with (
        pytest.raises(WarehouseAddressError) as caught,
        opened_warehouse("sc://host:x/;token=geheim?table=trips"),
    ):
        pass

    assert "geheim" not in str(caught.value)


def test_the_nodes_own_cluster_may_be_the_warehouse() -> None:
    own = EngineSettings(
        kind=EngineKind.SPARK, spark_url=SecretStr("sc://host:15002/;token=geheim")
    )

    assert at_own_cluster("spark:?table=db.trips", own) == (
        "sc://host:15002/;token=geheim?table=db.trips"
    )
    assert at_own_cluster("duckdb:t?table=trips", own) == "duckdb:t?table=trips"
    with pytest.raises(WarehouseAddressError, match="name one"):
        at_own_cluster("spark:?table=db.trips", EngineSettings())


def test_spark_needs_an_extra_and_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pyspark"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)

    with (
        pytest.raises(WarehouseUnavailableError, match=r"fedcarbon\[spark\]"),
        opened_warehouse("sc://host?table=trips"),
    ):
        pass


TYPES: dict[str, tuple[pa.DataType, ColumnType | None]] = {
    "small integers": (pa.int8(), ColumnType.INTEGER),
    "unsigned of 32 bits": (pa.uint32(), ColumnType.INTEGER),
    "unsigned of 64 bits": (pa.uint64(), None),
    "more than 64 bits": (pa.decimal128(38, 0), None),
    "floats": (pa.float64(), None),
    "texts": (pa.large_string(), ColumnType.TEXT),
    "an enumeration": (pa.dictionary(pa.uint8(), pa.string()), ColumnType.TEXT),
    "truths": (pa.bool_(), ColumnType.TRUTH),
    "times with a zone": (pa.timestamp("ns", "UTC"), ColumnType.INSTANT),
    "times without one": (pa.timestamp("us"), None),
    "days": (pa.date32(), None),
}


@pytest.mark.parametrize("case", TYPES)
def test_what_a_column_may_be(case: str) -> None:
    kind, wanted = TYPES[case]

    found = engines.columns_of(pa.schema([("column", kind)]))

    assert found.get("column") is wanted


def test_an_enumeration_and_small_integers_are_read(tmp_path: Path) -> None:
    methodology = own("two-keys")
    path = tmp_path / "trips.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE trips (activity_id VARCHAR, started_at TIMESTAMPTZ, ended_at UINTEGER,"
            " mode ENUM ('rail', 'Rail', 'tram'), riders TINYINT, distance_m USMALLINT);"
            "INSERT INTO trips VALUES ('a', '2024-05-01 08:00+08', 1714522800, 'rail', 1, 1000),"
            " ('b', '2024-05-01 08:00+08', 1714522800, 'Rail', 1, 1000),"
            " ('c', '2024-05-01 08:00+08', 1714522800, 'tram', NULL, NULL)"
        )

    with opened_warehouse(f"duckdb:{path}?table=trips") as warehouse:
        found = answered(warehouse, methodology)

    assert found == {
        "a": (136_667_000, None),
        "b": (0, "mode_out_of_range"),
        "c": (0, "distance_m_missing"),
    }


def _rows(batches: Iterable[pa.RecordBatch]) -> int:
    return sum(batch.num_rows for batch in batches)


def test_rows_come_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "ROWS_PER_BATCH", 10)
    parquet.write_table(pa.table({"n": list(range(25))}), tmp_path / "n.parquet")

    with opened_warehouse(f"parquet:{tmp_path}/n.parquet") as warehouse:
        batches = list(warehouse.batches("SELECT * FROM activities"))

    assert _rows(batches) == 25
    assert len(batches) == 3
