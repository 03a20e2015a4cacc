"""Intake: which activities are recorded, judged one by one in the order in which they come.

The first rule that is broken gives the reason:

 (1) an id that is recorded has the same content, or it is refused      duplicate_id_other_content
 (2) the methodology counts it (days, mode, duration, distance, speed)  see `rejection_of`
 (3) the person is linked, consented, and had consented when it started unknown_person, ...
 (4) none of its slots lies in an epoch that is closed                  late
 (5) the person has no earlier recorded activity at the same time       overlapping_activity

What is refused is kept with its reason; nothing is dropped silently.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fedcarbon.clock import Clock
from fedcarbon.ids import EpochIndex
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.evaluation import ProgrammeDays, rejection_of
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.registry.programme import Programme, midnight_s, zone
from fedcarbon.units import Seconds
from partner_node.storage.activities import ActivityStore, StoredActivity, StoredReject
from partner_node.storage.database import Database
from partner_node.storage.epochs import EpochStore
from partner_node.storage.persons import PersonStore, Standing

ACTIVITIES_PER_BATCH_MAX: Final = 5_000

DETAILS: Final[Mapping[str, str]] = {
    RejectReason.DUPLICATE_ID_OTHER_CONTENT: "this activity id is recorded with other content",
    RejectReason.OUTSIDE_PROGRAMME_DAYS: "not wholly within the days of the programme",
    RejectReason.UNKNOWN_PERSON: "this person is not linked to an identity",
    RejectReason.MISSING_CONSENT: "both consents are needed: data use and claiming",
    RejectReason.BEFORE_CONSENT: "it started before both consents were given",
    RejectReason.CONSENT_WITHDRAWN: "it started after the consents were withdrawn",
    RejectReason.LATE: "the claims of its epoch are closed",
    RejectReason.OVERLAPPING_ACTIVITY: "the person has an earlier recorded activity at that time",
}
"""What people are told about a reason that the node itself finds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedActivity:
    """An activity that was not recorded, and why."""

    activity_id: str
    reason: str
    """One of `RejectReason`, or the id of a rule of the methodology."""
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeOutcome:
    """What became of a batch."""

    accepted: int
    """Recorded now, or recorded with the same content before."""
    rejected: Mapping[int, RejectedActivity]
    """By position in the batch."""


Spans = dict[int, list[tuple[Seconds, Seconds]]]
"""Person to the recorded (start, end) spans: disjoint, in order of time."""


