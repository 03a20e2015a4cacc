"""From an activity to what is credited for it: its methodology first, then the limits.

The node decides by this, and the auditor on site computes it again: what is credited is the amount
that `evaluate` gives, cut by the methodology's limits per day and month of one owner, and by the
programme's cap, so that no slot is worth more than a person-day may be.

Left to others: what needs the partner's records (duplicates, overlaps, consents, lateness).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from fedcarbon.errors import CallerError
from fedcarbon.methodology.activity import Activity, Deed
from fedcarbon.methodology.definition import Methodology, Period
from fedcarbon.methodology.limits import Counted, Limited, apply_limits
from fedcarbon.methodology.object_ref import scheme_of
from fedcarbon.methodology.occupancy import ActivitySlots, slots_of
from fedcarbon.methodology.reference import evaluate
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.units import MicrogramsCO2e

LASTING: Final = frozenset({"METER", "VEHICLE"})
"""Objects that several activities are about."""
NOT_WHOLE_MONTHS: Final = "not_whole_months"
"""A baseline compares like with like: months with the same months of earlier years."""


class NotEligibleError(CallerError):
    """An amount was asked for an activity that the methodology does not count."""

    code: ClassVar[str] = "NOT_ELIGIBLE"

    def __init__(self, refusal: str) -> None:
        """Keep the id of the rule."""
        super().__init__(f"the activity does not count: {refusal}")
        self.refusal: Final = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """What one activity earns before limits."""

    activity: Activity
    day: dt.date
    """The first day on which it is credited: the one that limits count it on."""
    amount_ug: MicrogramsCO2e
    """At most the cap of a person-day per slot."""

    @property
    def owner(self) -> str:
        """Whose limits apply: the meter's or vehicle's, or else the person's (empty).

        A receipt or an event happens once, so a limit of it would limit nothing. A person is whose
        account it is: the platform may know one person under several references.
        """
        lasting = scheme_of(self.activity.object_ref) in LASTING
        return self.activity.object_ref if lasting else ""


class Evaluated(NamedTuple):
    """What an evaluation gives, whoever made it."""

    amount: int
    """Counted parts; 0 if refused."""
    refusal: str | None
    """Id of the first rule that is broken."""


def earned_by(
    activity: Activity,
    methodology: Methodology,
    grid: SlotGrid,
    cap_ug: MicrogramsCO2e,
    history: Sequence[int | None] = (),
    *,
    evaluated: Evaluated | None = None,
    occupied: ActivitySlots | None = None,
) -> Earned:
    """Return what an activity earns by its methodology, and on which day.

    Args:
        activity: see `earned_ug`.
        methodology: likewise.
        grid: likewise.
        cap_ug: likewise.
        history: likewise.
        evaluated: likewise.
        occupied: what `slots_of` says of the activity, if it has been asked.

    Raises:
        InvalidActivityError: it cannot be of the methodology's type.
        NotEligibleError, MethodologyNotUsableError: see `earned_ug`.
    """
    occupied = occupied or slots_of(activity, methodology.activity_type, grid)
    amount_ug = earned_ug(
        activity, methodology, grid, cap_ug, history, evaluated=evaluated, occupied=occupied
    )
    return Earned(activity=activity, day=occupied.days[0], amount_ug=amount_ug)


def earned_ug(
    deed: Deed,
    methodology: Methodology,
    grid: SlotGrid,
    cap_ug: MicrogramsCO2e,
    history: Sequence[int | None],
    *,
    evaluated: Evaluated | None,
    occupied: ActivitySlots,
) -> MicrogramsCO2e:
    """Return what an activity earns by its methodology, before limits.

    Args:
        deed: of the methodology's type.
        methodology: the one that it names.
        grid: of the programme.
        cap_ug: the programme's cap per person and day.
        history: what the same meter counted 1, 2, ... years before; None where it is not known.
        evaluated: the outcome, if an engine that equals the reference has computed it; None
            computes it here.
        occupied: what `slots_of` says of it.

    Raises:
        NotEligibleError: a rule of the methodology is broken.
        MethodologyNotUsableError: the methodology is a draft or quarantined.
    """
    if methodology.history is not None and not grid.are_whole_months(
        deed.started_at_s, deed.ended_at_s
    ):
        raise NotEligibleError(NOT_WHOLE_MONTHS)
    outcome = evaluated or evaluate(
        methodology,
        deed.values,
        duration_s=deed.duration_s,
        day=grid.day_of(deed.started_at_s),
        history=history,
    )
    if outcome.refusal is not None:
        raise NotEligibleError(outcome.refusal)
    return MicrogramsCO2e(min(outcome.amount, cap_ug * len(occupied.slots)))


def limited(methodology: Methodology, earned: Iterable[Earned]) -> Mapping[str, Limited]:
    """Return what the limits leave of one owner's activities, by activity id.

    Args:
        methodology: whose limits apply.
        earned: activities of one owner under it; for limits per month also those of earlier days,
            as they were credited.
    """
    return apply_limits(
        methodology,
        [
            Counted(
                activity_id=item.activity.activity_id,
                started_at_s=item.activity.started_at_s,
                day=item.day,
                values=item.activity.values,
                duration_s=item.activity.duration_s,
                amount=item.amount_ug,
            )
            for item in earned
        ],
    )


def limits_owners(methodology: Methodology) -> bool:
    """Tell whether what an owner's activity earns may be cut for what its others have earned."""
    return any(limit.per is not Period.EVENT for limit in methodology.limits)


def limits_months(methodology: Methodology) -> bool:
    """Tell whether a limit goes beyond one day, so that one day alone bounds it from above only."""
    return any(limit.per is Period.MONTH for limit in methodology.limits)
