"""Answers by order: the same order gets the same bytes again."""

from __future__ import annotations

from typing import Final, NamedTuple

from trustee.storage.database import Database

ANSWERS_KEPT: Final = 10_000
"""Older answers are forgotten; what they promised is remembered in tables of its own."""


class StoredAnswer(NamedTuple):
    """What was answered to an order."""

    content_sha256: bytes
    answer: bytes


class AnswerStore:
    """Stored answers and the log of refusals."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        """Take the store."""
        self._database: Final = database

    def of_order(self, order_id: bytes) -> StoredAnswer | None:
        """Return the answer that was given to an order id."""
        row = self._database.one(
            "SELECT content_sha256, answer FROM answers WHERE order_id = ?", order_id
        )
        return None if row is None else StoredAnswer._make(row)

    def of_content(self, content_sha256: bytes) -> bytes | None:
        """Return the newest answer that was given to an order of this content."""
        found: bytes | None = self._database.value(
            "SELECT answer FROM answers WHERE content_sha256 = ? "
            "ORDER BY answer_number DESC LIMIT 1",
            content_sha256,
        )
        return found

    def keep(self, order_id: bytes, stored: StoredAnswer) -> None:
        """Store an answer before it is given."""
        self._database.run(
            "INSERT INTO answers (order_id, content_sha256, answer) VALUES (?, ?, ?)",
            order_id,
            *stored,
        )
        self._database.run(
            "DELETE FROM answers WHERE answer_number <= "
            "(SELECT max(answer_number) FROM answers) - ?",
            ANSWERS_KEPT,
        )

    def note_refusal(
        self, order_sha256: bytes, *, kind: str, code: str, detail: str, at_s: int
    ) -> None:
        """Log a refusal."""
        self._database.run(
            "INSERT INTO refusals (order_sha256, kind, code, detail, at_s) VALUES (?, ?, ?, ?, ?)",
            order_sha256,
            kind,
            code,
            detail,
            at_s,
        )

    def refusal_codes(self) -> list[str]:
        """Return the codes of all refusals, oldest first."""
        query = "SELECT code FROM refusals ORDER BY refusal_number"
        return [code for (code,) in self._database.each(query)]
