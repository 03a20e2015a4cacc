"""All uses against a second model, over random lists of operations: a gram is used once.

Every issue is another power of ten, so a lost, doubled or misdirected one shows as a digit.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from fedcarbon.errors import FedcarbonError
from fedcarbon.ledger.account import AccountKind, holder_account
from fedcarbon.ledger.unit import FEN, Vintage
from fedcarbon.redemption.order import Source
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.uses.lot import TONNE_UG
from fedcarbon.uses.order import UseKind, UseOrder
from hub.clearing.positions import checked_trial_balance
from hub.storage.engine import reading
from tests.databases import new_sqlite
from tests.hub.uses.conftest import BREAD, HOLD_S, TREE, UseBooks

POWERS = (13, 6, 12, 0, 14, 9, 3, 15, 11, 8, 5, 2, 10, 7, 4, 1)
HOLDERS = st.sampled_from((1, 2, 3))
YEARS = (2025, 2026)
YEAR = st.sampled_from(YEARS)
UNIT_UG = 1_250_000_000


class UsesAgainstModel(RuleBasedStateMachine):
    """Knows nothing of accounts: it keeps who has how much, and in which place."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.books = UseBooks(Path(self.folder.name), new_sqlite)
        self.books.top_up(10**12)
        self.rail = self.books.rail()
        wallets = frozenset(sandbox_wallet_id(holder) for holder in (1, 2, 3))
        self.refusing = self.books.rail(rejected=wallets)
        self.issued = 0
        self.number = 0
        self.free: Counter[tuple[int, int]] = Counter()
        self.held: dict[int, tuple[int, dict[int, int], int]] = {}
        """Goods by number: holder, mass by year, end."""
        self.queue: list[list[int]] = []
        """Holder, year, what is left."""
        self.used: Counter[tuple[str, int]] = Counter()
        """By use and holder."""
        self.lots: dict[int, tuple[str, int, list[tuple[list[int], int]]]] = {}
        """State, year and parts of the queue."""
        self.orders: list[UseOrder] = []
        self.paid = 0
        self.cashed = 0

    # --- what a holder can do -----------------------------------------------------------------

    @precondition(lambda self: self.issued < len(POWERS))
    @rule(holder=HOLDERS, year=YEAR)
    def issue(self, holder: int, year: int) -> None:
        amount = 10 ** POWERS[self.issued]
        self.books.credit(holder, amount, year)
        self.free[holder, year] += amount
        self.issued += 1

    def taken(self, holder: int, mass: int) -> dict[int, int]:
        """Take free grams of a holder, the oldest first; empty if there are too few."""
        parts: dict[int, int] = {}
        for year in YEARS:
            parts[year] = min(self.free[holder, year], mass - sum(parts.values()))
        if sum(parts.values()) < mass:
            return {}
        for year, part in parts.items():
            self.free[holder, year] -= part
        return {year: part for year, part in parts.items() if part}

    def ordered(self, use: UseKind, holder: int, **fields: object) -> UseOrder:
        self.number += 1
        return self.books.use_order(self.number, use, holder, **fields)

    def place(self, order: UseOrder, parts: dict[int, int]) -> bool:
        """Order a use, which is refused if the model has no parts for it."""
        if not parts:
            assert code_of(lambda: self.books.use(order)) == "INSUFFICIENT_BALANCE"
            return False
        use = self.books.use(order)
        assert {draw.vintage: draw.mass_ug for draw in use.draws} == parts
        self.orders.append(order)
        return True

    @rule(holder=HOLDERS, pieces=st.integers(min_value=1, max_value=1_000_000))
    def donate(self, holder: int, pieces: int) -> None:
        parts = self.taken(holder, pieces * TREE.price_ug)
        if self.place(self.ordered(UseKind.DONATE, holder, pieces=pieces), parts):
            self.used["donated", holder] += sum(parts.values())

    @rule(holder=HOLDERS, pieces=st.integers(min_value=1, max_value=1_000_000))
    def want_goods(self, holder: int, pieces: int) -> None:
        parts = self.taken(holder, pieces * BREAD.price_ug)
        order = self.ordered(UseKind.GOODS, holder, pieces=pieces)
        if self.place(order, parts):
            self.held[self.number] = (holder, parts, self.books.clock.now_s() + HOLD_S)

    @rule(holder=HOLDERS, share=st.integers(min_value=1, max_value=4))
    def pledge(self, holder: int, share: int) -> None:
        mass = sum(self.free[holder, year] for year in YEARS) // share
        if mass:
            parts = self.taken(holder, mass)
            assert self.place(self.ordered(UseKind.PLEDGE, holder, mass_ug=mass), parts)
            self.queue += [[holder, year, part] for year, part in parts.items()]

    @rule(holder=HOLDERS, year=YEAR, share=st.integers(min_value=1, max_value=3))
    def withdraw(self, holder: int, year: int, share: int) -> None:
        own = [entry for entry in self.queue if entry[:2] == [holder, year]]
        mass = sum(left for *_, left in own) // share
        if not mass:
            return
        self.place(self.ordered(UseKind.WITHDRAW, holder, mass_ug=mass, vintage=year), {year: mass})
        self.free[holder, year] += mass
        for entry in reversed(own):
            part = min(entry[2], mass)
            entry[2] -= part
            mass -= part

    @rule(holder=HOLDERS, units=st.integers(min_value=1, max_value=1_000))
    def redeem(self, holder: int, units: int) -> None:
        parts = self.taken(holder, units * UNIT_UG)
        self.number += 1
        order = self.books.order(self.number, holder, units)
        if not parts:
            assert code_of(lambda: self.books.redeem(order)) == "INSUFFICIENT_BALANCE"
            return
        self.books.redeem(order)
        self.books.run(self.rail)
        self.used["redeemed", holder] += sum(parts.values())

    @rule(holder=HOLDERS, everything=st.booleans(), refused=st.booleans())
    def cash_proceeds(self, holder: int, everything: bool, refused: bool) -> None:  # noqa: FBT001
        self.number += 1
        has_fen = self.proceeds(holder)
        fen = None if everything else max(has_fen // 2, 1)
        order = self.books.order(self.number, holder, fen, source=Source.PROCEEDS)
        if not has_fen:
            expected = "REDEMPTION_TOO_SMALL" if everything else "INSUFFICIENT_BALANCE"
            assert code_of(lambda: self.books.redeem(order)) == expected
            return
        taken = self.books.redeem(order)
        assert taken.amount_fen == (fen or has_fen)
        self.books.run(self.refusing if refused else self.rail)
        self.cashed += 0 if refused else taken.amount_fen
        assert self.proceeds(holder) == has_fen - (0 if refused else taken.amount_fen)

    def proceeds(self, holder: int) -> int:
        """Return what a holder has of sold lots; how it is shared `tests/uses/test_lot.py` says."""
        account = holder_account(AccountKind.PROCEEDS, self.books.token(holder))
        with reading(self.books.engine) as session:
            return checked_trial_balance(session).get((account, FEN), 0)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def order_again(self, data: st.DataObject) -> None:
        self.books.use(data.draw(st.sampled_from(self.orders)))

    # --- what others do -----------------------------------------------------------------------

    @precondition(lambda self: self.held)
    @rule(data=st.data(), fulfilled=st.booleans())
    def end_goods(self, data: st.DataObject, fulfilled: bool) -> None:  # noqa: FBT001
        number = data.draw(st.sampled_from(sorted(self.held)))
        holder, parts, _ = self.held.pop(number)
        self.books.end(number, fulfilled=fulfilled)
        if fulfilled:
            self.used["exchanged", holder] += sum(parts.values())
        else:
            self._back(holder, parts)
        assert code_of(lambda: self.books.end(number, fulfilled=True)) == "USE_STATE"

    @rule()
    def let_goods_end(self) -> None:
        self.books.wait(HOLD_S // 2)
        now_s = self.books.clock.now_s()
        over = [number for number, (*_, end_s) in self.held.items() if end_s <= now_s]
        assert self.books.void_overdue() == len(over)
        for number in over:
            holder, parts, _ = self.held.pop(number)
            self._back(holder, parts)

    def _back(self, holder: int, parts: dict[int, int]) -> None:
        for year, part in parts.items():
            self.free[holder, year] += part

    @rule(year=YEAR, tonnes=st.sampled_from((1, 2, 7, 30)))
    def form_lot(self, year: int, tonnes: int) -> None:
        self.number += 1
        missing, parts = tonnes * TONNE_UG, []
        for entry in self.queue:
            part = min(entry[2], missing) if entry[1] == year else 0
            if part:
                parts.append((entry, part))
                missing -= part
        if missing:
            assert code_of(lambda: self.books.form(self.number, tonnes, year)) == "LOT_SHORT"
            return
        self.books.form(self.number, tonnes, year)
        for entry, part in parts:
            entry[2] -= part
        self.lots[self.number] = ("formed", year, parts)

    @precondition(lambda self: self.lots)
    @rule(data=st.data(), accepted=st.booleans())
    def move_a_lot(self, data: st.DataObject, accepted: bool) -> None:  # noqa: FBT001
        number = data.draw(st.sampled_from(sorted(self.lots)))
        state, year, parts = self.lots[number]
        if state == "formed":
            self.books.judge(number, accepted=accepted)
            following = "verified" if accepted else "refused"
            for entry, part in parts if not accepted else ():
                entry[2] += part
        elif state == "verified":
            price_fen = 5_000 * sum(part for _, part in parts) // TONNE_UG + number
            assert self.books.sell(number, price_fen, number % 100)
            self.paid += price_fen - number % 100
            following = "sold"
        elif state == "sold":
            self.books.retire(number)
            following = "retired"
        else:
            assert code_of(lambda: self.books.judge(number, accepted=True)) == "LOT_STATE"
            assert code_of(lambda: self.books.sell(number, 10**9)) == "LOT_STATE"
            following = state
        self.lots[number] = (following, year, parts)

    @rule(year=YEAR)
    def end_a_vintage(self, year: int) -> None:
        self.books.expire(year)
        for holder in (1, 2, 3):
            self.used["expired", holder] += self.free.pop((holder, year), 0)

    # --- what must be true --------------------------------------------------------------------

    @invariant()
    def every_gram_is_where_the_model_has_it(self) -> None:
        pooled: Counter[int] = Counter()
        for state, _, parts in self.lots.values():
            for entry, part in parts if state != "refused" else ():
                pooled[entry[0]] += part
        for holder in (1, 2, 3):
            statement = self.books.statement(holder)
            assert sum(statement.pledged_ug.values()) == sum(
                left for who, _, left in self.queue if who == holder
            )
            assert sum(statement.reserved_ug.values()) == sum(
                sum(parts.values()) for who, parts, _ in self.held.values() if who == holder
            )
            for year in YEARS:
                assert statement.spendable_ug.get(Vintage(year), 0) == self.free[holder, year]
            used = {kind.value: mass for kind, mass in statement.used_ug.items() if mass}
            used |= {"redeemed": statement.redeemed_ug} if statement.redeemed_ug else {}
            expected = {kind: mass for (kind, who), mass in self.used.items() if who == holder}
            expected["pooled"] = pooled[holder]
            assert used == {kind: mass for kind, mass in expected.items() if mass}
        totals = self.books.totals()
        assert totals.get("proceeds", 0) == self.paid - self.cashed
        assert totals.get("payout_in_flight", 0) == 0
        assert -totals.get("issuance", 0) == sum(10**power for power in POWERS[: self.issued])

    @override
    def teardown(self) -> None:
        self.books.close()
        self.folder.cleanup()


def code_of(act: object) -> str:
    """Return the code with which something is refused."""
    with pytest.raises(FedcarbonError) as caught:
        act()  # type: ignore[operator]
    return caught.value.code


TestUsesAgainstModel = UsesAgainstModel.TestCase
TestUsesAgainstModel.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
