"""What an epoch's claims are made of: which activities count, with how much, in which slots.

In this order: who consented and is enrolled, what the methodology gives, objects that the trustees
have evaluated, the limits per day and month of one owner, and at last the quota of claims
(`partner_node.epochs.quota`). What does not count is kept with its reason; nothing is dropped
silently. An epoch is collected in parts that hold whole owners.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fedcarbon.ids import EpochIndex
from fedcarbon.methodology.crediting import (
    Earned,
    NotEligibleError,
    earned_by,
    limited,
    limits_months,
)
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.occupancy import ActivitySlots, slots_of
from fedcarbon.methodology.person_day import Piece, pieces_of
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.registry.programme import zone
from fedcarbon.units import MicrogramsCO2e
from partner_node.activities.bundle import Bundle
from partner_node.activities.evaluating import BulkEvaluation
from partner_node.activities.history import earlier_readings, history_of
from partner_node.activities.intake import text_of
from partner_node.membership import Membership
from partner_node.storage.accounts import AccountStore
from partner_node.storage.activities import ActivityStore, Owners, StoredActivity, StoredReject
from partner_node.storage.database import Database
from partner_node.storage.epochs import CreditedActivity, EpochStore
from partner_node.storage.objects import ObjectStore
from partner_node.storage.persons import PersonStore, Standing

DETAILS: Final[Mapping[RejectReason, str]] = {
    RejectReason.NOT_ENROLLED: "the person had no account when the epoch was planned",
    RejectReason.CONSENT_WITHDRAWN: "the consents ended before this epoch",
    RejectReason.ABOVE_CLAIM_QUOTA: "the admission allows no more claims in this epoch",
    RejectReason.UNKNOWN_METHODOLOGY: "this node no longer counts by this methodology",
    RejectReason.OBJECT_NOT_EVALUATED: "the trustees had not evaluated its object in time",
    RejectReason.NOTHING_EARNED: "by its methodology it is worth nothing",
}
"""What people are told about a reason that is found when an epoch is committed."""

_Owner = tuple[str, str, int]
"""Methodology id and whose limits apply: an object's, or else a person's."""


@dataclass(slots=True)
class Collected:
    """What counts of a part, before the quota of claims."""

    credited: list[CreditedActivity] = field(default_factory=list)
    pieces: list[tuple[int, Piece]] = field(default_factory=list)
    """Of which person, and the piece; those in the epoch of every credited activity."""
    rejects: list[StoredReject] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An activity with what it earns before limits."""

    stored: StoredActivity
    methodology: Methodology
    earned: Earned
    occupied: ActivitySlots
    history: tuple[int | None, ...]


