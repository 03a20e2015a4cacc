"""Red packets and the market against a second model: no fen and no gram comes from nowhere."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from typing_extensions import override

from fedcarbon.errors import FedcarbonError
from fedcarbon.ledger.account import AccountKind, holder_account
from fedcarbon.ledger.unit import FEN
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.units import SECONDS_PER_DAY
from fedcarbon.uses.campaign import Occasion
from fedcarbon.uses.order import UseKind
from hub.clearing.positions import checked_trial_balance
from hub.storage.engine import reading
from tests.databases import new_sqlite
from tests.hub.clearing.conftest import GRAM
from tests.hub.uses.conftest import TREE, UseBooks
from tests.hub.uses.published import UNIT_UG, WEEK_S, campaign, market

HOLDERS = st.sampled_from((1, 2, 3))
FLOAT_FEN = 1_000
RATE_UG = 1_250 * GRAM
STEP, FLOOR, CEILING, QUIET = 5, 12, 26, 1


class TownAgainstModel(RuleBasedStateMachine):
    """Knows nothing of accounts and rules of the ledger: it counts what everybody has."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.books = UseBooks(Path(self.folder.name), new_sqlite)
        self.books.top_up(FLOAT_FEN)
        planting = campaign(
            campaign_id="planting",
            occasion=Occasion.DONATION,
            offer_id=TREE.offer_id,
            packet_fen=3,
            budget_fen=20,
        )
        for leaf, item in enumerate((TREE, campaign(budget_fen=30), planting, market())):
            self.books.publish(leaf, item)
        self.start_s = self.books.clock.now_s()
        self.number, self.leaf = 0, 100
        self.left = {"spring": 30, "planting": 20}
        self.purse, self.paid, self.stock = 200, 0, 0
        self.float = FLOAT_FEN - 30 - 20 - 200
        self.free: Counter[int] = Counter()
        self.proceeds: Counter[int] = Counter()
        self.price, self.net = 0, 0
        self.open_a_day()
        rejected = frozenset(sandbox_wallet_id(holder) for holder in (1, 2, 3))
        self.rail, self.refusing = self.books.rail(), self.books.rail(rejected=rejected)

    def open_a_day(self) -> None:
        """Say the price of the day, if the market is open, as the model has it."""
        prices = self.books.prices()
        day = (self.books.clock.now_s() - self.start_s) // SECONDS_PER_DAY
        assert len(prices) == (day <= 6)
        if not prices:
            self.price = 0
            return
        if day:
            move = STEP * ((self.net > QUIET) - (self.net < -QUIET))
            self.price = min(max(self.price + move, FLOOR), CEILING)
        else:
            self.price = 20
        self.net = 0
        assert prices[0].price_fen == self.price
        self.leaf += 1
        self.books.say(self.leaf, prices[0])

    @property
    def is_campaign(self) -> bool:
        return self.books.clock.now_s() < self.start_s + WEEK_S

    def earned(self, name: str, wanted: int) -> int:
        """Take a red packet out of a budget."""
        packet = min(wanted, self.left[name]) if self.is_campaign else 0
        self.left[name] -= packet
        return packet

    @rule(holder=HOLDERS, units=st.integers(min_value=1, max_value=20))
    def credit(self, holder: int, units: int) -> None:
        self.books.credit(holder, units * UNIT_UG)
        self.free[holder] += units * UNIT_UG

    @rule(holder=HOLDERS, units=st.integers(min_value=1, max_value=6), buys=st.booleans())
    def trade(self, holder: int, units: int, buys: bool) -> None:  # noqa: FBT001
        self.number += 1
        order = self.books.use_order(
            self.number,
            UseKind.BUY if buys else UseKind.SELL,
            holder,
            offer_id="town",
            pieces=units,
            price_fen=self.price or 20,
        )
        mass, money = units * UNIT_UG, units * self.price
        has = (self.stock, self.proceeds[holder]) if buys else (self.free[holder], self.purse)
        if not self.price:
            assert code_of(lambda: self.books.use(order)) == "MARKET_CLOSED"
            return
        if has[0] < mass or has[1] < money:
            assert code_of(lambda: self.books.use(order)) == "INSUFFICIENT_BALANCE"
            return
        self.books.use(order)
        sign = 1 if buys else -1
        self.net += sign * units
        self.free[holder] += sign * mass
        self.stock -= sign * mass
        self.proceeds[holder] -= sign * money
        self.purse += sign * money

    @rule(holder=HOLDERS, pieces=st.integers(min_value=1, max_value=4))
    def give(self, holder: int, pieces: int) -> None:
        self.number += 1
        order = self.books.use_order(self.number, UseKind.DONATE, holder, pieces=pieces)
        mass = pieces * TREE.price_ug
        if self.free[holder] < mass:
            assert code_of(lambda: self.books.use(order)) == "INSUFFICIENT_BALANCE"
            return
        assert self.books.use(order) == self.books.use(order)  # and no second red packet
        self.free[holder] -= mass
        self.proceeds[holder] += self.earned("planting", 3 * pieces)

    @rule(holder=HOLDERS, units=st.integers(min_value=1, max_value=5), refused=st.booleans())
    def redeem(self, holder: int, units: int, refused: bool) -> None:  # noqa: FBT001
        self.number += 1
        order = self.books.order(self.number, holder, units)
        if self.free[holder] < units * RATE_UG:
            assert code_of(lambda: self.books.redeem(order)) == "INSUFFICIENT_BALANCE"
            return
        taken = self.books.redeem(order)
        packet = self.earned("spring", 2 * units)
        assert taken.amount_fen == units + packet
        assert self.books.redeem(order) == taken
        self.books.run(self.refusing if refused else self.rail)
        if refused:
            self.left["spring"] += packet
            return
        self.free[holder] -= units * RATE_UG
        self.float -= units
        self.paid += units + packet

    @rule(holder=HOLDERS, mass=st.integers(min_value=1, max_value=10**10))
    def retire_own(self, holder: int, mass: int) -> None:
        self.number += 1
        order = self.books.use_order(
            self.number, UseKind.RETIRE_OWN, holder, mass_ug=mass, purpose_sha256=bytes(32)
        )
        if self.free[holder] < mass:
            assert code_of(lambda: self.books.use(order)) == "INSUFFICIENT_BALANCE"
            return
        self.books.use(order)
        self.free[holder] -= mass

    @rule(days=st.integers(min_value=1, max_value=3))
    def let_days_pass(self, days: int) -> None:
        self.books.wait(days * SECONDS_PER_DAY)
        self.open_a_day()

    @rule()
    def give_money_back(self) -> None:
        self.books.end_money()
        if not self.is_campaign:  # and the market is over at the same instant
            self.float += sum(self.left.values()) + self.purse
            self.left, self.purse = dict.fromkeys(self.left, 0), 0

    @invariant()
    def everything_is_where_the_model_has_it(self) -> None:
        with reading(self.books.engine) as session:
            held = checked_trial_balance(session)
        totals = self.books.totals()
        money = {
            "float": self.float,
            "paid_out": self.paid,
            "market_purse": self.purse,
            "campaign": sum(self.left.values()),
            "market": self.stock,
            "payout_in_flight": 0,
        }
        assert {kind: totals.get(kind, 0) for kind in money} == money
        for holder in (1, 2, 3):
            account = holder_account(AccountKind.PROCEEDS, self.books.token(holder))
            assert held.get((account, FEN), 0) == self.proceeds[holder]
            spendable = self.books.statement(holder).spendable_ug
            assert sum(spendable.values()) == self.free[holder]

    @override
    def teardown(self) -> None:
        self.books.close()
        self.folder.cleanup()


def code_of(act: object) -> str:
    """Return the code with which something is refused."""
    with pytest.raises(FedcarbonError) as caught:
        act()  # type: ignore[operator]
    return caught.value.code


TestTownAgainstModel = TownAgainstModel.TestCase
TestTownAgainstModel.settings = settings(max_examples=6, stateful_step_count=25, deadline=None)
