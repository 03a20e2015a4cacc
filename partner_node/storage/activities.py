"""Activities that were accepted, and everything that was not."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from fedcarbon.methodology.activity import Activity, values_of, values_text
from fedcarbon.methodology.crediting import LASTING
from fedcarbon.methodology.definition import ActivityType
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.units import Seconds
from partner_node.activities.history import Reading, Readings, reading_of
from partner_node.storage.database import Database, Row

SpanOwner = tuple[ActivityType, int | str]
"""Of which type, and of which person or object."""
AT_INTAKE = 0
"""Epoch of a rejection that happened when the activity arrived."""

_LASTING = f"split_part(object_ref, ':', 1) IN {tuple(sorted(LASTING))}"
_COLUMNS = (
    "activity_id, person_ref, person_id, methodology_id, activity_type, object_ref, started_at_s, "
    "ended_at_s, evidence, field_values, first_day, last_day"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredActivity:
    """One accepted activity."""

    activity: Activity
    """With the tier as recorded: 0 validated, 1 tracked, 2 self-declared. Its place is stored with
    it and not read again: only statistics ask for places."""
    person_id: int
    activity_type: ActivityType
    """Of its methodology when it was accepted."""
    days: tuple[dt.date, dt.date] | None
    """First and last day on which it is credited; None if it is history only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """A range of persons or of objects, whole: whose activities are limited together."""

    objects: bool
    """Whether these are objects that several activities are about, or else persons."""
    first: int
    last: int
    """Numbers, both included."""

    @property
    def condition(self) -> str:
        """What holds for a row of `activities` of theirs; it has two question marks."""
        if self.objects:
            return (
                "object_ref IN (SELECT object_ref FROM objects "  # noqa: S608 - constants only
                "WHERE object_id BETWEEN ? AND ?) "
                f"AND {_LASTING}"
            )
        return f"person_id BETWEEN ? AND ? AND NOT {_LASTING}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReject:
    """Something that does not count, and why."""

    subject: str
    """The activity's id, or where it stood in a file."""
    reason: str
    detail: str
    epoch: int = AT_INTAKE


