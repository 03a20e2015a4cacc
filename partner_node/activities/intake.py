"""Intake: which activities are recorded, judged one by one in the order in which they come.

The first rule that is broken gives the reason:

 (1) an id that is recorded has the same content, or it is refused      duplicate_id_other_content
 (2) the bundle has its methodology, and it can be of that type         unknown_methodology, ...
 (3) it lies within the programme; a meter's earlier periods are kept
     as history, and earn nothing                                       outside_programme_days
 (4) the methodology counts it                                          the rule's id in its file
 (5) the person is linked, consented, and had consented when it started unknown_person, ...
 (6) none of its days lies in an epoch that is closed                   late
 (7) no other activity is recorded for a slot of its object, and the
     person or object has no other of its type at the same time         object_slot_taken,
                                                                        overlapping_activity

What is refused is kept with its reason; nothing is dropped silently.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fedcarbon.clock import Clock
from fedcarbon.ids import EpochIndex
from fedcarbon.methodology.activity import Activity, InvalidActivityError, Value
from fedcarbon.methodology.crediting import (
    NOT_WHOLE_MONTHS,
    Evaluated,
    NotEligibleError,
    earned_by,
)
from fedcarbon.methodology.definition import ActivityType, Methodology
from fedcarbon.methodology.occupancy import AT_A_TIME, ActivitySlots, SlotKey, slots_of
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.registry.programme import Programme, midnight_s, zone
from fedcarbon.units import Seconds
from partner_node.activities.bundle import Bundle
from partner_node.activities.evaluating import BulkEvaluation
from partner_node.activities.history import (
    Reading,
    earlier_readings,
    history_of,
    reading_of,
)
from partner_node.storage.activities import (
    ActivityStore,
    SpanOwner,
    StoredActivity,
    StoredReject,
)
from partner_node.storage.database import Database
from partner_node.storage.epochs import EpochStore
from partner_node.storage.objects import ObjectStore
from partner_node.storage.persons import PersonStore, Standing
from partner_node.storage.refused import RefusedActivity, RefusedStore

ACTIVITIES_PER_BATCH_MAX: Final = 5_000

DETAILS: Final[Mapping[RejectReason, str]] = {
    RejectReason.DUPLICATE_ID_OTHER_CONTENT: "this activity id is recorded with other content",
    RejectReason.UNKNOWN_METHODOLOGY: "this node does not count by this methodology",
    RejectReason.OUTSIDE_PROGRAMME_DAYS: "not wholly within the days of the programme",
    RejectReason.UNKNOWN_PERSON: "this person is not linked to an identity",
    RejectReason.MISSING_CONSENT: "both consents are needed: data use and claiming",
    RejectReason.BEFORE_CONSENT: "it started before both consents were given",
    RejectReason.CONSENT_WITHDRAWN: "it started after the consents were withdrawn",
    RejectReason.LATE: "the claims of its epoch are closed",
    RejectReason.OVERLAPPING_ACTIVITY: "the person or object has an earlier recorded one then",
    RejectReason.OBJECT_SLOT_TAKEN: "its object's slot is recorded under another activity",
}
"""What people are told about a reason that the node itself finds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedActivity:
    """An activity that was not recorded, and why."""

    activity_id: str
    reason: str
    """A `RejectReason`, or the id of the methodology's rule that is broken."""
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeOutcome:
    """What became of a batch."""

    accepted: int
    """Recorded now, or recorded with the same content before."""
    rejected: Mapping[int, RejectedActivity]
    """By position in the batch."""


