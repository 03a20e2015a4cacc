"""Lists of operations that once made the hub differ from the model, as the shrinker prints them."""

from __future__ import annotations

from tests.simulation.clearing.operations import (
    YEAR_S,
    Close,
    Credit,
    Fault,
    Jump,
    Notify,
    Redeem,
    RunOutbox,
    Together,
    TopUp,
)
from tests.simulation.clearing.shrinking import failure_of


def test_a_clock_that_goes_back_a_day_does_not_hold_up_payouts() -> None:
    # found by seed 192: the payout was due "tomorrow" and nobody looked at it until then
    assert not failure_of(
        [
            TopUp(number=0, fen=10),
            Credit(holder=2, grams=2500, vintage=2026),
            Redeem(number=5, holder=2, units=1, wallet_class=2),
            Jump(seconds=-86400),
        ]
    )


def test_a_worker_that_was_overtaken_does_not_have_a_payout_sent_again() -> None:
    # the first worker's "never seen" is older than what the second one has sent since
    assert not failure_of(
        [
            TopUp(number=0, fen=10),
            Credit(holder=1, grams=2500, vintage=2026),
            Redeem(number=0, holder=1, units=1, wallet_class=2),
            RunOutbox(faults=(Fault.LOST_REQUEST, Fault.OVERTAKEN, Fault.NONE, Fault.LOST_ANSWER)),
        ]
    )


def test_two_orders_at_once_may_draw_either_vintage() -> None:
    # seed 5018: the model took the first order of events that gave the answers, not the real one
    assert not failure_of(
        [
            TopUp(number=0, fen=2),
            Credit(holder=1, grams=3333, vintage=2026),
            Credit(holder=1, grams=700, vintage=2024),
            Together(acts=(Redeem(0, 1, 1, 2), Redeem(1, 1, 1, 2))),
            RunOutbox(faults=(Fault.HELD,)),
        ]
    )


def test_days_close_in_order_when_the_clock_jumps_a_year_ahead_and_back() -> None:
    assert not failure_of(
        [
            TopUp(number=0, fen=10),
            Credit(holder=1, grams=2500, vintage=2026),
            Jump(seconds=YEAR_S),
            Redeem(number=0, holder=1, units=1, wallet_class=2),
            Close(),
            Jump(seconds=-YEAR_S),
            RunOutbox(),
            Redeem(number=1, holder=1, units=1, wallet_class=2),
            Close(),
            Jump(seconds=-86400),
            RunOutbox(),
        ]
    )


def test_a_payment_that_is_told_after_its_return_contradicts_nothing() -> None:
    # the rail paid, had it back and said so; its first answer was still on the way
    assert not failure_of(
        [
            TopUp(number=0, fen=10),
            Credit(holder=1, grams=2500, vintage=2026),
            Redeem(number=0, holder=1, units=1, wallet_class=2),
            RunOutbox(faults=(Fault.RETURNED,)),
            Notify(number=0, said=1, told=2),
        ]
    )
