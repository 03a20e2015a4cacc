"""Use cases of redemption up to the rail: reserve grams and money, ask, reverse.

Whether the wallet is bound to the account is checked before, where bindings are kept. What is
reserved here is paid by `hub.clearing.outbox`.
"""

from __future__ import annotations

from typing import ClassVar

from sqlmodel import Session

from fedcarbon.errors import CallerError, StateError
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.unit import FEN
from fedcarbon.redemption.limits import Limits, check_limits
from fedcarbon.redemption.order import Redemption, RedemptionOrder
from fedcarbon.redemption.postings import reservations, reversals, voids
from fedcarbon.redemption.settlement import Quote, SettlementRule, quote
from fedcarbon.redemption.states import (
    RedemptionEvent,
    RedemptionState,
    RedemptionStateError,
)
from fedcarbon.redemption.wallet import check_may_redeem
from fedcarbon.units import Seconds
from hub.clearing.freezing import check_not_frozen, check_reason
from hub.clearing.storage.ledger_store import LedgerStore
from hub.clearing.storage.outbox_store import OutboxStore
from hub.clearing.storage.redemption_store import RedemptionStore


class RedemptionIdReusedError(CallerError):
    """A redemption id came again with another order: the caller must make a new id."""

    code: ClassVar[str] = "REDEMPTION_ID_REUSED"


class RedemptionUnknownError(CallerError):
    """There is no redemption with this id."""

    code: ClassVar[str] = "REDEMPTION_UNKNOWN"


class FloatExhaustedError(StateError):
    """The programme's float cannot cover the payout: its operator must top it up."""

    code: ClassVar[str] = "FLOAT_EXHAUSTED"


def create_redemption(
    session: Session,
    order: RedemptionOrder,
    rule: SettlementRule,
    now_s: Seconds,
    *,
    limits: Limits,
) -> Redemption:
    """Reserve grams and money for `order`, both or neither; the outbox pays later.

    Args:
        session: a writing session; the caller commits.
        order: whose signature and binding the caller has checked.
        rule: the settlement rule of the order's programme.
        now_s: protocol time.
        limits: what the operator of the hub has set.

    Returns:
        The redemption as it stands: the stored one if exactly this order came before.

    Raises:
        RedemptionIdReusedError: the id came before with another order.
        WalletClassRefusedError: the wallet is not a real-name wallet.
        AccountFrozenError: the operator of the hub has frozen the account.
        RedemptionTooSmallError: all was asked for and it is worth less than one unit.
        InsufficientBalanceError: the account holds less than the units asked for.
        LimitNotSetError, LimitPerExchangeError, LimitPerDayError, LimitPerYearError,
        LimitPerAccountError: see `check_limits`.
        FloatExhaustedError: the programme's float is too small; try again after a top-up.
    """
    # (1) the same id means the same order
    redemptions = RedemptionStore(session)
    stored = redemptions.find(order.redemption_id)
    if stored is not None:
        if stored.order != order:
            raise RedemptionIdReusedError(
                f"redemption {order.redemption_id.hex()} exists with another order; make a new id"
            )
        return stored
    # (2) only real-name wallets
    check_may_redeem(order.wallet_class)
    # (3) the account is not frozen
    check_not_frozen(session, order.programme_id, order.account_token)
    # (4) the account can give it
    ledger = LedgerStore(session)
    spendable_ug = ledger.grams(AccountKind.SPENDABLE, order.account_token, order.programme_id)
    quoted = quote(spendable_ug, order.units, rule)
    # (5) no limit stands against it
    spent = redemptions.spent([order], now_s).of(order)
    check_limits(limits, order, quoted.amount_fen, spent, now_s, units=quoted.units)
    # (6) the programme can pay it
    float_fen = ledger.balance(programme_account(AccountKind.FLOAT, order.programme_id), FEN)
    if quoted.amount_fen > float_fen:
        raise FloatExhaustedError(
            f"the float of programme {order.programme_id} cannot cover this payout; "
            "its operator must top it up, then the same redemption may be tried again"
        )
    with session.begin_nested():
        created = _created(order, quoted, now_s)
        redemptions.add(created)
        for transfer in reservations(created):
            ledger.post(transfer, now_s)
        OutboxStore(session).add(order.redemption_id, due_s=now_s)
        return redemptions.advance(created, RedemptionEvent.RESERVE, now_s)


def find_redemption(session: Session, redemption_id: bytes) -> Redemption:
    """Return a redemption as it stands.

    Raises:
        RedemptionUnknownError: there is none with this id.
    """
    redemption = RedemptionStore(session).find(redemption_id)
    if redemption is None:
        raise RedemptionUnknownError(f"there is no redemption {redemption_id.hex()[:64]}")
    return redemption


def cancel_redemption(
    session: Session, redemption_id: bytes, reason: str, now_s: Seconds
) -> Redemption:
    """Take back a redemption that the rail knows nothing of: grams and money are free again.

    For the record it is a rejected payout whose reason the operator of the hub has given.

    Args:
        session: a writing session; the caller commits.
        redemption_id: a reserved redemption.
        reason: a public text.
        now_s: protocol time.

    Returns:
        The rejected redemption; cancelling it again changes nothing.

    Raises:
        ReasonInvalidError: no reason, or a long one.
        RedemptionUnknownError: there is none with this id.
        RedemptionStateError: the rail may know of it, or it has its final answer.
    """
    check_reason(reason)
    redemption = find_redemption(session, redemption_id)
    redemptions, ledger = RedemptionStore(session), LedgerStore(session)
    history = redemptions.history(redemption_id)
    if history and history[-1][0] is RedemptionEvent.CANCEL:
        return redemption
    if redemption.state is not RedemptionState.RESERVED:
        raise RedemptionStateError(
            f"redemption {redemption_id.hex()} is {redemption.state}: only one that was never "
            "sent can be cancelled; the rail's answer decides about this one"
        )
    with session.begin_nested():
        cancelled = redemptions.advance(redemption, RedemptionEvent.CANCEL, now_s, reason=reason)
        for transfer in voids(cancelled):
            ledger.post(transfer, now_s)
        OutboxStore(session).remove(redemption_id)
    return cancelled


def reverse_redemption(
    session: Session, redemption_id: bytes, reason: str, now_s: Seconds
) -> Redemption:
    """Give back, in full and by new entries, what a payout that the rail returned had used up.

    Args:
        session: a writing session; the caller commits.
        redemption_id: a settled redemption.
        reason: what the rail's return says; a public text.
        now_s: protocol time.

    Returns:
        The reversed redemption; reversing it again changes nothing.

    Raises:
        RedemptionUnknownError: there is none with this id.
        RedemptionStateError: it is not settled.
    """
    redemption = find_redemption(session, redemption_id)
    if redemption.state is RedemptionState.REVERSED:
        return redemption
    redemptions, ledger = RedemptionStore(session), LedgerStore(session)
    with session.begin_nested():
        reversed_ = redemptions.advance(redemption, RedemptionEvent.REVERSE, now_s, reason=reason)
        for transfer in reversals(redemption):
            ledger.post(transfer, now_s)
    return reversed_


def _created(order: RedemptionOrder, quoted: Quote, now_s: Seconds) -> Redemption:
    return Redemption(
        order=order,
        state=RedemptionState.CREATED,
        units=quoted.units,
        mass_ug=quoted.mass_ug,
        amount_fen=quoted.amount_fen,
        draws=quoted.draws,
        reason="",
        rail_reference="",
        created_s=now_s,
    )
