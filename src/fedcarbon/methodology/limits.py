"""Limits per day and month: which of one owner's activities count, and how much of them.

The owner is the meter or vehicle that an activity is about, else the person. Activities are taken
in the order of start and id, whatever the order in which they arrived, so that the answer is one.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fedcarbon.methodology.arithmetic import compute
from fedcarbon.methodology.definition import Limit, Methodology, Period
from fedcarbon.methodology.expression import Value
from fedcarbon.methodology.reference import environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One activity that its methodology counts, before limits."""

    activity_id: str
    started_at_s: int
    day: dt.date
    """Local day on which it began."""
    values: Mapping[str, Value]
    duration_s: int
    amount: int
    """Counted parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """What a limit leaves of an activity."""

    amount: int
    limit_id: str | None
    """The first limit that took something away."""


def apply_limits(methodology: Methodology, activities: Iterable[Counted]) -> Mapping[str, Limited]:
    """Return what is left of one owner's activities, by activity id.

    A limit of a day sees all activities of that day, one of a month all of that month: give it
    whole days, or whole months where the methodology has limits of months.
    """
    ordered = sorted(activities, key=lambda item: (item.started_at_s, item.activity_id))
    left = {item.activity_id: Limited(amount=item.amount, limit_id=None) for item in ordered}
    for limit in methodology.limits:
        if limit.per is not Period.EVENT:
            _apply(methodology, limit, ordered, left)
    return left


def _apply(
    methodology: Methodology,
    limit: Limit,
    ordered: Sequence[Counted],
    left: dict[str, Limited],
) -> None:
    counts: defaultdict[dt.date, int] = defaultdict(int)
    sums: defaultdict[dt.date, int] = defaultdict(int)
    scale = methodology.result.scale
    for item in ordered:
        so_far = left[item.activity_id]
        if so_far.amount == 0 or not _concerns(methodology, limit, item):
            continue
        period = item.day if limit.per is Period.DAY else item.day.replace(day=1)
        amount = so_far.amount
        if limit.count is not None:
            counts[period] += 1
            amount = amount if counts[period] <= limit.count else 0
        if limit.sum is not None:
            parts = limit.sum * scale
            amount = min(amount, parts.numerator // parts.denominator - sums[period])
        sums[period] += amount
        if amount != so_far.amount:
            cause = so_far.limit_id or limit.limit_id
            left[item.activity_id] = Limited(amount=amount, limit_id=cause)


def _concerns(methodology: Methodology, limit: Limit, item: Counted) -> bool:
    if limit.condition is None:
        return True
    env = environment(methodology, item.values, duration_s=item.duration_s, day=item.day)
    return compute(limit.condition, env) is True
