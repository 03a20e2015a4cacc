"""How far an epoch's work is: stages in parts, each part stored once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from partner_node.storage.database import Database


class Stage(StrEnum):
    """What is done for an epoch, in this order."""

    COLLECTING = "collecting"
    """Which activities count, and with how much: those that persons own."""
    OBJECTS = "collecting of objects"
    """Those that meters and vehicles own."""
    QUOTA = "quota"
    """No more claims than the admission allows."""
    CLAIMING = "claiming"
    """Tokens and commitments of the claims."""
    PADDING = "padding"
    """Those of the claims that hide the count."""
    SORTING = "sorting"
    """All claims as the list."""
    EVIDENCE = "evidence"
    """The leaves that an auditor on site may ask for."""
    PROVING = "proving"
    """Encrypting and proving; a part is a chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgress:
    """How far one stage is."""

    stage: Stage
    done: int
    """Parts that are stored."""
    parts: int
    """All of them."""
    elapsed_s: float
    """From its begin to its last stored part, by the machine's own clock."""

    @property
    def parts_per_s(self) -> float:
        """The rate so far; 0 while nothing is stored."""
        return self.done / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def remaining_s(self) -> float | None:
        """How long the rest takes at this rate, in seconds; None while there is none."""
        return (self.parts - self.done) / self.parts_per_s if self.parts_per_s else None


class ProgressStore:
    """Reads and appends stages and parts."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database

    def begin(self, epoch: int, stage: Stage, parts: int) -> None:
        """Note how many parts a stage has; the first call counts."""
        if self.parts(epoch, stage) is None:
            self._database.run(
                "INSERT INTO epoch_stages VALUES (?, ?, ?, epoch(now()))",
                [epoch, stage.value, parts],
            )

    def parts(self, epoch: int, stage: Stage) -> int | None:
        """Return how many parts a stage has; None if it has not begun."""
        row = self._database.row(
            "SELECT parts FROM epoch_stages WHERE epoch = ? AND stage = ?", [epoch, stage.value]
        )
        return None if row is None else int(row[0])

    def done(self, epoch: int, stage: Stage) -> int:
        """Return how many parts are stored: the number of the next one."""
        return self._database.number(
            "SELECT count(*) FROM epoch_parts WHERE epoch = ? AND stage = ?", [epoch, stage.value]
        )

    def finished(self, epoch: int, stage: Stage) -> bool:
        """Tell whether every part of a stage is stored."""
        return self.done(epoch, stage) == self.parts(epoch, stage)

    def add(self, epoch: int, stage: Stage, part: int) -> None:
        """Note a part, inside the transaction that stores it."""
        self._database.run(
            "INSERT INTO epoch_parts VALUES (?, ?, ?, epoch(now()))", [epoch, stage.value, part]
        )

    def latest(self, epoch: int) -> StageProgress | None:
        """Return the stage that was begun last, None if there is none."""
        row = self._database.row(
            "SELECT s.stage, s.parts, count(p.part), coalesce(max(p.done_at_s) - s.began_at_s, 0) "
            "FROM epoch_stages s LEFT JOIN epoch_parts p USING (epoch, stage) WHERE s.epoch = ? "
            "GROUP BY s.stage, s.parts, s.began_at_s ORDER BY s.began_at_s DESC LIMIT 1",
            [epoch],
        )
        if row is None:
            return None
        return StageProgress(stage=Stage(row[0]), parts=row[1], done=row[2], elapsed_s=row[3])
