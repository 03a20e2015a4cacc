"""What became of each of a person's activities on each of its days, to the last millionth.

Nothing is estimated: what is claimed, lost, capped and submitted is read from what the epochs have
stored, by the function that settled them. Only what still waits for its epoch is computed afresh,
and is marked as expected.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fedcarbon.methodology.activity import Activity, InvalidActivityError
from fedcarbon.methodology.crediting import NotEligibleError, earned_by
from fedcarbon.methodology.definition import Methodology, Period
from fedcarbon.methodology.person_day import DaySettlement, Piece, by_day, settle_activities
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.registry.programme import zone
from fedcarbon.units import Seconds
from partner_node.activities.bundle import Bundle
from partner_node.activities.history import earlier_readings, history_of
from partner_node.membership import Membership
from partner_node.persons import words
from partner_node.storage.activities import ActivityStore, StoredActivity
from partner_node.storage.database import Database
from partner_node.storage.epochs import CreditedActivity
from partner_node.storage.person_figures import PersonEpoch, PersonFigures
from partner_node.storage.refused import RefusedStore


class State(StrEnum):
    """How an activity stands on one day."""

    WAITING = "waiting"
    COUNTED = "counted"
    PARTLY_LOST = "partly_lost"
    PARTLY_ABOVE_CAP = "partly_above_cap"
    LOST = "lost"
    ABOVE_CAP = "above_cap"
    MISSED = "missed"
    REFUSED = "refused"
    HISTORY = "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Millionths of the programme's unit.

    What is before claims is exactly what is submitted, lost, half-lost, above the cap, missed and
    waiting together; what is over limits or expected comes on top.
    """

    before_claims_micro: int = 0
    submitted_micro: int = 0
    lost_micro: int = 0
    """Lay in slots that another partner won."""
    half_lost_micro: int = 0
    """Fell with an activity of which at least half was lost."""
    above_cap_micro: int = 0
    missed_micro: int = 0
    """Was not submitted in time by this platform."""
    waiting_micro: int = 0
    """Is claimed and not judged."""
    over_limits_micro: int = 0
    """Was taken by the methodology's limits before anything was claimed."""
    expected_micro: int = 0
    """Of what is not claimed yet, before limits."""
    lost_slots: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        """Return the sum, part by part."""
        names = [item.name for item in dataclasses.fields(self)]
        return Amounts(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityDay:
    """One activity on one local day."""

    activity_id: str
    methodology_id: str
    started_at_s: Seconds
    ended_at_s: Seconds
    day: dt.date
    epoch: int
    """0 for a day outside the programme."""
    state: State
    amounts: Amounts
    reasons: tuple[str, ...]


class ActivityDays:
    """Finds them for one person."""

    def __init__(
        self, database: Database, member: Membership, bundle: Bundle, person_id: int
    ) -> None:
        """Read the store of `member`'s node, which counts by `bundle`."""
        self._activities = ActivityStore(database)
        self._refused = RefusedStore(database).of_person(person_id)
        self._figures = PersonFigures(database, person_id)
        self._rejected = self._activities.rejected_in_epochs(person_id)
        self._stored = {
            item.activity.activity_id: item for item in self._activities.of_person(person_id)
        }
        self._programme = member.programme
        self._bundle = bundle
        self._grid = SlotGrid(zone=zone(self._programme.time_zone), slot_s=self._programme.slot_s)

    def all(self) -> list[ActivityDay]:
        """Return everything that is known of the person's activities, by day, start and id."""
        epochs = self._figures.epochs()
        found = [item for epoch in epochs for item in self._claimed(epoch, epochs[epoch])]
        claimed = {(item.epoch, item.activity_id) for item in found}
        for stored in self._stored.values():
            found += self._unclaimed(stored, claimed)
        for refused in self._refused:
            day = self._grid.day_of(refused.started_at_s)
            found.append(
                ActivityDay(
                    activity_id=refused.activity_id,
                    methodology_id=refused.methodology_id,
                    started_at_s=refused.started_at_s,
                    ended_at_s=refused.ended_at_s,
                    day=day,
                    epoch=self._programme.epoch_of(day) or 0,
                    state=State.REFUSED,
                    amounts=Amounts(),
                    reasons=(refused.reason,),
                )
            )
        return sorted(found, key=lambda item: (item.day, item.started_at_s, item.activity_id))

    # --- what is claimed ------------------------------------------------------------------

    def _claimed(self, epoch: int, of_epoch: PersonEpoch) -> Iterator[ActivityDay]:
        missed = self._figures.was_missed(epoch)
        settled = self._figures.was_settled(epoch)
        for day, pieces in by_day(of_epoch.pieces).items():
            lost = of_epoch.lost if settled and not missed else frozenset()
            settlements = settle_activities(pieces, lost, self._programme.cap_ug)
            for activity_id, settlement in settlements.items():
                stored = self._stored[activity_id]
                lost_slots = _lost_slots(pieces, activity_id, lost)
                if missed or not settled:
                    part = _unsettled(settlement.total_ug(), missed=missed)
                else:
                    part = _settled(settlement, lost_slots)
                state, amounts, reasons = part
                if stored.days is not None and stored.days[0] == day:
                    over, limits = self._over_limits(stored, of_epoch.credited[activity_id])
                    amounts += Amounts(over_limits_micro=over)
                    reasons += limits
                yield _on(stored.activity, day, epoch, state, amounts, reasons)

    def _over_limits(
        self, stored: StoredActivity, credited: CreditedActivity
    ) -> tuple[int, tuple[str, ...]]:
        """Return what limits took, and the limits that can have."""
        methodology = self._bundle.find(stored.activity.methodology_id)
        if methodology is None or methodology.content_hash != credited.methodology:
            return 0, ()  # another version counts by now: what the old one took is not known
        activity = dataclasses.replace(stored.activity, evidence=credited.evidence)
        over = self._earned(activity, methodology, credited.history) - credited.credited_ug
        if over <= 0:
            return 0, ()
        names = [item.limit_id for item in methodology.limits if item.per is not Period.EVENT]
        return over, tuple(names)

    # --- what is not ----------------------------------------------------------------------

    def _unclaimed(
        self, stored: StoredActivity, claimed: set[tuple[int, str]]
    ) -> Iterator[ActivityDay]:
        activity = stored.activity
        if stored.days is None:
            day = self._grid.day_of(activity.started_at_s)
            yield _on(activity, day, 0, State.HISTORY, Amounts(), (words.HISTORY_ONLY,))
            return
        elsewhere = any(name == activity.activity_id for _, name in claimed)
        for epoch, day in self._epochs_of(stored.days).items():
            reason = self._rejected.get((epoch, activity.activity_id))
            if (epoch, activity.activity_id) in claimed:
                continue
            if reason is not None:
                taken = Amounts(over_limits_micro=self._taken_by(stored, reason))
                yield _on(activity, day, epoch, State.REFUSED, taken, (reason,))
            elif self._figures.was_missed(epoch):
                yield _on(activity, day, epoch, State.MISSED, Amounts(), (words.EPOCH_MISSED,))
            else:
                expected = Amounts(expected_micro=0 if elsewhere else self._expected(stored))
                yield _on(activity, day, epoch, State.WAITING, expected, (words.EPOCH_OPEN,))
                elsewhere = True

    def _epochs_of(self, days: tuple[dt.date, dt.date]) -> dict[int, dt.date]:
        """Return every epoch of an activity with its first day in it."""
        epochs: dict[int, dt.date] = {}
        for number in range((days[1] - days[0]).days + 1):
            day = days[0] + dt.timedelta(days=number)
            epoch = self._programme.epoch_of(day)
            if epoch is not None:
                epochs.setdefault(epoch, day)
        return epochs

    def _taken_by(self, stored: StoredActivity, reason: str) -> int:
        """Return what an activity was worth that a limit refused as a whole."""
        methodology = self._bundle.find(stored.activity.methodology_id)
        limits = () if methodology is None else methodology.limits
        return self._expected(stored) if reason in {item.limit_id for item in limits} else 0

    def _expected(self, stored: StoredActivity) -> int:
        methodology = self._bundle.find(stored.activity.methodology_id)
        if methodology is None or methodology.activity_type is not stored.activity_type:
            return 0
        readings = self._activities.readings(
            earlier_readings(stored.activity, methodology, self._grid)
        )
        history = history_of(stored.activity, methodology, self._grid, readings)
        return self._earned(stored.activity, methodology, history)

    def _earned(
        self, activity: Activity, methodology: Methodology, history: Sequence[int | None]
    ) -> int:
        try:
            earned = earned_by(activity, methodology, self._grid, self._programme.cap_ug, history)
        except (NotEligibleError, InvalidActivityError):
            return 0
        return earned.amount_ug


_Part = tuple[State, Amounts, tuple[str, ...]]


def _settled(settlement: DaySettlement, lost_slots: int) -> _Part:
    amounts = Amounts(
        before_claims_micro=settlement.total_ug(),
        submitted_micro=settlement.submitted_ug,
        lost_micro=settlement.lost_ug,
        half_lost_micro=settlement.half_lost_ug,
        above_cap_micro=settlement.capped_ug,
        lost_slots=lost_slots,
    )
    held: Mapping[str, int] = {
        words.CLAIMED_ELSEWHERE: lost_slots,
        words.HALF_LOST: settlement.half_lost_ug,
        words.ABOVE_CAP: settlement.capped_ug,
    }
    reasons = tuple(reason for reason, found in held.items() if found)
    if settlement.submitted_ug:
        state = State.PARTLY_ABOVE_CAP if settlement.capped_ug else State.COUNTED
        return (State.PARTLY_LOST if lost_slots else state), amounts, reasons
    if settlement.capped_ug:
        return State.ABOVE_CAP, amounts, reasons
    return (State.LOST if lost_slots else State.COUNTED), amounts, reasons


def _unsettled(total: int, *, missed: bool) -> _Part:
    if missed:
        amounts = Amounts(before_claims_micro=total, missed_micro=total)
        return State.MISSED, amounts, (words.EPOCH_MISSED,)
    amounts = Amounts(before_claims_micro=total, waiting_micro=total)
    return State.WAITING, amounts, (words.VERDICTS_OPEN,)


def _lost_slots(pieces: Sequence[Piece], activity_id: str, lost: frozenset[object]) -> int:
    return sum(item.activity_id == activity_id and item.slot in lost for item in pieces)


def _on(
    activity: Activity,
    day: dt.date,
    epoch: int,
    state: State,
    amounts: Amounts,
    reasons: tuple[str, ...],
) -> ActivityDay:
    return ActivityDay(
        activity_id=activity.activity_id,
        methodology_id=activity.methodology_id,
        started_at_s=activity.started_at_s,
        ended_at_s=activity.ended_at_s,
        day=day,
        epoch=epoch,
        state=state,
        amounts=amounts,
        reasons=reasons,
    )
