"""V19 to V22 in an audit: what the replay has found about grams and money, given to the books."""

from __future__ import annotations

from typing import Final

from fedcarbon.audit.books import Books
from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.ledger_checks import check_books
from fedcarbon.transparency.leaf import LeafType

BOOK_CHECKS: Final = (
    CheckId.LEDGER,
    CheckId.REDEMPTIONS,
    CheckId.PAYOUTS,
    CheckId.CONSERVATION,
)


def check_ledger(exam: Examination) -> None:
    """Judge the books of the record; a record without openings and money leaves has none."""
    view, checklist = exam.view, exam.checklist
    batches = view.money[LeafType.LEDGER_BATCH]
    orders = view.money[LeafType.REDEMPTION_ORDER]
    payouts = view.money[LeafType.PAYOUT_BATCH]
    if not batches and not orders and not payouts:
        for check in BOOK_CHECKS:
            checklist.not_present(check, "the record holds no ledger batch")
        return
    with checklist.timed(CheckId.LEDGER):
        findings = check_books(
            Books(
                parameter_id=view.parties.parameters.parameter_id,
                programmes=view.parties.programmes,
                starts=view.starts.starts,
                results=view.starts.results.values(),
                bindings=view.bindings.all(),
                orders=orders,
                ledger_batches=batches,
                payout_batches=payouts,
            )
        )
    checklist.count(CheckId.LEDGER, len(batches))
    checklist.count(CheckId.REDEMPTIONS, len(orders))
    checklist.count(CheckId.PAYOUTS, len(payouts))
    checklist.count(CheckId.CONSERVATION, len(view.parties.programmes))
    checklist.extend(findings)
