"""From an activity to its reduction: eligibility first, then one exact product.

Left to others: what needs the partner's records (duplicates, overlaps, consents, lateness).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.errors import CallerError
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.reference import Outcome, evaluate
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import MicrogramsCO2e, Seconds


class NotEligibleError(CallerError):
    """A reduction was asked for an activity that the methodology does not count."""

    code: ClassVar[str] = "NOT_ELIGIBLE"

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(f"the activity does not count: {reason}")
        self.reason: Final = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeDays:
    """The span of a programme: local midnight of its first day to the one after its last."""

    starts_at_s: Seconds
    ends_at_s: Seconds
    """The first instant that no longer belongs to the programme."""

    def __post_init__(self) -> None:
        """Check the order."""
        assert self.starts_at_s < self.ends_at_s


def rejection_of(
    activity: Activity, methodology: Methodology, days: ProgrammeDays, day: dt.date
) -> str | None:
    """Return why `activity` does not count, or None if it does.

    The first rule that is broken gives the reason: programme days, then those of the methodology.
    An activity counts only if it lies wholly within the programme's days.

    Args:
        activity: what happened.
        methodology: what it is counted under.
        days: of the programme.
        day: local day on which the activity began.

    Raises:
        MethodologyNotUsableError: the methodology is a draft or quarantined.
    """
    if activity.started_at_s < days.starts_at_s or activity.ended_at_s > days.ends_at_s:
        return RejectReason.OUTSIDE_PROGRAMME_DAYS
    return _outcome(activity, methodology, day).refusal


def reduction_ug(activity: Activity, methodology: Methodology, day: dt.date) -> MicrogramsCO2e:
    """Return what the methodology makes of an activity, rounded down once.

    Raises:
        NotEligibleError: the methodology refuses the activity.
        MethodologyNotUsableError: the methodology is a draft or quarantined.
    """
    outcome = _outcome(activity, methodology, day)
    if outcome.refusal is not None:
        raise NotEligibleError(outcome.refusal)
    return MicrogramsCO2e(outcome.amount)


def _outcome(activity: Activity, methodology: Methodology, day: dt.date) -> Outcome:
    values = {"mode": activity.mode.value, "distance_m": activity.distance_m}
    return evaluate(methodology, values, duration_s=activity.duration_s, day=day)
