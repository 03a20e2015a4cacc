"""Local days and months as integer arithmetic, the same on every engine.

Engines bring their own time zone data and their own ideas of a clock change. So the offsets of the
programme's zone come from here, as a list of instants, and the calendar is counted in integers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, Generic, NamedTuple, Protocol, Self, TypeVar

from fedcarbon.methodology.activity import INSTANT_S_MAX
from fedcarbon.registry.programme import zone
from fedcarbon.units import SECONDS_PER_DAY


class Whole(Protocol):
    """An integer, or an engine's expression of one."""

    def __add__(self, other: Self | int, /) -> Self:
        """Return the sum."""
        ...

    def __sub__(self, other: Self | int, /) -> Self:
        """Return the difference."""
        ...

    def __mul__(self, other: Self | int, /) -> Self:
        """Return the product."""
        ...


N = TypeVar("N", bound=Whole)

_DAY: Final = dt.timedelta(days=1)
_SECOND: Final = dt.timedelta(seconds=1)
_FIRST: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

# Days from 0000-03-01, where a cycle of 400 years begins, to 1970-01-01.
_DAYS_TO_1970: Final = 719_468
_DAYS_IN_400_YEARS: Final = 146_097


class Offset(NamedTuple):
    """From `since_s` on, until the next one, local time is this far ahead of UTC."""

    since_s: int
    offset_s: int


def halves_of(offsets: Sequence[Offset]) -> tuple[Sequence[Offset], Sequence[Offset]]:
    """Return the earlier and the later half of at least two offsets."""
    middle = len(offsets) // 2
    return offsets[:middle], offsets[middle:]


@cache
def offsets_of(time_zone: str) -> tuple[Offset, ...]:
    """Return the offsets of a zone from 1970 to 2242, in order; the first is since 0.

    Raises:
        ConfigurationError: the zone is unknown.
    """
    local = zone(time_zone)

    def offset_s(at_s: int) -> int:
        at = (_FIRST + at_s * _SECOND).astimezone(local)
        return (at.utcoffset() or dt.timedelta()) // _SECOND

    found = [Offset(0, offset_s(0))]
    for day_s in range(0, INSTANT_S_MAX, SECONDS_PER_DAY):
        until_s = min(day_s + SECONDS_PER_DAY, INSTANT_S_MAX)
        if offset_s(until_s) == found[-1].offset_s:
            continue
        # The clock changed once in (day_s, until_s]: halve until the second is found.
        before_s = day_s
        while until_s - before_s > 1:
            middle_s = (before_s + until_s) // 2
            if offset_s(middle_s) == found[-1].offset_s:
                before_s = middle_s
            else:
                until_s = middle_s
        found.append(Offset(until_s, offset_s(until_s)))
    return tuple(found)


def local_day(local_s: N, divide: Callable[[N, int], N]) -> N:
    """Return the day since 1970-01-01 of local seconds that are at least -86 400.

    Args:
        local_s: seconds since 1970-01-01 00:00 of local time.
        divide: division of a number of at least 0, rounded down.
    """
    return divide(local_s + SECONDS_PER_DAY, SECONDS_PER_DAY) - 1


class Date(NamedTuple, Generic[N]):
    """A day of the calendar."""

    year: N
    month: N
    """1 to 12."""
    day: N
    """1 to 31."""


def date_of(day: N, divide: Callable[[N, int], N]) -> Date[N]:
    """Return the date of a day since 1970-01-01, which is at least -719 468.

    Years are counted from March, so that the odd day comes last; whatever is divided is at least 0.
    """
    days = day + _DAYS_TO_1970
    cycle = divide(days, _DAYS_IN_400_YEARS)
    day_of_cycle = days - cycle * _DAYS_IN_400_YEARS
    leap_days = (
        divide(day_of_cycle, 1_460)
        - divide(day_of_cycle, 36_524)
        + divide(day_of_cycle, _DAYS_IN_400_YEARS - 1)
    )
    year_of_cycle = divide(day_of_cycle - leap_days, 365)
    day_of_year = day_of_cycle - (
        year_of_cycle * 365 + divide(year_of_cycle, 4) - divide(year_of_cycle, 100)
    )
    month_from_march = divide(day_of_year * 5 + 2, 153)
    next_year = divide(month_from_march, 10)
    return Date(
        year=year_of_cycle + cycle * 400 + next_year,
        month=month_from_march + 3 - next_year * 12,
        day=day_of_year - divide(month_from_march * 153 + 2, 5) + 1,
    )
