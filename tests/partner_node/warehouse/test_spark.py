from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from partner_node.warehouse.engines import (
    SparkWarehouse,
    WarehouseUnavailableError,
    opened_warehouse,
)
from tests.partner_node.warehouse.conftest import NewView
from tests.partner_node.warehouse.rows import (
    answered,
    arrow_table,
    computing,
    differing,
    expected,
    meter_rows,
    own,
    table_rows,
)

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

METHODOLOGIES = computing()


@pytest.mark.parametrize("methodology_id", sorted(METHODOLOGIES))
def test_spark_connect_answers_what_the_reference_answers(
    spark: SparkSession, methodology_id: str
) -> None:
    methodology = METHODOLOGIES[methodology_id]
    seed = len(methodology_id)
    rows = (
        meter_rows(methodology, 10, 60, seed)
        if methodology.history
        else table_rows(methodology, 400, seed)
    )
    spark.createDataFrame(arrow_table(methodology, rows)).createOrReplaceTempView("activities")

    found = answered(SparkWarehouse(spark, ("activities",)), methodology)

    assert differing(found, expected(methodology, rows)) == {}


def test_times_may_be_timestamps(spark_address: str, new_view: NewView) -> None:
    methodology = own("two-keys")
    rows = [row for row in table_rows(methodology, 400) if (row["started_at"] or 0) < 1 << 34]
    table = new_view("stamps", arrow_table(methodology, rows, stamps=True))

    with opened_warehouse(f"{spark_address}?table={table}") as warehouse:
        found = answered(warehouse, methodology)

    assert differing(found, expected(methodology, rows)) == {}


def test_a_server_that_wraps_around_silently_never_gets_the_chance(spark: SparkSession) -> None:
    wrapped = spark.sql("SELECT 4611686018427387904L * 4L AS n").toArrow()["n"][0].as_py()
    methodology = own("full-width")
    rows = table_rows(methodology, 0)
    widest = {"distance_m": 1_000_000_007, "other_m": 9_223_372}
    rows.append(rows[0] | widest | {"activity_id": "widest"})
    spark.createDataFrame(arrow_table(methodology, rows)).createOrReplaceTempView("activities")

    found = answered(SparkWarehouse(spark, ("activities",)), methodology)

    assert wrapped == 0
    assert found["widest"] == (9_223_371_971 * 1_000_000_007, None)
    assert found["widest"][0] > (1 << 63) - (1 << 31)


def test_a_table_that_is_not_there_is_named(spark_address: str) -> None:
    with (
        pytest.raises(WarehouseUnavailableError, match="nosuch"),
        opened_warehouse(f"{spark_address}?table=nosuch"),
    ):
        pass


def test_a_server_that_is_not_there_is_given_up_soon(spark_address: str) -> None:
    del spark_address  # the client is installed

    with (
        pytest.raises(WarehouseUnavailableError, match="Spark Connect refuses"),
        opened_warehouse("sc://127.0.0.1:9?table=trips"),
    ):
        pass
