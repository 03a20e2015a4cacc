"""What every adapter writes: a canonical activity file, a rejects file, and a report that adds up.

The activity file has two columns more than the canonical ones, with the times exactly as published;
readers of canonical files ignore them.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fedcarbon.methodology.activity import Activity
from partner_node.adapters.week_shift import WeekShift
from partner_node.importing.rejects_file import RejectsFile
from partner_node.importing.table_file import Reject

PublishedTimes = tuple[str, str]
"""Start and end as they stand in the source."""

ORIGINAL_COLUMNS: Final = ("original_started_at", "original_ended_at")
TRIP_COLUMNS: Final = (
    "activity_id",
    "person_ref",
    "mode",
    "started_at",
    "ended_at",
    "distance_m",
    "evidence",
)
OUTPUT_COLUMNS: Final = (*TRIP_COLUMNS, "place", *ORIGINAL_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFiles:
    """Where an adapter writes; existing files are replaced."""

    activities: Path
    rejects: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterReport:
    """What became of every source row."""

    read: int
    """Source rows, without headers."""
    written: int
    """Activities."""
    rows_per_activity: int
    """Source rows that one activity is made of."""
    rejected: Mapping[str, int]
    """Source rows by reason."""

    def __post_init__(self) -> None:
        """Check that no row was dropped silently."""
        used = self.written * self.rows_per_activity + sum(self.rejected.values())
        assert self.read == used, f"{self.read} rows read, {used} accounted for"  # noqa: S101

    def text(self) -> str:
        """Return the report for people: one line."""
        reasons = ", ".join(f"{reason} {count}" for reason, count in self.rejected.items())
        return f"{self.read} rows read, {self.written} activities written; rejected: {reasons}"


class CanonicalOutput:
    """Writes activities, shifted by whole weeks, and rejects."""

    def __init__(self, files: OutputFiles, shift: WeekShift) -> None:
        """Create both files."""
        self._shift = shift
        self._rejects = RejectsFile(files.rejects)
        self._file = files.activities.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(OUTPUT_COLUMNS)
        self._written = 0

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close both files."""
        self._file.close()
        self._rejects.__exit__(kind, error, traceback)

    def write(self, activity: Activity, published: PublishedTimes) -> None:
        """Write one activity, the published times beside the shifted ones."""
        duration = dt.timedelta(seconds=activity.duration_s)
        start = self._shift.shifted(activity.started_at_s)
        # In UTC and back: adding to a local time would ignore a clock change on the way.
        end = (start.astimezone(dt.UTC) + duration).astimezone(start.tzinfo)
        self._writer.writerow(
            (
                activity.activity_id,
                activity.person_ref,
                activity.values["mode"],
                start.isoformat(),
                end.isoformat(),
                activity.values["distance_m"],
                activity.evidence,
                activity.place,
                *published,
            )
        )
        self._written += 1

    def reject(self, reject: Reject) -> None:
        """Write one rejected source row."""
        self._rejects.add(reject)

    def report(self, *, read: int, rows_per_activity: int = 1) -> AdapterReport:
        """Return what was done with the `read` source rows."""
        return AdapterReport(
            read=read,
            written=self._written,
            rows_per_activity=rows_per_activity,
            rejected=self._rejects.counts(),
        )
