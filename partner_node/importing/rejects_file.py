"""The rejects file: every row that does not count, with its reason, for whoever must correct it.

It holds `row, activity_id, reason, detail`, stays inside the partner, and never an identity number.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fedcarbon.methodology.reject_reason import RejectReason
from partner_node.importing.table_file import Reject

REJECTS_COLUMNS: Final = ("row", "activity_id", "reason", "detail")

# A spreadsheet would run such a cell as a formula.
_FORMULA_STARTS: Final = ("=", "+", "-", "@")


class RejectsFile:
    """Writes rejects as they come and counts them by reason."""

    def __init__(self, path: Path) -> None:
        """Create the file, replacing an older one."""
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(REJECTS_COLUMNS)
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def add(self, reject: Reject) -> None:
        """Write one reject."""
        subject = reject.subject
        if subject.startswith(_FORMULA_STARTS):
            subject = f"'{subject}"
        self._writer.writerow((reject.row, subject, str(reject.reason), reject.detail))
        self._counts[str(reject.reason)] += 1

    def counts(self) -> Mapping[str, int]:
        """Return how many rejects were written under each reason.

        Those of the catalogue come first, in its order; then those of methodologies, by name.
        """
        known = [reason.value for reason in RejectReason]
        ordered = known + sorted(self._counts.keys() - set(known))
        return {reason: self._counts[reason] for reason in ordered if self._counts[reason]}
