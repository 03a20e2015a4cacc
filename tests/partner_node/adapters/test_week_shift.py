import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.errors import ConfigurationError
from fedcarbon.units import Seconds
from partner_node.adapters.week_shift import (
    WEEKS_MAX,
    WeekShift,
    WeekShiftError,
    shift_weeks,
    whole_weeks_between,
)

instants = st.integers(1_262_304_000, 1_893_456_000).map(Seconds)


def _instant(text: str) -> Seconds:
    return Seconds(int(dt.datetime.fromisoformat(text).timestamp()))


SHIFTS = {
    "over the start of daylight saving": (
        "America/New_York",
        "2026-03-07T08:10:00-05:00",
        1,
        "2026-03-14T08:10:00-04:00",
    ),
    "back over its end": (
        "America/New_York",
        "2026-11-07T08:10:00-05:00",
        -1,
        "2026-10-31T08:10:00-04:00",
    ),
    "392 weeks in Shanghai": (
        "Asia/Shanghai",
        "2018-09-01T08:10:00+08:00",
        392,
        "2026-03-07T08:10:00+08:00",
    ),
    "not at all, the second 01:30 of an autumn night": (
        "America/New_York",
        "2026-11-01T01:30:00-05:00",
        0,
        "2026-11-01T01:30:00-05:00",
    ),
}


@pytest.mark.parametrize("case", SHIFTS)
def test_weekday_and_clock_time_stay(case: str) -> None:
    time_zone, before, weeks, after = SHIFTS[case]

    assert shift_weeks(_instant(before), weeks, time_zone=time_zone) == _instant(after)


def test_a_trip_keeps_its_clock_time_in_the_zone_of_the_programme() -> None:
    shift = WeekShift(weeks=283, from_zone="America/New_York", to_zone="Asia/Shanghai")

    moved = shift.shifted(_instant("2020-10-03T20:15:00+00:00"))

    assert moved.isoformat() == "2026-03-07T16:15:00+08:00"


def test_a_clock_time_that_the_other_zone_skips_moves_behind_the_gap() -> None:
    shift = WeekShift(from_zone="Asia/Shanghai", to_zone="America/New_York")

    moved = shift.shifted(_instant("2026-03-08T02:30:00+08:00"))

    assert moved.isoformat() == "2026-03-08T03:30:00-04:00"


@given(instant_s=instants, weeks=st.integers(-500, 500))
def test_a_shift_without_clock_changes_is_whole_weeks_and_can_be_undone(
    instant_s: Seconds, weeks: int
) -> None:
    moved = shift_weeks(instant_s, weeks, time_zone="Asia/Shanghai")

    assert moved - instant_s == weeks * 604_800
    assert shift_weeks(moved, -weeks, time_zone="Asia/Shanghai") == instant_s


@given(instant_s=instants)
def test_no_shift_changes_nothing_in_any_zone(instant_s: Seconds) -> None:
    assert shift_weeks(instant_s, 0, time_zone="America/New_York") == instant_s


def test_days_of_the_same_weekday_are_whole_weeks_apart() -> None:
    assert whole_weeks_between(dt.date(2018, 9, 1), dt.date(2026, 3, 7)) == 392
    assert whole_weeks_between(dt.date(2026, 3, 7), dt.date(2018, 9, 1)) == -392


def test_days_of_different_weekdays_are_refused() -> None:
    with pytest.raises(WeekShiftError):
        whole_weeks_between(dt.date(2018, 9, 1), dt.date(2026, 3, 8))


def test_a_shift_of_centuries_is_refused() -> None:
    with pytest.raises(WeekShiftError):
        WeekShift(weeks=WEEKS_MAX + 1, from_zone="Asia/Shanghai", to_zone="Asia/Shanghai")


@pytest.mark.parametrize("name", ["from_zone", "to_zone"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    zones = {"from_zone": "Asia/Shanghai", "to_zone": "Asia/Shanghai", name: "Asia/Atlantis"}

    with pytest.raises(ConfigurationError):
        WeekShift(**zones)
