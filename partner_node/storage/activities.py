"""Activities that were accepted, and everything that was not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fedcarbon.units import Metres, Seconds
from partner_node.storage.database import Database, Row

AT_INTAKE = 0
"""Epoch of a rejection that happened when the activity arrived."""

_COLUMNS = (
    "activity_id, person_ref, person_id, mode, started_at_s, ended_at_s, distance_m, evidence"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredActivity:
    """One accepted activity."""

    activity_id: str
    person_ref: str
    person_id: int
    mode: str
    started_at_s: Seconds
    ended_at_s: Seconds
    distance_m: Metres
    evidence: int
    """Tier as recorded: 0 validated, 1 tracked, 2 self-declared."""


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

    def overlapping(
        self, person_ids: Iterable[int], first_s: Seconds, last_s: Seconds
    ) -> dict[int, list[tuple[Seconds, Seconds]]]:
        """Return start and end of these persons' activities that touch (first_s, last_s)."""
        wanted = sorted(set(person_ids))
        spans: dict[int, list[tuple[Seconds, Seconds]]] = {key: [] for key in wanted}
        if wanted:
            rows = self._database.rows(
                "SELECT person_id, started_at_s, ended_at_s FROM activities "
                "JOIN given USING (person_id) WHERE started_at_s < ? AND ended_at_s > ?",
                [last_s, first_s],
                given={"person_id": wanted},
            )
            for person_id, started_at_s, ended_at_s in rows:
                spans[person_id].append((started_at_s, ended_at_s))
        return spans

    def between(self, first_s: Seconds, end_s: Seconds) -> list[StoredActivity]:
        """Return all activities that touch [first_s, end_s), by start and id."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM activities "  # noqa: S608
            "WHERE started_at_s < ? AND ended_at_s > ? ORDER BY started_at_s, activity_id",
            [end_s, first_s],
        )
        return [_activity(row) for row in rows]

    def add(self, activities: Sequence[StoredActivity], *, now_s: Seconds) -> None:
        """Append accepted activities."""
        self._database.insert(
            "activities",
            {
                "activity_id": [item.activity_id for item in activities],
                "person_ref": [item.person_ref for item in activities],
                "person_id": [item.person_id for item in activities],
                "mode": [item.mode for item in activities],
                "started_at_s": [item.started_at_s for item in activities],
                "ended_at_s": [item.ended_at_s for item in activities],
                "distance_m": [item.distance_m for item in activities],
                "evidence": [item.evidence for item in activities],
                "recorded_at_s": [now_s] * len(activities),
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


def _activity(row: Row) -> StoredActivity:
    return StoredActivity(
        activity_id=row[0],
        person_ref=row[1],
        person_id=row[2],
        mode=row[3],
        started_at_s=row[4],
        ended_at_s=row[5],
        distance_m=row[6],
        evidence=row[7],
    )
