"""The report: the checklist, the findings and some figures, as values and as JSON.

The tree has a part `report` that depends on the record alone, and its hash; what differs from run
to run (durations) stands beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from fedcarbon.audit.checklist import WORDINGS, Line, LineState
from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import Finding
from fedcarbon.audit.source import printable
from fedcarbon.audit.table_figures import (
    BudgetFigure,
    TableFigure,
    budget_figures,
    table_figures,
)
from fedcarbon.audit.view import AuditView
from fedcarbon.transparency.leaf import LeafType

REPORT_VERSION: Final = 1
_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyFigure:
    """One party of the record."""

    party_id: str
    role: str
    signing_key: str
    """Hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochFigure:
    """One epoch of the record."""

    programme_id: str
    epoch: int
    lists: int
    """Revealed claim lists."""
    lost_claims: int
    submitted: int
    """Partners whose submission is sealed."""
    missing: tuple[str, ...]
    blocks: int
    sealed_leaf: int | None
    opened: int
    """Accounts that were opened up to this epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFigures:
    """What kind of record it is."""

    parameter_id: str
    leaves: int
    root: str
    """Root over all leaves, in hexadecimal."""
    witnessed_leaves: int
    """How many of them the newest head with a quorum covers."""
    heads: int
    leaf_types: dict[str, int]
    parties: tuple[PartyFigure, ...]
    epochs: tuple[EpochFigure, ...]
    tables: tuple[TableFigure, ...]
    budgets: tuple[BudgetFigure, ...]
    """What statistics have spent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an audit says."""

    record: RecordFigures
    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def unwitnessed(self) -> str:
        """How many leaves no quorum has signed yet, in words; empty if there are none."""
        tail = self.record.leaves - self.record.witnessed_leaves
        return f"{tail:,} leaves stand above the last witnessed head" if tail > 0 else ""

    @property
    def undone(self) -> tuple[Line, ...]:
        """The lines that were not checked: a report without findings says nothing about them."""
        return tuple(line for line in self.lines if line.state is LineState.NOT_CHECKED)

    def to_tree(self) -> dict[str, Any]:
        """Return the JSON tree; docs/AUDIT.md says what its fields mean."""
        report = {
            "record": _record_tree(self.record),
            "passed": self.passed,
            "checks": [_line_tree(line) for line in self.lines],
            "findings": [_finding_tree(found) for found in self.findings],
            "notes": list(self.notes),
        }
        data = json.dumps(report, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return {
            "fedcarbon_audit": REPORT_VERSION,
            "report": report,
            "report_sha256": hashlib.sha256(data.encode()).hexdigest(),
            "milliseconds": {
                line.check.value: line.elapsed_ns // _NS_PER_MS for line in self.lines
            },
        }


def report_of(exam: Examination, size: int) -> Report:
    """Return the report of a finished audit.

    Args:
        exam: the audit.
        size: how many leaves the record has.
    """
    return Report(
        record=_figures(exam.view, size),
        lines=tuple(exam.checklist.lines()),
        findings=tuple(
            replace(found, subject=printable(found.subject), text=printable(found.text))
            for found in exam.checklist.findings
        ),
        notes=tuple(map(printable, exam.checklist.notes)),
    )


def _figures(view: AuditView, size: int) -> RecordFigures:
    types: Counter[str] = Counter()
    for index in range(size):
        leaf = view.leaf_at(index) or b""
        known = leaf[:1] and leaf[0] in set(LeafType)
        types[LeafType(leaf[0]).kind if known else "unknown"] += 1
    return RecordFigures(
        parameter_id=view.parties.roots.parameter_id.hex(),
        leaves=size,
        root=view.audit_heads.replayed_root(size).hex(),
        witnessed_leaves=view.heads.witnessed_size,
        heads=view.audit_heads.witnessed_heads,
        leaf_types=dict(sorted(types.items())),
        parties=tuple(
            PartyFigure(
                party_id=item.party_id, role=item.role.value, signing_key=item.signing_key.hex()
            )
            for item in view.parties.admissions.values()
        ),
        epochs=tuple(_epochs(view)),
        tables=table_figures(view),
        budgets=budget_figures(view),
    )


def _epochs(view: AuditView) -> list[EpochFigure]:
    opened: Counter[tuple[str, int]] = Counter()
    for result in view.starts.results.values():
        start = view.starts.starts[result.statement.start_leaf].statement
        opened[start.programme_id, start.epoch] += len(start.targets)
    figures = []
    for ref in sorted(view.epochs.plans):
        seal, verdicts = view.epochs.seals.get(ref), view.epochs.verdicts.get(ref)
        parts = () if seal is None else seal.statement.parts
        figures.append(
            EpochFigure(
                programme_id=ref.programme_id,
                epoch=ref.epoch,
                lists=len(view.epochs.lists.get(ref, ())),
                lost_claims=(
                    0 if verdicts is None else sum(v.lost for v in verdicts.statement.verdicts)
                ),
                submitted=sum(1 for part in parts if not part.missing),
                missing=tuple(part.partner_id for part in parts if part.missing),
                blocks=0 if seal is None else seal.statement.blocks,
                sealed_leaf=None if seal is None else seal.index,
                opened=opened[ref.programme_id, ref.epoch],
            )
        )
    return figures


def _record_tree(figures: RecordFigures) -> dict[str, Any]:
    return {
        "parameter_id": figures.parameter_id,
        "leaves": figures.leaves,
        "root": figures.root,
        "witnessed_leaves": figures.witnessed_leaves,
        "heads": figures.heads,
        "leaf_types": figures.leaf_types,
        "parties": [
            {"party_id": item.party_id, "role": item.role, "signing_key": item.signing_key}
            for item in figures.parties
        ],
        "epochs": [
            {
                "programme_id": item.programme_id,
                "epoch": item.epoch,
                "lists": item.lists,
                "lost_claims": item.lost_claims,
                "submitted": item.submitted,
                "missing": list(item.missing),
                "blocks": item.blocks,
                "sealed_leaf": item.sealed_leaf,
                "opened": item.opened,
            }
            for item in figures.epochs
        ],
        "statistics": {
            "tables": [
                {**asdict(item), "periods": [asdict(period) for period in item.periods]}
                for item in figures.tables
            ],
            "budgets": [asdict(item) for item in figures.budgets],
        },
    }


def _line_tree(line: Line) -> dict[str, Any]:
    wording = WORDINGS[line.check]
    return {
        "id": line.check.value,
        "title": wording.title,
        "state": line.state.value,
        "checked": line.checked,
        "unit": wording.unit,
        "left_out": line.left_out,
        "findings": line.findings,
        "remark": line.remark,
    }


def _finding_tree(found: Finding) -> dict[str, Any]:
    return {
        "check": found.check.value,
        "code": found.code,
        "leaf": found.leaf,
        "subject": found.subject,
        "text": found.text,
    }
