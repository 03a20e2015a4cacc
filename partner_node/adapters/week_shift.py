"""Moves trips of other years and places onto one calendar by whole weeks.

Weekday and local clock time stay what they were: a trip on a Saturday at 08:10 in Massachusetts
becomes a trip on a Saturday at 08:10 in the programme's zone. The original time stays beside it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.errors import ConfigurationError
from fedcarbon.registry.programme import zone
from fedcarbon.units import Seconds

WEEKS_MAX: Final = 52 * 100
_DAYS_PER_WEEK: Final = 7


class WeekShiftError(ConfigurationError):
    """A shift that does not keep weekdays; the scenario must name other days."""

    code: ClassVar[str] = "WEEK_SHIFT"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekShift:
    """A shift by `weeks` (either sign) from the clock of one zone to the clock of another."""

    weeks: int = 0
    from_zone: str
    """IANA name of where the trips were."""
    to_zone: str
    """IANA name of the programme's zone; often the same."""

    def __post_init__(self) -> None:
        """Check the range and that both zones exist.

        Raises:
            ConfigurationError: a zone is unknown.
            WeekShiftError: the shift is longer than a century.
        """
        if abs(self.weeks) > WEEKS_MAX:
            raise WeekShiftError(f"a shift is at most {WEEKS_MAX} weeks")
        zone(self.from_zone)
        zone(self.to_zone)

    def local_at(self, instant_s: Seconds) -> dt.datetime:
        """Return the original local time of an instant, with its offset."""
        return dt.datetime.fromtimestamp(instant_s, tz=zone(self.from_zone))

    def shifted(self, instant_s: Seconds) -> dt.datetime:
        """Return the instant's local time moved by the weeks, in the programme's zone.

        Shift a trip by its start and add its duration: a clock change between start and end would
        otherwise change how long it took. A local time that the target zone skips is read with
        the offset before the gap; which of two equal local times is meant stays what it was.
        """
        original, target = self.local_at(instant_s), zone(self.to_zone)
        moved = original.replace(tzinfo=target) + dt.timedelta(days=_DAYS_PER_WEEK * self.weeks)
        # Through UTC: a skipped local time comes back as the one that a clock shows.
        return moved.replace(fold=original.fold).astimezone(dt.UTC).astimezone(target)


def shift_weeks(instant_s: Seconds, weeks: int, *, time_zone: str) -> Seconds:
    """Return the instant `weeks` later at the same local weekday and clock time."""
    shift = WeekShift(weeks=weeks, from_zone=time_zone, to_zone=time_zone)
    return Seconds(int(shift.shifted(instant_s).timestamp()))


def whole_weeks_between(original: dt.date, wanted: dt.date) -> int:
    """Return how many weeks lie between two days of the same weekday.

    Raises:
        WeekShiftError: the weekdays differ.
    """
    weeks, rest = divmod((wanted - original).days, _DAYS_PER_WEEK)
    if rest:
        raise WeekShiftError(
            f"{original} and {wanted} are different weekdays: trips move by whole weeks"
        )
    return weeks
