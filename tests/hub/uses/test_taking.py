"""Gifts, goods, pledges, lots and expiry in the hub's books, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import hub.uses.expiring
from fedcarbon.ledger.account import AccountKind
from fedcarbon.uses.lot import TONNE_UG
from fedcarbon.uses.offer import OfferKind
from fedcarbon.uses.order import UseKind
from fedcarbon.uses.states import UseState
from hub.clearing.freezing import freeze
from hub.storage.engine import writing
from tests.hub.clearing.conftest import SHANGHAI, START_S
from tests.hub.uses.conftest import BREAD, HOLD_S, TREE, UseBooks, offer

GRAM = 1_000_000


@pytest.fixture
def rich(books: UseBooks) -> UseBooks:
    """Return books in which holder 1 has 3 g of 2025 and 4 g of 2026."""
    books.credit(1, 3 * GRAM, 2025)
    books.credit(1, 4 * GRAM, 2026)
    return books


def test_a_gift_takes_the_oldest_grams_and_uses_them_up(rich: UseBooks) -> None:
    use = rich.use(rich.use_order(1, UseKind.DONATE, pieces=5))

    assert (use.state, use.mass_ug) == (UseState.DONE, 5 * GRAM)
    statement = rich.statement(1)
    assert statement.spendable_ug == {2026: 2 * GRAM}
    assert statement.used_ug == {AccountKind.DONATED: 5 * GRAM}
    rich.totals()


def test_the_same_order_is_one_use(rich: UseBooks) -> None:
    order = rich.use_order(1, UseKind.DONATE)

    assert rich.use(order) == rich.use(order)
    assert rich.statement(1).used_ug == {AccountKind.DONATED: GRAM}


def test_an_order_that_was_taken_is_answered_after_its_offer_is_over(rich: UseBooks) -> None:
    order = rich.use_order(1, UseKind.DONATE)
    first = rich.use(order)
    rich.wait(10**9)

    assert rich.use(order) == first


def test_goods_wait_for_the_supplier_and_are_used_up_by_his_word(rich: UseBooks) -> None:
    use = rich.use(rich.use_order(1, UseKind.GOODS, pieces=4))
    assert (use.state, use.expires_s) == (UseState.RESERVED, START_S + HOLD_S)
    assert rich.statement(1).reserved_ug == {2025: 3 * GRAM, 2026: GRAM}

    assert rich.end(1, fulfilled=True).state is UseState.FULFILLED
    assert rich.statement(1).used_ug == {AccountKind.EXCHANGED: 4 * GRAM}


def test_goods_that_are_cancelled_give_everything_back(rich: UseBooks) -> None:
    before = rich.statement(1).spendable_ug
    rich.use(rich.use_order(1, UseKind.GOODS, pieces=4))

    assert rich.end(1, fulfilled=False).state is UseState.CANCELLED
    assert rich.statement(1).spendable_ug == before


def test_goods_that_nobody_ends_are_given_back_in_time(rich: UseBooks) -> None:
    rich.use(rich.use_order(1, UseKind.GOODS))
    rich.wait(HOLD_S - 1)
    assert rich.void_overdue() == 0
    rich.wait(1)

    with pytest.raises(Exception, match="ended before it was posted") as caught:
        rich.end(1, fulfilled=True)
    assert caught.value.code == "RESERVATION_TIMED_OUT"  # type: ignore[attr-defined]
    assert rich.void_overdue() == 1
    assert rich.found(1).state is UseState.OVERDUE
    assert rich.void_overdue() == 0


Act = Callable[[UseBooks], Any]


def _frozen(books: UseBooks) -> UseBooks:
    with writing(books.engine) as session:
        freeze(
            session,
            SHANGHAI,
            books.token(1),
            reason="looked at",
            operator="somebody",
            now_s=books.clock.now_s(),
        )
    return books


REFUSED: dict[str, tuple[str, Act]] = {
    "the id of another order": (
        "USE_ID_REUSED",
        lambda books: [books.use(books.use_order(1, UseKind.DONATE, pieces=n)) for n in (1, 2)],
    ),
    "no such offer": (
        "UNKNOWN_OFFER",
        lambda books: books.use(books.use_order(1, UseKind.DONATE, offer_id="some-other")),
    ),
    "goods of a cause": (
        "OFFER_KIND_DIFFERS",
        lambda books: books.use(books.use_order(1, UseKind.GOODS), TREE),
    ),
    "a gift of goods": (
        "OFFER_KIND_DIFFERS",
        lambda books: books.use(books.use_order(1, UseKind.DONATE), BREAD),
    ),
    "an offer of tomorrow": (
        "OFFER_NOT_VALID",
        lambda books: books.use(
            books.use_order(1, UseKind.DONATE),
            offer(OfferKind.DONATION, valid_from_s=START_S + 1),
        ),
    ),
    "an offer of yesterday": (
        "OFFER_NOT_VALID",
        lambda books: books.use(
            books.use_order(1, UseKind.DONATE),
            offer(OfferKind.DONATION, valid_from_s=0, valid_until_s=START_S),
        ),
    ),
    "more than there is": (
        "INSUFFICIENT_BALANCE",
        lambda books: books.use(books.use_order(1, UseKind.DONATE, pieces=8)),
    ),
    "more than there is of a vintage": (
        "INSUFFICIENT_BALANCE",
        lambda books: books.use(books.use_order(1, UseKind.PLEDGE, mass_ug=4 * GRAM, vintage=2025)),
    ),
    "a pledge that nobody may claim": (
        "PLEDGE_NOT_AUTHORISED",
        lambda books: books.use(
            books.use_order(1, UseKind.PLEDGE, mass_ug=GRAM, may_be_claimed=False)
        ),
    ),
    "a frozen account": (
        "ACCOUNT_FROZEN",
        lambda books: _frozen(books).use(books.use_order(1, UseKind.DONATE)),
    ),
    "taking back what is not pledged": (
        "INSUFFICIENT_BALANCE",
        lambda books: books.use(books.use_order(1, UseKind.WITHDRAW, mass_ug=GRAM)),
    ),
    "ending what is no goods": (
        "USE_STATE",
        lambda books: (
            books.use(books.use_order(1, UseKind.DONATE)),
            books.end(1, fulfilled=False),
        ),
    ),
    "ending nothing": ("USE_UNKNOWN", lambda books: books.end(9, fulfilled=True)),
    "a lot of too little": ("LOT_SHORT", lambda books: books.form(1)),
    "selling nothing": ("LOT_UNKNOWN", lambda books: books.sell(1, 10_000)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_must_not_be_is_refused_and_leaves_no_trace(rich: UseBooks, what: str) -> None:
    code, act = REFUSED[what]

    with pytest.raises(Exception) as caught:  # noqa: PT011 - the code says which
        act(rich)

    assert caught.value.code == code  # type: ignore[attr-defined]
    used = sum(rich.statement(1).used_ug.values())
    assert used in {0, GRAM}
    rich.totals()


@pytest.fixture
def pledged(books: UseBooks) -> UseBooks:
    """Return books in which three holders have pledged 0.6, 0.9 and 1 tonnes, in this order."""
    for holder, tenths in ((1, 6), (2, 9), (3, 10)):
        books.credit(holder, tenths * TONNE_UG // 10 + GRAM)
        mass = tenths * TONNE_UG // 10
        books.use(books.use_order(holder, UseKind.PLEDGE, holder, mass_ug=mass))
    return books


def pledged_ug(books: UseBooks) -> list[int]:
    return [sum(books.statement(holder).pledged_ug.values()) for holder in (1, 2, 3)]


def test_a_lot_takes_whole_tonnes_first_come_first_served(pledged: UseBooks) -> None:
    lot = pledged.form(1)

    assert sorted(item.mass_ug for item in lot.contributions) == [
        4 * TONNE_UG // 10,
        6 * TONNE_UG // 10,
    ]
    assert pledged_ug(pledged) == [0, 5 * TONNE_UG // 10, TONNE_UG]
    assert pledged.totals()["pooled"] == TONNE_UG
    assert pledged.form(1) == lot  # the same lot again


def test_a_refused_lot_gives_every_pledge_its_place_back(pledged: UseBooks) -> None:
    before, first = pledged_ug(pledged), pledged.form(1)
    pledged.judge(1, accepted=False)

    assert pledged_ug(pledged) == before
    assert pledged.form(2).contributions == first.contributions


def test_a_lot_is_verified_sold_and_retired_once_in_this_order(pledged: UseBooks) -> None:
    pledged.form(1)
    for act in (lambda: pledged.sell(1, 10_000), lambda: pledged.retire(1)):
        assert refusal(act) == "LOT_STATE"
    pledged.judge(1, accepted=True)
    assert refusal(lambda: pledged.judge(1, accepted=True)) == "LOT_STATE"
    assert refusal(lambda: pledged.judge(1, accepted=False)) == "LOT_STATE"
    assert refusal(lambda: pledged.sell(1, 4_999)) == "LOT_PRICE_BELOW_FLOOR"
    assert refusal(lambda: pledged.retire(1)) == "LOT_STATE"

    assert pledged.sell(1, 10_001, 1_000)
    assert not pledged.sell(1, 10_001, 1_000)
    assert refusal(lambda: pledged.sell(1, 10_002, 1_000)) == "LOT_STATE"
    totals = pledged.totals()
    assert (totals["proceeds"], totals["float"], totals["sales"]) == (9_001, 1_000, -10_001)

    assert pledged.retire(1) == (1, 1)
    assert pledged.retire(1) == (1, 1)
    assert refusal(lambda: pledged.retire(1, "another")) == "LOT_STATE"
    assert pledged.totals()["retired"] == TONNE_UG


def test_tonnes_are_numbered_without_a_gap(pledged: UseBooks) -> None:
    for number in (1, 2):
        pledged.form(number)
        pledged.judge(number, accepted=True)
        pledged.sell(number, 5_000)

    assert [pledged.retire(number) for number in (2, 1)] == [(1, 1), (2, 2)]


def test_a_withdrawal_takes_the_newest_pledge_so_that_the_rest_keeps_its_place(
    books: UseBooks,
) -> None:
    books.credit(1, 2 * TONNE_UG)
    books.credit(2, TONNE_UG)
    half = TONNE_UG // 2
    books.use(books.use_order(1, UseKind.PLEDGE, 1, mass_ug=half))
    books.use(books.use_order(2, UseKind.PLEDGE, 2, mass_ug=TONNE_UG))
    books.use(books.use_order(3, UseKind.PLEDGE, 1, mass_ug=half))
    books.use(books.use_order(4, UseKind.WITHDRAW, 1, mass_ug=half))

    assert [item.mass_ug for item in books.form(1).contributions] == [half, half]


def test_an_ended_vintage_leaves_pledges_and_reservations_until_they_come_back(
    rich: UseBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub.uses.expiring, "ACCOUNTS_MAX", 1)
    rich.credit(2, 5 * GRAM, 2025)
    rich.use(rich.use_order(1, UseKind.GOODS, pieces=1))
    rich.use(rich.use_order(2, UseKind.PLEDGE, 2, mass_ug=GRAM))

    for _ in range(2):
        rich.expire(2025)
    assert rich.statement(1).used_ug == {AccountKind.EXPIRED: 2 * GRAM}
    assert rich.statement(1).spendable_ug == {2026: 4 * GRAM}
    assert rich.statement(2).used_ug == {AccountKind.EXPIRED: 4 * GRAM}
    rich.end(1, fulfilled=False)
    rich.use(rich.use_order(3, UseKind.WITHDRAW, 2, mass_ug=GRAM))
    rich.expire(2025)

    assert rich.statement(1).used_ug == {AccountKind.EXPIRED: 3 * GRAM}
    assert rich.statement(2).used_ug == {AccountKind.EXPIRED: 5 * GRAM}
    rich.totals()


def refusal(act: Callable[[], object]) -> str:
    """Return the code with which something is refused."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the code says which
        act()
    return str(caught.value.code)  # type: ignore[attr-defined]
