"""Which samples were asked for on site, and whether they were opened."""

from __future__ import annotations

from dataclasses import dataclass

from fedcarbon.audit.evidence_sample import EvidenceSample
from fedcarbon.units import Seconds
from partner_node.storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """One request of an auditor."""

    epoch: int
    size: int
    answer: str
    """`opened`, or the code of the refusal."""
    asked_at_s: Seconds


class AuditStore:
    """Appends requests; none is ever forgotten."""

    def __init__(self, database: Database) -> None:
        """Work on the table of `database`."""
        self._database = database

    def note(self, sample: EvidenceSample, *, answer: str, now_s: Seconds) -> None:
        """Note that a sample was asked for, and the answer."""
        self._database.run(
            "INSERT INTO audit_requests VALUES (?, ?, ?, ?)",
            [sample.epoch, sample.size, answer, now_s],
        )

    def all(self) -> list[AuditRequest]:
        """Return every request, oldest first."""
        rows = self._database.rows(
            "SELECT epoch, size, answer, asked_at_s FROM audit_requests ORDER BY rowid"
        )
        return [
            AuditRequest(epoch=row[0], size=row[1], answer=row[2], asked_at_s=row[3])
            for row in rows
        ]
