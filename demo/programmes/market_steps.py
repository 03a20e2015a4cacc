"""Steps of a programme's market, and of grams that holders retire against their own footprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from demo.programmes.hands import Figures, Hands, Holder
from demo.programmes.steps import Order, Step
from fedcarbon.cli.use_orders import Wish
from fedcarbon.units import Fen, MicrogramsCO2e, grams_text, yuan_text
from fedcarbon.uses.market import MarketRules, day_of
from fedcarbon.uses.order import UseKind
from fedcarbon.v1 import use_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMarket(Step):
    """Root keys publish a market; its money is set aside from the float."""

    KIND: ClassVar[str] = "market"
    id: str
    unit: int
    days: int
    first_price_fen: int
    step_fen: int
    floor_fen: int
    ceiling_fen: int
    quiet_units: int = 0
    endowment_fen: int

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Sign and log its rules; it opens today."""
        today = day_of(hands.now_s())
        hands.publish(
            MarketRules(
                parameter_id=hands.parameter_id,
                programme_id=self.programme,
                market_id=self.id,
                unit_ug=MicrogramsCO2e(self.unit),
                first_day=today,
                last_day=today + self.days - 1,
                first_price_fen=self.first_price_fen,
                step_fen=self.step_fen,
                floor_fen=self.floor_fen,
                ceiling_fen=self.ceiling_fen,
                quiet_units=self.quiet_units,
                endowment_fen=self.endowment_fen,
            )
        )
        figures.add(self.programme, "markets", 1)
        price = yuan_text(Fen(self.first_price_fen))
        return f"market {self.id} opens at {price} for {self.unit:,} millionths"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trade(Order):
    """Holders trade whole units at a price that they have agreed to."""

    USE: ClassVar[UseKind]
    market: str
    units: int
    price_fen: int
    """Of a unit: the hub refuses the order if the day's price is another one."""

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Order the units for each."""
        hands.until("the price of the day", lambda: self._is_priced(hands))
        wish = Wish(use=self.USE, offer_id=self.market, pieces=self.units, price_fen=self.price_fen)
        uses = self.place(hands, lambda _: wish)
        units = len(uses) * self.units
        figures.add(self.programme, f"{self.KIND}_units", units)
        figures.add(self.programme, f"{self.KIND}_fen", units * self.price_fen)
        price = yuan_text(Fen(self.price_fen))
        return f"{len(uses)} holders {self.KIND} {units} units at {price}"

    def _is_priced(self, hands: Hands) -> bool:
        """Tell whether the hub has logged today's price: it does so by itself, once a day."""
        request = use_pb2.ListOffersRequest(programme_id=self.programme)
        market = hands.hub().list_offers(request).market
        return market.market_id == self.market and market.day == day_of(hands.now_s())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sell(_Trade):
    """Holders sell to the market and get proceeds."""

    KIND: ClassVar[str] = "sell"
    USE: ClassVar[UseKind] = UseKind.SELL


@dataclass(frozen=True, slots=True, kw_only=True)
class Buy(_Trade):
    """Holders buy of the market with proceeds."""

    KIND: ClassVar[str] = "buy"
    USE: ClassVar[UseKind] = UseKind.BUY


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireOwn(Order):
    """Holders retire grams against a footprint of their own."""

    KIND: ClassVar[str] = "offset"
    amount: int | None = None
    """Of each; everything by default."""
    purpose: str

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Order it; the record gets only the hash of the purpose."""
        uses = self.place(hands, self._wish_of)
        retired = sum(use.mass_ug for use in uses)
        figures.add(self.programme, "offset", retired)
        return f"{len(uses)} holders retire {grams_text(MicrogramsCO2e(retired))}: {self.purpose}"

    def _wish_of(self, holder: Holder) -> Wish | None:
        amount = self.amount or holder.account().spendable_ug
        if not amount:
            return None
        return Wish(
            use=UseKind.RETIRE_OWN,
            mass_ug=MicrogramsCO2e(amount),
            purpose_sha256=hashlib.sha256(self.purpose.encode()).digest(),
        )
