"""The audit of a whole record: every line of the checklist, and nothing believed.

The record and the trust roots are all that goes in. Findings are collected to the end, so that one
run names everything that does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from fedcarbon.audit.checklist import Checklist
from fedcarbon.audit.examination import Examination, Mapper, Watcher
from fedcarbon.audit.files import hash_all_files, require_references
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.ledger import check_ledger
from fedcarbon.audit.receipts import KeptReceipt, check_receipts
from fedcarbon.audit.replay import Replay
from fedcarbon.audit.report import Report, report_of
from fedcarbon.audit.source import RecordSource
from fedcarbon.audit.view import AuditView
from fedcarbon.epoch.statements import BeaconLabel
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.proofs.commitments import RandomBelow

NO_SAMPLE: Final = "no sample beacon is drawn yet"
ON_SITE: Final = (
    "samples are not opened here: what partners open on site is for `fedcarbon audit evidence`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What an audit needs of the machine it runs on."""

    mapper: Mapper
    watcher: Watcher
    randbelow: RandomBelow
    """Uniform in [0, bound), from a cryptographic source; picklable."""
    stopwatch_ns: Callable[[], int]
    """Time that never goes back, in nanoseconds; only for the reported durations."""


def verify(
    source: RecordSource,
    roots: TrustRoots,
    tools: Tools,
    receipts: Iterable[KeptReceipt] | None = None,
) -> Report:
    """Return what is to be said of a record.

    Args:
        source: the record.
        roots: the trust roots, which the auditor has by a way it trusts.
        tools: who computes, who watches, and a stopwatch.
        receipts: promises of the hub to be looked for in the record; None for no such check.
    """
    checklist = Checklist(tools.stopwatch_ns)
    exam = Examination(
        source=source,
        checklist=checklist,
        view=AuditView(roots),
        mapper=tools.mapper,
        watcher=tools.watcher,
        randbelow=tools.randbelow,
    )
    hash_all_files(exam)
    replay = Replay(exam)
    replay.run()
    with checklist.timed(CheckId.FILES):
        require_references(exam)
    if replay.is_judged:
        check_receipts(exam, receipts)
    check_ledger(exam, replay.binding_refusals)
    if any(key.label is BeaconLabel.SAMPLE for key in exam.view.epochs.beacons):
        checklist.remark(CheckId.SAMPLES, ON_SITE)
    else:
        checklist.not_present(CheckId.SAMPLES, NO_SAMPLE)
    return report_of(exam, replay.size)
