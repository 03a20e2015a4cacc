"""Which slots an activity occupies, by its type."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.methodology.activity import Activity, InvalidActivityError
from fedcarbon.methodology.definition import ActivityType
from fedcarbon.methodology.object_ref import MalformedObjectError, canonical_object
from fedcarbon.methodology.occupancy import ActivitySlots, slots_of
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.units import SECONDS_PER_DAY, Seconds
from tests.meters import month, purchase
from tests.trips import trip

GRID = SlotGrid(zone=ZoneInfo("Asia/Shanghai"))
VEHICLE = "VEHICLE:PLATES:HUA-12345"


def at(text: str) -> int:
    local = dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    return int(local.timestamp())


def meter(start: str, end: str) -> ActivitySlots:
    period = month("m", "p", at(start), at(end), 1)
    return slots_of(period, ActivityType.METER_PERIOD, GRID)


MONTHS = {
    "a month": ("2026-03-01", "2026-04-01", ["2026-03-01"], "2026-04-01", False),
    "three months": (
        "2026-01-01",
        "2026-04-01",
        ["2026-01-01", "2026-02-01", "2026-03-01"],
        "2026-04-01",
        False,
    ),
    "half a year": ("2026-01-01", "2026-07-01", ["2026-01-01"], "2026-07-01", False),
    "a reading two days late": ("2026-03-03", "2026-04-03", ["2026-03-01"], "2026-04-03", False),
    "a reading five days late": ("2026-03-01", "2026-04-06", ["2026-03-01"], "2026-04-06", False),
    "read in the afternoon": (
        "2026-03-01T15:00",
        "2026-04-01T15:00",
        ["2026-03-01"],
        "2026-04-02",
        False,
    ),
    "ten days": ("2026-03-05", "2026-03-15", ["2026-03-01"], "2026-03-15", True),
    "from the middle to the middle": (
        "2026-01-16",
        "2026-02-16",
        ["2026-01-01", "2026-02-01"],
        "2026-02-16",
        False,
    ),
}


@pytest.mark.parametrize("case", MONTHS)
def test_a_meter_occupies_local_months_and_is_credited_the_day_after(case: str) -> None:
    start, end, months, credited, short = MONTHS[case]

    found = meter(start, end)

    assert [slot.key.start_s for slot in found.slots][: len(months)] == [at(day) for day in months]
    assert {slot.key.owner for slot in found.slots} == {"METER:SGCC-SH:3100000017"}
    assert {slot.key.group for slot in found.slots} == {"meter"}
    assert found.days == (dt.date.fromisoformat(credited),)
    assert found.short is short


@given(start=st.integers(0, 400), length=st.integers(1, 95), after=st.integers(1, 95))
def test_readings_that_do_not_overlap_share_a_month_only_if_one_is_short(
    start: int, length: int, after: int
) -> None:
    """A meter cannot be counted twice by moving the day of the reading."""
    first_s = at("2025-01-01") + start * SECONDS_PER_DAY
    middle_s = first_s + length * SECONDS_PER_DAY
    end_s = middle_s + after * SECONDS_PER_DAY
    try:
        first, second = (
            slots_of(month("m", "p", *span, 1), ActivityType.METER_PERIOD, GRID)
            for span in ((first_s, middle_s), (middle_s, end_s))
        )
    except InvalidActivityError:
        return  # longer than the months that it is about

    shared = {slot.key for slot in first.slots} & {slot.key for slot in second.slots}
    assert not shared or first.short or second.short


def test_a_purchase_has_one_slot_without_a_time() -> None:
    bought = purchase("p", "u", at("2026-03-05T23:59:59"))

    found = slots_of(bought, ActivityType.PURCHASE, GRID)

    (slot,) = found.slots
    assert slot.key == ("RECEIPT:SHOP:P", "receipt", 0)
    assert slot.day == dt.date(2026, 3, 5)


def test_a_car_that_stood_still_occupies_its_days() -> None:
    window = trip("w", "u", at("2026-03-05T10:00"), at("2026-03-08T14:00"), object_ref=VEHICLE)

    found = slots_of(window, ActivityType.STATE_WINDOW, GRID)

    days = ["2026-03-05", "2026-03-06", "2026-03-07", "2026-03-08"]
    assert [slot.key for slot in found.slots] == [(VEHICLE, "state", at(day)) for day in days]
    assert found.days == (dt.date(2026, 3, 9),)


def test_a_day_of_a_clock_change_is_one_day() -> None:
    grid = SlotGrid(zone=ZoneInfo("Europe/Berlin"))
    autumn = grid.days_occupied_by(
        grid.midnight_s(dt.date(2026, 10, 24)), grid.midnight_s(dt.date(2026, 10, 27))
    )

    assert [slot.end_s - slot.start_s for slot in autumn.slots] == [86_400, 90_000, 86_400]


def budget(start: str, end: str) -> ActivitySlots:
    return slots_of(trip("b", "u", at(start), at(end)), ActivityType.BUDGET_PERIOD, GRID)


def test_a_budget_occupies_the_persons_weeks() -> None:
    week, month = budget("2026-03-02", "2026-03-09"), budget("2026-03-01", "2026-04-01")

    (slot,) = week.slots
    assert slot.key == ("", "budget", at("2026-03-02"))
    assert slot.day == dt.date(2026, 3, 9)
    mondays = ["2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23"]
    assert [slot.key.start_s for slot in month.slots] == [at(day) for day in mondays]
    assert month.days == (dt.date(2026, 4, 1),)


@pytest.mark.parametrize("start", ["2026-03-02T00:01", "2026-03-03", "2026-02-27", "2026-03-05"])
def test_a_budget_that_begins_on_another_day_is_not_another_budget(start: str) -> None:
    """One person's week saved at two partners, each from a day of its own, would count twice."""
    first_s = at(start)
    other = trip("c", "u", first_s, first_s + 7 * SECONDS_PER_DAY)

    found = slots_of(other, ActivityType.BUDGET_PERIOD, GRID)

    assert {slot.key for slot in found.slots} & {
        slot.key for slot in budget("2026-03-02", "2026-03-09").slots
    }


