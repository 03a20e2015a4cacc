"""Use cases of markets: open them, say the price of a day, give back the money of a closed one.

Trades are uses (`hub.uses.taking`).
"""

from __future__ import annotations

from sqlmodel import Session

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.unit import FEN
from fedcarbon.registry.programme import Programme
from fedcarbon.units import Fen, Seconds
from fedcarbon.uses.market import (
    MarketPrice,
    MarketRules,
    closing,
    day_of,
    endowing,
)
from hub.clearing.storage.ledger_store import LedgerStore
from hub.context import Hub
from hub.uses.campaigning import check_float
from hub.uses.errors import MarketBelowRateError, MarketOverlapsError
from hub.uses.storage.publication_store import PublicationStore
from hub.uses.storage.use_store import UseStore


def open_market(session: Session, rules: MarketRules, programme: Programme, now_s: Seconds) -> None:
    """Give a new market its money.

    Raises:
        MarketOverlapsError: the programme has another one on some of its days.
        MarketBelowRateError: it could sell for less than the programme redeems for.
        FloatExhaustedError: the programme's float is smaller than the endowment.
    """
    for item in PublicationStore(session).all(MarketRules, rules.programme_id):
        if rules.overlaps(item.statement):
            raise MarketOverlapsError(f"market {item.statement.market_id} is open on such days")
    if not rules.is_above_rate(programme):
        raise MarketBelowRateError(
            "who bought at the floor could redeem for more; root keys must raise the floor"
        )
    check_float(session, rules.endowment_fen, rules.programme_id)
    LedgerStore(session).post_linked(endowing(rules), now_s)


def unpriced(session: Session, now_s: Seconds) -> list[MarketPrice]:
    """Return today's prices of the markets that are open and have none; nothing is written.

    Args:
        session: where prices and orders are.
        now_s: protocol time.
    """
    today, publications = day_of(now_s), PublicationStore(session)
    prices: list[MarketPrice] = []
    for item in publications.all(MarketRules):
        rules = item.statement
        last = publications.last(MarketPrice, rules.programme_id)
        if not rules.is_open(today) or (last is not None and last.statement.day >= today):
            continue
        price_fen = Fen(rules.first_price_fen)
        if last is not None and last.statement.market_id == rules.market_id:
            # All trades of a day are at its price, and whole units.
            traded_ug = UseStore(session).bought_on(rules.programme_id, last.statement.day)
            net_units = traded_ug // rules.unit_ug
            price_fen = rules.next_price_fen(last.statement.price_fen, net_units)
        prices.append(
            MarketPrice(
                parameter_id=rules.parameter_id,
                programme_id=rules.programme_id,
                market_id=rules.market_id,
                day=today,
                price_fen=price_fen,
            )
        )
    return prices


def price_day(session: Session, hub: Hub) -> list[MarketPrice]:
    """Log today's prices of all markets that have none yet, and return them."""
    prices = unpriced(session, hub.clock.now_s())
    for price in prices:
        logged = hub.record.append_own(session, price)
        PublicationStore(session).add(price, logged.index)
    return prices


def closed_markets(session: Session, now_s: Seconds) -> list[tuple[MarketRules, Fen]]:
    """Return a market of every programme that has none left, and its money if it has any.

    It is the one that was published last: money comes with what is published, so nothing was given
    back under its name before.
    """
    today, ledger = day_of(now_s), LedgerStore(session)
    own: dict[ProgrammeId, list[MarketRules]] = {}
    for item in PublicationStore(session).all(MarketRules):
        own.setdefault(item.statement.programme_id, []).append(item.statement)
    found: list[tuple[MarketRules, Fen]] = []
    for programme, markets in own.items():
        purse = programme_account(AccountKind.MARKET_PURSE, programme)
        left_fen = Fen(ledger.balance(purse, FEN))
        if left_fen and all(rules.last_day < today for rules in markets):
            found.append((markets[-1], left_fen))
    return found


def close_markets(session: Session, now_s: Seconds) -> int:
    """Give the money of closed markets back to the float; return how many had any."""
    closed = closed_markets(session, now_s)
    for rules, left_fen in closed:
        LedgerStore(session).post_linked([closing(rules, left_fen)], now_s)
    return len(closed)
