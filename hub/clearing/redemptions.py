"""Use cases of redemption up to the rail: reserve grams and money, ask, reverse.

Whether the wallet is bound to the account is checked before, where bindings are kept. What is
reserved here is paid by `hub.clearing.outbox`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlmodel import Session

from fedcarbon.errors import CallerError, FedcarbonError, StateError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import Account, AccountKind, holder_account, programme_account
from fedcarbon.ledger.rules import Pending
from fedcarbon.ledger.transfer import Phase
from fedcarbon.ledger.unit import FEN, MassUnit
from fedcarbon.redemption.limits import Limits, Spending, check_limits
from fedcarbon.redemption.order import Redemption, RedemptionOrder, RedPacket, Source
from fedcarbon.redemption.postings import (
    RED_PACKET,
    posting_id,
    purse_of,
    reservations,
    reversals,
    voids,
)
from fedcarbon.redemption.settlement import Quote, SettlementRule, quote, quote_proceeds
from fedcarbon.redemption.states import (
    RedemptionEvent,
    RedemptionState,
    RedemptionStateError,
    next_state,
)
from fedcarbon.redemption.wallet import check_may_redeem
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from fedcarbon.uses.campaign import Campaign
from hub.clearing.freezing import AccountFrozenError, check_reason, frozen_among
from hub.clearing.storage.ledger_store import LedgerStore, LoadedLedger
from hub.clearing.storage.outbox_store import OutboxStore
from hub.clearing.storage.redemption_store import RedemptionStore, Step


class RedemptionIdReusedError(CallerError):
    """A redemption id came again with another order: the caller must make a new id."""

    code: ClassVar[str] = "REDEMPTION_ID_REUSED"


class RedemptionUnknownError(CallerError):
    """There is no redemption with this id."""

    code: ClassVar[str] = "REDEMPTION_UNKNOWN"


class FloatExhaustedError(StateError):
    """The programme's float cannot cover the payout: its operator must top it up."""

    code: ClassVar[str] = "FLOAT_EXHAUSTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionRequest:
    """An order to be taken, whose signature and binding the caller has checked."""

    order: RedemptionOrder
    rule: SettlementRule
    """The settlement rule of the order's programme."""
    campaign: Campaign | None = None
    """The campaign that pays a red packet for its redemptions now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basis:
    """What orders of one transaction are decided by; what they do enters it one by one."""

    limits: Limits
    loaded: LoadedLedger
    pending: Pending
    spending: Spending
    frozen: frozenset[tuple[ProgrammeId, bytes]]


def create_redemption(
    session: Session,
    order: RedemptionOrder,
    rule: SettlementRule,
    now_s: Seconds,
    *,
    limits: Limits,
    campaign: Campaign | None = None,
) -> Redemption:
    """Reserve grams and money for `order`, both or neither; the outbox pays later.

    An order for proceeds reserves the holder's own money and no grams.

    Args:
        session: a writing session; the caller commits.
        order: whose signature and binding the caller has checked.
        rule: the settlement rule of the order's programme.
        now_s: protocol time.
        limits: what the operator of the hub has set.
        campaign: the one that pays a red packet on top now, if there is one.

    Returns:
        The redemption as it stands: the stored one if exactly this order came before.

    Raises:
        RedemptionIdReusedError: the id came before with another order.
        WalletClassRefusedError: the wallet is not a real-name wallet.
        AccountFrozenError: the operator of the hub has frozen the account.
        RedemptionTooSmallError: all was asked for and it is worth less than one unit.
        InsufficientBalanceError: the account holds less than the units or fen asked for.
        LimitNotSetError, LimitPerExchangeError, LimitPerDayError, LimitPerYearError,
        LimitPerAccountError: see `check_limits`.
        FloatExhaustedError: the programme's float is too small; try again after a top-up.
    """
    request = RedemptionRequest(order=order, rule=rule, campaign=campaign)
    (result,) = create_redemptions(session, [request], now_s, limits=limits)
    if isinstance(result, FedcarbonError):
        raise result
    return result


def create_redemptions(
    session: Session,
    requests: Sequence[RedemptionRequest],
    now_s: Seconds,
    *,
    limits: Limits,
) -> list[Redemption | FedcarbonError]:
    """Take many orders as if one after the other, with a handful of queries in all.

    What they need is read first, each is then decided in memory by the rules of the core, and what
    they do is written last: one that is refused leaves nothing behind and hinders no other.

    Args:
        session: a writing session; the caller commits.
        requests: what is ordered, in the order in which it came.
        now_s: protocol time.
        limits: what the operator of the hub has set.

    Returns:
        Per request the redemption as it stands, or what `create_redemption` would raise.
    """
    redemptions, ledger = RedemptionStore(session), LedgerStore(session)
    known = redemptions.find_many([request.order.redemption_id for request in requests])
    new_requests = [item for item in requests if item.order.redemption_id not in known]
    new = [item.order for item in new_requests]
    loaded = ledger.loaded({side.name for item in new_requests for side in _accounts(item)}, ())
    ids = {
        posting_id(order.redemption_id, Phase.RESERVE.value, part)
        for order in new
        for part in (FEN, RED_PACKET, *loaded.units_of(_spendable(order)))
    }
    ledger.include_ids(loaded, ids)
    basis = _Basis(
        limits=limits,
        loaded=loaded,
        pending=Pending(loaded),
        spending=redemptions.spent(new, now_s),
        frozen=frozen_among(session, [(item.programme_id, item.account_token) for item in new]),
    )
    created = list[Redemption]()
    results: list[Redemption | FedcarbonError] = []
    for request in requests:
        try:
            stored = known.get(request.order.redemption_id)
            if stored is None:
                stored = _decided(request, basis, now_s)
                known[request.order.redemption_id] = stored
                created.append(stored)
            results.append(_same(stored, request.order))
        except FedcarbonError as refusal:
            results.append(refusal)
    with session.begin_nested():
        redemptions.add_many(created, now_s)
        ledger.write(basis.pending, now_s)
        OutboxStore(session).add_many([item.order.redemption_id for item in created], due_s=now_s)
    return results


def _decided(request: RedemptionRequest, basis: _Basis, now_s: Seconds) -> Redemption:
    """Decide a new order on top of those before it, and enter in `basis` what it reserves."""
    order, pending = request.order, basis.pending
    # (2) only real-name wallets
    check_may_redeem(order.wallet_class)
    # (3) the account is not frozen
    if (order.programme_id, order.account_token) in basis.frozen:
        raise AccountFrozenError
    # (4) the account can give it
    quoted = _quoted(request, basis)
    packet = _red_packet(request, quoted, pending)
    amount_fen = Fen(quoted.amount_fen + (0 if packet is None else packet.amount_fen))
    # (5) no limit stands against all that arrives in the wallet
    spent, units = basis.spending.of(order), quoted.units
    check_limits(basis.limits, order, amount_fen, spent, now_s, units=units)
    # (6) the programme can pay it
    if quoted.amount_fen > pending.balance(purse_of(order), FEN):
        raise FloatExhaustedError(
            f"the float of programme {order.programme_id} cannot cover this payout; "
            "its operator must top it up, then the same redemption may be tried again"
        )
    reserved = _reserved(order, quoted, now_s, amount_fen=amount_fen, red_packet=packet)
    pending.enter_linked(reservations(reserved), now_s)
    basis.spending.add(order, reserved.amount_fen)
    return reserved


def _quoted(request: RedemptionRequest, basis: _Basis) -> Quote:
    """Return what an order takes and pays, on top of those before it."""
    order, pending = request.order, basis.pending
    if order.source is Source.PROCEEDS:
        return quote_proceeds(Fen(pending.balance(purse_of(order), FEN)), order.units)
    account = _spendable(order)
    spendable_ug = {
        unit.vintage: MicrogramsCO2e(pending.balance(account, unit))
        for unit in basis.loaded.units_of(account)
        if isinstance(unit, MassUnit) and unit.programme == order.programme_id
    }
    return quote(spendable_ug, order.units, request.rule)


def _red_packet(request: RedemptionRequest, quoted: Quote, pending: Pending) -> RedPacket | None:
    """Return what a campaign pays on top, on top of what it has paid before."""
    campaign = request.campaign
    if campaign is None or request.order.source is not Source.GRAMS:
        return None
    paid_fen = campaign.pays_fen(quoted.units, pending.balance(campaign.account, FEN))
    if not paid_fen:
        return None
    return RedPacket(campaign_id=campaign.campaign_id, amount_fen=paid_fen)


def _same(stored: Redemption, order: RedemptionOrder) -> Redemption:
    # (1) the same id means the same order
    if stored.order != order:
        raise RedemptionIdReusedError(
            f"redemption {order.redemption_id.hex()} exists with another order; make a new id"
        )
    return stored


def _spendable(order: RedemptionOrder) -> Account:
    return holder_account(AccountKind.SPENDABLE, order.account_token)


def _accounts(request: RedemptionRequest) -> tuple[Account, ...]:
    """Return every account that reserving for an order touches."""
    order, campaign = request.order, request.campaign
    return (
        *(() if campaign is None else (campaign.account,)),
        _spendable(order),
        holder_account(AccountKind.RESERVED, order.account_token),
        purse_of(order),
        programme_account(AccountKind.PAYOUT_IN_FLIGHT, order.programme_id),
    )


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
    history = RedemptionStore(session).history(redemption_id)
    if history and history[-1][0] is RedemptionEvent.CANCEL:
        return redemption
    if redemption.state is not RedemptionState.RESERVED:
        raise RedemptionStateError(
            f"redemption {redemption_id.hex()} is {redemption.state}: only one that was never "
            "sent can be cancelled; the rail's answer decides about this one"
        )
    step = Step(redemption=redemption, event=RedemptionEvent.CANCEL, reason=reason)
    with session.begin_nested():
        cancelled = RedemptionStore(session).advance(step, now_s)
        LedgerStore(session).post_linked(voids(cancelled), now_s)
        OutboxStore(session).remove_many([redemption_id])
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
    step = Step(redemption=redemption, event=RedemptionEvent.REVERSE, reason=reason)
    with session.begin_nested():
        reversed_ = RedemptionStore(session).advance(step, now_s)
        LedgerStore(session).post_linked(reversals(redemption), now_s)
    return reversed_


def _reserved(
    order: RedemptionOrder,
    quoted: Quote,
    now_s: Seconds,
    *,
    amount_fen: Fen,
    red_packet: RedPacket | None,
) -> Redemption:
    return Redemption(
        order=order,
        state=next_state(RedemptionState.CREATED, RedemptionEvent.RESERVE),
        units=quoted.units,
        mass_ug=quoted.mass_ug,
        amount_fen=amount_fen,
        draws=quoted.draws,
        reason="",
        rail_reference="",
        created_s=now_s,
        red_packet=red_packet,
    )
