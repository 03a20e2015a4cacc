"""A trip that others have published, as an activity: which methodology counts it is left open.

An adapter does not know by what a partner counts; the file that it writes has no `methodology`
column, so the node's only methodology is meant.
"""

from __future__ import annotations

from typing import Final

from fedcarbon.methodology.activity import (
    DISTANCE_M_MAX,
    Activity,
    InvalidActivityError,
    Mode,
)
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import SECONDS_PER_DAY, Metres, Seconds

LEFT_OPEN: Final = "left-open"
"""Stands where an activity names its methodology; it is never written."""
TRIP_S_MAX: Final = 2 * SECONDS_PER_DAY


def published_trip(
    *,
    activity_id: str,
    person_ref: str,
    mode: Mode,
    started_at_s: Seconds,
    ended_at_s: Seconds,
    distance_m: Metres,
    evidence: int,
    place: str = "",
) -> Activity:
    """Return a trip with a distance that one can be, and where it began if that is known.

    Raises:
        InvalidActivityError: it cannot be a trip.
    """
    if distance_m > DISTANCE_M_MAX:
        raise InvalidActivityError(
            RejectReason.DISTANCE_ABOVE_MAXIMUM, f"a distance is at most {DISTANCE_M_MAX} m"
        )
    trip = Activity(
        activity_id=activity_id,
        person_ref=person_ref,
        methodology_id=LEFT_OPEN,
        started_at_s=started_at_s,
        ended_at_s=ended_at_s,
        evidence=evidence,
        values={"mode": mode.value, "distance_m": distance_m},
        place=place,
    )
    if trip.duration_s > TRIP_S_MAX:
        raise InvalidActivityError(
            RejectReason.DURATION_ABOVE_MAXIMUM, f"a trip lasts at most {TRIP_S_MAX} s"
        )
    if distance_m < 1:
        raise InvalidActivityError(RejectReason.NOT_POSITIVE_DISTANCE, "a distance is at least 1 m")
    return trip
