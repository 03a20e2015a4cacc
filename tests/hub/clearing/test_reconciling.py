"""Reconciliation of days in the hub's books: bookings, explanations, repeats and crashes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError

from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.redemption.day_report import csv_of, json_of
from fedcarbon.redemption.differences import Explainer, Reason
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import RailStatus
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.value_day import ValueDay
from hub.clearing.credits import top_up_float
from hub.clearing.reconciling import missing_day, reconcile_day
from hub.clearing.storage.reconciliation_rows import (
    RailLineRow,
    ReconciliationRow,
    SuspenseItemRow,
)
from hub.clearing.storage.suspense_store import SuspenseStore
from hub.storage.engine import reading, writing
from tests.hub.clearing.desk import FLOAT_FEN, Desk, reasons

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books


@pytest.fixture
def desk(books: Books) -> Desk:
    return Desk(books)


def test_an_honest_day_is_closed_and_a_second_run_changes_nothing(desk: Desk) -> None:
    for fen in (100, 200, 300):
        desk.redeem(fen)

    first = desk.settle()
    before = desk.rows()
    again = desk.settle()

    assert first.is_closed
    assert (first.run, first.changed) == (1, True)
    assert (again.run, again.changed, again.report_hash) == (1, False, first.report_hash)
    assert desk.rows() == before
    assert first.report.closing_fen == FLOAT_FEN - 600


STORIES = {
    "PAID_NOT_BOOKED": (RailStatus.REJECTED, "float"),
    "AMOUNT_HIGHER": (RailStatus.SETTLED, "float"),
    "AMOUNT_LOWER": (RailStatus.SETTLED, "paid_out"),
    "PAID_TWICE": (RailStatus.SETTLED, "float"),
    "BOOKED_NOT_PAID": (RailStatus.SETTLED, "paid_out"),
    "REJECTED_AFTER_PAID": (RailStatus.SETTLED, "paid_out"),
    "PARTIAL_RETURN": (RailStatus.SETTLED, "paid_out"),
    "MOVEMENT_UNKNOWN": (RailStatus.SETTLED, "float"),
    "MOVEMENT_MISSING": (RailStatus.SETTLED, "funding"),
}


@pytest.mark.parametrize("reason", STORIES)
def test_a_difference_lands_in_suspense_once_with_its_reason(desk: Desk, reason: str) -> None:
    status, source = STORIES[reason]
    payout = desk.redeem(100, status, silent=True)
    match reason:
        case "PAID_NOT_BOOKED":
            desk.rail.write(payout, 100)
        case "AMOUNT_HIGHER":
            desk.rail.write(payout, 130)
        case "AMOUNT_LOWER":
            desk.rail.write(payout, 70)
        case "PAID_TWICE":
            desk.rail.write(payout, 100)
            desk.rail.write(payout, 100, suffix="-again")
        case "REJECTED_AFTER_PAID":
            desk.rail.write(payout, 100, PayoutOutcome.REJECTED)
        case "PARTIAL_RETURN":
            desk.rail.write(payout, 100)
            desk.rail.write(payout, 30, PayoutOutcome.REVERSED, "-back")
        case "MOVEMENT_UNKNOWN":
            desk.rail.write(payout, 100)
            desk.rail.move(-30, "fee")
        case "MOVEMENT_MISSING":
            desk.rail.write(payout, 100)
            desk.rail.movements[desk.today].pop()
    before = desk.books.totals().get(source, 0)

    result = desk.settle()

    (line,) = result.report.lines
    amount_fen = line.difference.amount_fen
    assert line.difference.reason == reason
    assert line.explanation.by is Explainer.NOTHING
    assert line.who_must_act
    assert not result.is_closed
    assert desk.held(AccountKind.SUSPENSE) == amount_fen
    assert desk.books.totals().get(source, 0) == before - amount_fen
    rows = desk.rows()
    assert not desk.settle().changed
    assert desk.rows() == rows


def test_the_file_wins_over_silence(desk: Desk) -> None:
    desk.redeem(100, RailStatus.UNKNOWN)
    assert desk.state() is RedemptionState.UNKNOWN

    result = desk.settle()

    assert desk.state() is RedemptionState.SETTLED
    assert result.is_closed
    assert result.report.answers == 1
    assert not desk.books.run(desk.rail)


def test_the_file_rejects_what_nobody_had_answered(desk: Desk) -> None:
    payout = desk.redeem(100, RailStatus.UNKNOWN, silent=True)
    desk.rail.write(payout, 100, PayoutOutcome.REJECTED)

    result = desk.settle()

    assert desk.state() is RedemptionState.REJECTED
    assert result.is_closed
    assert desk.held(AccountKind.PAYOUT_IN_FLIGHT) == 0


def test_a_return_in_a_later_file_reverses_what_was_settled(desk: Desk) -> None:
    payout = desk.redeem(100)
    first = desk.today
    assert desk.settle().is_closed
    desk.next_day()
    desk.rail.write(payout, 100, PayoutOutcome.REVERSED, "-back")

    assert desk.settle().is_closed

    assert desk.state() is RedemptionState.REVERSED
    assert desk.held(AccountKind.FLOAT) == FLOAT_FEN
    again = desk.settle(first)
    assert (again.is_closed, again.changed) == (True, False)


def test_more_comes_back_than_was_paid(desk: Desk) -> None:
    payout = desk.redeem(100)
    desk.rail.write(payout, 120, PayoutOutcome.REVERSED, "-back")

    result = desk.settle()

    assert desk.state() is RedemptionState.REVERSED
    assert reasons(result) == [Reason.RETURN_ABOVE_PAID]
    assert desk.held(AccountKind.SUSPENSE) == 20
    assert desk.held(AccountKind.FUNDING) == -FLOAT_FEN - 20


def test_the_next_file_explains_a_payout_that_the_first_one_lacked(desk: Desk) -> None:
    payout = desk.redeem(100, silent=True)
    first = desk.today
    assert reasons(desk.settle()) == [Reason.BOOKED_NOT_PAID]
    desk.next_day()
    desk.rail.write(payout, 100)

    second = desk.settle()

    assert second.is_closed
    assert len(second.report.released) == 1
    assert desk.held(AccountKind.SUSPENSE) == 0
    assert desk.held(AccountKind.PAID_OUT) == 100
    (line,) = desk.settle(first).report.lines
    assert line.explanation.by is Explainer.FILE
    assert "explained by file of" in line.explanation.text


def test_a_second_payment_that_the_rail_takes_back_is_explained(desk: Desk) -> None:
    payout = desk.redeem(100)
    desk.rail.write(payout, 100, suffix="-again")
    assert reasons(desk.settle()) == [Reason.PAID_TWICE]
    desk.next_day()
    desk.rail.write(payout, 100, PayoutOutcome.REVERSED, "-back")

    assert desk.settle().is_closed

    assert desk.state() is RedemptionState.SETTLED
    assert desk.held(AccountKind.SUSPENSE) == 0


def test_a_part_of_an_explanation_leaves_the_rest_in_suspense(desk: Desk) -> None:
    payout = desk.redeem(100)
    desk.rail.write(payout, 100, suffix="-again")
    first = desk.today
    desk.settle()
    desk.next_day()
    desk.rail.write(payout, 60, PayoutOutcome.REVERSED, "-back")

    result = desk.settle()

    (line,) = result.report.lines
    assert (line.difference.reason, line.difference.amount_fen) == (Reason.PAID_TWICE, 40)
    assert desk.held(AccountKind.SUSPENSE) == 40
    assert not desk.settle(first).changed


def test_a_late_top_up_is_explained_by_the_next_statement(desk: Desk) -> None:
    desk.books.top_up(500, 77)
    assert reasons(desk.settle()) == [Reason.TOP_UP_MISSING]
    desk.next_day()
    desk.rail.move(500, "in-late")

    assert desk.settle().is_closed
    assert not desk.settle().changed
    assert desk.held(AccountKind.SUSPENSE) == 0


def test_money_that_the_books_enter_a_day_later_is_explained(desk: Desk) -> None:
    desk.rail.move(500, "in-early")
    first = desk.today
    assert reasons(desk.settle()) == [Reason.MOVEMENT_UNKNOWN]
    desk.next_day()
    desk.books.top_up(500, 77)

    assert desk.settle().is_closed
    assert desk.held(AccountKind.FUNDING) == -FLOAT_FEN - 500
    assert desk.settle(first).is_closed


def test_a_wrong_end_of_a_statement_is_explained_by_the_next_one(desk: Desk) -> None:
    desk.redeem(100)
    files = desk.rail.of_day(desk.books.programme, desk.today)
    assert files is not None
    assert files.statement is not None
    wrong = replace(files.statement, closing_fen=files.statement.closing_fen + 9)
    with writing(desk.books.engine) as session:
        result = reconcile_day(
            session,
            desk.books.programme,
            replace(files, statement=wrong),
            desk.books.clock.now_s(),
        )
    assert reasons(result) == [Reason.STATEMENT_BROKEN]
    desk.next_day()

    assert desk.settle().is_closed
    assert desk.held(AccountKind.SUSPENSE) == 0


def test_a_better_file_of_the_same_day_is_reconciled_by_what_it_adds(desk: Desk) -> None:
    kept, late = desk.redeem(100), desk.redeem(200, silent=True)
    assert reasons(desk.settle()) == [Reason.BOOKED_NOT_PAID]
    desk.rail.write(late, 200)

    result = desk.settle()

    assert kept != late
    assert (result.run, result.changed, result.is_closed) == (2, True, True)
    assert desk.held(AccountKind.SUSPENSE) == 0
    assert not desk.settle().changed


def test_a_fault_that_comes_back_in_a_corrected_file_is_booked_again(desk: Desk) -> None:
    payout = desk.redeem(200, silent=True)
    desk.settle()
    desk.rail.write(payout, 200)
    assert desk.settle().is_closed
    desk.rail.lines[desk.today].clear()
    desk.rail.movements[desk.today].pop()

    result = desk.settle()

    assert reasons(result) == [Reason.BOOKED_NOT_PAID]
    assert desk.held(AccountKind.SUSPENSE) == 200
    assert desk.rows()[2] == 2


def test_what_the_float_cannot_give_is_said_and_booked_after_a_top_up(desk: Desk) -> None:
    desk.rail.move(-(FLOAT_FEN + 50), "raid")
    result = desk.settle()
    (line,) = result.report.lines
    assert line.item_id is None
    assert "holds too little" in line.explanation.text
    assert desk.held(AccountKind.SUSPENSE) == 0
    with writing(desk.books.engine) as session:
        now_s = desk.books.clock.now_s()
        top_up_float(session, desk.books.programme, 100, bytes(16), now_s)  # type: ignore[arg-type]
    desk.rail.move(100, "in-more")

    again = desk.settle()

    assert [line.item_id is not None for line in again.report.lines] == [True]
    assert desk.held(AccountKind.SUSPENSE) == FLOAT_FEN + 50


def test_missing_files_are_said_and_change_nothing(desk: Desk) -> None:
    desk.redeem()
    with reading(desk.books.engine) as session:
        result = missing_day(session, desk.books.programme, desk.today)

    assert result.report.is_missing
    assert reasons(result) == [Reason.FILE_MISSING]
    assert (result.changed, result.is_closed) == (False, False)


def test_files_of_another_programme_are_refused(desk: Desk) -> None:
    files = desk.rail.of_day(desk.books.programme, desk.today)
    assert files is not None
    with pytest.raises(MalformedError), writing(desk.books.engine) as session:
        reconcile_day(session, ProgrammeId("ecny-other"), files, desk.books.clock.now_s())


def test_days_that_were_left_out_show_in_the_float(desk: Desk) -> None:
    desk.redeem(100)
    desk.rail.move(-70, "nobody looks")
    desk.next_day()

    result = desk.settle()
    assert reasons(result) == [Reason.FLOAT_DIFFERS]
    desk.settle(ValueDay(desk.today - 1))
    again = desk.settle()

    assert again.is_closed
    assert desk.held(AccountKind.SUSPENSE) == 70


def test_three_days_of_faults_end_explained(desk: Desk) -> None:
    """Day 1 lacks and doubles, day 2 corrects and errs, day 3 corrects the rest."""
    days = [desk.today]
    late = desk.redeem(100, silent=True)
    twice = desk.redeem(200)
    desk.rail.write(twice, 200, suffix="-again")
    unknown = desk.redeem(300, RailStatus.UNKNOWN)
    first = desk.settle()
    assert sorted(reasons(first)) == [Reason.BOOKED_NOT_PAID, Reason.PAID_TWICE]

    desk.next_day()
    days.append(desk.today)
    desk.rail.write(late, 100)
    rejected = desk.redeem(400, RailStatus.REJECTED, silent=True)
    desk.rail.write(rejected, 400)
    desk.rail.move(-50, "fee")
    second = desk.settle()
    assert sorted(reasons(second)) == [
        Reason.MOVEMENT_UNKNOWN,
        Reason.PAID_NOT_BOOKED,
        Reason.PAID_TWICE,
    ]

    desk.next_day()
    days.append(desk.today)
    for payout, fen in ((twice, 200), (rejected, 400)):
        desk.rail.write(payout, fen, PayoutOutcome.REVERSED, "-back")
    desk.rail.move(50, "fee taken back")
    assert desk.settle().is_closed

    for day in days:
        result = desk.settle(day)
        assert (result.is_closed, result.changed) == (True, False)
    assert desk.held(AccountKind.SUSPENSE) == 0
    assert desk.books.totals()["paid_out"] == 100 + 200 + 300
    assert unknown != late


class BrokenError(Exception):
    """The commit fails."""


@pytest.mark.parametrize("persisted", [False, True], ids=["failed", "failed but persisted"])
def test_a_run_whose_commit_fails_is_done_again_once(desk: Desk, *, persisted: bool) -> None:
    payout = desk.redeem(100)
    desk.rail.write(payout, 100, suffix="-again")
    desk.redeem(300, RailStatus.UNKNOWN)
    files = desk.rail.of_day(desk.books.programme, desk.today)
    assert files is not None

    def fail() -> None:
        with writing(desk.books.engine) as session:
            reconcile_day(session, desk.books.programme, files, desk.books.clock.now_s())
            if not persisted:
                raise BrokenError
        raise BrokenError

    with pytest.raises(BrokenError):
        fail()
    desk.books.restart()

    result = desk.settle()

    assert result.changed is not persisted
    assert result.run == 1
    assert reasons(result) == [Reason.PAID_TWICE]
    assert desk.held(AccountKind.SUSPENSE) == 100
    assert desk.rows()[1:3] == (1, 1)


def test_a_report_is_written_as_json_and_csv(desk: Desk) -> None:
    payout = desk.redeem(100)
    desk.rail.write(payout, 100, suffix="=cmd|' /C calc'!A0")
    desk.rail.move(-5, "=1+1")

    report = desk.settle().report

    assert '"unexplained": 2' in json_of(report)
    titles, *rows = csv_of(report).splitlines()
    assert titles.startswith("programme,day,reason,amount_fen,from,to,payout_id")
    assert len(rows) == 2
    assert any("'=1+1" in row for row in rows)


def test_items_and_decisions_are_insert_only(desk: Desk) -> None:
    payout = desk.redeem(100)
    desk.rail.write(payout, 100, suffix="-again")
    desk.settle()

    for table in (RailLineRow, ReconciliationRow, SuspenseItemRow):
        for verb in (delete(table), update(table).values(programme_id="x")):
            with (
                pytest.raises(DatabaseError, match="insert-only"),
                writing(desk.books.engine) as session,
            ):
                session.connection().execute(verb)


def test_an_item_has_one_id_in_every_run(desk: Desk) -> None:
    payout = desk.redeem(100)
    desk.rail.write(payout, 100, suffix="-again")
    desk.settle()
    with reading(desk.books.engine) as session:
        (item,) = SuspenseStore(session).of_programme(desk.books.programme)
    desk.next_day()
    desk.settle()

    with reading(desk.books.engine) as session:
        assert SuspenseStore(session).of_programme(desk.books.programme) == [item]
