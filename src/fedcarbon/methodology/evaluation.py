"""From an activity to its reduction: eligibility first, then one exact product.

Left to others: what needs the partner's records (duplicates, overlaps, consents, lateness).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.errors import CallerError
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import MicrogramsCO2e, Seconds

_SECONDS_PER_HOUR: Final = 3_600


class NotEligibleError(CallerError):
    """A reduction was asked for an activity that the methodology does not count."""

    code: ClassVar[str] = "NOT_ELIGIBLE"

    def __init__(self, reason: RejectReason) -> None:
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
    activity: Activity, methodology: Methodology, days: ProgrammeDays
) -> RejectReason | None:
    """Return why `activity` does not count, or None if it does.

    The first rule that is broken gives the reason: programme days, mode, duration, distance,
    speed. An activity counts only if it lies wholly within the programme's days.

    Raises:
        MethodologyNotUsableError: the methodology is a draft or quarantined.
    """
    if activity.started_at_s < days.starts_at_s or activity.ended_at_s > days.ends_at_s:
        return RejectReason.OUTSIDE_PROGRAMME_DAYS
    return _implausibility_of(activity, methodology)


def reduction_ug(activity: Activity, methodology: Methodology) -> MicrogramsCO2e:
    """Return factor times distance, rounded down once to whole micrograms.

    Raises:
        NotEligibleError: the mode is not covered or one of the mode's limits is broken.
        MethodologyNotUsableError: the methodology is a draft or quarantined.
    """
    reason = _implausibility_of(activity, methodology)
    if reason is not None:
        raise NotEligibleError(reason)
    rule = methodology.rule_of(activity.mode)
    assert rule is not None
    return rule.factor.reduction_of(activity.distance_m)


def _implausibility_of(activity: Activity, methodology: Methodology) -> RejectReason | None:
    rule = methodology.rule_of(activity.mode)
    if rule is None:
        return RejectReason.MODE_NOT_COVERED
    limits = rule.limits
    distance_per_hour = activity.distance_m * _SECONDS_PER_HOUR
    broken = {
        RejectReason.DURATION_BELOW_MINIMUM: activity.duration_s < limits.duration_min_s,
        RejectReason.DURATION_ABOVE_MAXIMUM: activity.duration_s > limits.duration_max_s,
        RejectReason.DISTANCE_BELOW_MINIMUM: activity.distance_m < limits.distance_min_m,
        RejectReason.DISTANCE_ABOVE_MAXIMUM: activity.distance_m > limits.distance_max_m,
        # Cross-multiplied: a speed would need a division.
        RejectReason.IMPLAUSIBLE_SPEED: (
            distance_per_hour > limits.speed_max_m_per_h * activity.duration_s
        ),
    }
    return next((reason for reason, is_broken in broken.items() if is_broken), None)
