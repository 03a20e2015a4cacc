"""Attacks on red packets, markets and stocks, in real stores of both kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.units import SECONDS_PER_DAY, Fen, MicrogramsCO2e
from fedcarbon.uses.campaign import Occasion
from fedcarbon.uses.order import UseKind, UseOrder
from hub.clearing.freezing import freeze
from hub.clearing.redemptions import cancel_redemption, reverse_redemption
from hub.storage.engine import transact, writing
from hub.uses.publishing import Rooted
from hub.uses.taking import create_use
from hub.uses.terms import terms_of
from tests.hub.clearing.conftest import GRAM, SHANGHAI
from tests.hub.clearing.test_contention import at_once
from tests.hub.uses.conftest import BREAD, HOLD_S, TREE, UseBooks
from tests.hub.uses.published import FIRST_DAY, UNIT_UG, WEEK_S, campaign, market

CLIENTS = 16
RATE_UG = 1_250 * GRAM


def code_of(act: Callable[[], object]) -> str:
    """Return the code with which something is refused."""
    with pytest.raises(FedcarbonError) as caught:
        act()
    return caught.value.code


def used(books: UseBooks, order: UseOrder) -> str:
    """Order as a running hub does; return the code of a refusal, or nothing."""
    now_s = books.clock.now_s()
    try:
        transact(
            books.engine,
            lambda session: create_use(session, order, terms_of(session, order, now_s), now_s),
        )
    except FedcarbonError as refusal:
        return refusal.code
    return ""


def trade(books: UseBooks, number: int, use: UseKind, holder: int, units: int = 1) -> UseOrder:
    return books.use_order(number, use, holder, offer_id="town", pieces=units, price_fen=20)


def test_a_market_of_days_that_are_over_gives_its_money_back_once(books: UseBooks) -> None:
    """Rules for the past, signed after a market was closed, had the purse closed under its name.

    That transfer exists with another sum, so every later look of the hub failed before it came to
    vintages that end, and the endowment was locked away for ever.
    """
    books.top_up(1_000)
    books.publish(1, market())
    books.wait(WEEK_S)
    assert books.end_money() == (0, 1)

    for leaf, fen in ((2, 200), (3, 150)):
        days = {"first_day": FIRST_DAY - 10 * leaf, "last_day": FIRST_DAY - 10 * leaf}
        books.publish(leaf, market(market_id=f"late-{leaf}", endowment_fen=fen, **days))
        assert books.totals()["market_purse"] == fen
        assert books.end_money() == (0, 1)
        assert books.end_money() == (0, 0)
    assert books.totals() == {"funding": -1_000, "float": 1_000}


def test_a_closed_market_keeps_the_money_while_a_later_one_is_to_come(books: UseBooks) -> None:
    books.top_up(1_000)
    books.publish(1, market(first_day=FIRST_DAY + 20, last_day=FIRST_DAY + 21))
    books.publish(2, market(market_id="early", last_day=FIRST_DAY))
    books.wait(SECONDS_PER_DAY)

    assert books.end_money() == (0, 0)
    books.wait(40 * SECONDS_PER_DAY)
    assert books.end_money() == (0, 1)
    assert books.totals()["float"] == 1_000


def test_sixteen_who_redeem_at_once_never_overdraw_a_budget(books: UseBooks) -> None:
    for holder in range(1, CLIENTS + 1):
        books.credit(holder, RATE_UG)
    books.top_up(100)
    books.publish(1, campaign(packet_fen=3, budget_fen=20))

    def client(number: int) -> Callable[[], None]:
        def act() -> None:
            for _ in range(2):  # the answer to the first was lost
                books.redeem(books.order(number, number, 1))

        return act

    at_once([client(number) for number in range(1, CLIENTS + 1)])

    paid = [books.redemption(number).amount_fen - 1 for number in range(1, CLIENTS + 1)]
    assert sorted(paid) == [0] * 9 + [2] + [3] * 6
    assert books.totals()["payout_in_flight"] == CLIENTS + 20
    assert "campaign" not in books.totals()


def test_sixteen_traders_at_once_leave_no_account_below_zero(books: UseBooks) -> None:
    """Eight sell more than the purse can pay, eight buy more than the market holds."""
    for holder in range(1, CLIENTS + 1):
        books.credit(holder, 3 * UNIT_UG)
    books.top_up(1_000)
    books.publish(1, market(endowment_fen=100))
    (price,) = books.prices()
    books.say(2, price)
    codes: list[tuple[UseKind, str]] = []

    def client(holder: int) -> Callable[[], None]:
        def act() -> None:
            for turn, use in enumerate((UseKind.SELL, UseKind.BUY, UseKind.SELL)):
                order = trade(books, 100 * holder + turn, use, holder)
                codes.append((use, used(books, order)))
                assert used(books, order) in {"", "INSUFFICIENT_BALANCE"}

        return act

    at_once([client(holder) for holder in range(1, CLIENTS + 1)])

    totals = books.totals()
    sold = totals.get("market", 0) // UNIT_UG
    assert totals.get("market", 0) % UNIT_UG == 0
    assert totals.get("market_purse", 0) + totals.get("proceeds", 0) == 100
    assert totals.get("proceeds", 0) == 20 * sold
    assert {code for _, code in codes} <= {"", "INSUFFICIENT_BALANCE"}


def test_sixteen_who_want_the_last_loaves_get_what_there_is(books: UseBooks) -> None:
    for holder in range(1, CLIENTS + 1):
        books.credit(holder, GRAM)
    books.publish(1, replace(BREAD, stock=5))
    codes: list[str] = []

    def client(holder: int) -> Callable[[], None]:
        def act() -> None:
            order = books.use_order(holder, UseKind.GOODS, holder)
            codes.append(used(books, order))

        return act

    at_once([client(holder) for holder in range(1, CLIENTS + 1)])
    assert sorted(codes) == [""] * 5 + ["OFFER_SOLD_OUT"] * 11

    books.wait(HOLD_S)
    assert (books.void_overdue(), books.void_overdue()) == (5, 0)
    again = [books.use_order(100 + n, UseKind.GOODS, n) for n in range(1, 7)]
    assert [used(books, order) for order in again] == [""] * 5 + ["OFFER_SOLD_OUT"]


def test_red_packets_that_come_back_after_the_campaign_go_on_to_the_float(books: UseBooks) -> None:
    """One is cancelled, one refused and one returned, each after what was left had gone back."""
    for holder in (1, 2, 3):
        books.credit(holder, RATE_UG)
    books.top_up(100)
    books.publish(1, campaign(budget_fen=9))
    for holder in (1, 2):
        books.redeem(books.order(holder, holder, 1))
    books.run(books.rail())
    books.redeem(books.order(3, 3, 1))
    books.wait(WEEK_S)
    assert books.end_money() == (1, 0)

    now_s = books.clock.now_s()
    with writing(books.engine) as session:
        cancel_redemption(session, (3).to_bytes(16, "big"), "closed", now_s)
    assert books.end_money() == (1, 0)
    for _ in range(2):
        with writing(books.engine) as session:
            reverse_redemption(session, (1).to_bytes(16, "big"), "closed", now_s)
    assert books.end_money() == (1, 0)
    assert books.end_money() == (0, 0)

    assert [books.state(number) for number in (1, 2, 3)] == [
        RedemptionState.REVERSED,
        RedemptionState.SETTLED,
        RedemptionState.REJECTED,
    ]
    assert books.totals()["float"] == 100 - 3
    assert books.totals()["paid_out"] == 3
    assert books.redeem(books.order(1, 1, 1)).state is RedemptionState.REVERSED


def test_what_a_wallet_may_get_in_a_day_counts_red_packets(books: UseBooks) -> None:
    books.credit(1, 3 * RATE_UG)
    books.top_up(100)
    books.publish(1, campaign(budget_fen=50))
    classes = books.limits.wallet_classes
    books.limits = replace(
        books.limits,
        wallet_classes=tuple(replace(row, per_day_fen=Fen(5)) for row in classes),
    )

    books.redeem(books.order(1, 1, 1))
    assert code_of(lambda: books.redeem(books.order(2, 1, 1))) == "LIMIT_PER_DAY"
    assert books.totals()["campaign"] == 48


def test_a_frozen_account_gets_nothing_out_of_campaign_or_market(books: UseBooks) -> None:
    books.credit(1, 3 * RATE_UG)
    books.top_up(1_000)
    planting = campaign(campaign_id="planting", occasion=Occasion.DONATION, offer_id=TREE.offer_id)
    published: tuple[Rooted, ...] = (TREE, campaign(), market(), planting)
    for leaf, item in enumerate(published):
        books.publish(leaf, item)
    (price,) = books.prices()
    books.say(8, price)
    with writing(books.engine) as session:
        freeze(
            session,
            SHANGHAI,
            books.token(1),
            reason="asked by a court",
            operator="desk-1",
            now_s=books.clock.now_s(),
        )

    orders = [
        trade(books, 1, UseKind.SELL, 1),
        trade(books, 2, UseKind.BUY, 1),
        books.use_order(3, UseKind.DONATE, 1),
        books.use_order(
            4, UseKind.RETIRE_OWN, 1, mass_ug=MicrogramsCO2e(1), purpose_sha256=bytes(32)
        ),
    ]
    assert {used(books, order) for order in orders} == {"ACCOUNT_FROZEN"}
    assert code_of(lambda: books.redeem(books.order(5, 1, 1))) == "ACCOUNT_FROZEN"
    totals = books.totals()
    assert (totals["campaign"], totals["market_purse"]) == (14, 200)


def test_a_refused_payout_gives_the_red_packet_to_the_next_one(books: UseBooks) -> None:
    for holder in (1, 2):
        books.credit(holder, 4 * RATE_UG)
    books.top_up(100)
    books.publish(1, campaign())
    assert books.redeem(books.order(1, 1, 4)).amount_fen == 4 + 7
    assert books.redeem(books.order(2, 2, 1)).amount_fen == 1
    books.run(books.rail(rejected=frozenset({sandbox_wallet_id(1)})))

    assert books.redeem(books.order(3, 2, 3)).amount_fen == 3 + 6
    assert books.totals()["campaign"] == 1
    assert books.redemption(1).state is RedemptionState.REJECTED


def test_nobody_gains_by_buying_at_the_floor_and_redeeming(books: UseBooks) -> None:
    """The cheapest unit of a market costs at least what its grams are redeemed for."""
    least = market(floor_fen=1, unit_ug=MicrogramsCO2e(2 * RATE_UG))
    assert code_of(lambda: books.publish(1, least)) == "MARKET_BELOW_RATE"
    odd = market(floor_fen=1, unit_ug=MicrogramsCO2e(RATE_UG + 1))
    assert code_of(lambda: books.publish(1, odd)) == "MARKET_BELOW_RATE"
    books.top_up(200)
    books.publish(1, market(floor_fen=1, unit_ug=MicrogramsCO2e(RATE_UG)))