class ActivityIntake:
    """Records activities; idempotent on their ids."""

    def __init__(
        self, database: Database, programme: Programme, methodology: Methodology, clock: Clock
    ) -> None:
        """Record into `database` what counts in `programme` by `methodology`."""
        self._database = database
        self._activities = ActivityStore(database)
        self._epochs = EpochStore(database)
        self._persons = PersonStore(database)
        self._programme = programme
        self._methodology = methodology
        self._clock = clock
        self._grid = SlotGrid(zone=zone(programme.time_zone), slot_s=programme.slot_s)
        first_day = programme.days_of(EpochIndex(1))[0]
        self._days = ProgrammeDays(
            starts_at_s=midnight_s(first_day, programme.time_zone),
            ends_at_s=programme.epoch_end_s(EpochIndex(programme.epochs)),
        )

    def record(self, activities: Sequence[Activity]) -> IntakeOutcome:
        """Judge and record a batch, in one transaction.

        Raises:
            MethodologyNotUsableError: the methodology is a draft or quarantined.
        """
        with self._database.transaction():
            batch = _Batch(
                known=self._activities.find(item.activity_id for item in activities),
                standings=self._persons.standings(item.person_ref for item in activities),
                closed=frozenset(self._epochs.cut_off_epochs()),
            )
            batch.spans = self._spans(activities, batch.standings)
            rejected: dict[int, RejectedActivity] = {}
            for position, activity in enumerate(activities):
                reason = self._judge(activity, batch)
                if reason is not None:
                    rejected[position] = RejectedActivity(
                        activity_id=activity.activity_id,
                        reason=reason,
                        detail=self._detail(reason),
                    )
            now_s = self._clock.now_s()
            self._activities.add(batch.fresh, now_s=now_s)
            self._activities.add_rejects(
                (
                    StoredReject(
                        subject=item.activity_id, reason=str(item.reason), detail=item.detail
                    )
                    for item in rejected.values()
                ),
                now_s=now_s,
            )
        return IntakeOutcome(accepted=len(activities) - len(rejected), rejected=rejected)

    def _judge(self, activity: Activity, batch: _Batch) -> str | None:
        """Return why `activity` is refused, or note it in `batch` and return None."""
        # (1) an id that is recorded has the same content
        known = batch.known.get(activity.activity_id)
        if known is not None:
            same = _same_content(known, activity)
            return None if same else RejectReason.DUPLICATE_ID_OTHER_CONTENT
        # (2) the methodology counts it, (3) the person consented
        standing = batch.standings.get(activity.person_ref)
        day = self._grid.day_of(activity.started_at_s)
        reason = rejection_of(activity, self._methodology, self._days, day) or _consent_reason(
            standing, activity.started_at_s
        )
        if reason is not None or standing is None:
            return reason
        # (4) its epochs are open
        if batch.closed and not batch.closed.isdisjoint(self._epochs_of(activity)):
            return RejectReason.LATE
        # (5) nothing else of the person lies at that time
        if not _insert(batch.spans[standing.person_id], activity):
            return RejectReason.OVERLAPPING_ACTIVITY
        batch.note(activity, standing.person_id)
        return None

    def _detail(self, reason: str) -> str:
        return DETAILS.get(reason) or self._methodology.text_of(reason)

    def _epochs_of(self, activity: Activity) -> set[int]:
        """Return the epochs in which the activity occupies a slot."""
        occupancy = self._grid.occupied_by(activity.started_at_s, activity.ended_at_s)
        epochs = (self._programme.epoch_of(slot.day) for slot in occupancy.slots)
        return {epoch for epoch in epochs if epoch is not None}

    def _spans(self, activities: Sequence[Activity], standings: Mapping[str, Standing]) -> Spans:
        if not activities:
            return {}
        spans = self._activities.overlapping(
            {standing.person_id for standing in standings.values()},
            min(item.started_at_s for item in activities),
            max(item.ended_at_s for item in activities),
        )
        for of_person in spans.values():
            of_person.sort()
        return spans


class _Batch:
    """What is known while a batch is judged."""

    def __init__(
        self,
        *,
        known: dict[str, StoredActivity],
        standings: Mapping[str, Standing],
        closed: frozenset[int],
    ) -> None:
        self.known = known
        self.standings = standings
        self.closed = closed
        self.spans: Spans = {}
        self.fresh: list[StoredActivity] = []

    def note(self, activity: Activity, person_id: int) -> None:
        """Add an accepted activity."""
        stored = StoredActivity(
            activity_id=activity.activity_id,
            person_ref=activity.person_ref,
            person_id=person_id,
            mode=activity.mode.value,
            started_at_s=activity.started_at_s,
            ended_at_s=activity.ended_at_s,
            distance_m=activity.distance_m,
            evidence=activity.evidence,
        )
        self.known[activity.activity_id] = stored
        self.fresh.append(stored)


def _same_content(known: StoredActivity, activity: Activity) -> bool:
    return (
        known.person_ref,
        known.mode,
        known.started_at_s,
        known.ended_at_s,
        known.distance_m,
        known.evidence,
    ) == (
        activity.person_ref,
        activity.mode.value,
        activity.started_at_s,
        activity.ended_at_s,
        activity.distance_m,
        activity.evidence,
    )


def _consent_reason(standing: Standing | None, started_at_s: Seconds) -> RejectReason | None:
    if standing is None:
        return RejectReason.UNKNOWN_PERSON
    if not standing.periods:
        return RejectReason.MISSING_CONSENT
    if any(period.covers(started_at_s) for period in standing.periods):
        return None
    if started_at_s < standing.periods[0].since_s:
        return RejectReason.BEFORE_CONSENT
    return RejectReason.CONSENT_WITHDRAWN


def _insert(spans: list[tuple[Seconds, Seconds]], activity: Activity) -> bool:
    """Add the activity's span to disjoint, sorted spans; return False if it would overlap one."""
    span = (activity.started_at_s, activity.ended_at_s)
    position = bisect.bisect_left(spans, span)
    before_ends_s = spans[position - 1][1] if position else activity.started_at_s
    after_starts_s = spans[position][0] if position < len(spans) else activity.ended_at_s
    if before_ends_s > activity.started_at_s or after_starts_s < activity.ended_at_s:
        return False
    spans.insert(position, span)
    return True