WRONG: dict[str, tuple[Activity, ActivityType, RejectReason]] = {
    "a meter's month without a meter": (
        trip("m", "u", at("2026-03-01"), at("2026-04-01")),
        ActivityType.METER_PERIOD,
        RejectReason.OBJECT_MISSING,
    ),
    "a trip of a vehicle": (
        trip("t", "u", at("2026-03-01"), at("2026-03-02"), object_ref=VEHICLE),
        ActivityType.TRIP,
        RejectReason.OBJECT_UNEXPECTED,
    ),
    "a purchase of a meter": (
        month("p", "u", at("2026-03-01"), at("2026-03-02"), 1),
        ActivityType.PURCHASE,
        RejectReason.OBJECT_UNEXPECTED,
    ),
    "a trip of three days": (
        trip("t", "u", at("2026-03-01"), at("2026-03-04")),
        ActivityType.TRIP,
        RejectReason.DURATION_ABOVE_MAXIMUM,
    ),
    "a meter's year": (
        month("m", "u", at("2026-01-01"), at("2027-01-01"), 1),
        ActivityType.METER_PERIOD,
        RejectReason.DURATION_ABOVE_MAXIMUM,
    ),
    "two months' use in the one slot of January": (
        month("m", "p", at("2025-12-17"), at("2026-02-14"), 1),
        ActivityType.METER_PERIOD,
        RejectReason.DURATION_ABOVE_MAXIMUM,
    ),
    "a month and six days": (
        month("m", "p", at("2026-03-01"), at("2026-04-06") + 1, 1),
        ActivityType.METER_PERIOD,
        RejectReason.DURATION_ABOVE_MAXIMUM,
    ),
    "a car that stood for three months": (
        trip("w", "u", at("2026-01-01"), at("2026-04-01"), object_ref=VEHICLE),
        ActivityType.STATE_WINDOW,
        RejectReason.DURATION_ABOVE_MAXIMUM,
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_activity_that_cannot_be_of_its_type_is_refused(case: str) -> None:
    activity, kind, reason = WRONG[case]

    with pytest.raises(InvalidActivityError) as caught:
        slots_of(activity, kind, GRID)

    assert caught.value.reason is reason


SPELLINGS = ["meter:sgcc-sh:3100", " METER:SGCC-SH:3100 ", "\uff2dETER:sgcc-sh:\uff13100"]


@pytest.mark.parametrize("text", SPELLINGS)
def test_two_partners_spell_one_meter_alike(text: str) -> None:
    assert canonical_object(text) == "METER:SGCC-SH:3100"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "meter",
        "meter:1",
        "meter::1",
        "meter:a:",
        "boat:a:1",
        "meter:a:1 2",
        "meter:\u0131:1",
        "meter:a:\u00df",
        "meter:a:" + "1" * 128,
        "meter:a b:1",
        "meter:a:1\n2",
        "m" * 1000,
    ],
)
def test_what_could_be_spelt_in_two_ways_is_no_object(text: str) -> None:
    with pytest.raises(MalformedObjectError):
        canonical_object(text)


def test_whole_months_are_whole_local_months() -> None:
    first, after = Seconds(at("2026-03-01")), Seconds(at("2026-04-01"))

    assert GRID.are_whole_months(first, after)
    assert not GRID.are_whole_months(Seconds(first + 1), after)
    assert not GRID.are_whole_months(first, Seconds(after - 1))
    assert not GRID.are_whole_months(first, first)
    assert GRID.years_before(first, 2) == at("2024-03-01")