class Collector:
    """Collects the pieces of an epoch from the store."""

    def __init__(
        self, database: Database, member: Membership, bundle: Bundle, bulk: BulkEvaluation
    ) -> None:
        """Read activities and consents from `database`."""
        self._accounts = AccountStore(database)
        self._activities = ActivityStore(database)
        self._objects = ObjectStore(database)
        self._persons = PersonStore(database)
        self._epochs = EpochStore(database)
        self._member = member
        self._bundle = bundle
        self._bulk = bulk
        programme = member.programme
        self._grid = SlotGrid(zone=zone(programme.time_zone), slot_s=programme.slot_s)

    def collect(self, epoch: EpochIndex, owners: Owners) -> Collected:
        """Return everything of some owners that counts in `epoch`, and why the rest does not."""
        days = self._member.programme.days_of(epoch)
        stored = self._activities.credited_between(days[0], days[-1], owners)
        collected = Collected()
        before = self._epochs.credited_before(epoch, (item.activity.activity_id for item in stored))
        evaluated = self._objects.outputs(item.activity.object_ref for item in stored).keys()
        candidates = [
            # Before limits: what is not claimed must not use up what others may have.
            item
            for item in self._candidates(epoch, stored, collected)
            if self._is_evaluated(epoch, item, evaluated, collected)
        ]
        credited_ug = self._limited(epoch, candidates, before, owners)
        for item in candidates:
            amount_ug, limit_id = credited_ug[item.earned.activity.activity_id]
            if not amount_ug:
                collected.rejects.append(_worthless(epoch, item, limit_id))
            else:
                self._take(epoch, item, amount_ug, collected)
        return collected

    def _candidates(
        self,
        epoch: EpochIndex,
        stored: Sequence[StoredActivity],
        collected: Collected,
    ) -> list[_Candidate]:
        """Return what counts by consent, enrolment and methodology."""
        standings = self._persons.standings(item.activity.person_ref for item in stored)
        enrolled = self._accounts.among(epoch, (item.person_id for item in stored))
        outcomes = self._bulk.evaluated(
            [item.activity for item in stored], self._member.programme.time_zone
        )
        wanted = [
            reading
            for item in stored
            if (methodology := self._bundle.find(item.activity.methodology_id)) is not None
            for reading in earlier_readings(item.activity, methodology, self._grid)
        ]
        readings = self._activities.readings(wanted)
        best_tier = self._member.foundation.own.best_tier
        candidates: list[_Candidate] = []
        for item, outcome in zip(stored, outcomes, strict=True):
            methodology = self._bundle.find(item.activity.methodology_id)
            reason = _standing_reason(epoch, item, standings, enrolled)
            if methodology is None or methodology.activity_type is not item.activity_type:
                reason = RejectReason.UNKNOWN_METHODOLOGY
            if reason is not None or methodology is None:
                assert reason is not None  # noqa: S101 - set just above
                collected.rejects.append(_reject(epoch, item, reason))
                continue
            # A worse tier than recorded may be all that the admission allows.
            tier = max(item.activity.evidence, best_tier)
            activity = item.activity
            if tier != activity.evidence:
                activity = dataclasses.replace(activity, evidence=tier)
            history = history_of(activity, methodology, self._grid, readings)
            occupied = slots_of(activity, methodology.activity_type, self._grid)
            try:
                earned = earned_by(
                    activity,
                    methodology,
                    self._grid,
                    self._member.programme.cap_ug,
                    history,
                    evaluated=outcome,
                    occupied=occupied,
                )
            except NotEligibleError as error:
                # Accepted under an earlier version of the methodology.
                text = text_of(methodology, error.refusal)
                collected.rejects.append(_rejected(epoch, item, error.refusal, text))
                continue
            candidates.append(_Candidate(item, methodology, earned, occupied, history))
        return candidates

    def _is_evaluated(
        self,
        epoch: EpochIndex,
        item: _Candidate,
        evaluated: Collection[str],
        collected: Collected,
    ) -> bool:
        owner = item.earned.activity.object_ref
        if owner and owner not in evaluated:
            reason = RejectReason.OBJECT_NOT_EVALUATED
            collected.rejects.append(_reject(epoch, item.stored, reason))
            return False
        return True

    # --- limits ---------------------------------------------------------------------------

    def _limited(
        self,
        epoch: EpochIndex,
        candidates: Sequence[_Candidate],
        before: Mapping[str, CreditedActivity],
        owners: Owners,
    ) -> dict[str, tuple[MicrogramsCO2e, str | None]]:
        """Return what is credited for each candidate, and the limit that took something away.

        What an earlier epoch has credited for a trip over midnight stays as it was decided there,
        unless the methodology that is pinned for this epoch gives less.
        """
        of_owner: defaultdict[_Owner, list[Earned]] = defaultdict(list)
        stays: dict[str, tuple[MicrogramsCO2e, str | None]] = {}
        for item in candidates:
            earned = item.earned
            decided = before.get(earned.activity.activity_id)
            if decided is not None:
                amount_ug = MicrogramsCO2e(min(decided.credited_ug, earned.amount_ug))
                earned = dataclasses.replace(earned, amount_ug=amount_ug)
                stays[earned.activity.activity_id] = (amount_ug, None)
            of_owner[_owner(item.stored, earned)].append(earned)
        for name, earlier in self._earlier(epoch, of_owner, before, owners):
            of_owner[name].append(earlier)
        found: dict[str, tuple[MicrogramsCO2e, str | None]] = {}
        for (methodology_id, *_), earned_by_owner in of_owner.items():
            methodology = self._bundle.find(methodology_id)
            assert methodology is not None  # noqa: S101 - candidates have one
            for activity_id, left in limited(methodology, earned_by_owner).items():
                found[activity_id] = (MicrogramsCO2e(left.amount), left.limit_id)
        return found | stays

    def _earlier(
        self,
        epoch: EpochIndex,
        of_owner: Mapping[_Owner, Sequence[Earned]],
        before: Mapping[str, CreditedActivity],
        owners: Owners,
    ) -> list[tuple[_Owner, Earned]]:
        """Return what earlier days were credited with, as far back as a limit can reach."""
        first = self._member.programme.days_of(epoch)[0]
        days = [earned.day for earned_by_owner in of_owner.values() for earned in earned_by_owner]
        for methodology_id in {name for name, *_ in of_owner}:
            methodology = self._bundle.find(methodology_id)
            if methodology is not None and limits_months(methodology):
                days.append(first.replace(day=1))
        earliest = min(days, default=first)
        if earliest >= first:
            return []
        stored = {
            item.activity.activity_id: item
            for item in self._activities.credited_between(
                earliest, first - dt.timedelta(days=1), owners
            )
        }
        found = []
        decided = self._epochs.credited_before(epoch, stored.keys() - before.keys())
        for name, credited in decided.items():
            item = stored[name]
            assert item.days is not None  # noqa: S101 - it was credited on days
            earned = Earned(
                activity=item.activity, day=item.days[0], amount_ug=credited.credited_ug
            )
            key = _owner(item, earned)
            if key in of_owner:
                found.append((key, earned))
        return found

    # --- slots ----------------------------------------------------------------------------

    def _take(
        self, epoch: EpochIndex, item: _Candidate, amount_ug: MicrogramsCO2e, collected: Collected
    ) -> None:
        """Add the pieces of an activity that lie in `epoch`."""
        days = set(self._member.programme.days_of(epoch))
        activity, kind = item.earned.activity, item.methodology.activity_type
        collected.pieces += [
            (item.stored.person_id, piece)
            for piece in pieces_of(activity, kind, amount_ug, self._grid, occupied=item.occupied)
            if piece.day in days
        ]
        collected.credited.append(
            CreditedActivity(
                activity_id=activity.activity_id,
                methodology=item.methodology.content_hash,
                history=item.history,
                evidence=activity.evidence,
                credited_ug=amount_ug,
            )
        )


