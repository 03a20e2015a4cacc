"""The sandbox keeps a rail's promise: one payout id is paid once, whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.rail import Payout, RailStatus
from fedcarbon.redemption.wallet import WalletId, sandbox_wallet_id
from fedcarbon.units import Fen
from hub.clearing.sandbox_rail import PayoutIdReusedError, RailFault

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

WALLET = sandbox_wallet_id(1)
PAYOUT = bytes(range(16))


def payout(wallet: WalletId = WALLET, amount_fen: int = 5) -> Payout:
    return Payout(
        payout_id=PAYOUT,
        programme=ProgrammeId("ecny-shanghai"),
        wallet_id=wallet,
        amount_fen=Fen(amount_fen),
    )


def test_a_payout_id_is_paid_once_even_by_another_process_later(books: Books) -> None:
    first, second = books.rail(), books.rail()

    statuses = [rail.pay(payout()).status for rail in (first, first, second, second)]

    assert statuses == [RailStatus.SETTLED] * 4
    assert second.payouts_fen() == {PAYOUT: 5}


def test_a_payout_id_with_another_wallet_or_amount_is_refused(books: Books) -> None:
    rail = books.rail()
    rail.pay(payout())

    with pytest.raises(PayoutIdReusedError):
        rail.pay(payout(WALLET, 6))
    with pytest.raises(PayoutIdReusedError):
        rail.pay(payout(sandbox_wallet_id(2), 5))

    assert rail.payouts_fen() == {PAYOUT: 5}


def test_a_lost_request_leaves_no_trace_and_a_lost_answer_leaves_a_payment(
    books: Books,
) -> None:
    rail = books.rail([RailFault.LOST_REQUEST, RailFault.NONE, RailFault.LOST_ANSWER])

    lost = rail.pay(payout()).status
    asked = rail.query(PAYOUT).status
    paid = rail.pay(payout()).status

    assert (lost, asked, paid) == (
        RailStatus.UNKNOWN,
        RailStatus.NOT_FOUND,
        RailStatus.UNKNOWN,
    )
    assert rail.query(PAYOUT).status is RailStatus.SETTLED
    assert rail.payouts_fen() == {PAYOUT: 5}


def test_a_rejected_payout_stays_rejected_and_says_why(books: Books) -> None:
    rail = books.rail([RailFault.REJECT])

    answers = [rail.pay(payout()) for _ in range(2)]

    assert {answer.status for answer in answers} == {RailStatus.REJECTED}
    assert all(answer.reason for answer in answers)
    assert rail.payouts_fen() == {}


def test_an_accepted_payout_settles_when_it_is_asked_for(books: Books) -> None:
    rail = books.rail([RailFault.ACCEPT])

    assert rail.pay(payout()).status is RailStatus.ACCEPTED
    assert rail.payouts_fen() == {}
    assert rail.query(PAYOUT).status is RailStatus.SETTLED
    assert rail.payouts_fen() == {PAYOUT: 5}


def test_a_slow_answer_makes_the_caller_wait(books: Books) -> None:
    before_s = books.clock.now_s()

    answer = books.rail([RailFault.SLOW]).pay(payout())

    assert answer.status is RailStatus.SETTLED
    assert books.clock.now_s() > before_s


def test_every_reference_says_that_it_is_a_sandbox(books: Books) -> None:
    assert books.rail().pay(payout()).reference == f"sandbox-{PAYOUT.hex()}"
