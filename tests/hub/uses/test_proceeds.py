"""A holder's share of sold lots into its wallet: once, its own, and back if it does not arrive."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.ledger.account import AccountKind, holder_account
from fedcarbon.ledger.unit import FEN
from fedcarbon.redemption.order import RedemptionOrder, Source
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import Fen, MicrogramsCO2e
from fedcarbon.uses.lot import TONNE_UG
from fedcarbon.uses.order import UseKind
from hub.clearing.freezing import freeze
from hub.clearing.positions import checked_trial_balance
from hub.clearing.redemptions import cancel_redemption, reverse_redemption
from hub.storage.engine import reading, writing
from tests.hub.clearing.conftest import SHANGHAI
from tests.hub.uses.conftest import UseBooks

SHARES = {1: 6_301, 2: 2_700}
"""Of 9001 fen, by 0.7 and 0.3 tonnes."""


@pytest.fixture
def sold(books: UseBooks) -> UseBooks:
    """Return books in which holders 1 and 2 have their shares of a sold lot; the float is empty."""
    for number, tenths in ((1, 7), (2, 3)):
        mass = MicrogramsCO2e(tenths * TONNE_UG // 10)
        books.credit(number, mass)
        books.use(books.use_order(number, UseKind.PLEDGE, number, mass_ug=mass))
    books.form(1)
    books.judge(1, accepted=True)
    books.sell(1, 9_001)
    return books


def cash(number: int, books: UseBooks, fen: int | None = None, holder: int = 1) -> RedemptionOrder:
    return books.order(number, holder, fen, source=Source.PROCEEDS)


def proceeds(books: UseBooks) -> dict[int, int]:
    with reading(books.engine) as session:
        balances = checked_trial_balance(session)
    return {
        number: balances.get((holder_account(AccountKind.PROCEEDS, books.token(number)), FEN), 0)
        for number in SHARES
    }


def money(books: UseBooks) -> dict[str, int]:
    kinds = {"float", "payout_in_flight", "paid_out", "proceeds", "sales"}
    return {kind: fen for kind, fen in books.totals().items() if kind in kinds}


def refusal(books: UseBooks, order: RedemptionOrder) -> str:
    before = proceeds(books)
    with pytest.raises(FedcarbonError) as caught:
        books.redeem(order)
    assert proceeds(books) == before
    return caught.value.code


def test_everything_is_paid_into_the_wallet_and_no_gram_moves(sold: UseBooks) -> None:
    grams = sold.statement(1).used_ug
    taken = sold.redeem(cash(1, sold))
    assert (taken.units, taken.amount_fen, taken.mass_ug, taken.draws) == (6_301, 6_301, 0, ())
    assert money(sold) == {"payout_in_flight": 6_301, "proceeds": 2_700, "sales": -9_001}

    rail = sold.rail()
    sold.run(rail)

    assert sold.state(1) is RedemptionState.SETTLED
    assert list(rail.payouts_fen().values()) == [6_301]
    assert money(sold) == {"paid_out": 6_301, "proceeds": 2_700, "sales": -9_001}
    statement = sold.statement(1)
    assert (statement.used_ug, statement.redeemed_ug, statement.paid_fen) == (grams, 0, 6_301)
    assert [sold.statement(holder).proceeds_fen for holder in SHARES] == [0, 2_700]


def test_the_same_order_is_paid_once(sold: UseBooks) -> None:
    order, rail = cash(1, sold, 100), sold.rail()
    first = sold.redeem(order)
    assert sold.redeem(order) == first
    sold.run(rail)

    assert sold.redeem(order).state is RedemptionState.SETTLED
    assert list(rail.payouts_fen().values()) == [100]
    assert refusal(sold, cash(1, sold, 101)) == "REDEMPTION_ID_REUSED"
    assert refusal(sold, replace(order, source=Source.GRAMS)) == "REDEMPTION_ID_REUSED"


def test_what_the_rail_refuses_is_the_holders_again(sold: UseBooks) -> None:
    sold.redeem(cash(1, sold, 300))
    sold.run(sold.rail(rejected=frozenset({sandbox_wallet_id(1)})))

    assert sold.state(1) is RedemptionState.REJECTED
    assert proceeds(sold) == SHARES
    assert money(sold) == {"proceeds": 9_001, "sales": -9_001}


def test_what_the_rail_returns_is_the_holders_again(sold: UseBooks) -> None:
    sold.redeem(cash(1, sold, 300))
    sold.run(sold.rail())
    for _ in range(2):
        with writing(sold.engine) as session:
            reverse_redemption(session, (1).to_bytes(16, "big"), "closed", sold.clock.now_s())

    assert sold.state(1) is RedemptionState.REVERSED
    assert proceeds(sold) == SHARES
    assert money(sold) == {"proceeds": 9_001, "sales": -9_001}


def test_what_is_cancelled_is_the_holders_again(sold: UseBooks) -> None:
    sold.redeem(cash(1, sold, 300))
    with writing(sold.engine) as session:
        cancel_redemption(session, (1).to_bytes(16, "big"), "a mistake", sold.clock.now_s())

    assert proceeds(sold) == SHARES
    assert not sold.run(sold.rail())


def test_nobody_gets_more_than_there_is(sold: UseBooks) -> None:
    assert refusal(sold, cash(1, sold, 6_302)) == "INSUFFICIENT_BALANCE"
    sold.redeem(cash(1, sold, 6_000))
    assert refusal(sold, cash(2, sold, 302)) == "INSUFFICIENT_BALANCE"
    sold.redeem(cash(2, sold))

    assert refusal(sold, cash(3, sold)) == "REDEMPTION_TOO_SMALL"
    assert refusal(sold, cash(3, sold, 1)) == "INSUFFICIENT_BALANCE"
    assert proceeds(sold) == {1: 0, 2: 2_700}


def test_the_float_does_not_help_and_is_not_needed(sold: UseBooks) -> None:
    sold.top_up(10_000)
    assert refusal(sold, cash(1, sold, 7_000)) == "INSUFFICIENT_BALANCE"
    sold.redeem(cash(1, sold))

    assert sold.totals()["float"] == 10_000


def test_a_frozen_account_gets_nothing(sold: UseBooks) -> None:
    with writing(sold.engine) as session:
        freeze(
            session,
            SHANGHAI,
            sold.token(1),
            reason="a court",
            operator="somebody",
            now_s=sold.clock.now_s(),
        )

    assert refusal(sold, cash(1, sold)) == "ACCOUNT_FROZEN"
    sold.redeem(cash(2, sold, holder=2))


def test_only_a_real_name_wallet_gets_proceeds(sold: UseBooks) -> None:
    order = replace(cash(1, sold), wallet_class=WalletClass.CLASS_4)

    assert refusal(sold, order) == "WALLET_CLASS_REFUSED"


def test_limits_on_money_hold_and_those_on_units_of_grams_do_not(sold: UseBooks) -> None:
    (programme,) = sold.limits.programmes
    day = ValueDay(0)
    sold.limits = replace(
        sold.limits,
        programmes=(
            replace(
                programme, valid_from=day, units_per_exchange=Fen(1), account_per_day_fen=Fen(500)
            ),
        ),
    )
    sold.redeem(cash(1, sold, 400))

    assert refusal(sold, cash(2, sold, 101)) == "LIMIT_PER_ACCOUNT"


def test_a_redemption_pays_for_grams_or_for_proceeds(sold: UseBooks) -> None:
    taken = sold.redeem(cash(1, sold))

    with pytest.raises(MalformedError):
        replace(taken, order=replace(taken.order, source=Source.GRAMS))
