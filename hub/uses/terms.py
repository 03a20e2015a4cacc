"""What is published that an order for a use goes by."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from fedcarbon.ledger.unit import Vintage
from fedcarbon.units import Seconds
from fedcarbon.uses.campaign import Campaign, campaign_for
from fedcarbon.uses.market import MarketPrice, MarketRules
from fedcarbon.uses.offer import ExpiryNotice, Offer
from fedcarbon.uses.order import OFFERED, TRADED, UseKind, UseOrder
from hub.uses.storage.publication_store import PublicationStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Prices, and what else holds now; None where there is no such thing."""

    offer: Offer | None = None
    market: MarketRules | None = None
    price: MarketPrice | None = None
    """The last one of the market."""
    campaign: Campaign | None = None
    ending: frozenset[Vintage] = frozenset()
    """Vintages whose end is announced: no market takes or gives them."""


def terms_of(session: Session, order: UseOrder, now_s: Seconds) -> Terms:
    """Return what an order goes by.

    Args:
        session: where publications are.
        order: which names an offer or a market, or neither.
        now_s: protocol time.
    """
    publications, programme = PublicationStore(session), order.programme_id
    if order.offer_id is None:
        return Terms()
    if order.use in TRADED:
        last = publications.last(MarketPrice, programme)
        notices = publications.all(ExpiryNotice, programme)
        return Terms(
            market=publications.find(MarketRules, programme, order.offer_id),
            price=None if last is None else last.statement,
            ending=frozenset(item.statement.vintage for item in notices),
        )
    assert order.use in OFFERED  # noqa: S101 - the statement has checked it
    campaign = None
    if order.use is UseKind.DONATE:
        campaigns = (item.statement for item in publications.all(Campaign, programme))
        campaign = campaign_for(campaigns, programme, order.offer_id, now_s)
    return Terms(offer=publications.find(Offer, programme, order.offer_id), campaign=campaign)
