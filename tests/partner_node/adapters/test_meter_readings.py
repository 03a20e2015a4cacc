"""Hourly and half-hourly readings as meter months; rows written by the project, and real ones."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.crediting import NotEligibleError, earned_by
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.units import MicrogramsCO2e
from partner_node.activities.bundle import Bundle
from partner_node.activities.history import history_of, reading_of
from partner_node.adapters.canonical_output import OutputFiles
from partner_node.adapters.meter_readings import (
    HUE_ZONE,
    SGSC_ZONE,
    MeterReport,
    MeterSettings,
    convert_hue,
    convert_sgsc,
)
from partner_node.importing.activities import read_activities
from partner_node.importing.table_file import Read

# 424 g per kWh, own history of two years.
KOREAN = load_from_catalogue("kr-carbon-grams-electricity")
BUNDLE = Bundle([KOREAN])


@pytest.fixture
def out(tmp_path: Path) -> OutputFiles:
    return OutputFiles(activities=tmp_path / "months.csv", rejects=tmp_path / "rejects.csv")


def hours(year: int, number: int, count: int | None = None) -> list[str]:
    """Return rows of 0.5005 kWh for the hours of a month, by local clocks."""
    zone = ZoneInfo(HUE_ZONE)
    first = dt.datetime(year, number, 1, tzinfo=zone).astimezone(dt.UTC)
    after = dt.datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
    length = int((after.astimezone(dt.UTC) - first).total_seconds()) // 3600
    local = [(first + dt.timedelta(hours=n)).astimezone(zone) for n in range(length)]
    return [f"{at.month}/{at.day}/{at.year},{at.hour},0.5005" for at in local[:count]]


def hue(folder: Path, *rows: str) -> Path:
    path = folder / "hue.csv"
    path.write_text("\n".join(("date,hour,energy_kWh", *rows)) + "\n", encoding="utf-8")
    return path


def months(out: OutputFiles, zone: str) -> list[Activity]:
    items = list(read_activities(out.activities, zone, BUNDLE))
    assert all(isinstance(item, Read) for item in items)
    return [item.value for item in items if isinstance(item, Read)]


# November has an hour twice, March lacks one.
@pytest.mark.parametrize(("number", "length"), [(6, 720), (11, 721), (3, 743), (2, 672)])
def test_a_whole_month_is_one_period_rounded_down_once(
    tmp_path: Path, out: OutputFiles, number: int, length: int
) -> None:
    report = convert_hue(hue(tmp_path, *hours(2013, number)), out)

    (activity,) = months(out, HUE_ZONE)
    assert report == MeterReport(read=length, used=length, months=1, rejected={})
    assert activity.values == {"use_wh": length * 5_005 // 10}
    assert activity.object_ref == "METER:HUE:RESIDENTIAL-1"
    assert activity.duration_s == length * 3_600


def test_a_month_that_lacks_too_much_is_refused_row_by_row(
    tmp_path: Path, out: OutputFiles
) -> None:
    rows = [*hours(2013, 6, count=716), *hours(2013, 7, count=739)]

    report = convert_hue(hue(tmp_path, *rows), out)

    assert (report.months, report.rejected) == (1, {"incomplete_month": 739})
    assert len(out.rejects.read_text(encoding="utf-8").splitlines()) == 740


def test_no_month_is_filled_in(tmp_path: Path, out: OutputFiles) -> None:
    settings = MeterSettings(missing_max=0)

    report = convert_hue(hue(tmp_path, *hours(2013, 6, count=719)), out, settings)

    assert report.months == 0


DAMAGED = {
    "13/1/2013,1,0.5": "malformed_time",
    "2/30/2013,1,0.5": "malformed_time",
    "2013-06-01,1,0.5": "malformed_time",
    "6/1/2013,24,0.5": "malformed_time",
    "6/1/2013,one,0.5": "malformed_time",
    "6/1/2013,1,-0.5": "malformed_row",
    "6/1/2013,1,NaN": "malformed_row",
    "6/1/2013,1,1e9": "malformed_row",
    "6/1/2013,1,": "malformed_row",
}


@pytest.mark.parametrize("row", DAMAGED)
def test_a_damaged_reading_is_refused_with_its_reason(
    tmp_path: Path, out: OutputFiles, row: str
) -> None:
    report = convert_hue(hue(tmp_path, row), out)

    assert report.rejected == {DAMAGED[row]: 1}


def test_years_can_be_moved_and_months_stay(tmp_path: Path, out: OutputFiles) -> None:
    convert_hue(hue(tmp_path, *hours(2013, 6)), out, MeterSettings(shift_years=13))

    (activity,) = months(out, "Asia/Shanghai")
    started = dt.datetime.fromtimestamp(activity.started_at_s, tz=ZoneInfo("Asia/Shanghai"))
    assert (started.year, started.month, started.day, started.hour) == (2026, 6, 1, 0)


# --- real data ------------------------------------------------------------------------------------


def judged(activities: list[Activity], zone: str) -> list[tuple[str, str | None]]:
    """Return month and refusal of every period, by its own history among `activities`."""
    grid, methodology = SlotGrid(zone=ZoneInfo(zone)), KOREAN
    readings = {reading_of(item): item.values for item in activities}
    found: list[tuple[str, str | None]] = []
    for item in activities:
        history = history_of(item, methodology, grid, readings)
        try:
            earned_by(item, methodology, grid, MicrogramsCO2e(1 << 50), history)
        except NotEligibleError as error:
            found.append((item.activity_id, error.refusal))
        else:
            found.append((item.activity_id, None))
    return found


def both_years(activities: list[Activity], zone: str) -> int:
    grid, methodology = SlotGrid(zone=ZoneInfo(zone)), KOREAN
    readings = {reading_of(item): item.values for item in activities}
    histories = [history_of(item, methodology, grid, readings) for item in activities]
    return sum(None not in history for history in histories)


def test_sixteen_months_of_the_house_can_be_judged_against_two_years(
    real_data: Path, out: OutputFiles
) -> None:
    report = convert_hue(real_data / "hue" / "Residential_1.csv", out)

    activities = months(out, HUE_ZONE)
    assert (report.read, report.months) == (29_231, 40)
    assert report.rejected == {"incomplete_month": 48}
    assert both_years(activities, HUE_ZONE) == 16
    refusals = [refusal for _, refusal in judged(activities, HUE_ZONE)]
    assert refusals == ["too_little_history"] * 12 + [None] * 28


def test_no_household_of_new_south_wales_has_two_years(
    real_data: Path, tmp_path: Path, out: OutputFiles
) -> None:
    """The first 60 000 readings: two households, one year back at most."""
    source, unpacked = real_data / "gravitas_sgsc" / "smart_meter10.csv.gz", tmp_path / "s.csv"
    with gzip.open(source, "rt", encoding="utf-8") as packed:
        lines = [line for _, line in zip(range(60_001), packed, strict=False)]
    unpacked.write_text("".join(lines), encoding="utf-8")

    report = convert_sgsc(unpacked, out)

    activities = months(out, SGSC_ZONE)
    assert report.read == 60_000
    assert report.used + report.rejected["incomplete_month"] == 60_000
    assert both_years(activities, SGSC_ZONE) == 0
    with (real_data / "gravitas_sgsc" / "monthly_derived.csv").open(encoding="utf-8") as file:
        derived = {(row["customer_id"], row["month"]): row["kwh"] for row in csv.DictReader(file)}
    for activity in activities:
        customer, month = activity.activity_id.split("-", 1)
        wh = float(derived[customer, month]) * 1_000
        assert abs(int(activity.values["use_wh"]) - wh) <= 1
