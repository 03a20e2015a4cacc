"""The worker and a rail that loses, delays, rejects and contradicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs
from typing_extensions import override

from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.redemption.rail import Payout, Rail, RailAnswer, RailContradictionError, RailStatus
from fedcarbon.redemption.states import RedemptionEvent, RedemptionState
from fedcarbon.redemption.value_day import ValueDay, value_day
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.units import Fen
from hub.clearing.outbox import (
    LEASE_S,
    RETRY_MAX_S,
    Answered,
    claim_due,
    enter_answer,
    enter_answers,
    process_outbox,
    retry_delay_s,
)
from hub.clearing.storage.redemption_rows import OutboxStep
from hub.sandbox.books import REJECTED_REASON
from hub.sandbox.faults import OF_CALLS, RailFault
from hub.storage.engine import open_engine, reading, writing

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

GRAM = 1_000_000
SOURCES = {"issuance": -3_000 * GRAM, "funding": -1_000}
PAID = SOURCES | {
    "spendable": 500 * GRAM,
    "redeemed": 2_500 * GRAM,
    "float": 998,
    "paid_out": 2,
}
UNTOUCHED = SOURCES | {"spendable": 3_000 * GRAM, "float": 1_000}


class CountingRail(Rail):
    """Passes everything on and remembers what was called."""

    def __init__(self, inner: Rail) -> None:
        self.inner = inner
        self.calls: list[str] = []
        self.payout_ids: set[bytes] = set()

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        self.calls.append("pay")
        self.payout_ids.add(payout.payout_id)
        return self.inner.pay(payout)

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        self.calls.append("query")
        self.payout_ids.add(payout_id)
        return self.inner.query(payout_id)


RAIL_STORIES = {
    "nothing goes wrong": ([], ["pay"], PAID),
    "the request is lost": ([RailFault.LOST_REQUEST], ["pay", "query", "pay"], PAID),
    "the answer is lost": ([RailFault.LOST_ANSWER], ["pay", "query"], PAID),
    "the answers to pay and query are lost": (
        [RailFault.LOST_ANSWER, RailFault.LOST_ANSWER],
        ["pay", "query", "query"],
        PAID,
    ),
    "everything is lost for long": (
        [RailFault.LOST_REQUEST] * 8,
        ["pay", *["query"] * 8, "pay"],
        PAID,
    ),
    "the request is lost twice": (
        [RailFault.LOST_REQUEST, RailFault.NONE, RailFault.LOST_REQUEST],
        ["pay", "query", "pay", "query", "pay"],
        PAID,
    ),
    "the answer is slow": ([RailFault.SLOW], ["pay"], PAID),
    "the rail accepts and settles later": ([RailFault.ACCEPT], ["pay", "query"], PAID),
    "the rail rejects": ([RailFault.REJECT], ["pay"], UNTOUCHED),
}


@pytest.mark.parametrize(("faults", "calls", "end"), RAIL_STORIES.values(), ids=RAIL_STORIES)
def test_a_payout_ends_once_whatever_the_rail_does(
    funded: Books, faults: list[RailFault], calls: list[str], end: dict[str, int]
) -> None:
    funded.redeem(funded.order(1))
    sandbox = funded.rail(faults)
    rail = CountingRail(sandbox)

    funded.run_to_the_end(rail)

    assert rail.calls == calls
    assert len(rail.payout_ids) == 1
    assert funded.totals() == end
    assert sum(sandbox.payouts_fen().values()) == end.get("paid_out", 0)


def test_an_unknown_payout_stays_reserved_and_is_only_asked_for(funded: Books) -> None:
    funded.redeem(funded.order(1))
    rail = CountingRail(funded.rail([RailFault.LOST_ANSWER] * 30))

    funded.run(rail)
    funded.wait(RETRY_MAX_S)
    funded.run(rail)

    assert funded.state(1) is RedemptionState.UNKNOWN
    assert funded.totals()["reserved"] == 2_500 * GRAM
    assert funded.totals()["payout_in_flight"] == 2
    assert rail.calls.count("pay") == 1


def test_the_history_tells_how_a_lost_request_was_sent_again(funded: Books) -> None:
    funded.redeem(funded.order(1))

    funded.run_to_the_end(funded.rail([RailFault.LOST_REQUEST]))

    assert funded.history(1) == [
        RedemptionEvent.RESERVE,
        RedemptionEvent.SEND,
        RedemptionEvent.RAIL_UNKNOWN,
        RedemptionEvent.RAIL_NOT_FOUND,
        RedemptionEvent.SEND_AGAIN,
        RedemptionEvent.RAIL_SETTLED,
    ]


def test_a_rejection_gives_grams_and_money_back_and_keeps_the_reason(funded: Books) -> None:
    funded.redeem(funded.order(1))

    funded.run(funded.rail(rejected=frozenset({sandbox_wallet_id(1)})))

    redemption = funded.redemption(1)
    assert (redemption.state, redemption.reason) == (RedemptionState.REJECTED, REJECTED_REASON)
    assert funded.totals() == UNTOUCHED
    assert funded.redeem(funded.order(2)).state is RedemptionState.RESERVED


def test_the_sandbox_says_in_every_reference_that_it_is_one(funded: Books) -> None:
    funded.redeem(funded.order(1))

    funded.run(funded.rail())

    assert funded.redemption(1).rail_reference.startswith("sandbox-")


class BrokenRail(Rail):
    """Raises on every call."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        raise self.error

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        raise self.error


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), PeerError("odd answer")])
def test_an_error_on_the_way_is_an_unknown_answer(funded: Books, error: Exception) -> None:
    funded.redeem(funded.order(1))

    funded.run(BrokenRail(error))

    assert funded.state(1) is RedemptionState.UNKNOWN
    funded.run_to_the_end(funded.rail())
    assert funded.totals() == PAID


