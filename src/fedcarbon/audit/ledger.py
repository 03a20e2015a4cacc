"""The books in an audit (V19 to V22, V26): what the replay has found is given to their checks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Final

from fedcarbon.audit.books import Books
from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.ledger_checks import judge_books
from fedcarbon.audit.view import AuditView
from fedcarbon.ledger.batch import ledger_day
from fedcarbon.transparency.leaf import USE_TYPES, LeafType

BOOK_CHECKS: Final = (
    CheckId.LEDGER,
    CheckId.REDEMPTIONS,
    CheckId.PAYOUTS,
    CheckId.CONSERVATION,
    CheckId.USES,
)
NO_BATCH: Final = "the record holds no ledger batch"
NO_USE: Final = "the record holds no use of grams besides cash"
NOT_DUE: Final = "{} results are younger than the last ledger batch, and not overdue yet"


def check_ledger(exam: Examination, binding_refusals: Mapping[int, str]) -> None:
    """Judge the books of the record; a record without openings and money leaves has none.

    Args:
        exam: the audit, after the replay.
        binding_refusals: see `fedcarbon.audit.books.Books`.
    """
    view, checklist = exam.view, exam.checklist
    batches = view.money[LeafType.LEDGER_BATCH]
    orders = view.money[LeafType.REDEMPTION_ORDER]
    payouts = view.money[LeafType.PAYOUT_BATCH]
    results = view.starts.results.values()
    uses = sum(len(view.money[kind]) for kind in USE_TYPES)
    if not (batches or orders or payouts or results or uses):
        for check in BOOK_CHECKS:
            checklist.not_present(check, NO_BATCH)
        return
    overdue_before = _overdue_before(view)
    with checklist.timed(CheckId.LEDGER):
        judged = judge_books(
            Books(
                parameter_id=view.parties.parameters.parameter_id,
                programmes=view.parties.programmes,
                starts=view.starts.starts,
                results=results,
                bindings=view.bindings.all(),
                orders=orders,
                ledger_batches=batches,
                payout_batches=payouts,
                binding_refusals=binding_refusals,
                uses={kind: view.money[kind] for kind in USE_TYPES},
                waits_s={
                    leaf.index: view.heads.wait_from_s(leaf.index)
                    for leaf in chain.from_iterable(view.money.values())
                    if view.heads.is_witnessed(leaf.index)
                },
                after_s={
                    leaf.index: before_s
                    for leaf in chain.from_iterable(view.money.values())
                    if (before_s := view.heads.time_before_s(leaf.index)) is not None
                },
                methodologies=view.methodologies.admitted,
                overdue_before=overdue_before,
            )
        )
    checklist.extend(judged.findings)
    checklist.notes.extend(judged.notes)
    booked_to = max([overdue_before, *(batch.index for batch in batches)])
    waiting = sum(1 for result in results if result.index >= booked_to)
    if waiting:
        checklist.remark(CheckId.LEDGER, NOT_DUE.format(waiting))
    if waiting and not batches:
        checklist.leave_out(CheckId.LEDGER, waiting)
    counts = {
        CheckId.LEDGER: len(batches),
        CheckId.REDEMPTIONS: len(orders),
        CheckId.PAYOUTS: len(payouts),
        CheckId.CONSERVATION: len(judged.programmes),
    }
    for check, number in counts.items():
        checklist.count(check, number)
    if uses:
        checklist.count(CheckId.USES, uses)
    else:
        checklist.not_present(CheckId.USES, NO_USE)


def _overdue_before(view: AuditView) -> int:
    """Return the leaf before which every result must be credited by now, whatever was booked.

    The batch of a ledger day is logged in the next one; a result is overdue once that is over too.
    """
    today = ledger_day(view.heads.clock_s)
    overdue = (
        result.index + 1
        for result in view.starts.results.values()
        if view.heads.is_witnessed(result.index)
        and today > ledger_day(view.heads.wait_from_s(result.index)) + 1
    )
    return max(overdue, default=0)
