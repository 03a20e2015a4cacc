"""Markets: every day's price follows from the rules and the orders before it (V26)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from fedcarbon.audit.books import Books
from fedcarbon.audit.findings import Finding
from fedcarbon.audit.ledger_replay import Booked, ReplayedLedger
from fedcarbon.audit.use_findings import JudgedUses, found, once, stated
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.units import Fen
from fedcarbon.uses.market import (
    MarketPrice,
    MarketRules,
    closing,
    day_of,
    endowing,
    units_of,
)
from fedcarbon.uses.offer import ExpiryNotice
from fedcarbon.uses.order import TRADED, UseOrder


class Markets:
    """The markets of a record, their prices, and the orders at each price."""

    def __init__(self, books: Books, findings: list[Finding]) -> None:
        """Read the rules and prices of a record."""
        self._findings: Final = findings
        self._programmes: Final = books.programmes
        self.rules: Final = once(
            (
                (leaf, (item.programme_id, item.market_id), item)
                for leaf, item in stated(MarketRules, books, findings)
            ),
            "PUBLICATION_CONFLICT",
            findings,
        )
        self._prices: Final[dict[ProgrammeId, list[tuple[int, MarketPrice]]]] = {}
        for leaf, price in stated(MarketPrice, books, findings):
            self._prices.setdefault(price.programme_id, []).append((leaf, price))
        self._net: Final[dict[int, int]] = {}

    def find(self, code: str, subject: str, text: str, leaf: int) -> None:
        """Note a finding."""
        self._findings.append(found(code, subject, text, leaf))

    def take(self, leaf: int, order: UseOrder) -> None:
        """Count an order for a trade at the price before it."""
        before = self._price_before(leaf, order.programme_id)
        if before is not None:
            self._net[before[0]] = self._net.get(before[0], 0) + units_of(order)

    def faults(
        self,
        leaf: int,
        order: UseOrder,
        booked: Mapping[Vintage, Booked],
        notices: Mapping[MassUnit, tuple[int, ExpiryNotice]],
    ) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with a trade besides its transfers.

        Args:
            leaf: of the order.
            order: which has no faults here unless it is for a trade.
            booked: the transfers of its grams by vintage, of which there is one at least.
            notices: of vintages that end, with their leaves.
        """
        if order.use not in TRADED:
            return
        before = self._price_before(leaf, order.programme_id)
        today = day_of(next(iter(booked.values())).recorded_s)
        if before is None or (before[1].market_id, before[1].day) != (order.offer_id, today):
            yield "MARKET_CLOSED", f"no price of market {order.offer_id} for day {today} is behind"
        elif before[1].price_fen != order.price_fen:
            yield "MARKET_PRICE_DIFFERS", f"a unit was traded at {before[1].price_fen} fen"
        known = self.rules.get((order.programme_id, order.offer_id or ""))
        mass_ug = sum(entry.transfer.amount for entry in booked.values())
        if known is not None and mass_ug != (order.pieces or 0) * known[1].unit_ug:
            yield "USE_MASS_DIFFERS", f"{mass_ug} ug are traded, {order.pieces} units were ordered"
        for year in booked:
            notice = notices.get(MassUnit(programme=order.programme_id, vintage=year))
            if notice is not None and notice[0] < leaf:
                yield "MARKET_VINTAGE_ENDS", f"the end of vintage {year} had been announced"

    def _price_before(self, leaf: int, programme: ProgrammeId) -> tuple[int, MarketPrice] | None:
        prices = self._prices.get(programme, [])
        return next((item for item in reversed(prices) if item[0] < leaf), None)

    def check_prices(self) -> None:
        """Judge every price; all orders have been taken by now."""
        for prices in self._prices.values():
            before: tuple[int, MarketPrice] | None = None
            for leaf, price in prices:
                self._check_price(leaf, price, before)
                before = (leaf, price)

    def _check_price(
        self, leaf: int, price: MarketPrice, before: tuple[int, MarketPrice] | None
    ) -> None:
        subject = f"market {price.market_id}, day {price.day}"
        known = self.rules.get((price.programme_id, price.market_id))
        if known is None or known[0] > leaf or not known[1].is_open(price.day):
            self.find("MARKET_CLOSED", subject, "no such market was open on that day", leaf)
            return
        if before is not None and before[1].day >= price.day:
            text = "a later day had a price already; it does not go back"
            self.find("MARKET_DAY_REPEATED", subject, text, leaf)
        expected = known[1].first_price_fen
        if before is not None and before[1].market_id == price.market_id:
            net_units = self._net.get(before[0], 0)
            expected = known[1].next_price_fen(before[1].price_fen, net_units)
        if price.price_fen != expected:
            text = f"it says {price.price_fen} fen, the rules give {expected}"
            self.find("MARKET_PRICE_DIFFERS", subject, text, leaf)

    def check_money(self, ledger: ReplayedLedger, judged: JudgedUses) -> None:
        """Judge what markets were given and what they gave back."""
        counted: list[MarketRules] = []
        for leaf, rules in self.rules.values():
            subject = f"market {rules.market_id}"
            if any(rules.overlaps(other) for other in counted):
                self.find("MARKET_OVERLAPS", subject, "another one is open on its days", leaf)
            counted.append(rules)
            programme = self._programmes.get(rules.programme_id)
            if programme is not None and not rules.is_above_rate(programme):
                text = "it may sell for less than the programme redeems for"
                self.find("MARKET_BELOW_RATE", subject, text, leaf)
            for expected in endowing(rules):
                booked = ledger.booked.get(expected.transfer_id)
                if booked is not None:
                    judged.explained.add(expected.transfer_id)
                wrong = booked is not None and (
                    booked.transfer != expected or booked.batch_leaf < leaf
                )
                if wrong or (booked is None and leaf < ledger.last_leaf):
                    text = f"{rules.endowment_fen} fen must be set aside for it, once"
                    self.find("MARKET_ENDOWMENT_DIFFERS", subject, text, leaf)
        self._check_closings(ledger, judged)

    def _check_closings(self, ledger: ReplayedLedger, judged: JudgedUses) -> None:
        for transfer_id, booked in ledger.booked.items():
            transfer = booked.transfer
            kinds = (transfer.debit.kind, transfer.credit.kind)
            if kinds != (AccountKind.MARKET_PURSE, AccountKind.FLOAT):
                continue
            judged.explained.add(transfer_id)
            own = [
                rules
                for leaf, rules in self.rules.values()
                if rules.programme_id == transfer.debit.owner and leaf < booked.batch_leaf
            ]
            today = day_of(booked.recorded_s)
            expected = {closing(rules, Fen(transfer.amount)).transfer_id for rules in own}
            if transfer_id not in expected or any(rules.last_day >= today for rules in own):
                text = f"{transfer.amount} fen left the market's purse, and a market is open yet"
                subject = f"transfer {transfer_id.hex()}"
                self.find("MARKET_CLOSED_EARLY", subject, text, booked.batch_leaf)
