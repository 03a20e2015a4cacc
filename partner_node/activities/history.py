"""Own history: what a meter counted in the same local months of earlier years.

It is looked up among everything that this node has recorded of the meter, periods before the
programme included: those are history only and earn nothing. A baseline compares like with like, so
both the period and its earlier ones run from the first of a local month to the first of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fedcarbon.methodology.activity import Activity, Value
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.units import Seconds


class Reading(NamedTuple):
    """Which period of which meter."""

    object_ref: str
    started_at_s: Seconds
    ended_at_s: Seconds


Readings = Mapping[Reading, Mapping[str, Value]]
"""Period to the values recorded for it."""


def reading_of(activity: Activity) -> Reading:
    """Return the period that an activity is about."""
    return Reading(activity.object_ref, activity.started_at_s, activity.ended_at_s)


def earlier_readings(
    activity: Activity, methodology: Methodology, grid: SlotGrid
) -> tuple[Reading, ...]:
    """Return the same period 1, 2, ... years before, none if no baseline asks for them."""
    wanted, start_s, end_s = methodology.history, activity.started_at_s, activity.ended_at_s
    if wanted is None or not grid.are_whole_months(start_s, end_s):
        return ()
    return tuple(
        Reading(
            activity.object_ref,
            grid.years_before(start_s, years),
            grid.years_before(end_s, years),
        )
        for years in range(1, wanted.years + 1)
    )


def history_of(
    activity: Activity, methodology: Methodology, grid: SlotGrid, readings: Readings
) -> tuple[int | None, ...]:
    """Return the baseline's field in the same period 1, 2, ... years before.

    Args:
        activity: a meter period.
        methodology: the one that it names.
        grid: of the programme.
        readings: what is recorded; it holds all of `earlier_readings` that are.
    """
    return tuple(
        _number(readings.get(reading, {}), methodology)
        for reading in earlier_readings(activity, methodology, grid)
    )


def _number(values: Mapping[str, Value], methodology: Methodology) -> int | None:
    wanted = methodology.history
    value = None if wanted is None else values.get(wanted.field)
    return value if type(value) is int else None
