"""V19 to V22: the hub's books, from the ledger batches of the record."""

from __future__ import annotations

from typing import Final

from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId

BOOK_CHECKS: Final = (
    CheckId.LEDGER,
    CheckId.REDEMPTIONS,
    CheckId.PAYOUTS,
    CheckId.CONSERVATION,
)


def check_ledger(exam: Examination) -> None:
    """Judge the books of the record."""
    batches = len(exam.view.ledger_batches)
    for check in BOOK_CHECKS:
        if batches:
            exam.checklist.not_checked(check, f"{batches} ledger batches were not replayed")
        else:
            exam.checklist.not_present(check, "the record holds no ledger batch")
