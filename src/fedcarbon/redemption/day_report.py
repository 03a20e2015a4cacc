"""The report of a reconciled day: what was found, what explains it, who must act.

A report is a value; its JSON has sorted keys, so that the same report has the same hash everywhere.
Amounts are fen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.csv_rows import csv_text
from fedcarbon.redemption.differences import (
    WHO_MUST_ACT,
    Difference,
    Explainer,
    Reason,
    SuspenseItem,
)
from fedcarbon.redemption.reconciliation import OutcomeFigure, Reconciliation
from fedcarbon.redemption.value_day import ValueDay, day_text
from fedcarbon.units import Fen

REPORT_VERSION: Final = 1
_COLUMNS: Final = (
    "programme",
    "day",
    "reason",
    "amount_fen",
    "from",
    "to",
    "payout_id",
    "reference",
    "found",
    "item_id",
    "explained_by",
    "explanation",
    "who_must_act",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What explains a difference."""

    by: Explainer
    text: str

    @property
    def is_explained(self) -> bool:
        """Whether anything does."""
        return self.by is not Explainer.NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """A difference, its item and its explanation."""

    difference: Difference
    item_id: bytes | None
    """None if no money is booked for it."""
    explanation: Explanation

    @property
    def who_must_act(self) -> str:
        """Who has the next move; empty when it is explained."""
        return "" if self.explanation.is_explained else WHO_MUST_ACT[self.difference.reason]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReport:
    """What is to be said of a programme's day."""

    programme: ProgrammeId
    day: ValueDay
    outcomes: tuple[OutcomeFigure, ...]
    answers: int
    """Payouts without a final answer that the file has settled, rejected or returned."""
    lines: tuple[ReportLine, ...]
    released: tuple[bytes, ...]
    """Items of earlier days that this day's file explains."""
    opening_fen: int | None
    closing_fen: int | None
    at_rail_fen: int | None
    """What the books expect at the rail; None while the files are missing."""
    suspense_fen: Fen
    """All that is in suspense in the programme."""
    written_off_fen: Fen
    """All that was ever given up in it."""

    @property
    def is_missing(self) -> bool:
        """Whether the files of the day have not come."""
        return any(line.difference.reason is Reason.FILE_MISSING for line in self.lines)

    @property
    def unexplained(self) -> tuple[ReportLine, ...]:
        """The differences that nothing explains."""
        return tuple(line for line in self.lines if not line.explanation.is_explained)


def report_lines(
    differences: Iterable[Difference], items: Iterable[SuspenseItem]
) -> tuple[ReportLine, ...]:
    """Return the lines of differences, each with the newest item that holds it."""
    newest: dict[tuple[object, ...], SuspenseItem] = {}
    for item in sorted(items, key=lambda item: item.occurrence):
        newest[item.difference.key] = item
    lines = (_line(one, newest.get(one.key)) for one in differences)
    return tuple(sorted(lines, key=lambda line: (line.difference.day, repr(line.difference.key))))


def _line(difference: Difference, item: SuspenseItem | None) -> ReportLine:
    if item is None:
        text = "not booked: the account that it comes from holds too little"
        explanation = Explanation(
            by=Explainer.NOTHING, text="" if difference.source is None else text
        )
        return ReportLine(difference=difference, item_id=None, explanation=explanation)
    text = "in suspense" if item.is_open else f"to {item.released_to}: {item.explanation}"
    return ReportLine(
        # An item knows the day on which it was found first.
        difference=item.difference,
        item_id=item.item_id,
        explanation=Explanation(by=item.explainer, text=text),
    )


def json_of(report: DayReport) -> str:
    """Return the report as JSON with sorted keys."""
    tree: dict[str, Any] = {
        "version": REPORT_VERSION,
        "programme": report.programme,
        "day": day_text(report.day),
        "file": {
            figure.outcome.value: {
                "lines": figure.lines,
                "matched": figure.matched,
                "amount_fen": figure.amount_fen,
            }
            for figure in report.outcomes
        },
        "answers_entered": report.answers,
        "float": {
            "opening_fen": report.opening_fen,
            "closing_fen": report.closing_fen,
            "expected_fen": report.at_rail_fen,
        },
        "differences": [_tree_of(report, line) for line in report.lines],
        "explained_items": [item_id.hex() for item_id in report.released],
        "unexplained": len(report.unexplained),
        "suspense_fen": report.suspense_fen,
        "written_off_fen": report.written_off_fen,
    }
    return json.dumps(tree, sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def report_hash(report: DayReport) -> bytes:
    """Return SHA-256 over the report's JSON."""
    return hashlib.sha256(json_of(report).encode()).digest()


def csv_of(report: DayReport) -> str:
    """Return the differences as CSV (RFC 4180) with a line of titles."""
    return csv_text(_COLUMNS, (_tree_of(report, line) for line in report.lines))


def _tree_of(report: DayReport, line: ReportLine) -> Mapping[str, object]:
    difference = line.difference
    return {
        "programme": report.programme,
        "day": day_text(difference.day),
        "reason": difference.reason.value,
        "amount_fen": difference.amount_fen,
        "from": "" if difference.source is None else difference.source.value,
        "to": "" if difference.source is None else "suspense",
        "payout_id": "" if difference.payout_id is None else difference.payout_id.hex(),
        "reference": difference.reference,
        "found": difference.text,
        "item_id": "" if line.item_id is None else line.item_id.hex(),
        "explained_by": line.explanation.by.value,
        "explanation": line.explanation.text,
        "who_must_act": line.who_must_act,
    }


def missing_report(
    programme: ProgrammeId, day: ValueDay, suspense_fen: Fen, written_off_fen: Fen
) -> DayReport:
    """Return the report of a day whose files have not come."""
    return DayReport(
        programme=programme,
        day=day,
        outcomes=(),
        answers=0,
        lines=report_lines(
            [
                Difference(
                    reason=Reason.FILE_MISSING,
                    day=day,
                    amount_fen=Fen(0),
                    source=None,
                    payout_id=None,
                    reference="",
                    text=f"the rail has no files of {day_text(day)} yet",
                )
            ],
            (),
        ),
        released=(),
        opening_fen=None,
        closing_fen=None,
        at_rail_fen=None,
        suspense_fen=suspense_fen,
        written_off_fen=written_off_fen,
    )


def report_of(
    found: Reconciliation,
    differences: Iterable[Difference],
    items: Iterable[SuspenseItem],
    *,
    suspense_fen: Fen,
    written_off_fen: Fen,
) -> DayReport:
    """Return the report of a run, after everything was booked.

    Args:
        found: what the run has found.
        differences: what stands after it.
        items: the programme's items as they are now.
        suspense_fen: what is in suspense now.
        written_off_fen: what was ever given up.
    """
    return DayReport(
        programme=found.programme,
        day=found.day,
        outcomes=found.outcomes,
        answers=len(found.answers),
        lines=report_lines(differences, items),
        released=tuple(sorted(item.item.item_id for item in found.explained)),
        opening_fen=found.opening_fen,
        closing_fen=found.closing_fen,
        at_rail_fen=found.at_rail_fen,
        suspense_fen=suspense_fen,
        written_off_fen=written_off_fen,
    )
