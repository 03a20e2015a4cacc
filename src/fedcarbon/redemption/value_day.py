"""Value days: the calendar days by which rails settle and limits count, in China's time zone."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import ClassVar, Final, NewType

from fedcarbon.errors import CallerError
from fedcarbon.units import SECONDS_PER_DAY, Seconds

ValueDay = NewType("ValueDay", int)
"""Days since 1970-01-01 by the clock of Asia/Shanghai, which has been UTC+8 since 1991."""

VALUE_DAY_MAX: Final = 2_932_896
"""9999-12-31: the last day that a calendar can write."""
VALUE_DAYS_AHEAD_MAX: Final = 14
"""How far ahead a rail may date a payment: over the longest holidays."""
_OFFSET_S: Final = 8 * 3_600
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH: Final = date(1970, 1, 1)


class ValueDayInvalidError(CallerError):
    """The text is no calendar day."""

    code: ClassVar[str] = "VALUE_DAY_INVALID"


def value_day(instant_s: Seconds) -> ValueDay:
    """Return the value day that holds the instant."""
    return ValueDay((instant_s + _OFFSET_S) // SECONDS_PER_DAY)


def first_second(day: ValueDay) -> Seconds:
    """Return the instant at which `day` begins."""
    return Seconds(day * SECONDS_PER_DAY - _OFFSET_S)


def day_text(day: ValueDay) -> str:
    """Return `day` as `2026-03-31`."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def day_from_text(text: str) -> ValueDay:
    """Return the day that `text` (`2026-03-31`) names.

    Raises:
        ValueDayInvalidError: it names none.
    """
    refusal = ValueDayInvalidError(f"{text[:20]!r} is not a day: write YYYY-MM-DD")
    if _DAY.fullmatch(text) is None:
        raise refusal
    try:
        named = date.fromisoformat(text)
    except ValueError as error:
        raise refusal from error
    return ValueDay((named - _EPOCH).days)
