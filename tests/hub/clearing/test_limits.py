"""Limits over real books: what counts, when a day is new, and that two at once cannot both pass."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.redemption.limits import (
    LimitNotSetError,
    LimitPerAccountError,
    LimitPerDayError,
    LimitPerExchangeError,
    LimitPerYearError,
    Limits,
    LimitsInvalidError,
    ProgrammeLimit,
    WalletClassLimit,
)
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.value_day import (
    ValueDay,
    day_from_text,
    day_text,
    first_second,
    value_day,
)
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import SECONDS_PER_DAY, Fen, Seconds
from hub.clearing.limits_file import load_limits
from hub.clearing.redemptions import (
    RedemptionUnknownError,
    cancel_redemption,
    reverse_redemption,
)
from hub.clearing.sandbox_rail import RailFault
from hub.clearing.storage.redemption_store import RedemptionStore
from hub.storage.engine import reading, writing
from tests.hub.clearing.conftest import GRAM, SHANGHAI

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.clearing.conftest import Books

UNIT_UG = 1_250 * GRAM
DAY_FEN, YEAR_FEN, ACCOUNT_FEN = 10, 25, 8


def limits(  # one figure of each kind
    *,
    at_once: int | None = None,
    a_day: int | None = DAY_FEN,
    a_year: int | None = None,
    units: int | None = None,
    account: int | None = None,
) -> Limits:
    def fen(figure: int | None) -> Fen | None:
        return None if figure is None else Fen(figure)

    return Limits(
        wallet_classes=(
            WalletClassLimit(
                wallet_class=WalletClass.CLASS_2,
                valid_from=ValueDay(0),
                per_exchange_fen=fen(at_once),
                per_day_fen=fen(a_day),
                per_year_fen=fen(a_year),
                balance_fen=None,
                source="a test",
            ),
        ),
        programmes=(
            ProgrammeLimit(
                programme=SHANGHAI,
                valid_from=ValueDay(0),
                units_per_exchange=units,
                account_per_day_fen=fen(account),
                source="a test",
            ),
        ),
    )


@pytest.fixture
def rich(books: Books) -> Books:
    """Return books in which holders 1 and 2 have 100 units each, and the float is large."""
    books.top_up(10_000)
    for holder in (1, 2):
        books.credit(holder, 100 * UNIT_UG)
    books.limits = limits()
    return books


def to_the_last_second_of_the_day(books: Books) -> None:
    tomorrow = first_second(ValueDay(value_day(books.clock.now_s()) + 1))
    books.clock.at_s = Seconds(tomorrow - 1)


def test_a_day_is_full_to_the_fen_and_new_at_midnight_of_china(rich: Books) -> None:
    to_the_last_second_of_the_day(rich)
    rich.redeem(rich.order(1, units=4))
    rich.redeem(rich.order(2, units=6))
    with pytest.raises(LimitPerDayError):
        rich.redeem(rich.order(3, units=1))

    rich.wait(1)

    assert rich.redeem(rich.order(3, units=10)).amount_fen == DAY_FEN


def test_one_fen_above_what_is_left_is_refused_and_leaves_no_trace(rich: Books) -> None:
    rich.redeem(rich.order(1, units=4))
    before = rich.totals()

    with pytest.raises(LimitPerDayError, match=r"0\.06 yuan is left"):
        rich.redeem(rich.order(2, units=7))

    assert rich.totals() == before
    with pytest.raises(RedemptionUnknownError):
        rich.redemption(2)


def test_an_order_that_was_taken_is_answered_however_full_the_day_is(rich: Books) -> None:
    order = rich.order(1, units=10)
    first = rich.redeem(order)
    rich.limits = Limits()

    assert rich.redeem(order) == first


def test_a_wallet_counts_over_all_its_accounts_and_an_account_over_all_its_wallets(
    rich: Books,
) -> None:
    rich.redeem(rich.order(1, holder=1, units=10))
    with pytest.raises(LimitPerDayError):
        rich.redeem(replace(rich.order(2, holder=2, units=1), wallet_id=sandbox_wallet_id(1)))
    rich.redeem(rich.order(3, holder=2, units=1))

    rich.limits = limits(a_day=None, account=10)

    with pytest.raises(LimitPerAccountError):
        rich.redeem(replace(rich.order(4, holder=1, units=1), wallet_id=sandbox_wallet_id(9)))


def test_a_year_is_full_to_the_fen_and_new_on_the_first_of_january(rich: Books) -> None:
    rich.limits = limits(a_day=None, a_year=YEAR_FEN)
    rich.redeem(rich.order(1, units=5))
    rich.wait(30 * SECONDS_PER_DAY)
    rich.redeem(rich.order(2, units=20))
    with pytest.raises(LimitPerYearError):
        rich.redeem(rich.order(3, units=1))

    year = int(day_text(value_day(rich.clock.now_s()))[:4])
    rich.clock.at_s = first_second(day_from_text(f"{year + 1}-01-01"))

    assert rich.redeem(rich.order(3, units=25)).amount_fen == YEAR_FEN


def test_at_once_counts_money_and_units(rich: Books) -> None:
    rich.limits = limits(at_once=5)
    rich.redeem(rich.order(1, units=5))
    with pytest.raises(LimitPerExchangeError):
        rich.redeem(rich.order(2, holder=2, units=6))

    rich.limits = limits(units=3)

    with pytest.raises(LimitPerExchangeError):
        rich.redeem(rich.order(3, holder=2, units=4))
    with pytest.raises(LimitPerExchangeError):
        rich.redeem(rich.order(4, holder=2))  # everything is 100 units
    assert rich.redeem(rich.order(5, holder=2, units=3)).amount_fen == 3


def test_money_that_was_refused_or_came_back_frees_the_limit(rich: Books) -> None:
    rich.redeem(rich.order(1, units=10))
    rich.run(rich.rail([RailFault.REJECT]))
    assert rich.state(1) is RedemptionState.REJECTED
    rich.redeem(rich.order(2, units=10))
    rich.run(rich.rail())
    assert rich.state(2) is RedemptionState.SETTLED
    with pytest.raises(LimitPerDayError):
        rich.redeem(rich.order(3, units=1))

    with writing(rich.engine) as session:
        reverse_redemption(session, bytes(15) + b"\2", "closed", rich.clock.now_s())
    rich.redeem(rich.order(4, units=10))
    with writing(rich.engine) as session:
        cancel_redemption(session, bytes(15) + b"\4", "by mistake", rich.clock.now_s())

    assert rich.redeem(rich.order(5, units=10)).amount_fen == DAY_FEN


def test_a_payout_of_which_nobody_knows_counts(rich: Books) -> None:
    rich.redeem(rich.order(1, units=10))
    rich.run(rich.rail([RailFault.LOST_REQUEST] * 2))
    assert rich.state(1) in {RedemptionState.UNKNOWN, RedemptionState.SENT}

    with pytest.raises(LimitPerDayError):
        rich.redeem(rich.order(2, units=1))


def test_a_class_or_programme_that_nobody_has_set_is_refused(rich: Books) -> None:
    with pytest.raises(LimitNotSetError):
        rich.redeem(rich.order(1, units=1, wallet_class=WalletClass.CLASS_3))
    rich.limits = replace(rich.limits, programmes=())
    with pytest.raises(LimitNotSetError):
        rich.redeem(rich.order(2, units=1))


def test_two_at_once_cannot_both_pass(rich: Books) -> None:
    gate = threading.Barrier(8)
    answers: list[str] = []

    def client(number: int) -> None:
        gate.wait()
        holder = 1 + number % 2
        order = replace(rich.order(number, holder=holder, units=4), wallet_id=sandbox_wallet_id(7))
        try:
            answers.append(rich.redeem(order).state.value)
        except FedcarbonError as error:
            answers.append(error.code)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == ["LIMIT_PER_DAY"] * 6 + ["reserved"] * 2


def test_what_was_spent_is_read_for_many_orders_at_once(rich: Books) -> None:
    rich.limits = limits(a_day=None)
    rich.redeem(rich.order(1, holder=1, units=3))
    rich.wait(SECONDS_PER_DAY)
    rich.redeem(rich.order(2, holder=1, units=4))
    rich.redeem(rich.order(3, holder=2, units=5))
    asked = [rich.order(number, holder=number) for number in (1, 2, 3)]

    with reading(rich.engine) as session:
        spending = RedemptionStore(session).spent(asked, rich.clock.now_s())

    seen = [spending.of(order) for order in asked]
    assert [item.wallet_day_fen for item in seen] == [4, 5, 0]
    assert [item.wallet_year_fen for item in seen] == [7, 5, 0]
    assert [item.account_day_fen for item in seen] == [4, 5, 0]


def test_a_file_that_is_not_there_is_said_and_no_file_sets_nothing(tmp_path: Path) -> None:
    with pytest.raises(LimitsInvalidError, match=r"limits\.toml cannot be read"):
        load_limits(tmp_path / "limits.toml")

    assert load_limits(None) == Limits()
