"""Use cases that bring something into the books: opened grams, and money for payouts."""

from __future__ import annotations

from typing import Final

from sqlmodel import Session

from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.credit import OpeningCredit, check_follows, transfer_of
from fedcarbon.ledger.transfer import TRANSFER_ID_BYTES, Phase, Transfer, derived_transfer_id
from fedcarbon.ledger.unit import FEN
from fedcarbon.units import Fen, Seconds
from hub.clearing.storage.credit_store import CreditStore
from hub.clearing.storage.ledger_store import LedgerStore

TOP_UP_ID_BYTES: Final = TRANSFER_ID_BYTES


def credit_opening(session: Session, credit: OpeningCredit, now_s: Seconds) -> bool:
    """Credit an opened sum to its account, by the difference to the sum credited before.

    Args:
        session: a writing session; the caller commits.
        credit: what was opened; once per opening, programme and account.
        now_s: protocol time.

    Returns:
        Whether this call credited it; False if exactly this credit was given before.

    Raises:
        OpeningIdReusedError: the opening was credited to the account with other figures.
        OpeningOutOfOrderError: `credit` does not start from the sum credited last.
        BalanceLimitError: the programme has issued all that the ledger can count.
    """
    credits_ = CreditStore(session)
    is_new = check_follows(
        credit,
        same_opening=credits_.of_opening(credit),
        last=credits_.last(credit.programme, credit.account_token),
    )
    if is_new:
        transfer = transfer_of(credit)
        with session.begin_nested():
            if transfer is not None:
                LedgerStore(session).post(transfer, now_s)
            credits_.add(credit, now_s)
    return is_new


def top_up_float(
    session: Session, programme: ProgrammeId, amount_fen: Fen, top_up_id: bytes, now_s: Seconds
) -> bool:
    """Enter money that the programme's operator has paid in for payouts.

    Args:
        session: a writing session; the caller commits.
        programme: whose float grows.
        amount_fen: at least 1.
        top_up_id: client-made, 16 bytes; the same id enters the money once.
        now_s: protocol time.

    Returns:
        Whether this call entered it; False if exactly this top-up was there before.

    Raises:
        TransferIdReusedError: the id was used for another amount.
        MalformedError: the amount or the size of the id is out of range.
    """
    if len(top_up_id) != TOP_UP_ID_BYTES:
        raise MalformedError(f"the id of a top-up has {TOP_UP_ID_BYTES} bytes")
    transfer = Transfer(
        transfer_id=derived_transfer_id(b"top-up", programme.encode(), top_up_id),
        debit=programme_account(AccountKind.FUNDING, programme),
        credit=programme_account(AccountKind.FLOAT, programme),
        unit=FEN,
        amount=amount_fen,
        phase=Phase.SINGLE,
        resolves=None,
    )
    with session.begin_nested():
        return LedgerStore(session).post(transfer, now_s)