class OvertakingRail(Rail):
    """While its first call is under way, something else happens."""

    def __init__(self, inner: Rail, meanwhile: Callable[[], None]) -> None:
        self.inner = inner
        self.meanwhile = meanwhile
        self.late: RailAnswer | None = None
        self.busy = False

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        if self.busy:
            return self.inner.pay(payout)
        self.busy = True
        self.meanwhile()
        answer = self.inner.pay(payout)
        return self.late or answer

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        return self.inner.query(payout_id)


def test_a_worker_that_was_overtaken_changes_nothing_and_pays_nothing_twice(
    funded: Books,
) -> None:
    funded.redeem(funded.order(1))
    sandbox = funded.rail()

    def second_worker() -> None:
        funded.wait(LEASE_S)
        engine = open_engine(funded.url)
        process_outbox(engine, sandbox, funded.clock)
        funded.wait(RETRY_MAX_S)
        process_outbox(engine, sandbox, funded.clock)
        engine.dispose()

    funded.run(OvertakingRail(sandbox, second_worker))

    assert sandbox.payouts_fen() == {funded.order(1).payout_id: 2}
    assert funded.totals() == PAID
    assert funded.run(sandbox) == ()


@pytest.mark.parametrize(
    "late", [RailStatus.UNKNOWN, RailStatus.ACCEPTED, RailStatus.NOT_FOUND, RailStatus.SETTLED]
)
def test_a_late_answer_after_the_final_one_changes_nothing(funded: Books, late: RailStatus) -> None:
    funded.redeem(funded.order(1))
    sandbox = funded.rail()

    def second_worker() -> None:
        for _ in range(2):
            funded.wait(RETRY_MAX_S)
            funded.run(sandbox)

    rail = OvertakingRail(sandbox, second_worker)
    rail.late = RailAnswer(status=late)
    funded.run(rail)

    assert funded.state(1) is RedemptionState.SETTLED
    assert funded.totals() == PAID
    funded.run_to_the_end(rail)


def test_a_rail_that_contradicts_itself_stops_the_worker_and_the_first_answer_stays(
    funded: Books,
) -> None:
    funded.redeem(funded.order(1))
    sandbox = funded.rail()

    def second_worker() -> None:
        for _ in range(2):
            funded.wait(RETRY_MAX_S)
            funded.run(sandbox)

    rail = OvertakingRail(sandbox, second_worker)
    rail.late = RailAnswer(status=RailStatus.REJECTED, reason="changed my mind")
    with pytest.raises(RailContradictionError):
        funded.run(rail)

    assert funded.totals() == PAID


class OtherAmountRail(CountingRail):
    """Says that it has booked another amount."""

    said_fen = Fen(1)

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        return replace(super().pay(payout), amount_fen=self.said_fen)

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        return replace(super().query(payout_id), amount_fen=self.said_fen)


