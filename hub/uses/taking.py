"""Use cases of uses in the books: take one, end goods, end what nobody ended.

Who signed an order and whether its wallet is bound is checked before (`hub.uses.ordering`). What is
here moves grams, each move and its row together.
"""

from __future__ import annotations

from typing import Final

from sqlmodel import Session

from fedcarbon.ledger.errors import InsufficientBalanceError
from fedcarbon.ledger.unit import FEN
from fedcarbon.redemption.settlement import drawn
from fedcarbon.units import MicrogramsCO2e, Seconds
from fedcarbon.uses.campaign import Campaign, rewarding
from fedcarbon.uses.lot import bundled
from fedcarbon.uses.market import day_of
from fedcarbon.uses.offer import OfferKind
from fedcarbon.uses.order import OFFERED, TRADED, Use, UseKind, UseOrder
from fedcarbon.uses.postings import fulfilling, giving_back, source_of, taking
from fedcarbon.uses.states import UseEvent, UseState
from hub.clearing.freezing import check_not_frozen
from hub.clearing.storage.ledger_store import LedgerStore
from hub.uses.errors import (
    MarketClosedError,
    MarketPriceMovedError,
    OfferKindDiffersError,
    OfferNotValidError,
    PledgeNotAuthorisedError,
    UnknownOfferError,
    UseIdReusedError,
    UseUnknownError,
)
from hub.uses.storage.stock_store import StockStore
from hub.uses.storage.use_store import PledgeStore, UseStore
from hub.uses.terms import Terms

OVERDUE_MAX: Final = 200
"""Reservations that one transaction gives back."""
_OFFER_OF: Final = {UseKind.DONATE: OfferKind.DONATION, UseKind.GOODS: OfferKind.GOODS}


def create_use(session: Session, order: UseOrder, terms: Terms, now_s: Seconds) -> Use:
    """Take what an order asks for: use it up, set it aside, pledge it, take it back or trade it.

    Args:
        session: a writing session; the caller commits.
        order: whose signature and binding the caller has checked.
        terms: what the programme has published that the order goes by.
        now_s: protocol time.

    Returns:
        The use as it stands: the stored one if exactly this order came before.

    Raises:
        UseIdReusedError: the id came before with another order.
        AccountFrozenError: the hub's operator has frozen the account.
        UnknownOfferError, OfferKindDiffersError, OfferNotValidError, OfferSoldOutError: there is
            no such price, or nothing left at it.
        MarketClosedError, MarketPriceMovedError: likewise of a market.
        PledgeNotAuthorisedError: a pledge without the holder's word that others may claim it.
        InsufficientBalanceError: the account holds less, of the vintage if one is named; or the
            other side of a trade does.
    """
    # (1) the same id means the same order
    uses, ledger = UseStore(session), LedgerStore(session)
    stored = uses.find(order.use_id)
    if stored is not None:
        if stored.order != order:
            raise UseIdReusedError(
                f"use {order.use_id.hex()} exists with another order; make a new id"
            )
        return stored
    # (2) the account may give something out
    check_not_frozen(session, order.programme_id, order.account_token)
    # (3) it is asked for at a published price, or with the holder's word
    mass_ug, offer = _asked_ug(order, terms, now_s), terms.offer
    # (4) the account can give it
    held_ug = {
        vintage: held
        for vintage, held in ledger.grams_of(source_of(order), order.programme_id).items()
        if order.vintage in {None, vintage} and vintage not in terms.ending
    }
    if sum(held_ug.values()) < mass_ug:
        raise InsufficientBalanceError(
            f"the account holds less than {mass_ug} ug that could be used so; use less"
        )
    is_goods = offer is not None and order.use is UseKind.GOODS
    use = Use(
        order=order,
        state=UseState.RESERVED if is_goods else UseState.DONE,
        mass_ug=mass_ug,
        draws=drawn(held_ug, mass_ug),
        expires_s=Seconds(now_s + offer.hold_s) if is_goods and offer is not None else None,
        created_s=now_s,
    )
    with session.begin_nested():
        ledger.post_linked(taking(use), now_s)
        uses.add(use)
        if offer is not None and offer.stock is not None:
            StockStore(session).take(offer.programme_id, offer.offer_id, order.pieces or 0)
        if terms.campaign is not None:
            _reward(ledger, order, terms.campaign, now_s)
        if order.use is UseKind.PLEDGE:
            PledgeStore(session).add(use)
        elif order.use is UseKind.WITHDRAW:
            _withdraw(PledgeStore(session), use)
    return use


