"""Incidents: what other parties did wrong, kept until somebody has looked at it."""

from __future__ import annotations

from dataclasses import dataclass

from fedcarbon.units import Seconds
from partner_node.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One thing that a party did wrong."""

    code: str
    detail: str
    """A sentence with public values only."""


class IncidentStore:
    """Appends incidents."""

    def __init__(self, database: Database) -> None:
        """Work on the table of `database`."""
        self._database = database

    def add(self, incident: Incident, *, now_s: Seconds) -> bool:
        """Note an incident and return whether it is new; the same one again changes nothing."""
        added = self._database.rows(
            "INSERT INTO incidents VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING code",
            [incident.code, incident.detail, now_s],
        )
        return bool(added)

    def all(self) -> list[Incident]:
        """Return every incident, oldest first."""
        rows = self._database.rows("SELECT code, detail FROM incidents ORDER BY noted_at_s, rowid")
        return [Incident(code=row[0], detail=row[1]) for row in rows]
