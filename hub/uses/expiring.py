"""Use case of expiry: free grams of a vintage whose notice is over are taken out, page by page.

Pledged grams and those under a redemption or goods stay where they are; if they come back, a later
pass finds them. A pass may stop anywhere: what was taken out is gone from the pages.
"""

from __future__ import annotations

from typing import Final

from sqlmodel import Session

from fedcarbon.ledger.unit import MassUnit
from fedcarbon.opening.view import RecordView
from fedcarbon.units import MicrogramsCO2e, Seconds
from fedcarbon.uses.offer import NOTICE_MIN_S, ExpiryNotice
from fedcarbon.uses.postings import expiring
from hub.clearing.storage.ledger_store import LedgerStore
from hub.record.folded_record import FoldedRecord
from hub.uses.storage.publication_store import PublicationStore, Published

ACCOUNTS_MAX: Final = 500
"""Accounts that one transaction takes grams out of."""


def expire_page(session: Session, unit: MassUnit, after: str, now_s: Seconds) -> str | None:
    """Take out what the next accounts hold of an ended vintage.

    Args:
        session: a writing session; the caller commits.
        unit: programme and vintage; the caller has checked that its notice is over.
        after: the account name that the last page ended with, empty for the first.
        now_s: protocol time.

    Returns:
        The account name that this page ended with, None if it was the last one.
    """
    ledger = LedgerStore(session)
    page = ledger.free_grams(unit, after, ACCOUNTS_MAX)
    numbers = ledger.expiries_of(unit, [account.name for account, _ in page])
    ledger.post_linked(
        [
            expiring(
                bytes.fromhex(account.owner),
                unit,
                MicrogramsCO2e(held),
                numbers.get(account.name, 0),
            )
            for account, held in page
        ],
        now_s,
    )
    return page[-1][0].name if len(page) == ACCOUNTS_MAX else None


def ended_vintages(session: Session, folded: FoldedRecord, now_s: Seconds) -> list[MassUnit]:
    """Return the programmes and vintages whose notice is over."""
    notices = PublicationStore(session).all(ExpiryNotice)
    if not notices:
        return []
    with folded.at(session) as view:
        return [
            MassUnit(programme=item.statement.programme_id, vintage=item.statement.vintage)
            for item in notices
            if is_over(view, item, now_s)
        ]


def is_over(view: RecordView, notice: Published[ExpiryNotice], now_s: Seconds) -> bool:
    """Tell whether a notice was there long enough, counted from the first head over it."""
    if now_s < notice.statement.expires_at_s or not view.heads.is_witnessed(notice.leaf_index):
        return False
    return now_s >= view.heads.wait_from_s(notice.leaf_index) + NOTICE_MIN_S