def _owner(stored: StoredActivity, earned: Earned) -> _Owner:
    person_id = 0 if earned.owner else stored.person_id
    return stored.activity.methodology_id, earned.owner, person_id


def _standing_reason(
    epoch: EpochIndex,
    stored: StoredActivity,
    standings: Mapping[str, Standing],
    enrolled: Collection[int],
) -> RejectReason | None:
    """Return why an accepted activity does not count in `epoch` after all."""
    periods = standings[stored.activity.person_ref].periods
    if not any(
        period.covers(stored.activity.started_at_s)
        and (period.until_epoch is None or epoch < period.until_epoch)
        for period in periods
    ):
        return RejectReason.CONSENT_WITHDRAWN
    return None if stored.person_id in enrolled else RejectReason.NOT_ENROLLED


def _worthless(epoch: EpochIndex, item: _Candidate, limit_id: str | None) -> StoredReject:
    """Return why something is credited with nothing: a limit, or its methodology."""
    if limit_id is None:
        return _reject(epoch, item.stored, RejectReason.NOTHING_EARNED)
    return _rejected(epoch, item.stored, limit_id, text_of(item.methodology, limit_id))


def _reject(epoch: EpochIndex, stored: StoredActivity, reason: RejectReason) -> StoredReject:
    return _rejected(epoch, stored, reason.value, DETAILS[reason])


def _rejected(epoch: EpochIndex, stored: StoredActivity, reason: str, detail: str) -> StoredReject:
    return StoredReject(
        subject=stored.activity.activity_id, reason=reason, detail=detail, epoch=epoch
    )
