"""Adapters over the published files: the counts that their README states, and what else was found.

None of these files is part of the repository; without them the tests skip and say so.
"""

import csv
import datetime as dt
import gzip
from collections import Counter
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.crediting import NotEligibleError, earned_by
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.units import MicrogramsCO2e
from partner_node.activities.bundle import Bundle
from partner_node.adapters.canonical_output import AdapterReport, OutputFiles
from partner_node.adapters.dealing import deal, users_of
from partner_node.adapters.double_claims import CopySettings, copy_activities
from partner_node.adapters.shenzhen_network import StationNetwork, station_name
from partner_node.adapters.shenzhen_taxi import ShenzhenTaxiSettings, convert_shenzhen_taxi
from partner_node.adapters.shenzhen_tong import convert_shenzhen_tong
from partner_node.adapters.valleybike import convert_valleybike
from partner_node.importing.activities import read_activities
from partner_node.importing.table_file import ImportFileError, Read
from tests.trips import METHODOLOGY

GRID = SlotGrid(zone=ZoneInfo("Asia/Shanghai"))
BUNDLE = Bundle([load_from_catalogue(METHODOLOGY)])


# Shenzhen metro fares of 2018: the distance in km up to which a fare in fen reaches.
FARE_REACHES_KM = {200: 4, 300: 8, 400: 12, 500: 18, 600: 24, 700: 32, 800: 40, 900: 48, 1_000: 56}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("converted")


def _out(folder: Path, name: str) -> OutputFiles:
    return OutputFiles(
        activities=folder / f"{name}.activities.csv", rejects=folder / f"{name}.rejects.csv"
    )


@pytest.fixture(scope="session")
def metro(real_data: Path, folder: Path) -> AdapterReport:
    cards = [real_data / "szt" / name for name in ("14_14.csv", "szt_card_data_2920000403601.csv")]
    network = real_data / "szt_network" / "shenzhen_Metro.json"
    return convert_shenzhen_tong(cards, network, _out(folder, "metro"))


@pytest.fixture(scope="session")
def bike(real_data: Path, folder: Path) -> AdapterReport:
    trips = real_data / "valleybike" / "trips_derived.csv"
    return convert_valleybike(trips, _out(folder, "bike"))


@pytest.fixture(scope="session")
def taxi(real_data: Path, folder: Path) -> AdapterReport:
    trips = real_data / "shenzhen_taxi" / "taxi-price.csv"
    settings = ShenzhenTaxiSettings(seed=1, electric_per_mille=1_000)
    return convert_shenzhen_taxi(trips, _out(folder, "taxi"), settings)


def _activities(folder: Path, name: str) -> list[Activity]:
    items = list(read_activities(_out(folder, name).activities, None, BUNDLE))
    assert all(isinstance(item, Read) for item in items)
    return [item.value for item in items if isinstance(item, Read)]


def _counted(activities: list[Activity]) -> Counter[str | None]:
    return Counter(_refusal(activity) for activity in activities)


def _refusal(activity: Activity) -> str | None:
    methodology = BUNDLE.find(METHODOLOGY)
    assert methodology is not None
    try:
        earned_by(activity, methodology, GRID, MicrogramsCO2e(1 << 50))
    except NotEligibleError as error:
        return error.refusal
    return None


