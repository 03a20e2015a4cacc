"""Which slots an activity occupies, who owns them, and on which day it is credited.

    type           owner of the slots     group      slots                            credited
    trip           the person             movement   the programme's grid             its own day
    meter_period   the meter              meter      calendar months                  day after it
    purchase       the receipt            receipt    one, without a time              day it began
    count          the event or receipt   receipt    one, without a time              day it began
    state_window   the vehicle            state      whole days                       day after it
    budget_period  the person             budget     weeks from Monday to Sunday      day after it

"Day after it" is the first local day that lies wholly after the activity. Slots of time are those
that it covers by more than half, else the one of its midpoint, one rank worse: two activities that
do not overlap never meet in a slot, whatever the type. A meter's month therefore starts at the
local midnight of the first, and readings a few days off it still meet the month they are about.
A meter's period is no longer than its months and `READING_DAYS` more: one from the middle of
December to the middle of February would take two months' use to the one slot of January.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from fedcarbon.methodology.activity import Deed, InvalidActivityError
from fedcarbon.methodology.definition import GROUPS, ActivityType
from fedcarbon.methodology.object_ref import scheme_of
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.methodology.slots import Occupancy, Slot, SlotGrid
from fedcarbon.units import SECONDS_PER_DAY, Seconds

NO_TIME_S: Final = Seconds(0)
"""Start of a slot without a time: a receipt's only one."""

DURATION_DAYS_MAX_OF: Final[Mapping[ActivityType, int]] = MappingProxyType(
    {
        ActivityType.TRIP: 2,
        ActivityType.METER_PERIOD: 190,
        ActivityType.PURCHASE: 2,
        ActivityType.COUNT: 2,
        ActivityType.STATE_WINDOW: 60,
        ActivityType.BUDGET_PERIOD: 400,
    }
)
"""Longest activity of a type, in days; it bounds the slots that one activity can occupy."""

READING_DAYS: Final = 5
"""By how many days readings may be off, so that a period is longer than the months it is about."""

_SCHEMES_OF: Final[Mapping[ActivityType, frozenset[str]]] = MappingProxyType(
    {
        ActivityType.TRIP: frozenset({""}),
        ActivityType.METER_PERIOD: frozenset({"METER"}),
        ActivityType.PURCHASE: frozenset({"RECEIPT"}),
        ActivityType.COUNT: frozenset({"EVENT", "RECEIPT"}),
        ActivityType.STATE_WINDOW: frozenset({"VEHICLE"}),
        ActivityType.BUDGET_PERIOD: frozenset({""}),
    }
)
"""What can own the slots of a type; the empty scheme is the person."""


AT_A_TIME: Final = frozenset(
    {
        ActivityType.TRIP,
        ActivityType.METER_PERIOD,
        ActivityType.STATE_WINDOW,
        ActivityType.BUDGET_PERIOD,
    }
)
"""Types of which a person or an object has one at a time, although no two may meet in a slot."""


class SlotKey(NamedTuple):
    """One exclusive slot of a person or object."""

    owner: str
    """Canonical reference of the object; empty for the person."""
    group: str
    start_s: Seconds
    """`NO_TIME_S` for a slot without a time."""


class CreditedSlot(NamedTuple):
    """A slot that an activity occupies, and the local day on which its part counts."""

    key: SlotKey
    day: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivitySlots:
    """Everything that an activity occupies."""

    slots: tuple[CreditedSlot, ...]
    """At least one, in order of time."""
    short: bool
    """Whether no slot is covered by more than half; such a claim ranks one worse."""

    @property
    def days(self) -> tuple[dt.date, ...]:
        """The days on which it is credited, in order."""
        return tuple(sorted({slot.day for slot in self.slots}))


def slots_of(deed: Deed, kind: ActivityType, grid: SlotGrid) -> ActivitySlots:
    """Return what an activity of the type `kind` occupies.

    Raises:
        InvalidActivityError: see `check_type`, or a meter's period reaches into other months.
    """
    check_type(deed, kind)
    start_s, end_s = deed.started_at_s, deed.ended_at_s
    owner, group = deed.object_ref, GROUPS[kind]
    if kind is ActivityType.TRIP:
        found = grid.occupied_by(start_s, end_s)
        return ActivitySlots(slots=tuple(map(_of_a_person, found.slots)), short=found.short)
    if kind in {ActivityType.PURCHASE, ActivityType.COUNT}:
        only = CreditedSlot(SlotKey(owner, group, NO_TIME_S), grid.day_of(start_s))
        return ActivitySlots(slots=(only,), short=False)
    if kind is ActivityType.METER_PERIOD:
        found = grid.months_occupied_by(start_s, end_s)
        _check_period(deed, found)
    elif kind is ActivityType.BUDGET_PERIOD:
        found = grid.weeks_occupied_by(start_s, end_s)
    else:
        found = grid.days_occupied_by(start_s, end_s)
    after = grid.day_after(end_s)
    slots = [CreditedSlot(SlotKey(owner, group, slot.start_s), after) for slot in found.slots]
    return ActivitySlots(slots=tuple(slots), short=found.short)


@lru_cache(maxsize=4_096)
def _of_a_person(slot: Slot) -> CreditedSlot:
    """Return a slot of a trip: without an owner, so that all people's trips share it."""
    return CreditedSlot(SlotKey("", GROUPS[ActivityType.TRIP], slot.start_s), slot.day)


def _check_period(deed: Deed, found: Occupancy) -> None:
    """Check that a meter's period is about the months that it occupies, and no others."""
    months_s = sum(slot.end_s - slot.start_s for slot in found.slots)
    if deed.duration_s > months_s + READING_DAYS * SECONDS_PER_DAY:
        raise InvalidActivityError(
            RejectReason.DURATION_ABOVE_MAXIMUM,
            f"a meter_period is at most {READING_DAYS} days longer than the months it is about",
        )


def check_type(deed: Deed, kind: ActivityType) -> None:
    """Check that an activity can be of the type `kind`: its object and how long it lasts.

    Raises:
        InvalidActivityError: it lacks its object, names another one, or lasts too long.
    """
    scheme, schemes = scheme_of(deed.object_ref), _SCHEMES_OF[kind]
    if not scheme and scheme not in schemes:
        named = " or ".join(sorted(schemes)).lower()
        raise InvalidActivityError(RejectReason.OBJECT_MISSING, f"a {kind} names its {named}")
    if scheme not in schemes:
        raise InvalidActivityError(
            RejectReason.OBJECT_UNEXPECTED, f"a {kind} is not about this kind of object"
        )
    days = DURATION_DAYS_MAX_OF[kind]
    if deed.duration_s > days * SECONDS_PER_DAY:
        raise InvalidActivityError(
            RejectReason.DURATION_ABOVE_MAXIMUM, f"a {kind} lasts at most {days} days"
        )
