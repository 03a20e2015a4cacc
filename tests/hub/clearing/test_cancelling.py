"""Cancelling: only what the rail never heard of, and the record says it as a refusal."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from fedcarbon.audit.ledger_checks import check_books
from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.states import RedemptionEvent, RedemptionState, RedemptionStateError
from hub.clearing.freezing import ReasonInvalidError
from hub.clearing.redemptions import RedemptionUnknownError, cancel_redemption
from hub.clearing.sandbox_rail import RailFault
from hub.storage.engine import writing
from tests.audit.books.drafts import FIRST_OF_2026, Draft, Honest
from tests.audit.books.tampering import codes
from tests.hub.clearing.conftest import GRAM

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub.clearing.conftest import Books


def cancel(books: Books, number: int = 1, reason: str = "ordered by mistake") -> Redemption:
    with writing(books.engine) as session:
        return cancel_redemption(session, number.to_bytes(16, "big"), reason, books.clock.now_s())


def test_a_cancelled_redemption_gives_everything_back_and_is_never_sent(funded: Books) -> None:
    before = funded.totals()
    funded.redeem(funded.order(1))

    cancelled = cancel(funded)

    assert (cancelled.state, cancelled.reason) == (
        RedemptionState.REJECTED,
        "ordered by mistake",
    )
    assert funded.totals() == before
    assert funded.history(1) == [RedemptionEvent.RESERVE, RedemptionEvent.CANCEL]
    assert funded.run(funded.rail()) == ()
    assert funded.redeem(funded.order(1)) == cancelled


def test_cancelling_again_changes_nothing(funded: Books) -> None:
    funded.redeem(funded.order(1))

    assert cancel(funded) == cancel(funded, reason="again")


@pytest.mark.parametrize(
    "fault",
    [RailFault.LOST_REQUEST, RailFault.LOST_ANSWER, RailFault.ACCEPT, RailFault.NONE],
)
def test_what_the_rail_may_know_of_cannot_be_cancelled(funded: Books, fault: RailFault) -> None:
    funded.redeem(funded.order(1))
    funded.run(funded.rail([fault] * 2))
    before = funded.totals()

    with pytest.raises(RedemptionStateError, match="never sent"):
        cancel(funded)

    assert funded.totals() == before


def test_a_redemption_that_the_rail_has_refused_was_not_cancelled(funded: Books) -> None:
    funded.redeem(funded.order(1))
    funded.run(funded.rail([RailFault.REJECT]))

    with pytest.raises(RedemptionStateError):
        cancel(funded)


def test_an_unknown_redemption_and_a_missing_reason_are_refused(funded: Books) -> None:
    with pytest.raises(RedemptionUnknownError):
        cancel(funded)
    with pytest.raises(ReasonInvalidError):
        cancel(funded, reason=" ")


def test_a_worker_and_a_cancel_at_once_leave_one_of_the_two(books: Books) -> None:
    books.top_up(100)
    books.credit(1, 12 * 1_250 * GRAM)
    for number in range(1, 13):
        books.redeem(books.order(number, units=1))
    sandbox = books.rail()
    refused: list[int] = []

    def worker() -> None:
        books.run(sandbox)

    def operator() -> None:
        for number in range(12, 0, -1):
            try:
                cancel(books, number)
            except RedemptionStateError:
                refused.append(number)

    threads = [threading.Thread(target=worker), threading.Thread(target=operator)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    books.run_to_the_end(sandbox)

    assert set(sandbox.payouts_fen()) == {books.order(number).payout_id for number in refused}
    assert books.totals().get("paid_out", 0) == len(refused)


@pytest.fixture
def cancelled_draft(tmp_path: Path) -> Draft:
    """Return the books of a day on which one redemption was paid and one cancelled."""
    honest = Honest(tmp_path)
    honest.bind(1)
    honest.open(FIRST_OF_2026, {1: 10_000})
    honest.hub.top_up(100)
    honest.order(1, holder=1, units=2)
    honest.order(2, holder=1, units=3)
    cancel(honest.hub, 1)
    honest.hub.run(honest.hub.rail())
    honest.close_day()
    honest.hub.close()
    return honest.draft


def test_an_auditor_reads_a_cancelled_redemption_as_refused_and_finds_nothing(
    cancelled_draft: Draft,
) -> None:
    ((_, batch),) = cancelled_draft.payouts

    said = {line.redemption_id[-1]: (line.outcome, line.reason) for line in batch.lines}
    assert said == {
        1: (PayoutOutcome.REJECTED, "ordered by mistake"),
        2: (PayoutOutcome.SETTLED, ""),
    }
    assert check_books(cancelled_draft.sealed()) == []


def test_a_cancelled_redemption_that_is_kept_quiet_is_found(cancelled_draft: Draft) -> None:
    cancelled_draft.change_payouts(
        0, lambda lines: [line for line in lines if line.outcome is not PayoutOutcome.REJECTED]
    )

    assert codes(check_books(cancelled_draft.sealed())) == {"V21 PAYOUT_NOT_REPORTED"}