def find_use(session: Session, use_id: bytes) -> Use:
    """Return a use as it stands.

    Raises:
        UseUnknownError: there is none with this id.
    """
    use = UseStore(session).find(use_id)
    if use is None:
        raise UseUnknownError(f"there is no use {use_id.hex()[:64]}")
    return use


def end_goods(session: Session, use_id: bytes, *, fulfilled: bool, now_s: Seconds) -> Use:
    """Use up what goods had set aside, or give it back.

    Args:
        session: a writing session; the caller commits.
        use_id: of goods that nobody has ended.
        fulfilled: whether they were handed out.
        now_s: protocol time.

    Raises:
        UseUnknownError: there is no use with this id.
        UseStateError: it is not reserved.
        ReservationTimedOutError: its time is over; it can only be given back.
    """
    use = find_use(session, use_id)
    with session.begin_nested():
        UseStore(session).advance(use, UseEvent.FULFIL if fulfilled else UseEvent.CANCEL)
        if not fulfilled:
            _restock(session, use)
        transfers = fulfilling(use) if fulfilled else giving_back(use)
        LedgerStore(session).post_linked(transfers, now_s)
    return find_use(session, use_id)


def void_overdue(session: Session, now_s: Seconds) -> int:
    """Give back what goods have set aside beyond their time; return how many there were.

    At most `OVERDUE_MAX` per call, the oldest first: call again while it returns as many.

    Args:
        session: a writing session; the caller commits.
        now_s: protocol time.
    """
    uses, ledger = UseStore(session), LedgerStore(session)
    overdue = uses.overdue(now_s, OVERDUE_MAX)
    for use in overdue:
        uses.advance(use, UseEvent.TIME_OUT)
        _restock(session, use)
        ledger.post_linked(giving_back(use), now_s)
    return len(overdue)


def _restock(session: Session, use: Use) -> None:
    order = use.order
    assert order.offer_id is not None  # noqa: S101 - goods have one
    StockStore(session).give_back(order.programme_id, order.offer_id, order.pieces or 0)


def _reward(ledger: LedgerStore, order: UseOrder, campaign: Campaign, now_s: Seconds) -> None:
    """Pay the red packet that a gift earns, as long as the budget lasts."""
    left_fen = ledger.balance(campaign.account, FEN)
    paid_fen = campaign.pays_fen(order.pieces or 0, left_fen)
    if paid_fen:
        ledger.post_linked([rewarding(order, campaign, paid_fen)], now_s)


def _traded_ug(order: UseOrder, terms: Terms, now_s: Seconds) -> MicrogramsCO2e:
    market, price = terms.market, terms.price
    if market is None or price is None or price.day != day_of(now_s):
        raise MarketClosedError(f"no market {order.offer_id} has a price for today")
    if price.market_id != market.market_id:
        raise MarketClosedError(f"market {order.offer_id} is not open today")
    if order.price_fen != price.price_fen:
        raise MarketPriceMovedError(f"a unit is traded at {price.price_fen} fen today")
    return MicrogramsCO2e((order.pieces or 0) * market.unit_ug)


def _asked_ug(order: UseOrder, terms: Terms, now_s: Seconds) -> MicrogramsCO2e:
    if order.use in TRADED:
        return _traded_ug(order, terms, now_s)
    offer = terms.offer
    if order.use not in OFFERED:
        if order.use is UseKind.PLEDGE and not order.may_be_claimed:
            raise PledgeNotAuthorisedError(
                "a pledge needs the holder's word that others may claim the reduction"
            )
        assert order.mass_ug is not None  # noqa: S101 - the statement has checked it
        return order.mass_ug
    assert order.pieces is not None  # noqa: S101 - likewise
    if offer is None:
        raise UnknownOfferError(f"{order.programme_id} has published no offer {order.offer_id}")
    if offer.offer_kind is not _OFFER_OF[order.use]:
        raise OfferKindDiffersError(f"offer {offer.offer_id} is of the kind {offer.offer_kind}")
    if not offer.valid_from_s <= now_s < offer.valid_until_s:
        raise OfferNotValidError(f"offer {offer.offer_id} is not valid now")
    return offer.mass_of(order.pieces)


def _withdraw(pledges: PledgeStore, use: Use) -> None:
    """Take back from the newest pledges, so that the rest keeps its place in the queue."""
    for draw in use.draws:
        order = use.order
        newest = pledges.of_account(order.programme_id, draw.vintage, order.account_token)
        pledges.take(draw.vintage, bundled(newest, draw.mass_ug))
