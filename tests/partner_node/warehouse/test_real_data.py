"""Real trips and meters, in a warehouse and by the reference; skipped where they are absent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.definition import Basis, Methodology
from partner_node.activities.bundle import Bundle
from partner_node.adapters.canonical_output import OutputFiles
from partner_node.adapters.meter_readings import HUE_ZONE, convert_hue
from partner_node.adapters.shenzhen_taxi import ShenzhenTaxiSettings, convert_shenzhen_taxi
from partner_node.adapters.shenzhen_tong import convert_shenzhen_tong
from partner_node.adapters.valleybike import convert_valleybike
from partner_node.importing.activities import read_activities
from partner_node.importing.table_file import Read
from partner_node.warehouse.engines import DuckDBWarehouse, SparkWarehouse
from tests.partner_node.warehouse.rows import (
    ZONE,
    Row,
    answered,
    arrow_table,
    computing,
    differing,
    expected,
)

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

METHODOLOGIES = computing()
OF_TRIPS = [
    methodology
    for _, methodology in sorted(METHODOLOGIES.items())
    # A node takes no footprint, so nothing reads trips for one.
    if methodology.result.basis is Basis.REDUCTION
    and {name for name, field in methodology.fields.items() if field.default is None}
    == {"mode", "distance_m"}
]
OF_METERS = [
    methodology
    for _, methodology in sorted(METHODOLOGIES.items())
    if methodology.history is not None and methodology.history.field == "use_wh"
]


def _metro(data: Path, out: OutputFiles) -> None:
    cards = [data / "szt" / name for name in ("14_14.csv", "szt_card_data_2920000403601.csv")]
    convert_shenzhen_tong(cards, data / "szt_network" / "shenzhen_Metro.json", out)


def _bike(data: Path, out: OutputFiles) -> None:
    convert_valleybike(data / "valleybike" / "trips_derived.csv", out)


def _taxi(data: Path, out: OutputFiles) -> None:
    settings = ShenzhenTaxiSettings(seed=1, electric_per_mille=1_000)
    convert_shenzhen_taxi(data / "shenzhen_taxi" / "taxi-price.csv", out, settings)


TRIPS: dict[str, Callable[[Path, OutputFiles], None]] = {
    "metro cards": _metro,
    "shared bikes": _bike,
    "taxis": _taxi,
}


def _rows(out: OutputFiles, methodology: Methodology, zone: str = ZONE) -> list[Row]:
    items = read_activities(out.activities, zone, Bundle([methodology]))
    activities = [item.value for item in items if isinstance(item, Read)]
    assert len(activities) > 20
    return [_row(activity) for activity in activities]


def _row(activity: Activity) -> Row:
    return {
        "activity_id": activity.activity_id,
        "person_ref": activity.person_ref,
        "object_ref": activity.object_ref,
        "started_at": activity.started_at_s,
        "ended_at": activity.ended_at_s,
        **activity.values,
    }


def _disagreement(methodology: Methodology, rows: Sequence[Row], zone: str) -> object:
    with duckdb.connect() as connection:
        connection.register("activities", arrow_table(methodology, rows))
        found = answered(DuckDBWarehouse(connection, ("activities",)), methodology, zone)
    return differing(found, expected(methodology, rows, zone))


@pytest.fixture(scope="session")
def converted(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, OutputFiles]:
    found = {}
    for name, convert in TRIPS.items():
        folder = tmp_path_factory.mktemp("trips")
        found[name] = OutputFiles(activities=folder / "a.csv", rejects=folder / "r.csv")
        convert(real_data, found[name])
    return found


@pytest.mark.parametrize("methodology", OF_TRIPS, ids=lambda item: item.methodology_id)
def test_real_trips_are_worth_the_same_on_duckdb(
    converted: dict[str, OutputFiles], methodology: Methodology
) -> None:
    for out in converted.values():
        assert _disagreement(methodology, _rows(out, methodology), ZONE) == {}


def test_real_trips_are_worth_the_same_on_spark_connect(
    converted: dict[str, OutputFiles], spark: SparkSession
) -> None:
    methodology = METHODOLOGIES["cn-ecny-shanghai"]
    rows = [row for out in converted.values() for row in _rows(out, methodology)]
    spark.createDataFrame(arrow_table(methodology, rows)).createOrReplaceTempView("activities")

    found = answered(SparkWarehouse(spark, ("activities",)), methodology)

    assert differing(found, expected(methodology, rows)) == {}
    assert Counter(refusal for _, refusal in found.values())[None] > 1_000


@pytest.mark.parametrize("methodology", OF_METERS, ids=lambda item: item.methodology_id)
def test_a_real_meter_has_the_same_history_on_duckdb(
    real_data: Path, tmp_path: Path, methodology: Methodology
) -> None:
    out = OutputFiles(activities=tmp_path / "a.csv", rejects=tmp_path / "r.csv")
    convert_hue(real_data / "hue" / "Residential_1.csv", out)
    household = {
        name: max(field.words) for name, field in methodology.fields.items() if field.words
    }
    rows = [household | row for row in _rows(out, methodology, HUE_ZONE)]

    answers = expected(methodology, rows, HUE_ZONE)

    assert _disagreement(methodology, rows, HUE_ZONE) == {}
    assert {refusal for _, refusal in answers.values()} - {"too_little_history"}