def test_an_answer_with_another_amount_than_was_ordered_settles_nothing(funded: Books) -> None:
    funded.redeem(funded.order(1))
    rail = OtherAmountRail(funded.rail())

    with capture_logs() as logged:
        funded.run(rail)
        funded.run(rail)
        with writing(funded.engine) as session:
            told = RailAnswer(status=RailStatus.SETTLED, amount_fen=Fen(1))
            enter_answer(session, funded.order(1).payout_id, told, funded.clock.now_s())

    assert rail.calls == ["pay", "query"]
    assert [entry["code"] for entry in logged] == ["RAIL_AMOUNT_DIFFERS"] * 3
    assert funded.state(1) is RedemptionState.UNKNOWN
    assert funded.totals()["payout_in_flight"] == 2

    rail.said_fen = Fen(2)
    funded.wait(RETRY_MAX_S)
    funded.run(rail)
    assert funded.totals() == PAID


def test_many_payouts_each_end_once(books: Books) -> None:
    books.top_up(1_000)
    for holder in range(1, 21):
        books.credit(holder, 1_250 * GRAM * holder)
        books.redeem(books.order(holder, holder=holder))
    faults = [fault for fault in OF_CALLS if fault is not RailFault.REJECT] * 6
    sandbox = books.rail(faults)

    books.run_to_the_end(sandbox)

    assert sandbox.payouts_fen() == {
        books.order(holder).payout_id: holder for holder in range(1, 21)
    }
    assert books.totals()["paid_out"] == sum(range(1, 21))


def test_steps_taken_are_reported_in_order(funded: Books) -> None:
    funded.redeem(funded.order(1))

    taken = funded.run(funded.rail([RailFault.LOST_ANSWER]))

    assert [(item.step, item.state) for item in taken] == [
        (OutboxStep.PAY, RedemptionState.UNKNOWN),
        (OutboxStep.QUERY, RedemptionState.SETTLED),
    ]


def test_what_one_run_leaves_is_done_by_the_next(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.top_up(2)
    for holder in (1, 2):
        books.credit(holder, 1_250 * GRAM)
        books.redeem(books.order(holder, holder=holder))
    monkeypatch.setattr("hub.clearing.outbox.STEPS_MAX", 1)

    runs = [len(books.run(books.rail())) for _ in range(3)]

    assert runs == [1, 1, 0]


def test_waits_double_up_to_an_hour() -> None:
    delays = [retry_delay_s(calls) for calls in range(1, 40)]

    assert delays[:5] == [0, 2, 4, 8, 16]
    assert delays == sorted(delays)
    assert delays[-1] == RETRY_MAX_S == 3_600


def test_a_rail_that_dates_a_payment_years_ahead_is_not_believed(funded: Books) -> None:
    """A payment of a day that never comes would be looked for in no file."""
    today = value_day(funded.clock.now_s())
    taken = funded.redeem(funded.order(1))
    answer = RailAnswer(status=RailStatus.SETTLED, value_day=ValueDay(today + 3_650))
    with writing(funded.engine) as session:
        claim_due(session, funded.clock.now_s(), 1)
    with writing(funded.engine) as session:
        enter_answer(session, taken.order.payout_id, answer, funded.clock.now_s())

    with reading(funded.engine) as session:
        days = session.connection().execute(text("SELECT value_day FROM redemption_events"))
        assert set(days.scalars()) == {None}


@pytest.mark.parametrize(
    "fields",
    [{"reason": "a\0b"}, {"reference": "a\nb"}, {"value_day": ValueDay(2**63)}],
    ids=["a reason", "a reference", "a day"],
)
def test_an_answer_that_no_store_could_hold_is_none(fields: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        RailAnswer(status=RailStatus.SETTLED, **fields)


def test_two_answers_to_two_calls_for_one_payout_count_by_the_final_one(funded: Books) -> None:
    funded.redeem(funded.order(1))
    with writing(funded.engine) as session:
        (claim,) = claim_due(session, funded.clock.now_s(), 1)
    answers = [RailStatus.SETTLED, RailStatus.NOT_FOUND]

    with writing(funded.engine) as session:
        enter_answers(
            session,
            [Answered(claim=claim, answer=RailAnswer(status=status)) for status in answers],
            funded.clock.now_s(),
        )

    assert funded.state(1) is RedemptionState.SETTLED


def test_a_return_does_not_change_the_name_under_which_a_payout_was_paid(funded: Books) -> None:
    taken = funded.redeem(funded.order(1))
    with writing(funded.engine) as session:
        claim_due(session, funded.clock.now_s(), 1)
    for status, name in ((RailStatus.SETTLED, "paid-1"), (RailStatus.RETURNED, "back-1")):
        answer = RailAnswer(status=status, reference=name, reason="as the rail says")
        with writing(funded.engine) as session:
            enter_answer(session, taken.order.payout_id, answer, funded.clock.now_s())

    assert funded.redemption(1).rail_reference == "paid-1"
    assert funded.state(1) is RedemptionState.REVERSED
