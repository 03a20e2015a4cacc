from collections.abc import Callable
from pathlib import Path

import pytest

from fedcarbon.errors import ConfigurationError
from fedcarbon.methodology.reject_reason import RejectReason
from partner_node.adapters.canonical_output import OutputFiles
from partner_node.adapters.shenzhen_taxi import ShenzhenTaxiSettings, convert_shenzhen_taxi

HEADER = "orderid,VehicleNum,Stime,Etime,distance,interval"
ALL_ELECTRIC = ShenzhenTaxiSettings(seed=7, electric_per_mille=1_000)


def _trip(
    order: str = "1.0",
    vehicle: str = "22334",
    start: str = "08:00:00",
    end: str = "08:30:00",
    distance: str = "9000.75",
    interval: str = "60.0",
) -> str:
    return f"{order},{vehicle},2020-01-20 {start},2020-01-20 {end},{distance},{interval}"


CASES: dict[str, tuple[list[str], dict[RejectReason, int]]] = {
    "a trip": ([_trip()], {}),
    "a distance of zero": ([_trip(distance="0.0")], {RejectReason.NOT_POSITIVE_DISTANCE: 1}),
    "no distance": ([_trip(distance="")], {RejectReason.NO_DISTANCE: 1}),
    "joined across a gap": ([_trip(end="10:00:01")], {RejectReason.DURATION_ABOVE_MAXIMUM: 1}),
    "two hours is still a trip": ([_trip(end="10:00:00", interval="7200")], {}),
    "an end before the start": ([_trip(end="07:59:00")], {RejectReason.NOT_POSITIVE_DURATION: 1}),
    "over 100 km": (
        [_trip(distance="100001.0", end="10:00:00")],
        {RejectReason.DISTANCE_ABOVE_MAXIMUM: 1},
    ),
    "3015 km": ([_trip(distance="3015000.5")], {RejectReason.DISTANCE_ABOVE_MAXIMUM: 1}),
    "faster than 120 km/h": ([_trip(distance="60001.0")], {RejectReason.IMPLAUSIBLE_SPEED: 1}),
    "exactly 120 km/h": ([_trip(distance="60000.9")], {}),
    "waited longer than it took": (
        [_trip(interval="1801")],
        {RejectReason.CONTRADICTORY_RECORD: 1},
    ),
    "waiting that is no number": ([_trip(interval="")], {RejectReason.MALFORMED_ROW: 1}),
    "a vehicle in two trips at once": (
        [_trip(), _trip(order="2.0", start="08:29:59", end="09:00:00")],
        {RejectReason.CONTRADICTORY_RECORD: 1},
    ),
    "a trip right behind the last": (
        [_trip(), _trip(order="2.0", start="08:30:00", end="09:00:00")],
        {},
    ),
    "a trip behind one that was joined across a gap": (
        [_trip(end="12:00:00"), _trip(order="2.0", start="08:35:00", end="09:00:00")],
        {RejectReason.DURATION_ABOVE_MAXIMUM: 1},
    ),
    "a row cut short": (["1.0,22334"], {RejectReason.MALFORMED_ROW: 1}),
    "another vehicle at the same time": ([_trip(), _trip(order="2.0", vehicle="22335")], {}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_trip_is_an_activity_or_has_a_reason(
    case: str, out: OutputFiles, write_table: Callable[..., Path]
) -> None:
    lines, rejected = CASES[case]

    report = convert_shenzhen_taxi(write_table("trips.csv", HEADER, *lines), out, ALL_ELECTRIC)

    assert (report.read, report.rejected) == (len(lines), rejected)


def test_without_electric_vehicles_nothing_is_claimed(
    out: OutputFiles, write_table: Callable[..., Path]
) -> None:
    settings = ShenzhenTaxiSettings(seed=7, electric_per_mille=0)

    report = convert_shenzhen_taxi(write_table("trips.csv", HEADER, _trip()), out, settings)

    assert report.rejected == {RejectReason.VEHICLE_NOT_ELECTRIC: 1}


def test_a_vehicle_is_electric_in_all_its_trips_or_in_none(
    out: OutputFiles, write_table: Callable[..., Path]
) -> None:
    lines = [
        _trip(
            order=f"{vehicle}{hour}",
            vehicle=str(vehicle),
            start=f"{hour}:00:00",
            end=f"{hour}:30:00",
        )
        for vehicle in range(100, 200)
        for hour in (10, 11, 12)
    ]

    report = convert_shenzhen_taxi(
        write_table("trips.csv", HEADER, *lines), out, ShenzhenTaxiSettings(seed=7)
    )

    written = out.activities.read_text(encoding="utf-8").splitlines()[1:]
    per_vehicle = {line[5:8]: 0 for line in written}
    for line in written:
        per_vehicle[line[5:8]] += 1
    assert set(per_vehicle.values()) == {3}
    # Half of the vehicles, as far as a hundred draws go.
    assert 35 <= report.written // 3 <= 65


def test_the_same_seed_deals_the_same_riders(
    out: OutputFiles, write_table: Callable[..., Path]
) -> None:
    table = write_table("trips.csv", HEADER, _trip(), _trip(order="2.0", vehicle="9"))
    written = []
    for seed in (7, 7, 8):
        settings = ShenzhenTaxiSettings(seed=seed, electric_per_mille=1_000)
        convert_shenzhen_taxi(table, out, settings)
        written.append(out.activities.read_text(encoding="utf-8"))

    assert written[0] == written[1] != written[2]


@pytest.mark.parametrize("change", [{"riders": 0}, {"electric_per_mille": 1_001}])
def test_impossible_shares_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        ShenzhenTaxiSettings(seed=1, **change)
