"""Lists of operations that once made the hub differ from the model, as the shrinker prints them."""

from __future__ import annotations

from tests.simulation.clearing.operations import Credit, Jump, Redeem, TopUp
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
