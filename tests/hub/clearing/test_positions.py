"""Statements, the trial balance and the ledger's days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.ledger.account import USED_KINDS
from fedcarbon.ledger.balances import Conservation
from fedcarbon.ledger.batch import CHAIN_START, LedgerBatch, LedgerDay, batch_hash, replay
from fedcarbon.ledger.errors import LedgerCorruptedError, LedgerDayOutOfOrderError
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.units import SECONDS_PER_DAY
from hub.clearing.batches import daily_batch
from hub.clearing.positions import checked_trial_balance, grams_in_books
from hub.storage.engine import reading, writing
from tests.databases import let_change

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

GRAM = 1_000_000
PARAMETER_ID = bytes([9]) * 32
DAY = 1_775_000_000 // SECONDS_PER_DAY


def _close(books: Books, day: int) -> bytes:
    with writing(books.engine) as session:
        return daily_batch(session, PARAMETER_ID, LedgerDay(day))


def test_a_statement_tells_what_an_account_has_had_and_got(funded: Books) -> None:
    funded.redeem(funded.order(1, units=1))
    funded.run(funded.rail())
    funded.redeem(funded.order(2, units=1))

    statement = funded.statement(1)

    assert statement.opened_ug == 3_000 * GRAM
    assert statement.spendable_ug == {2026: 500 * GRAM}
    assert statement.reserved_ug == {2026: 1_250 * GRAM}
    assert statement.redeemed_ug == 1_250 * GRAM
    assert statement.paid_fen == 1
    assert [item.order.redemption_id[-1] for item in statement.redemptions] == [1, 2]
    assert [line.transfer.amount for line in statement.lines] == [
        3_000 * GRAM,
        1_250 * GRAM,
        1_250 * GRAM,
        1_250 * GRAM,
    ]
    assert [line.sequence for line in statement.lines] == [1, 3, 5, 7]


def test_an_unknown_account_has_an_empty_statement(funded: Books) -> None:
    statement = funded.statement(2)

    assert (statement.opened_ug, statement.lines, statement.redemptions) == (0, (), ())


def test_a_statement_is_of_one_account_alone(funded: Books) -> None:
    funded.credit(2, 1_250 * GRAM)
    funded.redeem(funded.order(1, holder=2))

    assert funded.statement(1).opened_ug == 3_000 * GRAM
    assert len(funded.statement(1).lines) == 1
    assert funded.statement(2).reserved_ug == {2026: 1_250 * GRAM}


@pytest.mark.parametrize(
    "attack",
    {
        "a holder's balance raised": (
            "UPDATE balances SET balance = balance + 1 WHERE account_kind = 'spendable'"
        ),
        "a balance removed": "DELETE FROM balances WHERE account_kind = 'float'",
        "a balance without transfers": (
            "INSERT INTO balances (account, unit, account_kind, balance) "
            "VALUES ('programme:ecny-shanghai:paid_out', 'fen', 'paid_out', 1)"
        ),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_balance_that_somebody_changed_is_found(funded: Books, attack: tuple[str, str]) -> None:
    with writing(funded.engine) as session:
        session.connection().execute(text(attack[1]))

    with pytest.raises(LedgerCorruptedError), reading(funded.engine) as session:
        checked_trial_balance(session)


def test_a_statement_that_contradicts_the_credits_is_not_given(funded: Books) -> None:
    with writing(funded.engine) as session:
        session.connection().execute(
            text("UPDATE balances SET balance = 0 WHERE account_kind = 'spendable'")
        )

    with pytest.raises(LedgerCorruptedError):
        funded.statement(1)
    with pytest.raises(LedgerCorruptedError), reading(funded.engine) as session:
        grams_in_books(session)


def test_issued_grams_are_spendable_reserved_or_redeemed(funded: Books) -> None:
    funded.redeem(funded.order(1, units=1))
    funded.run(funded.rail())
    funded.redeem(funded.order(2, units=1))

    with reading(funded.engine) as session:
        (total,) = grams_in_books(session)

    assert total == Conservation(
        unit=MassUnit(programme=funded.programme, vintage=Vintage(2026)),
        issued_ug=3_000 * GRAM,
        spendable_ug=500 * GRAM,
        reserved_ug=1_250 * GRAM,
        pledged_ug=0,
        used_ug={kind: 1_250 * GRAM * (kind == "redeemed") for kind in USED_KINDS},
    )


def test_the_days_of_the_ledger_replay_to_the_books(funded: Books) -> None:
    funded.redeem(funded.order(1))
    funded.wait(SECONDS_PER_DAY)
    funded.run(funded.rail())
    funded.credit(2, 7)

    first, second = _close(funded, DAY), _close(funded, DAY + 1)

    balances = replay([first, second], PARAMETER_ID)
    with reading(funded.engine) as session:
        stored = checked_trial_balance(session)
    assert {(a, u): b for a, u, b in balances.items()} == stored


def test_a_batch_names_the_batch_before_it(funded: Books) -> None:
    first = _close(funded, DAY)
    second = statements.decode(LedgerBatch, _close(funded, DAY + 3))

    assert statements.decode(LedgerBatch, first).previous_batch == CHAIN_START
    assert second.previous_batch == batch_hash(first)
    assert (second.first_sequence, second.lines) == (3, ())


def test_a_day_that_is_closed_again_has_the_same_bytes(funded: Books) -> None:
    first = _close(funded, DAY)
    funded.credit(1, 5)
    funded.wait(SECONDS_PER_DAY)
    funded.credit(1, 7)
    _close(funded, DAY + 1)

    assert _close(funded, DAY) == first


def test_what_comes_after_the_close_is_booked_on_the_next_day(funded: Books) -> None:
    _close(funded, DAY)
    funded.credit(1, 5)

    batch = statements.decode(LedgerBatch, _close(funded, DAY + 1))

    assert [line.amount for line in batch.lines] == ["5"]


def test_a_clock_that_goes_back_moves_nothing_to_an_earlier_day(funded: Books) -> None:
    funded.wait(-3 * SECONDS_PER_DAY)
    funded.credit(1, 5)

    batch = statements.decode(LedgerBatch, _close(funded, DAY))

    assert [line.amount for line in batch.lines] == [str(3_000 * GRAM), "1000", "5"]


def test_days_are_closed_in_order(funded: Books) -> None:
    funded.wait(SECONDS_PER_DAY)
    funded.credit(1, 5)

    with pytest.raises(LedgerDayOutOfOrderError):
        _close(funded, DAY + 1)
    _close(funded, DAY)
    _close(funded, DAY + 1)
    with pytest.raises(LedgerDayOutOfOrderError):
        _close(funded, DAY - 1)


def test_a_close_that_was_not_committed_can_be_done_again(funded: Books) -> None:
    with Session(funded.engine) as session:
        lost = daily_batch(session, PARAMETER_ID, LedgerDay(DAY))
    funded.credit(1, 5)

    batch = _close(funded, DAY)

    assert batch != lost
    assert [line.amount for line in statements.decode(LedgerBatch, batch).lines][-1] == "5"


def test_a_closed_day_whose_transfers_were_tampered_with_is_not_given_again(
    funded: Books,
) -> None:
    _close(funded, DAY)
    with writing(funded.engine) as session:
        connection = session.connection()
        let_change(connection, "transfers")
        connection.execute(text("UPDATE transfers SET amount = amount + 1 WHERE sequence = 1"))

    with pytest.raises(LedgerCorruptedError):
        _close(funded, DAY)