class ActivityStore:
    """Reads and appends activities and rejects."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database

    def find(self, activity_ids: Iterable[str]) -> dict[str, StoredActivity]:
        """Return those of `activity_ids` that were accepted."""
        wanted = sorted(set(activity_ids))
        if not wanted:
            return {}
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM activities JOIN given USING (activity_id)",  # noqa: S608
            given={"activity_id": wanted},
        )
        return {row[0]: _activity(row) for row in rows}

    def touching(
        self,
        person_ids: Iterable[int],
        object_refs: Iterable[str],
        first_s: Seconds,
        last_s: Seconds,
    ) -> dict[SpanOwner, list[tuple[Seconds, Seconds]]]:
        """Return start and end of what is recorded of persons and objects in (first_s, last_s).

        Of persons only what no object owns.
        """
        spans: defaultdict[SpanOwner, list[tuple[Seconds, Seconds]]] = defaultdict(list)
        for column, wanted, rest in (
            ("person_id", sorted(set(person_ids)), "AND object_ref = ''"),
            ("object_ref", sorted({ref for ref in object_refs if ref}), ""),
        ):
            if wanted:
                rows = self._database.rows(
                    f"SELECT activity_type, {column}, started_at_s, ended_at_s FROM activities "  # noqa: S608
                    f"JOIN given USING ({column}) WHERE started_at_s < ? AND ended_at_s > ? {rest}",
                    [last_s, first_s],
                    given={column: wanted},
                )
                for kind, owner, started_at_s, ended_at_s in rows:
                    spans[ActivityType(kind), owner].append((started_at_s, ended_at_s))
        return spans

    def credited_between(self, first: dt.date, last: dt.date, owners: Owners) -> pa.Table:
        """Return the activities of `owners` with a day from `first` to `last`, by start and id.

        As columns; `stored_in` makes activities of them.
        """
        return self._database.table(
            f"SELECT {_COLUMNS} FROM activities "  # noqa: S608
            f"WHERE first_day <= ? AND last_day >= ? AND {owners.condition} "
            "ORDER BY started_at_s, activity_id",
            [last.isoformat(), first.isoformat(), owners.first, owners.last],
        )

    def methodologies_between(self, first: dt.date, last: dt.date) -> dict[str, int]:
        """Return by which methodologies activities with a day from `first` to `last` count.

        With how many there are of each.
        """
        rows = self._database.rows(
            "SELECT methodology_id, count(*) FROM activities "
            "WHERE first_day <= ? AND last_day >= ? GROUP BY methodology_id",
            [last.isoformat(), first.isoformat()],
        )
        return dict(rows)

    def last_owner(self, *, objects: bool) -> int:
        """Return the highest number of a person with activities, or of an object; 0 if none."""
        column = "object_id) FROM objects" if objects else "person_id) FROM activities"
        return self._database.number(f"SELECT max({column}")

    def of_person(self, person_id: int) -> list[StoredActivity]:
        """Return a person's activities by start and id, history included."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM activities "  # noqa: S608
            "WHERE person_id = ? ORDER BY started_at_s, activity_id",
            [person_id],
        )
        return [_activity(row) for row in rows]

    def rejected_in_epochs(self, person_id: int) -> dict[tuple[int, str], str]:
        """Return (epoch, activity id) to the reason, for a person's activities that did not count.

        What was refused at intake is not among them.
        """
        rows = self._database.rows(
            "SELECT r.epoch, r.subject, r.reason FROM rejects r "
            "JOIN activities a ON a.activity_id = r.subject "
            "WHERE a.person_id = ? AND r.epoch <> ?",
            [person_id, AT_INTAKE],
        )
        return {(row[0], row[1]): row[2] for row in rows}

    def readings(self, wanted: Iterable[Reading]) -> Readings:
        """Return the values recorded for those of the `wanted` meter periods that are known."""
        keys = sorted(set(wanted))
        if not keys:
            return {}
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM activities "  # noqa: S608
            "JOIN given USING (object_ref, started_at_s, ended_at_s) WHERE activity_type = ?",
            [ActivityType.METER_PERIOD.value],
            given={
                "object_ref": [key.object_ref for key in keys],
                "started_at_s": [key.started_at_s for key in keys],
                "ended_at_s": [key.ended_at_s for key in keys],
            },
        )
        found = [_activity(row).activity for row in rows]
        return {reading_of(item): item.values for item in found}

    def taken(self, slots: Iterable[SlotKey]) -> set[SlotKey]:
        """Return those of the objects' `slots` that an activity is recorded for."""
        wanted = sorted({slot for slot in slots if slot.owner})
        if not wanted:
            return set()
        rows = self._database.rows(
            "SELECT object_ref, slot_group, slot_start_s FROM object_slots "
            "JOIN given USING (object_ref, slot_group, slot_start_s)",
            given={
                "object_ref": [slot.owner for slot in wanted],
                "slot_group": [slot.group for slot in wanted],
                "slot_start_s": [slot.start_s for slot in wanted],
            },
        )
        return {SlotKey(*row) for row in rows}

    def add(
        self,
        activities: Sequence[StoredActivity],
        slots: Sequence[tuple[SlotKey, str]],
        *,
        now_s: Seconds,
    ) -> None:
        """Append accepted activities, and which of them holds which slot of an object."""
        self._database.insert(
            "activities",
            {
                "activity_id": [item.activity.activity_id for item in activities],
                "person_ref": [item.activity.person_ref for item in activities],
                "person_id": [item.person_id for item in activities],
                "methodology_id": [item.activity.methodology_id for item in activities],
                "activity_type": [item.activity_type.value for item in activities],
                "object_ref": [item.activity.object_ref for item in activities],
                "started_at_s": [item.activity.started_at_s for item in activities],
                "ended_at_s": [item.activity.ended_at_s for item in activities],
                "evidence": [item.activity.evidence for item in activities],
                "field_values": [values_text(item.activity.values) for item in activities],
                "first_day": [item.days and item.days[0].isoformat() for item in activities],
                "last_day": [item.days and item.days[1].isoformat() for item in activities],
                "recorded_at_s": [now_s] * len(activities),
            },
        )
        placed = [item.activity for item in activities if item.activity.place]
        self._database.insert(
            "activity_places",
            {
                "activity_id": [item.activity_id for item in placed],
                "place": [item.place for item in placed],
            },
        )
        self._database.insert(
            "object_slots",
            {
                "object_ref": [slot.owner for slot, _ in slots],
                "slot_group": [slot.group for slot, _ in slots],
                "slot_start_s": [slot.start_s for slot, _ in slots],
                "activity_id": [activity_id for _, activity_id in slots],
            },
        )

    def count(self) -> int:
        """Return how many activities were accepted."""
        return self._database.number("SELECT count(*) FROM activities")

    def add_rejects(self, rejects: Iterable[StoredReject], *, now_s: Seconds) -> None:
        """Note what does not count; the same subject is noted once per reason and epoch."""
        unique = {(item.subject, item.reason, item.epoch): item for item in rejects}
        if not unique:
            return
        with self._database.transaction():
            known = self._database.rows(
                "SELECT r.subject, r.reason, r.epoch FROM rejects r "
                "JOIN given USING (subject, reason, epoch)",
                given={
                    "subject": [key[0] for key in unique],
                    "reason": [key[1] for key in unique],
                    "epoch": [key[2] for key in unique],
                },
            )
            for row in known:
                del unique[row[0], row[1], row[2]]
            self._database.insert(
                "rejects",
                {
                    "subject": [item.subject for item in unique.values()],
                    "reason": [item.reason for item in unique.values()],
                    "epoch": [item.epoch for item in unique.values()],
                    "detail": [item.detail for item in unique.values()],
                    "rejected_at_s": [now_s] * len(unique),
                },
            )

    def reject_counts(self) -> dict[str, int]:
        """Return how many subjects were rejected for each reason, over all epochs."""
        rows = self._database.rows(
            "SELECT reason, count(DISTINCT subject) FROM rejects GROUP BY reason ORDER BY reason"
        )
        return {row[0]: row[1] for row in rows}


def stored_in(table: pa.Table) -> list[StoredActivity]:
    """Return the activities in what `ActivityStore.credited_between` returned."""
    columns = (table.column(name).to_pylist() for name in _COLUMNS.split(", "))
    return [_activity(row) for row in zip(*columns, strict=True)]


def _activity(row: Row) -> StoredActivity:
    first, last = row[10], row[11]
    return StoredActivity(
        activity=Activity(
            activity_id=row[0],
            person_ref=row[1],
            methodology_id=row[3],
            started_at_s=row[6],
            ended_at_s=row[7],
            evidence=row[8],
            object_ref=row[5],
            values=values_of(row[9]),
        ),
        person_id=row[2],
        activity_type=ActivityType(row[4]),
        days=(dt.date.fromisoformat(first), dt.date.fromisoformat(last)) if first else None,
    )
