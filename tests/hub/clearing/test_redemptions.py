"""Redemptions up to the rail: reserve both or neither, once per id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlmodel import Session

from fedcarbon.errors import FedcarbonError
from fedcarbon.ledger.errors import InsufficientBalanceError
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.settlement import ECNY_RULE, RedemptionTooSmallError
from fedcarbon.redemption.states import RedemptionEvent, RedemptionState, RedemptionStateError
from fedcarbon.redemption.wallet import (
    WalletClass,
    WalletClassRefusedError,
    sandbox_wallet_id,
)
from hub.clearing.redemptions import (
    FloatExhaustedError,
    RedemptionIdReusedError,
    RedemptionUnknownError,
    create_redemption,
    find_redemption,
    reverse_redemption,
)
from hub.storage.engine import reading, writing

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

GRAM = 1_000_000
SOURCES = {"issuance": -3_000 * GRAM, "funding": -1_000}


def test_a_redemption_reserves_grams_and_money_together(funded: Books) -> None:
    redemption = funded.redeem(funded.order(1))

    assert redemption.state is RedemptionState.RESERVED
    assert (redemption.units, redemption.amount_fen) == (2, 2)
    assert funded.totals() == SOURCES | {
        "spendable": 500 * GRAM,
        "reserved": 2_500 * GRAM,
        "float": 998,
        "payout_in_flight": 2,
    }
    assert funded.history(1) == [RedemptionEvent.RESERVE]


def test_the_same_order_again_gets_the_stored_answer(funded: Books) -> None:
    first = funded.redeem(funded.order(1))
    funded.credit(1, 5_000 * GRAM)
    funded.wait(1_000)

    again = funded.redeem(funded.order(1))

    assert again == first
    assert funded.totals()["payout_in_flight"] == 2


def test_the_same_order_after_it_was_paid_gets_the_final_answer(funded: Books) -> None:
    funded.redeem(funded.order(1))
    funded.run(funded.rail())

    assert funded.redeem(funded.order(1)).state is RedemptionState.SETTLED
    assert funded.run(funded.rail()) == ()


def _more_units(order: RedemptionOrder) -> RedemptionOrder:
    return replace(order, units=2)


def _another_holder(order: RedemptionOrder) -> RedemptionOrder:
    return replace(order, account_token=bytes(32))


def _another_wallet(order: RedemptionOrder) -> RedemptionOrder:
    return replace(order, wallet_id=sandbox_wallet_id(9))


def _all_instead_of_one(order: RedemptionOrder) -> RedemptionOrder:
    return replace(order, units=None)


@pytest.mark.parametrize(
    "change", [_more_units, _another_holder, _another_wallet, _all_instead_of_one]
)
def test_an_id_with_another_order_is_refused(
    funded: Books, change: Callable[[RedemptionOrder], RedemptionOrder]
) -> None:
    order = funded.order(1, units=1)
    funded.redeem(order)
    before = funded.totals()

    with pytest.raises(RedemptionIdReusedError):
        funded.redeem(change(order))

    assert funded.totals() == before


@pytest.mark.parametrize(
    ("mass_ug", "units", "expected"),
    [
        (1_250 * GRAM - 1, None, RedemptionTooSmallError),
        (1_250 * GRAM - 1, 1, InsufficientBalanceError),
        (2_500 * GRAM - 1, 2, InsufficientBalanceError),
        (2_500 * GRAM, 2**53 - 1, InsufficientBalanceError),
    ],
)
def test_a_redemption_beyond_the_account_is_refused_and_leaves_no_trace(
    books: Books, mass_ug: int, units: int | None, expected: type[FedcarbonError]
) -> None:
    books.top_up(1_000)
    books.credit(1, mass_ug)
    before = books.totals()

    with pytest.raises(expected):
        books.redeem(books.order(1, units=units))

    assert books.totals() == before
    with pytest.raises(RedemptionUnknownError):
        books.redemption(1)


@pytest.mark.parametrize(
    ("mass_ug", "fen", "rest_ug"),
    [
        (1_250 * GRAM, 1, 0),
        (2_194_700_000, 1, 944_700_000),
        (2_499_999_000, 1, 1_249_999_000),
        (2_500 * GRAM, 2, 0),
        (1_000_000 * GRAM, 800, 0),
    ],
)
def test_the_published_boundaries_pay_what_they_say_and_keep_the_rest(
    books: Books, mass_ug: int, fen: int, rest_ug: int
) -> None:
    books.top_up(1_000)
    books.credit(1, mass_ug)
    books.redeem(books.order(1))

    books.run(books.rail())

    statement = books.statement(1)
    assert statement.paid_fen == fen
    assert sum(statement.spendable_ug.values()) == rest_ug


def test_grams_that_are_reserved_cannot_be_redeemed_again(funded: Books) -> None:
    funded.redeem(funded.order(1))

    with pytest.raises(RedemptionTooSmallError):
        funded.redeem(funded.order(2))
    with pytest.raises(InsufficientBalanceError):
        funded.redeem(funded.order(3, units=1))


def test_the_rest_adds_up_with_the_next_opening(funded: Books) -> None:
    funded.redeem(funded.order(1))
    funded.credit(1, 750 * GRAM)

    assert funded.redeem(funded.order(2)).amount_fen == 1
    assert funded.totals().get("spendable", 0) == 0


def test_the_oldest_vintage_goes_first_and_vintages_are_pooled(books: Books) -> None:
    books.top_up(10)
    books.credit(1, 1_000 * GRAM, vintage=2025)
    books.credit(1, 300 * GRAM, vintage=2026)

    redemption = books.redeem(books.order(1))

    assert [(draw.vintage, draw.mass_ug) for draw in redemption.draws] == [
        (2025, 1_000 * GRAM),
        (2026, 250 * GRAM),
    ]
    assert books.statement(1).spendable_ug == {2026: 50 * GRAM}
    assert books.redemption(1) == redemption


def test_a_class_4_wallet_is_refused_whatever_the_account_holds(funded: Books) -> None:
    with pytest.raises(WalletClassRefusedError):
        funded.redeem(funded.order(1, wallet_class=WalletClass.CLASS_4))

    assert funded.totals() == SOURCES | {"spendable": 3_000 * GRAM, "float": 1_000}


def test_a_float_that_cannot_cover_the_payout_stops_it_before_anything_moves(
    books: Books,
) -> None:
    books.credit(1, 3_000 * GRAM)
    books.top_up(1)

    with pytest.raises(FloatExhaustedError):
        books.redeem(books.order(1))
    assert books.totals()["spendable"] == 3_000 * GRAM
    books.top_up(1, number=2)

    assert books.redeem(books.order(1)).state is RedemptionState.RESERVED


def test_a_redemption_that_the_caller_does_not_commit_did_not_happen(funded: Books) -> None:
    before = funded.totals()

    with Session(funded.engine) as session:
        create_redemption(
            session, funded.order(1), ECNY_RULE, funded.clock.now_s(), limits=funded.limits
        )

    assert funded.totals() == before
    assert funded.run(funded.rail()) == ()


def test_an_error_inside_leaves_nothing_even_if_the_caller_goes_on(
    funded: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = funded.totals()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    with writing(funded.engine) as session:
        monkeypatch.setattr("hub.clearing.redemptions.OutboxStore.add_many", broken)
        with pytest.raises(RuntimeError):
            create_redemption(
                session, funded.order(1), ECNY_RULE, funded.clock.now_s(), limits=funded.limits
            )

    assert funded.totals() == before
    with pytest.raises(RedemptionUnknownError):
        funded.redemption(1)


def test_an_unknown_redemption_has_its_own_error(books: Books) -> None:
    with pytest.raises(RedemptionUnknownError), reading(books.engine) as session:
        find_redemption(session, bytes(16))


def test_a_returned_payout_gives_grams_and_money_back_once(funded: Books) -> None:
    funded.redeem(funded.order(1))
    funded.run(funded.rail())

    for _ in range(2):
        with writing(funded.engine) as session:
            redemption = reverse_redemption(
                session, bytes(15) + b"\1", "wallet closed", funded.clock.now_s()
            )

    assert (redemption.state, redemption.reason) == (RedemptionState.REVERSED, "wallet closed")
    assert funded.totals() == SOURCES | {"spendable": 3_000 * GRAM, "float": 1_000}
    assert funded.statement(1).paid_fen == 0


def test_a_payout_that_is_not_settled_cannot_be_reversed(funded: Books) -> None:
    funded.redeem(funded.order(1))

    with pytest.raises(RedemptionStateError), writing(funded.engine) as session:
        reverse_redemption(session, bytes(15) + b"\1", "early", funded.clock.now_s())
