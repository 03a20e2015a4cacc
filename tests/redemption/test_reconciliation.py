"""Reconciliation of one day: every fault is found exactly, and nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.ledger.account import AccountKind
from fedcarbon.redemption.differences import WHO_MUST_ACT, Reason
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.reconciliation import Reconciliation, reconcile
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.units import Fen
from tests.redemption.drawn_days import (
    DAY,
    FAULTS,
    HONEST,
    PROGRAMME,
    DrawnDay,
    Story,
    Wanted,
)


def found_in(result: Reconciliation) -> Counter[Wanted]:
    return Counter((one.reason, one.amount_fen, one.source) for one in result.differences)


def check(day: DrawnDay) -> Reconciliation:
    """Reconcile a day and hold it against what its stories want."""
    result = reconcile(day.books(), day.rail())

    assert found_in(result) == Counter(day.wanted)
    assert {item.payout_id: item.answer.status for item in result.answers} == day.answers
    assert result.closing_fen == result.at_rail_fen, "E7"
    assert result.explained == ()
    return result


@pytest.mark.parametrize("story", HONEST.values(), ids=HONEST)
def test_an_honest_story_leaves_no_difference(story: Story) -> None:
    day = DrawnDay()
    story(day, 125)

    assert check(day).new == ()


@pytest.mark.parametrize("story", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_exactly(story: Story) -> None:
    day = DrawnDay()
    story(day, 125)

    result = check(day)

    assert [item.difference for item in result.new] == [
        replace(one, day=DAY) for one in result.differences
    ]


STORIES = st.lists(
    st.tuples(
        st.sampled_from([*HONEST.values(), *FAULTS.values()]),
        st.integers(min_value=10, max_value=10**9),
    ),
    max_size=12,
)


@given(stories=STORIES, slip_fen=st.integers(-5, 5), jump_fen=st.integers(-5, 5))
def test_any_list_of_faults_is_found_and_nothing_else(
    stories: list[tuple[Story, int]], slip_fen: int, jump_fen: int
) -> None:
    day = DrawnDay(slip_fen=slip_fen, jump_fen=jump_fen)
    amounts: set[int] = set()
    for story, amount_fen in stories:
        # Top-ups are told apart by their amounts: unknown money of the same amount would be one.
        if amount_fen not in amounts:
            story(day, amount_fen)
        amounts.add(amount_fen)
    for gap_fen in (slip_fen, jump_fen):
        if gap_fen:
            source = AccountKind.FUNDING if gap_fen > 0 else AccountKind.FLOAT
            day.want(Reason.STATEMENT_BROKEN, abs(gap_fen), source)

    check(day)


@given(
    stories=STORIES,
    chance=st.randoms(use_true_random=False),
)
def test_order_and_repeats_change_nothing(stories: list[tuple[Story, int]], chance: object) -> None:
    day = DrawnDay()
    for story, amount_fen in stories:
        story(day, amount_fen)
    expected = reconcile(day.books(), day.rail())
    files = day.rail()
    assert files.statement is not None
    shuffle = chance.shuffle  # type: ignore[attr-defined]

    lines = list(files.lines) * 2
    movements = [*files.statement.movements, *files.statement.movements[:3]]
    payouts = list(day.payouts)
    for items in (lines, movements, payouts):
        shuffle(items)
    again = replace(
        files, lines=tuple(lines), statement=replace(files.statement, movements=tuple(movements))
    )
    books = replace(day.books(), payouts=payouts)

    assert reconcile(books, again) == expected


def test_a_statement_that_does_not_add_up_is_broken() -> None:
    day = DrawnDay(slip_fen=-9)
    day.want(Reason.STATEMENT_BROKEN, 9, AccountKind.FLOAT)

    check(day)


def test_a_statement_that_does_not_follow_the_one_before_is_broken() -> None:
    day = DrawnDay(jump_fen=9)
    day.want(Reason.STATEMENT_BROKEN, 9, AccountKind.FUNDING)

    check(day)


def test_the_float_differs_when_the_days_before_were_left_out() -> None:
    day = DrawnDay()
    HONEST["it is paid"](day, 125)
    books = replace(day.books(), at_rail_fen=day.books().at_rail_fen + 50)

    result = reconcile(books, day.rail())

    assert found_in(result) == Counter([(Reason.FLOAT_DIFFERS, 50, AccountKind.FLOAT)])
    assert result.closing_fen == result.at_rail_fen


def test_a_payout_booked_for_a_later_day_is_not_judged() -> None:
    day = DrawnDay()
    day.book(day.next_id(), RedemptionState.SETTLED, 125, settled=DAY + 1)

    result = reconcile(day.books(), day.rail())

    assert result.differences == ()
    assert result.at_rail_fen == result.closing_fen


def test_a_return_booked_for_a_later_day_is_not_judged() -> None:
    day = DrawnDay()
    one = day.next_id()
    day.book(one, RedemptionState.REVERSED, 125, reversed_=DAY + 1)
    day.file(one, 125)

    check(day)


def test_a_payout_is_paid_on_the_day_whose_file_has_it() -> None:
    day = DrawnDay()
    one = day.next_id()
    day.book(one, RedemptionState.SETTLED, 125, settled=DAY + 1)
    day.file(one, 125)

    check(day)


def test_the_same_line_twice_is_one_payment_and_another_reference_is_another() -> None:
    day = DrawnDay()
    one = day.next_id()
    day.book(one, RedemptionState.SETTLED, 125)
    day.file(one, 125)
    day.lines *= 3

    assert check(day).outcomes[0].lines == 1

    day.file(one, 125, suffix="-again")
    day.want(Reason.PAID_TWICE, 125, AccountKind.FLOAT)
    check(day)


def test_the_rest_may_be_paid_under_another_reference() -> None:
    day = DrawnDay()
    one = day.next_id()
    day.book(one, RedemptionState.SETTLED, 100)
    day.file(one, 70)
    day.file(one, 30, suffix="-rest")
    check(day)

    day.file(one, 5, suffix="-more")
    day.want(Reason.PAID_TWICE, 5, AccountKind.FLOAT)
    check(day)


def test_refunds_never_exceed_what_was_paid() -> None:
    day = DrawnDay()
    one = day.next_id()
    day.book(one, RedemptionState.SETTLED, 100)
    day.file(one, 100)
    day.file(one, 60, PayoutOutcome.REVERSED, "-a")
    day.want(Reason.PARTIAL_RETURN, 60, AccountKind.PAID_OUT)
    check(day)

    day.file(one, 60, PayoutOutcome.REVERSED, "-b")

    result = reconcile(day.books(), day.rail())
    assert found_in(result) == Counter([(Reason.RETURN_ABOVE_PAID, 20, AccountKind.FUNDING)])
    assert [item.answer.status.value for item in result.answers] == ["returned"]
    assert result.closing_fen == result.at_rail_fen


def test_without_a_statement_books_and_file_are_still_compared() -> None:
    day = DrawnDay()
    FAULTS["it is paid twice"](day, 125)

    result = reconcile(day.books(), replace(day.rail(), statement=None))

    assert found_in(result) == Counter(day.wanted)
    assert result.closing_fen is None


def test_figures_count_what_the_file_has_and_what_agrees() -> None:
    day = DrawnDay()
    HONEST["it is paid"](day, 125)
    HONEST["it is rejected"](day, 40)
    FAULTS["it is paid twice"](day, 60)

    settled, rejected, reversed_ = reconcile(day.books(), day.rail()).outcomes

    assert (settled.lines, settled.matched, settled.amount_fen) == (3, 1, Fen(245))
    assert (rejected.lines, rejected.matched, rejected.amount_fen) == (1, 1, Fen(40))
    assert (reversed_.lines, reversed_.amount_fen) == (0, Fen(0))


def test_every_reason_says_who_must_act() -> None:
    assert WHO_MUST_ACT.keys() == set(Reason)
    assert reconcile(DrawnDay().books(), DrawnDay().rail()).programme == PROGRAMME
