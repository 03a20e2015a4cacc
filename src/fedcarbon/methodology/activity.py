"""One activity of one person, as a partner holds it: it never leaves the partner.

An `Activity` that exists has plausible values for *some* mode; whether a methodology counts it is
decided in `evaluation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.errors import CallerError
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import SECONDS_PER_DAY, Metres, Seconds

REFERENCE_CHARACTERS_MAX: Final = 128
"""Limit of an activity id and of a person reference."""
DISTANCE_M_MAX: Final = 1_000_000
"""Limit of one activity; farther than anybody rides in one go in a city programme."""
DURATION_S_MAX: Final = 2 * SECONDS_PER_DAY
"""Limit of one activity; it also bounds the slots that one activity can occupy."""
INSTANT_S_MAX: Final = (1 << 33) - 1
"""In the year 2242."""
EVIDENCE_MAX: Final = 2


class Mode(StrEnum):
    """How somebody moved."""

    RAIL = "rail"
    BUS = "bus"
    BIKE = "bike"
    EBIKE = "ebike"
    EV_RIDE = "ev_ride"
    """A ride-hail trip in an electric car."""
    WALK = "walk"


class InvalidActivityError(CallerError):
    """Values that no activity can have; the platform must correct them."""

    code: ClassVar[str] = "INVALID_ACTIVITY"

    def __init__(self, reason: RejectReason, message: str) -> None:
        """Keep the reason under which the activity is counted as rejected."""
        super().__init__(message)
        self.reason: Final = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One movement of one person, from `started_at_s` up to but not including `ended_at_s`."""

    activity_id: str
    """The platform's own id; unique inside one partner."""
    person_ref: str
    """The platform's own user."""
    mode: Mode
    started_at_s: Seconds
    ended_at_s: Seconds
    distance_m: Metres
    """1 to `DISTANCE_M_MAX`."""
    evidence: int
    """Tier: 0 validated or metered (gate pair, smart lock), 1 tracked (GPS), 2 self-declared."""

    def __post_init__(self) -> None:
        """Check every value, in the order of the fields.

        Raises:
            InvalidActivityError: with the reason of the first value that is wrong.
        """
        checked_reference(self.activity_id)
        checked_reference(self.person_ref)
        if min(self.started_at_s, self.ended_at_s) < 0 or self.ended_at_s > INSTANT_S_MAX:
            raise InvalidActivityError(
                RejectReason.MALFORMED_TIME, "an activity lies between 1970 and 2242"
            )
        if self.ended_at_s <= self.started_at_s:
            raise InvalidActivityError(
                RejectReason.NOT_POSITIVE_DURATION, "an activity ends after it starts"
            )
        if self.duration_s > DURATION_S_MAX:
            raise InvalidActivityError(
                RejectReason.DURATION_ABOVE_MAXIMUM,
                f"an activity lasts at most {DURATION_S_MAX} s, this one {self.duration_s} s",
            )
        if self.distance_m < 1:
            raise InvalidActivityError(
                RejectReason.NOT_POSITIVE_DISTANCE, "a distance is at least 1 m"
            )
        if self.distance_m > DISTANCE_M_MAX:
            raise InvalidActivityError(
                RejectReason.DISTANCE_ABOVE_MAXIMUM, f"a distance is at most {DISTANCE_M_MAX} m"
            )
        if not 0 <= self.evidence <= EVIDENCE_MAX:
            raise InvalidActivityError(
                RejectReason.EVIDENCE_OUT_OF_RANGE, f"evidence is 0 to {EVIDENCE_MAX}"
            )

    @property
    def duration_s(self) -> Seconds:
        """Seconds from start to end, at least 1."""
        return Seconds(self.ended_at_s - self.started_at_s)


def checked_reference(text: str) -> str:
    """Return `text` if it can stand for an activity or a person at a platform.

    Raises:
        InvalidActivityError: empty, longer than `REFERENCE_CHARACTERS_MAX`, with spaces around it
            or with characters that do not print.
    """
    if not 1 <= len(text) <= REFERENCE_CHARACTERS_MAX:
        raise InvalidActivityError(
            RejectReason.MALFORMED_ROW, f"an id has 1 to {REFERENCE_CHARACTERS_MAX} characters"
        )
    if text != text.strip() or not text.isprintable():
        raise InvalidActivityError(
            RejectReason.MALFORMED_ROW, "an id has no space around it and no control characters"
        )
    return text


def mode_of(text: str) -> Mode:
    """Return the mode that `text` names exactly.

    Raises:
        InvalidActivityError: it names none.
    """
    try:
        return Mode(text)
    except ValueError as error:
        raise InvalidActivityError(
            RejectReason.UNKNOWN_MODE, f"a mode is one of {', '.join(Mode)}"
        ) from error


def overlaps(first: Activity, second: Activity) -> bool:
    """Tell whether two activities share at least one second; touching ends do not overlap."""
    return first.started_at_s < second.ended_at_s and second.started_at_s < first.ended_at_s
