"""Time slots: where an activity stands in a day, and how its reduction splits over them.

Slots start at local midnight and are `slot_s` long; the last one of a day is cut off at the next
midnight, so that every instant lies in exactly one slot of exactly one local day, whatever daylight
saving does. Whole local days, weeks and months are slots too, by the same rule of more than half.
DESIGN 7 gives the rules; `docs/PROTOCOL.md` a worked example.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from operator import sub
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from fedcarbon.methodology.activity import DURATION_S_MAX, INSTANT_S_MAX
from fedcarbon.units import SECONDS_PER_DAY, MicrogramsCO2e, Seconds

SLOT_S_DEFAULT: Final = 300
SLOT_S_MIN: Final = 60
"""Limit that bounds the slots of one activity to `DURATION_S_MAX / SLOT_S_MIN` and a few."""

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND: Final = dt.timedelta(seconds=1)


class Slot(NamedTuple):
    """One slot of one local day: from `start_s` up to but not including `end_s`."""

    day: dt.date
    start_s: Seconds
    end_s: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """The slots that an activity occupies."""

    slots: tuple[Slot, ...]
    """At least one, in order of time."""
    short: bool
    """Whether no slot is covered by more than half, so that the one at the midpoint stands in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotGrid:
    """The slots of a programme."""

    zone: ZoneInfo
    """The programme's time zone."""
    slot_s: int = SLOT_S_DEFAULT

    def __post_init__(self) -> None:
        """Check that slots tile an ordinary day."""
        assert SLOT_S_MIN <= self.slot_s <= SECONDS_PER_DAY
        assert SECONDS_PER_DAY % self.slot_s == 0

    def day_of(self, instant_s: Seconds) -> dt.date:
        """Return the local day that holds the instant."""
        return dt.datetime.fromtimestamp(instant_s, tz=self.zone).date()

    def midnight_s(self, day: dt.date) -> Seconds:
        """Return the first instant of the local `day`.

        Where daylight saving skips midnight, that is the first instant after the gap.
        """
        return _midnight_s(self.zone, day)

    def slot_at(self, instant_s: Seconds) -> Slot:
        """Return the slot that holds the instant."""
        assert 0 <= instant_s <= INSTANT_S_MAX
        return self._touched(instant_s, Seconds(instant_s + 1))[0]

    def occupied_by(self, started_at_s: Seconds, ended_at_s: Seconds) -> Occupancy:
        """Return the slots that an activity covers by more than half, else the one at its midpoint.

        Two activities that do not overlap never cover the same slot by more than half.

        Args:
            started_at_s: first instant of the activity.
            ended_at_s: first instant after it, at most `DURATION_S_MAX` later.
        """
        return _occupied(self._touched(started_at_s, ended_at_s), started_at_s, ended_at_s)

    def days_occupied_by(self, started_at_s: Seconds, ended_at_s: Seconds) -> Occupancy:
        """Return the whole local days that it covers by more than half, else the one of its middle.

        Args:
            started_at_s: see `occupied_by`.
            ended_at_s: likewise.
        """
        days = self._days_from(self.day_of(started_at_s))
        touched = _before(ended_at_s, map(self._day_slot, days))
        return _occupied(touched, started_at_s, ended_at_s)

    def weeks_occupied_by(self, started_at_s: Seconds, ended_at_s: Seconds) -> Occupancy:
        """Return the weeks, from Monday, that it covers by more than half, else that of its middle.

        Args:
            started_at_s: see `occupied_by`.
            ended_at_s: likewise.
        """
        day = self.day_of(started_at_s)
        monday = day - dt.timedelta(days=day.weekday())
        touched = _before(ended_at_s, map(self._week_slot, _weeks_from(monday)))
        return _occupied(touched, started_at_s, ended_at_s)

    def months_occupied_by(self, started_at_s: Seconds, ended_at_s: Seconds) -> Occupancy:
        """Return the calendar months that it covers by more than half, else the one of its middle.

        Args:
            started_at_s: see `occupied_by`.
            ended_at_s: likewise.
        """
        first = self.day_of(started_at_s).replace(day=1)
        touched = _before(ended_at_s, map(self._month_slot, _months_from(first)))
        return _occupied(touched, started_at_s, ended_at_s)

    def day_after(self, ended_at_s: Seconds) -> dt.date:
        """Return the first local day that lies wholly after what ends at `ended_at_s`."""
        return self._day_after(self.day_of(Seconds(ended_at_s - 1)))

    def are_whole_months(self, started_at_s: Seconds, ended_at_s: Seconds) -> bool:
        """Tell whether a span runs from the first of a local month to the first of a later one."""
        ends = (self.day_of(started_at_s), self.day_of(ended_at_s))
        return started_at_s < ended_at_s and all(
            day.day == 1 and self.midnight_s(day) == at_s
            for day, at_s in zip(ends, (started_at_s, ended_at_s), strict=True)
        )

    def years_before(self, first_of_month_s: Seconds, years: int) -> Seconds:
        """Return the first instant of the same local month so many years before."""
        day = self.day_of(first_of_month_s)
        return self.midnight_s(dt.date(day.year - years, day.month, 1))

    def _day_slot(self, day: dt.date) -> Slot:
        after_s = self.midnight_s(self._day_after(day))
        return Slot(day=day, start_s=self.midnight_s(day), end_s=after_s)

    def _week_slot(self, monday: dt.date) -> Slot:
        after_s = self.midnight_s(monday + dt.timedelta(days=7))
        return Slot(day=monday, start_s=self.midnight_s(monday), end_s=after_s)

    def _month_slot(self, first: dt.date) -> Slot:
        after_s = self.midnight_s(_month_after(first))
        return Slot(day=first, start_s=self.midnight_s(first), end_s=after_s)

    def _days_from(self, day: dt.date) -> Iterator[dt.date]:
        while True:
            yield day
            day = self._day_after(day)

    def _touched(self, started_at_s: Seconds, ended_at_s: Seconds) -> tuple[Slot, ...]:
        """Return the slots that hold an instant of a span, in order."""
        touched: tuple[Slot, ...] = ()
        while started_at_s < ended_at_s:
            of_day = _slots_of_day(self, self.day_of(started_at_s))
            first_s, after_s = of_day[0].start_s, of_day[-1].end_s
            assert first_s <= started_at_s < after_s
            first, last = (started_at_s - first_s, ended_at_s - 1 - first_s)
            touched += of_day[first // self.slot_s : last // self.slot_s + 1]
            started_at_s = after_s
        return touched

    def _day_after(self, day: dt.date) -> dt.date:
        """Return the next local day that exists (Samoa had no 30 December 2011)."""
        return _day_after(self.zone, day)


@lru_cache(maxsize=64)
def _slots_of_day(grid: SlotGrid, day: dt.date) -> tuple[Slot, ...]:
    """Return all slots of a day: activities of one day share them."""
    after_s = grid.midnight_s(_day_after(grid.zone, day))
    starts = range(grid.midnight_s(day), after_s, grid.slot_s)
    return tuple(
        Slot(day, Seconds(at_s), Seconds(min(at_s + grid.slot_s, after_s))) for at_s in starts
    )


@lru_cache(maxsize=4_096)
def _midnight_s(zone: ZoneInfo, day: dt.date) -> Seconds:
    local = dt.datetime.combine(day, dt.time(), tzinfo=zone)
    return Seconds((local.astimezone(dt.UTC) - _EPOCH) // _SECOND)


@lru_cache(maxsize=4_096)
def _day_after(zone: ZoneInfo, day: dt.date) -> dt.date:
    after = day + dt.timedelta(days=1)
    while dt.datetime.fromtimestamp(_midnight_s(zone, after), tz=zone).date() != after:
        after += dt.timedelta(days=1)
    return after


def _before(instant_s: Seconds, slots: Iterable[Slot]) -> tuple[Slot, ...]:
    """Return the slots that begin before an instant, of those that follow each other."""
    return tuple(takewhile(lambda slot: slot.start_s < instant_s, slots))


def _occupied(touched: tuple[Slot, ...], started_at_s: Seconds, ended_at_s: Seconds) -> Occupancy:
    """Return what lies more than half within the span, else the slot that holds its midpoint.

    Args:
        touched: the slots that hold an instant of the span, in order.
        started_at_s: first instant of the span.
        ended_at_s: first instant after it.
    """
    assert 0 < ended_at_s - started_at_s <= DURATION_S_MAX
    covered = touched
    # Only the first and the last may reach out of the span.
    for end in (0, -1):
        if covered and not _is_covered(covered[end], started_at_s, ended_at_s):
            covered = covered[1:] if end == 0 else covered[:-1]
    if covered:
        return Occupancy(slots=covered, short=False)
    midpoint_s = (started_at_s + ended_at_s) // 2
    middle = next(slot for slot in touched if slot.start_s <= midpoint_s < slot.end_s)
    return Occupancy(slots=(middle,), short=True)


def _is_covered(slot: Slot, started_at_s: Seconds, ended_at_s: Seconds) -> bool:
    overlap_s = min(slot.end_s, ended_at_s) - max(slot.start_s, started_at_s)
    return 2 * overlap_s > slot.end_s - slot.start_s


def _weeks_from(monday: dt.date) -> Iterator[dt.date]:
    while True:
        yield monday
        monday += dt.timedelta(days=7)


def _months_from(first: dt.date) -> Iterator[dt.date]:
    while True:
        yield first
        first = _month_after(first)


def _month_after(first: dt.date) -> dt.date:
    """Return the first day of the next month; 31 days after the first are always in it."""
    return (first + dt.timedelta(days=31)).replace(day=1)


def split(reduction: MicrogramsCO2e, slots_count: int) -> tuple[MicrogramsCO2e, ...]:
    """Return `reduction` in `slots_count` pieces that add up to it exactly.

    Piece i = floor(R (i + 1) / m) - floor(R i / m), so no two differ by more than 1 ug.
    """
    assert reduction >= 0
    assert slots_count >= 1
    bounds = [reduction * i // slots_count for i in range(slots_count + 1)]
    return tuple(map(sub, bounds[1:], bounds))
