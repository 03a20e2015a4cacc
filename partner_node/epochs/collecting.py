"""What an epoch's claims are made of: which activities count, with how much, in which slots.

In this order: who consented and is enrolled, what the methodology gives, objects that the trustees
have evaluated, the limits per day and month of one owner, and at last the quota of claims
(`partner_node.epochs.quota`). What does not count is kept with its reason; nothing is dropped
silently. An epoch is collected in parts that hold whole owners.

What can be said of an activity by itself goes to the engine (`partner_node.epochs.earn_task`): what
it earns, and its pieces by slot. What needs the store or other activities is decided here.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fedcarbon.engine.port import Engine, row_by_row
from fedcarbon.ids import EpochIndex
from fedcarbon.methodology.crediting import Earned, limited, limits_months, limits_owners
from fedcarbon.methodology.definition import GROUPS, Methodology
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.methodology.slots import SlotGrid, split
from fedcarbon.registry.programme import zone
from fedcarbon.units import MicrogramsCO2e, Seconds
from partner_node.activities.bundle import Bundle
from partner_node.activities.evaluating import BulkEvaluation
from partner_node.activities.history import earlier_readings, history_of
from partner_node.activities.intake import text_of
from partner_node.epochs.earn_task import ACTIVITIES, EarnTask
from partner_node.epochs.parts import parts_of
from partner_node.membership import Membership
from partner_node.storage.accounts import AccountStore
from partner_node.storage.activities import (
    ActivityStore,
    Owners,
    StoredActivity,
    StoredReject,
    stored_in,
)
from partner_node.storage.claim_work import CREDITED, PIECES, Collected
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

ROWS_PER_BATCH: Final = 8_192
"""Activities that a process works on at once."""
_Owner = tuple[str, str, int]
"""Methodology id and whose limits apply: an object's, or else a person's."""
_Left = tuple[MicrogramsCO2e, str | None]
"""What is left of what an activity earned, and the limit that took something away."""


class _Part(NamedTuple):
    """Some owners on their way through the engine."""

    owners: Owners
    table: pa.Table
    """Those of their activities that count by consent, enrolment and methodology."""
    rejects: list[StoredReject]


class Collector:
    """Collects the pieces of an epoch from the store."""

    def __init__(
        self,
        database: Database,
        member: Membership,
        bundle: Bundle,
        bulk: BulkEvaluation,
        engine: Engine,
    ) -> None:
        """Read activities and consents from `database`; evaluate and split on `engine`."""
        self._accounts = AccountStore(database)
        self._activities = ActivityStore(database)
        self._objects = ObjectStore(database)
        self._persons = PersonStore(database)
        self._epochs = EpochStore(database)
        self._member = member
        self._bundle = bundle
        self._bulk = bulk
        self._engine = engine
        programme = member.programme
        self._grid = SlotGrid(zone=zone(programme.time_zone), slot_s=programme.slot_s)

    def collect(self, epoch: EpochIndex, ranges: Iterable[Owners]) -> Iterator[Collected]:
        """Yield everything of each range of owners that counts in `epoch`, and why the rest not."""
        waiting: deque[_Part] = deque()

        def rows() -> Iterator[pa.RecordBatch]:
            for owners in ranges:
                part = self._standing(epoch, owners)
                waiting.append(part)
                yield from part.table.select(ACTIVITIES.names).to_batches(ROWS_PER_BATCH)

        task = self._task(epoch)
        given = pa.RecordBatchReader.from_batches(ACTIVITIES, rows())
        made = row_by_row(self._engine, task, given, "activity_id")
        for part, earned in parts_of(made, waiting, task.schema):
            yield self._counted(epoch, part, earned)

    def _task(self, epoch: EpochIndex) -> EarnTask:
        days = self._member.programme.days_of(epoch)
        counts = self._activities.methodologies_between(days[0], days[-1])
        found = {name: self._bundle.find(name) for name in counts}
        return EarnTask(
            methodologies={name: item for name, item in found.items() if item is not None},
            queries=self._bulk.queries(counts, self._member.programme.time_zone),
            grid=self._grid,
            cap_ug=self._member.programme.cap_ug,
        )

    # --- before the engine ------------------------------------------------------------------

    def _standing(self, epoch: EpochIndex, owners: Owners) -> _Part:
        """Return what counts by methodology, consent and enrolment, and why the rest does not."""
        days = self._member.programme.days_of(epoch)
        table = self._activities.credited_between(days[0], days[-1], owners)
        columns = {name: table.column(name).to_pylist() for name in _JUDGED}
        standings = self._persons.standings(columns["person_ref"])
        enrolled = self._accounts.among(epoch, columns["person_id"])
        types = {item.methodology_id: item.activity_type for item in self._bundle.all()}
        kept: list[int] = []
        rejects: list[StoredReject] = []
        for number, (activity_id, person_ref, person_id, name, kind, started_at_s) in enumerate(
            zip(*columns.values(), strict=True)
        ):
            if types.get(name) != kind:
                rejects.append(_reject(epoch, activity_id, RejectReason.UNKNOWN_METHODOLOGY))
            elif not _consented(epoch, standings[person_ref], started_at_s):
                rejects.append(_reject(epoch, activity_id, RejectReason.CONSENT_WITHDRAWN))
            elif person_id not in enrolled:
                rejects.append(_reject(epoch, activity_id, RejectReason.NOT_ENROLLED))
            else:
                kept.append(number)
        table = _rows(table, kept)
        return _Part(owners, table.append_column("history", self._histories(table)), rejects)

    def _histories(self, table: pa.Table) -> pa.Array:
        """Return what the same meter counted in earlier years, nothing where no baseline asks."""
        comparing = {item.methodology_id for item in self._bundle.all() if item.history is not None}
        found = ["[]"] * len(table)
        numbers = _where(table, lambda name: name in comparing)
        items = [item.activity for item in stored_in(_rows(table, numbers))]
        wanted = [(item, self._named(item.methodology_id)) for item in items]
        readings = self._activities.readings(
            reading for pair in wanted for reading in earlier_readings(*pair, self._grid)
        )
        for number, pair in zip(numbers, wanted, strict=True):
            found[number] = json.dumps(history_of(*pair, self._grid, readings))
        return pa.array(found, pa.string())

    # --- behind the engine ------------------------------------------------------------------

    def _counted(self, epoch: EpochIndex, part: _Part, earned: pa.Table) -> Collected:
        """Return what is left of what activities earned: their objects, then their limits."""
        rejects = part.rejects
        ids, refs, names = (part.table.column(name).to_pylist() for name in _NAMED)
        refusals = earned.column("refusal").to_pylist()
        amounts = earned.column("amount_ug").to_pylist()
        evaluated = self._objects.outputs(refs).keys()
        candidates: list[int] = []
        for number, refusal in enumerate(refusals):
            if refusal is not None:
                # Accepted under an earlier version of the methodology.
                text = text_of(self._named(names[number]), refusal)
                rejects.append(_rejected(epoch, ids[number], refusal, text))
            elif refs[number] and refs[number] not in evaluated:
                rejects.append(_reject(epoch, ids[number], RejectReason.OBJECT_NOT_EVALUATED))
            else:
                # Before limits: what is not claimed must not use up what others may have.
                candidates.append(number)
        left = self._limited(
            epoch, part.owners, _rows(part.table, candidates), _rows(earned, candidates)
        )
        kept: list[int] = []
        for number in candidates:
            amounts[number], limit_id = left.get(ids[number], (amounts[number], None))
            if amounts[number]:
                kept.append(number)
            elif limit_id is None:
                rejects.append(_reject(epoch, ids[number], RejectReason.NOTHING_EARNED))
            else:
                text = text_of(self._named(names[number]), limit_id)
                rejects.append(_rejected(epoch, ids[number], limit_id, text))
        table = _rows(part.table, kept)
        tiers = pc.max_element_wise(table.column("evidence"), self._best_tier)
        table = table.set_column(table.column_names.index("evidence"), "evidence", tiers)
        credited_ug = [amounts[number] for number in kept]
        return Collected(
            credited=self._credited(table, credited_ug),
            pieces=self._pieces(epoch, table, _rows(earned, kept), credited_ug),
            rejects=rejects,
        )

    @property
    def _best_tier(self) -> int:
        """What the admission allows; an activity may be recorded with a better one."""
        return self._member.foundation.own.best_tier

    def _named(self, methodology_id: str) -> Methodology:
        methodology = self._bundle.find(methodology_id)
        assert methodology is not None  # noqa: S101 - what it counts has passed `_standing`
        return methodology

    # --- limits ---------------------------------------------------------------------------

    def _limited(
        self, epoch: EpochIndex, owners: Owners, table: pa.Table, earned: pa.Table
    ) -> dict[str, _Left]:
        """Return what is left of candidates by id, where it may be less than they earned.

        What an earlier epoch has credited for a trip over midnight stays as it was decided there,
        unless the methodology that is pinned for this epoch gives less.
        """
        ids = table.column("activity_id").to_pylist()
        amounts = dict(zip(ids, earned.column("amount_ug").to_pylist(), strict=True))
        before = self._epochs.credited_before(epoch, ids)
        stays = {
            name: MicrogramsCO2e(min(decided.credited_ug, amounts[name]))
            for name, decided in before.items()
        }
        numbers = _where(table, lambda name: limits_owners(self._named(name)))
        pieces = _rows(earned, numbers).column("pieces").to_pylist()
        of_owner: defaultdict[_Owner, list[Earned]] = defaultdict(list)
        for stored, own in zip(stored_in(_rows(table, numbers)), pieces, strict=True):
            name = stored.activity.activity_id
            item = Earned(
                activity=stored.activity,
                day=own[0]["day"],
                amount_ug=stays[name] if name in stays else amounts[name],
            )
            of_owner[_owner(stored, item)].append(item)
        for owner, earlier in self._earlier(epoch, of_owner, before, owners):
            of_owner[owner].append(earlier)
        found: dict[str, _Left] = {}
        for (methodology_id, *_), of_one in of_owner.items():
            for name, left in limited(self._named(methodology_id), of_one).items():
                found[name] = (MicrogramsCO2e(left.amount), left.limit_id)
        return found | {name: (amount_ug, None) for name, amount_ug in stays.items()}

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
        if any(limits_months(self._named(name)) for name, *_ in of_owner):
            days.append(first.replace(day=1))
        earliest = min(days, default=first)
        if earliest >= first:
            return []
        stored = {
            item.activity.activity_id: item
            for item in stored_in(
                self._activities.credited_between(earliest, first - dt.timedelta(days=1), owners)
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

    # --- columns --------------------------------------------------------------------------

    def _credited(self, table: pa.Table, credited_ug: Sequence[MicrogramsCO2e]) -> pa.Table:
        """Return `CREDITED` of activities that are credited with something."""
        hashes = {item.methodology_id: item.content_hash for item in self._bundle.all()}
        names = table.column("methodology_id").to_pylist()
        return pa.table(
            [
                table.column("activity_id"),
                pa.array([hashes[name] for name in names], pa.binary()),
                table.column("history"),
                table.column("evidence"),
                pa.array(credited_ug, pa.int64()),
            ],
            schema=CREDITED,
        )

    def _pieces(
        self,
        epoch: EpochIndex,
        table: pa.Table,
        earned: pa.Table,
        credited_ug: Sequence[MicrogramsCO2e],
    ) -> pa.Table:
        """Return `PIECES` of activities that are credited with something: those in `epoch`."""
        pieces = earned.column("pieces").combine_chunks()
        each = pc.list_flatten(pieces)
        masses = each.field("piece_ug").to_numpy().copy()
        ends = np.cumsum(pc.list_value_length(pieces).to_numpy())
        changed = np.flatnonzero(earned.column("amount_ug").to_numpy() != credited_ug)
        for number in changed.tolist():
            # A limit took something away: what is left is split again.
            end, count = ends[number], len(pieces[number])
            masses[end - count : end] = split(credited_ug[number], count)
        groups = {item.methodology_id: GROUPS[item.activity_type] for item in self._bundle.all()}
        names = table.column("methodology_id").to_pylist()
        ranks = table.column("evidence").to_numpy() * 2 + earned.column("short").to_numpy()
        of_activity = table.select(("activity_id", "person_id", "object_ref"))
        of_activity = of_activity.append_column("group", pa.array(map(groups.get, names)))
        of_activity = of_activity.append_column("rank", pa.array(ranks, pa.int64()))
        of_piece = of_activity.take(pc.list_parent_indices(pieces))
        days = pa.array(self._member.programme.days_of(epoch), pa.date32())
        return pa.table(
            [
                of_piece.column("activity_id"),
                of_piece.column("person_id"),
                each.field("day").cast(pa.string()),
                of_piece.column("object_ref"),
                of_piece.column("group"),
                each.field("start_s"),
                of_piece.column("rank"),
                pa.array(masses, pa.int64()),
            ],
            schema=PIECES,
        ).filter(pc.is_in(each.field("day"), days))


_JUDGED: Final = (
    "activity_id",
    "person_ref",
    "person_id",
    "methodology_id",
    "activity_type",
    "started_at_s",
)
_NAMED: Final = ("activity_id", "object_ref", "methodology_id")


def _rows(table: pa.Table, numbers: Sequence[int]) -> pa.Table:
    """Return rows of a table by their numbers, which ascend."""
    return table if len(numbers) == len(table) else table.take(pa.array(numbers, pa.int64()))


def _where(table: pa.Table, holds: Callable[[str], bool]) -> list[int]:
    """Return the numbers of the activities for whose methodology id something holds."""
    names = table.column("methodology_id").to_pylist()
    wanted = {name for name in set(names) if holds(name)}
    return [number for number, name in enumerate(names) if name in wanted]


def _owner(stored: StoredActivity, earned: Earned) -> _Owner:
    person_id = 0 if earned.owner else stored.person_id
    return stored.activity.methodology_id, earned.owner, person_id


def _consented(epoch: EpochIndex, standing: Standing, started_at_s: Seconds) -> bool:
    """Tell whether an accepted activity still counts in `epoch` by its person's consents."""
    return any(
        period.covers(started_at_s) and (period.until_epoch is None or epoch < period.until_epoch)
        for period in standing.periods
    )


def _reject(epoch: EpochIndex, activity_id: str, reason: RejectReason) -> StoredReject:
    return _rejected(epoch, activity_id, reason.value, DETAILS[reason])


def _rejected(epoch: EpochIndex, activity_id: str, reason: str, detail: str) -> StoredReject:
    return StoredReject(subject=activity_id, reason=reason, detail=detail, epoch=epoch)