@pytest.fixture(scope="session")
def gate_rows(real_data: Path) -> list[dict[str, str]]:
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for name in ("14_14.csv", "szt_card_data_2920000403601.csv"):
        with (real_data / "szt" / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = (row["card_no"], row["deal_date"], row["deal_type"], row["equ_no"])
                rows[key] = row
    assert len(rows) == 46_999
    return [row for row in rows.values() if row["deal_type"] != "巴士"]


def test_metro_cards_give_the_pairs_that_the_readme_counts(metro: AdapterReport) -> None:
    rejected = metro.rejected
    reasons_of_pairs = (
        RejectReason.SAME_STATION,
        RejectReason.MISSING_STATION,
        RejectReason.DURATION_ABOVE_MAXIMUM,
    )

    assert metro.read == 47_000
    assert rejected[RejectReason.DUPLICATE_ROW] == 1
    assert rejected[RejectReason.NO_DISTANCE] == 18_323
    # 18,980 entries and 9,696 exits make 874 pairs.
    assert rejected[RejectReason.GATE_IN_WITHOUT_OUT] == 18_980 - 874
    assert rejected[RejectReason.GATE_OUT_WITHOUT_IN] == 9_696 - 874
    assert metro.written + sum(rejected[reason] for reason in reasons_of_pairs) // 2 == 874
    assert rejected[RejectReason.DURATION_ABOVE_MAXIMUM] // 2 == 3
    assert rejected.keys() == {
        RejectReason.DUPLICATE_ROW,
        RejectReason.NO_DISTANCE,
        RejectReason.GATE_IN_WITHOUT_OUT,
        RejectReason.GATE_OUT_WITHOUT_IN,
        *reasons_of_pairs,
    }


def test_metro_pairs_are_refused_for_what_the_readme_says(
    metro: AdapterReport, gate_rows: list[dict[str, str]]
) -> None:
    pairs = _pairs(gate_rows)
    names = [(entry["station"], exit_["station"]) for entry, exit_ in pairs]
    stripped = [(one.removesuffix("站"), other.removesuffix("站")) for one, other in names]

    assert len(pairs) == 874
    assert len({entry["card_no"] for entry, _ in pairs}) == 837
    # Without the four pairs of two blanks; four pairs of two dashes are among the 243.
    assert sum(one == other != "" for one, other in names) == 243
    assert sum(one == other != "" for one, other in stripped) == 245
    assert sum("" in pair for pair in names) == 76
    # A dash is no station either. One pair at one station and one without lasted over five hours.
    assert sum(bool({"", "-"} & set(pair)) for pair in names) == 94
    assert metro.rejected[RejectReason.SAME_STATION] // 2 == 245 - 4 - 1
    assert metro.rejected[RejectReason.MISSING_STATION] // 2 == 94 - 1


def _pairs(rows: list[dict[str, str]]) -> list[tuple[dict[str, str], dict[str, str]]]:
    rows = sorted(rows, key=lambda row: (row["card_no"], row["deal_date"]))
    return [
        (one, other)
        for one, other in pairwise(rows)
        if one["card_no"] == other["card_no"]
        and (one["deal_type"], other["deal_type"]) == ("地铁入站", "地铁出站")
    ]


def test_every_metro_ride_counts_under_the_methodology(metro: AdapterReport, folder: Path) -> None:
    activities = _activities(folder, "metro")

    assert len(activities) == metro.written == 538
    assert len({activity.activity_id for activity in activities}) == 538
    assert _counted(activities) == {None: 538}
    assert sum(int(activity.values["distance_m"]) for activity in activities) == 1_662_751


def test_all_named_stations_are_in_the_network(
    real_data: Path, gate_rows: list[dict[str, str]]
) -> None:
    network = StationNetwork.load(real_data / "szt_network" / "shenzhen_Metro.json")
    stations = Counter(row["station"] for row in gate_rows)
    aliased = {name: stations[name] for name in ("深圳大学", "马鞍山", "?I岭")}

    unknown = {name for name in stations if station_name(name) not in network}

    assert len(network.stations()) == 317
    assert unknown == {"", "-"}
    assert stations[""] + stations["-"] == 1_904
    assert aliased == {"深圳大学": 65, "马鞍山": 89, "?I岭": 64}


def test_distances_agree_with_the_fares_that_were_paid(
    real_data: Path, gate_rows: list[dict[str, str]]
) -> None:
    network = StationNetwork.load(real_data / "szt_network" / "shenzhen_Metro.json")
    reaches_km = dict(zip(FARE_REACHES_KM, (0, *FARE_REACHES_KM.values()), strict=False))
    found = Counter[str]()

    for entry, exit_ in _pairs(gate_rows):
        ends = station_name(entry["station"]), station_name(exit_["station"])
        distance_m = network.distance_m(*ends)
        if not distance_m:
            continue
        fare = int(exit_["deal_value"])
        if distance_m > 1_000 * FARE_REACHES_KM[fare]:
            found["longer than paid for"] += 1
        elif distance_m <= 1_000 * reaches_km[fare]:
            found["shorter than paid for"] += 1
        else:
            found["as paid for"] += 1

    # By the published `dist` alone, 88 would be shorter than paid for.
    assert found == {
        "as paid for": 519,
        "shorter than paid for": 16,
        "longer than paid for": 4,
    }


def test_bike_trips_are_read_as_the_readme_counts_them(bike: AdapterReport, folder: Path) -> None:
    activities = _activities(folder, "bike")

    assert bike.read == 5_713
    assert bike.written == 4_880
    assert bike.rejected == {
        RejectReason.NOT_POSITIVE_DISTANCE: 739,
        RejectReason.NOT_POSITIVE_DURATION: 70,
        RejectReason.POSITION_JUMP: 24,
    }
    assert _counted(activities) == {
        None: 4_736,
        "duration_below_minimum": 55,
        "distance_below_minimum": 57,
        RejectReason.DURATION_ABOVE_MAXIMUM: 32,
    }


def test_bike_starts_peak_in_the_afternoon_once_they_are_read_as_utc(
    bike: AdapterReport, folder: Path
) -> None:
    assert bike.written
    with _out(folder, "bike").activities.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    hours = Counter(dt.datetime.fromisoformat(row["started_at"]).hour for row in rows)

    assert hours.most_common(1)[0][0] in {15, 16, 17}
    assert sum(hours[hour] for hour in range(1, 6)) < 0.05 * len(rows)


def test_taxi_trips_are_refused_for_what_the_readme_says(taxi: AdapterReport, folder: Path) -> None:
    activities = _activities(folder, "taxi")

    assert taxi.read == 10_619
    assert taxi.written == 10_074
    # 489 over two hours; of 42 without a distance one is among them, as are most of the others.
    # No trip contradicts itself or its neighbour once those are gone.
    assert taxi.rejected == {
        RejectReason.DURATION_ABOVE_MAXIMUM: 489,
        RejectReason.NOT_POSITIVE_DISTANCE: 41,
        RejectReason.DISTANCE_ABOVE_MAXIMUM: 5,
        RejectReason.IMPLAUSIBLE_SPEED: 10,
    }
    assert _counted(activities)[None] == 10_063


def test_a_file_that_only_calls_itself_bike_trips_is_refused(
    real_data: Path, tmp_path: Path
) -> None:
    packed = real_data / "divvy_mislabelled" / "mobike.csv.gz"
    unpacked = tmp_path / "mobike.csv"
    unpacked.write_bytes(gzip.decompress(packed.read_bytes()))

    for path, message in ((packed, "not UTF-8"), (unpacked, "lacks the columns")):
        with pytest.raises(ImportFileError, match=message):
            convert_valleybike(path, _out(tmp_path, "divvy"))


def test_a_day_of_everybody_can_be_dealt_and_claimed_twice(
    metro: AdapterReport, bike: AdapterReport, folder: Path
) -> None:
    assert metro.written
    assert bike.written
    files = {}
    for name in ("metro", "bike"):
        files[name] = folder / f"{name}.dealt.csv"
        files[name].write_bytes(_out(folder, name).activities.read_bytes())
    users = {name: users_of(path) for name, path in files.items()}

    assignments = deal(users, seed=1)
    copies = copy_activities(
        files,
        source="metro",
        target="bike",
        assignments=assignments,
        settings=CopySettings(seed=1, copy_per_mille=200),
    )

    assert (len(users["metro"]), len(users["bike"])) == (538, 811)
    assert len(assignments) == 538 + 811
    assert len(copies) > 10
    read = read_activities(files["bike"], None, BUNDLE)
    items = [item for item in read if isinstance(item, Read)]
    assert len(items) == bike.written + len(copies)