class _RefusedError(Exception):
    """Ends the judgement of one activity."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason: Final = reason
        self.detail: Final = detail


Spans = dict[SpanOwner, list[tuple[Seconds, Seconds]]]
"""The recorded (start, end) spans of a type that one person or object has: in order of time."""


class ActivityIntake:
    """Records activities; idempotent on their ids."""

    def __init__(
        self,
        database: Database,
        programme: Programme,
        bundle: Bundle,
        bulk: BulkEvaluation,
        clock: Clock,
    ) -> None:
        """Record into `database` what counts in `programme` by the methodologies of `bundle`."""
        self._database = database
        self._activities = ActivityStore(database)
        self._objects = ObjectStore(database)
        self._refused = RefusedStore(database)
        self._epochs = EpochStore(database)
        self._persons = PersonStore(database)
        self._programme = programme
        self._bundle = bundle
        self._bulk = bulk
        self._clock = clock
        self._grid = SlotGrid(zone=zone(programme.time_zone), slot_s=programme.slot_s)
        first_day = programme.days_of(EpochIndex(1))[0]
        self._starts_at_s = midnight_s(first_day, programme.time_zone)

    def record(self, activities: Sequence[Activity]) -> IntakeOutcome:
        """Judge and record a batch, in one transaction.

        Raises:
            MethodologyNotUsableError: a methodology is a draft or quarantined.
        """
        with self._database.transaction():
            batch = self._batch(activities)
            outcomes = self._bulk.evaluated(activities, self._programme.time_zone)
            rejected: dict[int, RejectedActivity] = {}
            for position, activity in enumerate(activities):
                try:
                    self._judge(activity, batch, outcomes[position])
                except _RefusedError as refused:
                    rejected[position] = RejectedActivity(
                        activity_id=activity.activity_id,
                        reason=refused.reason,
                        detail=refused.detail,
                    )
                    batch.note_refused(activity, refused.reason)
            now_s = self._clock.now_s()
            self._activities.add(batch.fresh, batch.fresh_slots, now_s=now_s)
            self._objects.add(item.activity.object_ref for item in batch.fresh if item.days)
            self._activities.add_rejects(
                (
                    StoredReject(
                        subject=item.activity_id, reason=str(item.reason), detail=item.detail
                    )
                    for item in rejected.values()
                ),
                now_s=now_s,
            )
            self._refused.add(batch.refused)
        return IntakeOutcome(accepted=len(activities) - len(rejected), rejected=rejected)

    def _batch(self, activities: Sequence[Activity]) -> _Batch:
        """Return what is recorded and matters to `activities`, each kind read at once."""
        standings = self._persons.standings(item.person_ref for item in activities)
        slots: list[SlotKey] = []
        earlier: list[Reading] = []
        for activity in activities:
            methodology = self._bundle.find(activity.methodology_id)
            if not activity.object_ref or methodology is None:
                continue
            try:
                found = slots_of(activity, methodology.activity_type, self._grid)
            except InvalidActivityError:
                continue  # it will be refused
            slots += [slot.key for slot in found.slots]
            earlier += earlier_readings(activity, methodology, self._grid)
        return _Batch(
            known=self._activities.find(item.activity_id for item in activities),
            standings=standings,
            closed=frozenset(self._epochs.cut_off_epochs()),
            spans=self._spans(activities, standings),
            taken=self._activities.taken(slots),
            readings=dict(self._activities.readings(earlier)),
        )

    def _judge(self, activity: Activity, batch: _Batch, outcome: Evaluated | None) -> None:
        """Note `activity` in `batch`, or raise why it is refused."""
        # (1) an id that is recorded has the same content
        known = batch.known.get(activity.activity_id)
        if known is not None:
            if known.activity != activity:
                raise _refused(RejectReason.DUPLICATE_ID_OTHER_CONTENT)
            return
        # (2) its methodology
        methodology = self._bundle.find(activity.methodology_id)
        if methodology is None:
            raise _refused(RejectReason.UNKNOWN_METHODOLOGY)
        try:
            occupied = slots_of(activity, methodology.activity_type, self._grid)
        except InvalidActivityError as error:
            raise _RefusedError(error.reason, str(error)) from error
        # (3) its days, (4) its rules
        days = occupied.days
        epochs = {self._programme.epoch_of(day) for day in days}
        counts = self._counts(activity, methodology, epochs)
        if counts:
            self._require_eligible(activity, methodology, batch, outcome, occupied)
        # (5) the person consented
        standing = batch.standings.get(activity.person_ref)
        reason = _consent_reason(standing, activity.started_at_s, counts=counts)
        if reason is not None or standing is None:
            raise _refused(reason or RejectReason.UNKNOWN_PERSON)
        # (6) its epochs are open
        if counts and not epochs.isdisjoint(batch.closed):
            raise _refused(RejectReason.LATE)
        # (7) nothing else lies there
        owned = {slot.key for slot in occupied.slots} if activity.object_ref else set()
        if owned & batch.taken:
            raise _refused(RejectReason.OBJECT_SLOT_TAKEN)
        owner = (methodology.activity_type, activity.object_ref or standing.person_id)
        at_a_time = methodology.activity_type in AT_A_TIME
        if at_a_time and not _insert(batch.spans[owner], activity):
            raise _refused(RejectReason.OVERLAPPING_ACTIVITY)
        stored = StoredActivity(
            activity=activity,
            person_id=standing.person_id,
            activity_type=methodology.activity_type,
            days=(days[0], days[-1]) if counts else None,
        )
        batch.note(stored, owned)

    def _counts(
        self, activity: Activity, methodology: Methodology, epochs: set[EpochIndex | None]
    ) -> bool:
        """Return whether an activity can earn, False if it is history; refuse what is neither.

        Args:
            activity: of this methodology.
            methodology: likewise.
            epochs: in which it would be credited; None stands for days outside the programme.
        """
        began = activity.started_at_s >= self._starts_at_s
        if began and None not in epochs:
            return True
        wanted = methodology.history
        if began or wanted is None:
            raise _refused(RejectReason.OUTSIDE_PROGRAMME_DAYS)
        value = activity.values.get(wanted.field)
        if type(value) is not int or not methodology.fields[wanted.field].holds(value):
            refusal = methodology.fields[wanted.field].refusal
            raise _RefusedError(refusal, text_of(methodology, refusal))
        return False

    def _require_eligible(
        self,
        activity: Activity,
        methodology: Methodology,
        batch: _Batch,
        outcome: Evaluated | None,
        occupied: ActivitySlots,
    ) -> None:
        history = history_of(activity, methodology, self._grid, batch.readings)
        cap_ug = self._programme.cap_ug
        try:
            earned_by(
                activity,
                methodology,
                self._grid,
                cap_ug,
                history,
                evaluated=outcome,
                occupied=occupied,
            )
        except NotEligibleError as error:
            raise _RefusedError(error.refusal, text_of(methodology, error.refusal)) from error

    def _spans(self, activities: Sequence[Activity], standings: Mapping[str, Standing]) -> Spans:
        if not activities:
            return {}
        spans = self._activities.touching(
            {standing.person_id for standing in standings.values()},
            {item.object_ref for item in activities},
            min(item.started_at_s for item in activities),
            max(item.ended_at_s for item in activities),
        )
        for of_person in spans.values():
            of_person.sort()
        return spans


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What is known while a batch is judged."""

    known: dict[str, StoredActivity]
    standings: Mapping[str, Standing]
    closed: frozenset[int]
    spans: Spans
    taken: set[SlotKey]
    readings: dict[Reading, Mapping[str, Value]]
    fresh: list[StoredActivity] = field(default_factory=list)
    fresh_slots: list[tuple[SlotKey, str]] = field(default_factory=list)
    refused: list[RefusedActivity] = field(default_factory=list)

    def note(self, stored: StoredActivity, owned: set[SlotKey]) -> None:
        """Add an accepted activity and the slots of its object."""
        activity = stored.activity
        self.known[activity.activity_id] = stored
        self.fresh.append(stored)
        self.taken |= owned
        self.fresh_slots += [(slot, activity.activity_id) for slot in sorted(owned)]
        if stored.activity_type is ActivityType.METER_PERIOD:
            self.readings[reading_of(activity)] = activity.values

    def note_refused(self, activity: Activity, reason: str) -> None:
        """Keep a refused activity for its person's view, if the consents cover it."""
        standing = self.standings.get(activity.person_ref)
        if standing is None or not any(
            period.covers(activity.started_at_s) for period in standing.periods
        ):
            return  # nothing that was not agreed to is kept
        self.refused.append(
            RefusedActivity(
                activity_id=activity.activity_id,
                person_id=standing.person_id,
                reason=reason,
                methodology_id=activity.methodology_id,
                started_at_s=activity.started_at_s,
                ended_at_s=activity.ended_at_s,
            )
        )


def text_of(methodology: Methodology, refusal: str) -> str:
    """Return what people are told about a refusal by a methodology, in both languages."""
    if refusal == NOT_WHOLE_MONTHS:
        return "a period with a baseline runs from the first of a local month to that of another"
    texts = (methodology.text_of(refusal, language) for language in ("zh", "en"))
    return "; ".join(texts)


def _refused(reason: RejectReason) -> _RefusedError:
    return _RefusedError(reason, DETAILS[reason])


def _consent_reason(
    standing: Standing | None, started_at_s: Seconds, *, counts: bool
) -> RejectReason | None:
    if standing is None:
        return RejectReason.UNKNOWN_PERSON
    if not standing.periods:
        return RejectReason.MISSING_CONSENT
    if any(period.covers(started_at_s) for period in standing.periods):
        return None
    if not counts:
        # History is data about a person who agrees to its use now; nothing is claimed for it.
        return None if standing.consented else RejectReason.CONSENT_WITHDRAWN
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
