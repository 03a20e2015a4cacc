"""What is published about uses, as anybody of the federation may ask for it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.unit import FEN
from fedcarbon.units import Fen, MicrogramsCO2e
from fedcarbon.uses.campaign import Campaign
from fedcarbon.uses.market import MarketPrice, MarketRules
from fedcarbon.uses.offer import Offer
from fedcarbon.uses.ranking import RankingRules
from hub.clearing.storage.ledger_store import LedgerStore
from hub.uses.storage.publication_store import PublicationStore
from hub.uses.storage.stock_store import StockStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A market with its last price and what it holds."""

    rules: MarketRules
    price: MarketPrice
    stock_ug: MicrogramsCO2e
    purse_fen: Fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Everything that a programme's holders can choose from."""

    offers: list[tuple[Offer, int | None]]
    """With the pieces that are left, where there is a stock."""
    campaigns: list[tuple[Campaign, Fen]]
    """With what each has left."""
    market: Market | None
    """The one that had a price last."""
    rankings: list[RankingRules]
    """All of them, also those that are over."""


def published(session: Session, programme: ProgrammeId) -> Published:
    """Return what a programme offers."""
    return Published(
        offers=offers_of(session, programme),
        campaigns=campaigns_of(session, programme),
        market=market_of(session, programme),
        rankings=[
            item.statement for item in PublicationStore(session).all(RankingRules, programme)
        ],
    )


def offers_of(session: Session, programme: ProgrammeId) -> list[tuple[Offer, int | None]]:
    """Return the offers of a programme, and how many pieces are left of those with a stock."""
    left = StockStore(session).left(programme)
    return [
        (item.statement, left.get(item.statement.offer_id))
        for item in PublicationStore(session).all(Offer, programme)
    ]


def campaigns_of(session: Session, programme: ProgrammeId) -> list[tuple[Campaign, Fen]]:
    """Return the campaigns of a programme, and what each has left."""
    ledger = LedgerStore(session)
    return [
        (item.statement, Fen(ledger.balance(item.statement.account, FEN)))
        for item in PublicationStore(session).all(Campaign, programme)
    ]


def market_of(session: Session, programme: ProgrammeId) -> Market | None:
    """Return the market that a programme had a price for last, if there was any."""
    publications, ledger = PublicationStore(session), LedgerStore(session)
    last = publications.last(MarketPrice, programme)
    if last is None:
        return None
    price = last.statement
    rules = publications.find(MarketRules, programme, price.market_id)
    assert rules is not None  # noqa: S101 - no price without rules
    stock = ledger.grams_of(programme_account(AccountKind.MARKET, programme), programme)
    purse = programme_account(AccountKind.MARKET_PURSE, programme)
    return Market(
        rules=rules,
        price=price,
        stock_ug=MicrogramsCO2e(sum(stock.values())),
        purse_fen=Fen(ledger.balance(purse, FEN)),
    )
