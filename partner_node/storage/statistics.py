"""What tables of statistics are made of, and what became of their periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fedcarbon.ids import EpochIndex
from fedcarbon.units import MicrogramsCO2e, Seconds
from partner_node.statistics.categories import Source, Word
from partner_node.storage.database import Database, Row
from partner_node.storage.outbox import MessageKind
from partner_node.storage.submissions import OF_ACTIVITY

SECRET_BYTES: Final = 32
TABLES_SECRET: Final = "table-cells"  # noqa: S105 - the name of one
WHOLE_TABLE: Final = 0
"""Instead of a period."""

# The cap is used up activity by activity in the order of slots, as by
# `fedcarbon.methodology.person_day.settle_activities`: together they get what was submitted.
_COUNTED = f"""
    WITH {OF_ACTIVITY},
    upto AS (
        SELECT *, sum(left_ug) OVER (PARTITION BY person_id, day ORDER BY first_slot_s, activity_id
                                     ROWS UNBOUNDED PRECEDING) AS upto_ug
        FROM of_activity WHERE 2 * lost < slots)
    SELECT u.person_id, WORDS,
           CAST(count(*) FILTER (WHERE u.day = a.first_day) AS BIGINT),
           CAST(coalesce(sum(DISTANCE) FILTER (WHERE u.day = a.first_day), 0) AS BIGINT),
           CAST(sum(greatest(0, least(left_ug, $4 - (upto_ug - left_ug)))) AS BIGINT)
    FROM upto u JOIN activities a USING (activity_id)
    LEFT JOIN activity_places p USING (activity_id)
    GROUP BY ALL ORDER BY u.person_id"""  # noqa: S608 - constants only
_DISTANCE = (
    "greatest(0, coalesce("
    "try_cast(json_extract_string(a.field_values, '$.distance_m') AS BIGINT), 0))"
)
_COLUMNS: Final = {
    Source.NOWHERE: "''",
    Source.METHODOLOGY: "a.methodology_id",
    Source.ACTIVITY_TYPE: "a.activity_type",
    Source.PLACE: "coalesce(p.place, '')",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRefusal:
    """Why this node contributes nothing to a period."""

    shell_leaf: int
    period: int
    """`WHOLE_TABLE` for all of them."""
    code: str
    detail: str


class StatisticsStore:
    """Reads what is counted, and keeps what became of it."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database

    # --- what is counted --------------------------------------------------------------------

    def counted(
        self,
        epoch: int,
        words: Sequence[Word],
        cap_ug: MicrogramsCO2e,
        persons: tuple[int, int],
    ) -> list[Row]:
        """Return what survived of a range of persons in an epoch, by person and by words.

        Args:
            epoch: one that this partner took part in.
            words: what tells cells apart.
            cap_ug: the programme's cap per person and day.
            persons: first and last, both included.

        Returns:
            Rows of person, the words, activities, metres, and what was credited, by person. An
            activity of two days counts, with its distance, on the first; what is credited for it
            counts on the day on which it is credited. One wholly above the cap still counts.
        """
        columns = ", ".join(
            f"coalesce(json_extract_string(a.field_values, '$.{word.field}'), '')"
            if word.source is Source.VALUE
            else _COLUMNS[word.source]
            for word in words
        )
        sql = _COUNTED.replace("WORDS", columns).replace("DISTANCE", _DISTANCE)
        return self._database.rows(sql, [epoch, *persons, cap_ug])

    def counting_epochs(self, epochs: range) -> list[EpochIndex]:
        """Return those of some epochs in which what this partner claimed counts, ascending."""
        rows = self._database.rows(
            "SELECT o.epoch FROM epoch_outcomes o JOIN epoch_settlements s USING (epoch) "
            "WHERE NOT o.missing AND s.committed AND s.revealed ORDER BY o.epoch"
        )
        return [EpochIndex(row[0]) for row in rows if row[0] in epochs]

    def sealed_epochs(self) -> set[int]:
        """Return the epochs that are over for this node."""
        return {row[0] for row in self._database.rows("SELECT epoch FROM epoch_outcomes")}

    def last_person(self) -> int:
        """Return the highest number of a person; 0 if there is none."""
        return self._database.number("SELECT max(person_id) FROM persons")

    def members(self, epochs: range) -> int:
        """Return how many accounts were enrolled here in any of some epochs, all decided."""
        return self._database.number(
            "SELECT count(DISTINCT person_id) FROM epoch_accounts WHERE epoch BETWEEN ? AND ?",
            [epochs[0], epochs[-1]],
        )

    # --- the secret -------------------------------------------------------------------------

    def secret(self, fresh: bytes) -> bytes:
        """Return the secret by which cells are drawn: `fresh` if there is none yet."""
        query = "SELECT secret FROM node_secrets WHERE name = ?"
        row = self._database.row(query, [TABLES_SECRET])
        if row is not None:
            return bytes(row[0])
        self._database.run(
            "INSERT INTO node_secrets VALUES (?, ?) ON CONFLICT DO NOTHING", [TABLES_SECRET, fresh]
        )
        row = self._database.row(query, [TABLES_SECRET])
        assert row is not None  # noqa: S101 - stored above, by this thread or by another
        return bytes(row[0])

    # --- what became of it ------------------------------------------------------------------

    def refuse(self, refusal: TableRefusal, *, now_s: Seconds) -> None:
        """Note that this node contributes nothing; the first reason stays."""
        self._database.run(
            "INSERT INTO table_refusals VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [refusal.shell_leaf, refusal.period, refusal.code, refusal.detail, now_s],
        )

    def refusals(self) -> list[TableRefusal]:
        """Return all of them, by table and period."""
        rows = self._database.rows(
            "SELECT shell_leaf, period, code, detail FROM table_refusals "
            "ORDER BY shell_leaf, period"
        )
        return [
            TableRefusal(shell_leaf=row[0], period=row[1], code=row[2], detail=row[3])
            for row in rows
        ]

    def contributions(self) -> dict[tuple[int, int], bool]:
        """Return (table, period) of every contribution that is stored to whether it has arrived."""
        rows = self._database.rows(
            "SELECT m.subject, r.subject IS NOT NULL FROM messages m LEFT JOIN receipts r "
            "USING (kind, subject, part) WHERE m.kind = ?",
            [MessageKind.TABLE_CONTRIBUTION.value],
        )
        return dict(sorted((subject_parts(row[0]), bool(row[1])) for row in rows))


def subject_of(shell_leaf: int, period: int) -> str:
    """Return the subject of the message that contributes to a period."""
    return f"{shell_leaf}/{period}"


def subject_parts(subject: str) -> tuple[int, int]:
    """Return leaf and period of a subject."""
    leaf, _, period = subject.partition("/")
    return int(leaf), int(period)
