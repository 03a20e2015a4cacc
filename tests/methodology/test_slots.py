import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.methodology.activity import DURATION_S_MAX
from fedcarbon.methodology.slots import SlotGrid, split
from fedcarbon.registry.programme import midnight_s
from fedcarbon.units import MicrogramsCO2e, Seconds

SHANGHAI = SlotGrid(zone=ZoneInfo("Asia/Shanghai"))
MIDNIGHT_S = 1_772_380_800
"""2 March 2026, 00:00 in Shanghai."""

# Zones that change by an hour, half an hour, at midnight, skip a day, or never.
ZONES = (
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
)
grids = st.builds(
    lambda name, slot_s: SlotGrid(zone=ZoneInfo(name), slot_s=slot_s),
    st.sampled_from(ZONES),
    st.sampled_from([60, 300, 900, 3_600, 7_200, 86_400]),
)
# 1990 to 2030, and densely around the day that Samoa skipped and changes of daylight saving.
instants = st.one_of(
    st.integers(631_152_000, 1_893_456_000),
    st.integers(1_325_239_200 - 90_000, 1_325_239_200 + 90_000),
    st.integers(1_774_746_000 - 90_000, 1_774_746_000 + 90_000),
    st.integers(1_541_300_400 - 90_000, 1_541_300_400 + 90_000),
).map(Seconds)


def _offsets(start: int, end: int) -> tuple[list[int], bool]:
    """Return the occupied slots as slot numbers of the day in Shanghai."""
    occupancy = SHANGHAI.occupied_by(Seconds(MIDNIGHT_S + start), Seconds(MIDNIGHT_S + end))
    return [(slot.start_s - MIDNIGHT_S) // 300 for slot in occupancy.slots], occupancy.short


OCCUPIED = {
    "a whole slot": (0, 300, [0], False),
    "half a slot is not more than half": (0, 150, [0], True),
    "one second more than half": (0, 151, [0], False),
    "two halves: the one with the midpoint, which is the later": (150, 450, [1], True),
    "half and a second, half and a second": (149, 451, [0, 1], False),
    "half before, more after": (150, 451, [1], False),
    "all of one and a little around it": (290, 610, [1], False),
    "ten minutes across three slots": (200, 800, [1, 2], False),
    "one second": (299, 300, [0], True),
    "over midnight": (86_400 - 200, 86_400 + 200, [287, 288], False),
    "an hour": (60, 3_660, list(range(12)), False),
}


@pytest.mark.parametrize("case", OCCUPIED)
def test_an_activity_occupies_what_it_covers_by_more_than_half(case: str) -> None:
    start, end, expected, short = OCCUPIED[case]

    assert _offsets(start, end) == (expected, short)


def test_pieces_over_midnight_belong_to_two_days() -> None:
    occupancy = SHANGHAI.occupied_by(
        Seconds(MIDNIGHT_S + 86_400 - 200), Seconds(MIDNIGHT_S + 86_400 + 200)
    )

    assert [slot.day.day for slot in occupancy.slots] == [2, 3]


DAY_LENGTHS = {
    "spring in Berlin": ("Europe/Berlin", dt.date(2026, 3, 29), 23 * 12),
    "autumn in Berlin": ("Europe/Berlin", dt.date(2026, 10, 25), 25 * 12),
    "half an hour on Lord Howe": ("Australia/Lord_Howe", dt.date(2026, 4, 5), 49 * 6),
    "a midnight that does not exist": ("America/Sao_Paulo", dt.date(2018, 11, 4), 23 * 12),
    "every day in Shanghai": ("Asia/Shanghai", dt.date(2026, 3, 29), 24 * 12),
}


@pytest.mark.parametrize("case", DAY_LENGTHS)
def test_days_of_daylight_saving_have_other_counts_of_slots(case: str) -> None:
    zone, day, expected = DAY_LENGTHS[case]
    grid = SlotGrid(zone=ZoneInfo(zone))
    start_s = grid.midnight_s(day)

    occupancy = grid.occupied_by(start_s, grid.midnight_s(day + dt.timedelta(days=1)))

    assert len(occupancy.slots) == expected
    assert {slot.day for slot in occupancy.slots} == {day}


def test_a_slot_that_does_not_fit_is_cut_at_midnight() -> None:
    # 23 hours hold eleven slots of two hours and one of one.
    grid = SlotGrid(zone=ZoneInfo("Europe/Berlin"), slot_s=7_200)
    after_s = grid.midnight_s(dt.date(2026, 3, 30))

    last = grid.slot_at(Seconds(after_s - 1))

    assert (last.day, last.end_s, last.end_s - last.start_s) == (
        dt.date(2026, 3, 29),
        after_s,
        3_600,
    )


@given(grid=grids, instant_s=instants)
def test_every_instant_lies_in_one_slot_of_its_local_day(
    grid: SlotGrid, instant_s: Seconds
) -> None:
    slot = grid.slot_at(instant_s)

    assert slot.start_s <= instant_s < slot.end_s
    assert slot.day == grid.day_of(instant_s) == grid.day_of(slot.start_s)
    assert grid.day_of(Seconds(slot.end_s - 1)) == slot.day
    assert grid.slot_at(slot.start_s) == grid.slot_at(Seconds(slot.end_s - 1)) == slot
    assert (slot.start_s - grid.midnight_s(slot.day)) % grid.slot_s == 0
    assert grid.midnight_s(slot.day) == midnight_s(slot.day, grid.zone.key)


@given(grid=grids, start_s=instants, duration_s=st.integers(1, DURATION_S_MAX))
def test_occupied_slots_agree_with_counting_seconds(
    grid: SlotGrid, start_s: Seconds, duration_s: int
) -> None:
    duration_s = min(duration_s, 8 * grid.slot_s)  # the model walks from slot to slot
    end_s = Seconds(start_s + duration_s)

    found = grid.occupied_by(start_s, end_s)

    model, at_s = [], int(start_s)
    while at_s < end_s:
        slot = grid.slot_at(Seconds(at_s))
        until_s = min(slot.end_s, end_s)
        covered_s = until_s - max(slot.start_s, start_s)
        if covered_s > (slot.end_s - slot.start_s) / 2:
            model.append(slot)
        at_s = until_s
    assert found.short == (not model)
    assert list(found.slots) == (model or [grid.slot_at(Seconds(start_s + duration_s // 2))])


@given(
    grid=grids,
    start_s=instants,
    first_s=st.integers(1, 20_000),
    pause_s=st.integers(0, 400),
    second_s=st.integers(1, 20_000),
)
def test_two_activities_that_do_not_overlap_never_collide_in_a_majority_slot(
    grid: SlotGrid, start_s: Seconds, first_s: int, pause_s: int, second_s: int
) -> None:
    first = grid.occupied_by(start_s, Seconds(start_s + first_s))
    later_s = start_s + first_s + pause_s
    second = grid.occupied_by(Seconds(later_s), Seconds(later_s + second_s))

    if not first.short and not second.short:
        assert not set(first.slots) & set(second.slots)


@given(reduction=st.integers(0, 1 << 56), count=st.integers(1, 600))
def test_splitting_adds_up_and_is_even(reduction: int, count: int) -> None:
    pieces = split(MicrogramsCO2e(reduction), count)

    assert len(pieces) == count
    assert sum(pieces) == reduction
    assert max(pieces) - min(pieces) <= 1


def test_a_split_that_does_not_divide_rounds_each_bound_down() -> None:
    assert split(MicrogramsCO2e(10), 4) == (2, 3, 2, 3)
    assert split(MicrogramsCO2e(1), 3) == (0, 0, 1)
