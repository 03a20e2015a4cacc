"""Use cases of uses in the books: take one, end goods, end what nobody ended.

Who signed an order and whether its wallet is bound is checked before (`hub.uses.ordering`). What is
here moves grams, each move and its row together.
"""

from __future__ import annotations

from typing import Final

from sqlmodel import Session

from fedcarbon.ledger.errors import InsufficientBalanceError
from fedcarbon.redemption.settlement import drawn
from fedcarbon.units import MicrogramsCO2e, Seconds
from fedcarbon.uses.lot import bundled
from fedcarbon.uses.offer import Offer, OfferKind
from fedcarbon.uses.order import OFFERED, Use, UseKind, UseOrder
from fedcarbon.uses.postings import fulfilling, giving_back, source_of, taking
from fedcarbon.uses.states import UseEvent, UseState
from hub.clearing.freezing import check_not_frozen
from hub.clearing.storage.ledger_store import LedgerStore
from hub.uses.errors import (
    OfferKindDiffersError,
    OfferNotValidError,
    PledgeNotAuthorisedError,
    UnknownOfferError,
    UseIdReusedError,
    UseUnknownError,
)
from hub.uses.storage.use_store import PledgeStore, UseStore

OVERDUE_MAX: Final = 200
"""Reservations that one transaction gives back."""
_OFFER_OF: Final = {UseKind.DONATE: OfferKind.DONATION, UseKind.GOODS: OfferKind.GOODS}


def create_use(session: Session, order: UseOrder, offer: Offer | None, now_s: Seconds) -> Use:
    """Take what an order asks for: use it up, set it aside, pledge it or take it back.

    Args:
        session: a writing session; the caller commits.
        order: whose signature and binding the caller has checked.
        offer: what the programme has published under the order's offer id, if anything.
        now_s: protocol time.

    Returns:
        The use as it stands: the stored one if exactly this order came before.

    Raises:
        UseIdReusedError: the id came before with another order.
        AccountFrozenError: the hub's operator has frozen the account.
        UnknownOfferError, OfferKindDiffersError, OfferNotValidError: there is no such price now.
        PledgeNotAuthorisedError: a pledge without the holder's word that others may claim it.
        InsufficientBalanceError: the account holds less, of the vintage if one is named.
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
    mass_ug = _asked_ug(order, offer, now_s)
    # (4) the account can give it
    held_ug = {
        vintage: held
        for vintage, held in ledger.grams(
            source_of(order.use), order.account_token, order.programme_id
        ).items()
        if order.vintage in {None, vintage}
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
        ledger.post_linked(giving_back(use), now_s)
    return len(overdue)


def _asked_ug(order: UseOrder, offer: Offer | None, now_s: Seconds) -> MicrogramsCO2e:
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
