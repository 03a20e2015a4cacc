"""Activities refused at intake, kept for the person whose they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fedcarbon.units import Seconds
from partner_node.storage.database import Database


class RefusedActivity(NamedTuple):
    """One activity that was not recorded; its values are not kept."""

    activity_id: str
    person_id: int
    reason: str
    """A `RejectReason`, or the id of the methodology's rule that is broken."""
    methodology_id: str
    started_at_s: Seconds
    ended_at_s: Seconds


class RefusedStore:
    """Reads and appends refused activities; each once per reason."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database

    def add(self, refused: Iterable[RefusedActivity]) -> None:
        """Append those that are not known yet."""
        unique = {(item.activity_id, item.person_id, item.reason): item for item in refused}
        if not unique:
            return
        rows = self._database.rows(
            "SELECT activity_id, person_id, reason FROM refused_activities "
            "JOIN given USING (activity_id, person_id, reason)",
            given={
                "activity_id": [key[0] for key in unique],
                "person_id": [key[1] for key in unique],
                "reason": [key[2] for key in unique],
            },
        )
        known = set(rows)
        fresh = [item for key, item in unique.items() if key not in known]
        self._database.insert(
            "refused_activities",
            {name: [getattr(item, name) for item in fresh] for name in RefusedActivity._fields},
        )

    def of_person(self, person_id: int) -> list[RefusedActivity]:
        """Return what was refused of a person and not recorded under the same id since."""
        columns = ", ".join(f"r.{name}" for name in RefusedActivity._fields)
        rows = self._database.rows(
            f"SELECT {columns} FROM refused_activities r "  # noqa: S608
            "ANTI JOIN activities a ON a.activity_id = r.activity_id "
            "AND a.person_id = r.person_id "
            "WHERE r.person_id = ? ORDER BY r.started_at_s, r.activity_id, r.reason",
            [person_id],
        )
        return [RefusedActivity(*row) for row in rows]
