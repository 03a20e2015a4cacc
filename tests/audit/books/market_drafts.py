"""Books with red packets, a market, a stock and grams that a holder retires, by the real code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.units import SECONDS_PER_DAY, MicrogramsCO2e
from fedcarbon.uses.campaign import Occasion
from fedcarbon.uses.order import UseKind, UseOrder
from hub.clearing.redemptions import reverse_redemption
from hub.storage.engine import writing
from hub.uses.publishing import Rooted
from tests.audit.books.drafts import FIRST_OF_2026
from tests.audit.books.use_drafts import UseDraft, Uses
from tests.hub.clearing.conftest import GRAM
from tests.hub.uses.conftest import BREAD, HOLD_S, TREE
from tests.hub.uses.published import campaign, market

LOAVES: Final = replace(BREAD, stock=2)
PLANTING: Final = campaign(
    campaign_id="planting",
    occasion=Occasion.DONATION,
    offer_id=TREE.offer_id,
    packet_fen=3,
    budget_fen=10,
)
FIRST, SECOND, THIRD, LAST = range(4)
"""The batches, by their days."""


class Town(Uses):
    """Writes a draft with everything that is published."""

    def publish(self, statement: Rooted) -> None:
        self.books.publish(self.log(statement), statement)

    def price(self) -> int:
        """Say today's price, which nobody has said yet, and return it."""
        (price,) = self.books.prices()
        self.books.say(self.log(price), price)
        return price.price_fen

    def trade(self, number: int, use: UseKind, holder: int, units: int, price_fen: int) -> UseOrder:
        asked: dict[str, Any] = {"offer_id": "town", "pieces": units, "price_fen": price_fen}
        return self.order(number, use, holder, **asked)


def honest_town(folder: Path) -> UseDraft:
    """Return honest books of four days, after which campaigns and the market are over.

    First day: red packets of 4 and 2 fen for redemptions (one is refused later), of 9 fen and, as
    the budget ends, 1 fen for gifts; holder 1 sells three units at 20 fen. Second day: at 15 fen
    holder 1 sells one and holder 2, who has only proceeds of the market, buys three: net two.
    Third day, at 20 fen: nobody trades; a red packet of what is left; goods come back and go out
    again. Fourth day: a payout comes back with its red packet; what is left goes back to the float.
    """
    town = Town(folder)
    honest, books = town.honest, town.books
    for holder in (1, 2, 3):
        honest.bind(holder)
    honest.open(FIRST_OF_2026, {1: 20_000, 2: 10_000, 3: 8_000})
    books.top_up(1_000)
    town.publish(TREE)
    town.publish(LOAVES)
    town.publish(campaign())
    town.publish(PLANTING)
    town.publish(market())
    assert town.price() == 20
    honest.order(1, 1, 2)
    honest.order(2, 2, 1)
    town.order(11, UseKind.DONATE, 2, pieces=3)
    town.order(12, UseKind.DONATE, 3, pieces=2)
    town.trade(13, UseKind.SELL, 1, 3, 20)
    town.trade(14, UseKind.SELL, 2, 2, 20)
    town.order(15, UseKind.RETIRE_OWN, 3, mass_ug=MicrogramsCO2e(7), purpose_sha256=bytes(32))
    books.run(books.rail(rejected=frozenset({sandbox_wallet_id(2)})))
    honest.close_day()

    assert town.price() == 15
    town.trade(21, UseKind.SELL, 1, 1, 15)
    town.trade(22, UseKind.BUY, 2, 3, 15)
    bread = town.order(23, UseKind.GOODS, 1)
    town.order(24, UseKind.GOODS, 1)
    town.conclude(bread)
    honest.close_day()

    books.wait(HOLD_S)
    books.void_overdue()
    town.order(31, UseKind.GOODS, 3)
    assert town.price() == 20
    honest.order(3, 3, 5)
    books.run(books.rail())
    honest.close_day()

    books.wait(7 * SECONDS_PER_DAY)
    with writing(books.engine) as session:
        reverse_redemption(session, (1).to_bytes(16, "big"), "closed", books.clock.now_s())
    assert books.end_money() == (1, 1)
    honest.close_day()
    assert books.totals()["redeemed"] == 5 * 1_250 * GRAM
    books.close()
    return town.draft
