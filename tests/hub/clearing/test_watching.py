"""What an operator looks at: positions at any moment, stuck redemptions, operators' statements."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, text

from fedcarbon.ids import PartyId
from fedcarbon.ledger.account import (
    CAMPAIGN_KINDS,
    HOLDER_KINDS,
    AccountKind,
    holder_account,
    programme_account,
)
from fedcarbon.ledger.errors import LedgerCorruptedError
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import FEN, MassUnit, Vintage
from fedcarbon.redemption.operator_statement import (
    Period,
    line_of,
    period_from_text,
    total_of,
)
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.value_day import ValueDay, day_text, value_day
from fedcarbon.units import SECONDS_PER_DAY, Seconds
from hub.clearing.operator_statements import statement_lines, statement_page
from hub.clearing.programme_positions import ProgrammePosition, positions
from hub.clearing.storage.ledger_store import LedgerStore
from hub.clearing.stuck import NO_TASK, RUNBOOK, StuckRedemption, stuck_redemptions
from hub.sandbox.faults import RailFault
from hub.storage.engine import reading, writing
from tests.hub.clearing.conftest import GRAM, SHANGHAI

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

OPERATOR = PartyId("wallet-operator")
UG = MassUnit(programme=SHANGHAI, vintage=Vintage(2026))


def position(books: Books, at_s: int | None = None) -> ProgrammePosition:
    with reading(books.engine) as session:
        (found,) = positions(session, at_s=None if at_s is None else Seconds(at_s))
    return found


def test_positions_are_the_balances_by_kind(funded: Books) -> None:
    funded.redeem(funded.order(1, units=1))
    funded.run(funded.rail())
    funded.redeem(funded.order(2, units=1))

    found = position(funded)

    held = {kind.value: amount for kind, amount in found.money_fen.items() if amount}
    held |= {kind.value: amount for kind, amount in found.grams_ug[Vintage(2026)].items() if amount}
    assert held == funded.totals()


def test_positions_of_a_past_moment_are_what_the_ledger_says_of_it(funded: Books) -> None:
    moments = []
    for number in (1, 2):
        funded.redeem(funded.order(number, units=1))
        moments.append(funded.clock.now_s())
        funded.wait(100)
        funded.run(funded.rail())
        moments.append(funded.clock.now_s())
        funded.wait(100)

    for at_s in moments:
        found = position(funded, at_s)
        with reading(funded.engine) as session:
            ledger = LedgerStore(session)
            for kind, amount in found.money_fen.items():
                if kind not in HOLDER_KINDS | CAMPAIGN_KINDS:
                    account = programme_account(kind, SHANGHAI)
                    assert ledger.balance_at(account, FEN, at_s) == amount
            reserved = holder_account(AccountKind.RESERVED, funded.token(1))
            grams = found.grams_ug[Vintage(2026)]
            assert ledger.balance_at(reserved, UG, at_s) == grams[AccountKind.RESERVED]
    with reading(funded.engine) as session:
        assert positions(session, at_s=Seconds(moments[0] - 1)) == ()


def test_positions_of_a_past_moment_take_one_query(funded: Books) -> None:
    asked: list[str] = []
    listener = lambda *arguments: asked.append(arguments[2])  # noqa: E731
    event.listen(funded.engine, "before_cursor_execute", listener)

    position(funded, funded.clock.now_s())

    assert sum(statement.startswith("SELECT") for statement in asked) == 1


def test_money_of_holders_stands_under_the_programme_that_it_comes_from(books: Books) -> None:
    sale = Transfer(
        transfer_id=bytes(16),
        debit=programme_account(AccountKind.SALES, SHANGHAI),
        credit=holder_account(AccountKind.PROCEEDS, books.token(1)),
        unit=FEN,
        amount=70,
        phase=Phase.SINGLE,
        resolves=None,
    )
    with writing(books.engine) as session:
        LedgerStore(session).post(sale, books.clock.now_s())

    found = position(books)

    assert found.programme == SHANGHAI
    assert (found.money_fen[AccountKind.SALES], found.money_fen[AccountKind.PROCEEDS]) == (-70, 70)


def test_a_stored_balance_that_no_transfer_explains_is_found(funded: Books) -> None:
    with writing(funded.engine) as session:
        session.execute(
            text("UPDATE balances SET balance = balance + 1 WHERE account_kind = 'float'")
        )

    with pytest.raises(LedgerCorruptedError, match="float in fen"):
        position(funded)


def stuck(books: Books, older_than_s: int = 600) -> list[StuckRedemption]:
    with reading(books.engine) as session:
        return stuck_redemptions(session, older_than_s, books.clock.now_s())


def test_stuck_is_what_has_no_answer_for_so_long_with_what_to_do(books: Books) -> None:
    books.top_up(100)
    books.credit(1, 10 * 1_250 * GRAM)
    books.redeem(books.order(1, units=1))
    books.run(books.rail([RailFault.LOST_REQUEST] * 2))
    books.wait(1)
    books.redeem(books.order(2, units=1))
    books.wait(600)
    books.redeem(books.order(3, units=1))

    first, second = stuck(books)

    assert [first.redemption.order.redemption_id[-1], second.redemption.state] == [1, "reserved"]
    assert first.redemption.state is RedemptionState.UNKNOWN
    assert first.task is not None
    assert first.task.calls == 2
    assert (first.advice, second.advice) == (RUNBOOK["unknown"], RUNBOOK["reserved"])
    assert [item.last.event.value for item in (first, second)] == ["rail_unknown", "reserve"]
    assert len(stuck(books, 602)) == 0
    books.run_to_the_end(books.rail())
    assert stuck(books, 0) == []


def test_a_redemption_that_no_worker_looks_at_is_called_a_fault(funded: Books) -> None:
    funded.redeem(funded.order(1))
    with writing(funded.engine) as session:
        session.execute(text("DELETE FROM payout_outbox"))

    (found,) = stuck(funded, 0)

    assert (found.task, found.advice) == (None, NO_TASK)


@pytest.fixture
def busy(books: Books) -> Books:
    """Return books in which an operator has ordered five times on two days, and another once."""
    books.top_up(1_000)
    books.credit(1, 100 * 1_250 * GRAM)
    books.clock.at_s = Seconds(books.clock.at_s // SECONDS_PER_DAY * SECONDS_PER_DAY)  # 8 o'clock
    sandbox = books.rail([RailFault.NONE, RailFault.REJECT])
    for number in (1, 2):
        books.redeem(books.order(number, units=number))
        books.run(sandbox)
    books.redeem(books.order(3, units=3))
    books.redeem(replace(books.order(9, units=5), operator_id=PartyId("another")))
    books.wait(SECONDS_PER_DAY)
    for number in (4, 5):
        books.redeem(books.order(number, units=number))
    return books


def days(books: Books, first: int, last: int) -> Period:
    today = value_day(books.clock.now_s())
    return Period(first=ValueDay(today + first), last=ValueDay(today + last))


def test_a_statement_counts_and_sums_an_operators_orders_by_state(busy: Books) -> None:
    with reading(busy.engine) as session:
        page = statement_page(session, OPERATOR, days(busy, -1, -1))

    assert {row.state.value: (row.count, row.amount_fen) for row in page.statement.totals} == {
        "settled": (1, 1),
        "rejected": (1, 2),
        "reserved": (1, 3),
    }
    assert total_of(page.statement.totals) == (3, 6 * 1_250 * GRAM, 6)
    assert {item.order.operator_id for item in page.statement.redemptions} == {OPERATOR}


def test_a_day_of_a_statement_begins_and_ends_at_midnight_of_china(busy: Books) -> None:
    with reading(busy.engine) as session:
        numbers = {
            (first, last): [
                item.order.redemption_id[-1]
                for item in statement_lines(session, OPERATOR, days(busy, first, last))
            ]
            for first, last in ((-2, -2), (-1, -1), (0, 0), (-1, 0), (1, 1))
        }

    assert {key: set(found) for key, found in numbers.items()} == {
        (-2, -2): set(),
        (-1, -1): {1, 2, 3},
        (0, 0): {4, 5},
        (-1, 0): {1, 2, 3, 4, 5},
        (1, 1): set(),
    }


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 100])
def test_pages_hold_every_line_once_in_one_order(busy: Books, limit: int) -> None:
    seen, after = [], None
    with reading(busy.engine) as session:
        whole = list(statement_lines(session, OPERATOR, days(busy, -1, 0)))
        while True:
            page = statement_page(session, OPERATOR, days(busy, -1, 0), after=after, limit=limit)
            seen += page.statement.redemptions
            assert total_of(page.statement.totals)[0] == 5
            if page.next_after is None:
                break
            after = page.next_after

    assert seen == whole
    assert [line_of(item)["payout_fen"] for item in seen] == [1, 2, 3, 4, 5]


def test_a_month_is_its_days() -> None:
    february = period_from_text("2028-02")

    assert (day_text(february.first), day_text(february.last)) == ("2028-02-01", "2028-02-29")
    assert period_from_text("2028-02-29").text == "2028-02-29"
