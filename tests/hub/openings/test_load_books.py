"""What the load generator finds wrong in a hub's books."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.load_calls import BooksDifferError, Said, check_books
from bench.open_loop import OK
from fedcarbon.wire.status import OverloadedError, RemoteTimeoutError
from hub.sandbox.rail import SandboxRail
from tests.hub.federation import METRO, signed
from tests.hub.openings.world import World

SHED = OverloadedError.code


@pytest.fixture
def paid(opened_world: World) -> tuple[World, bytes, bytes, bytes]:
    """A world with one paid redemption, its id and payout id, and the id of an enrolment."""
    world = opened_world
    world.top_up(1_000)
    order = world.order(world.bound(1), units=1)
    world.take_order(order)
    rail = SandboxRail(world.folder / "rail.db", wait=lambda: None)
    world.pay(rail)
    rail.close()
    batch = world.batch(METRO, [70, 71])
    world.enrol(METRO, signed(batch, METRO))
    return world, order.redemption_id, order.payout_id, batch.batch_id


def judged(world: World, said: Said, moved: Counter[bytes]) -> dict[str, int]:
    return world.hub.read_now(lambda session: check_books(session, said, moved))


def test_books_that_hold_what_was_said_are_counted(paid: tuple[World, bytes, bytes, bytes]) -> None:
    world, redemption_id, payout_id, batch_id = paid
    redemptions = {redemption_id: "settled", bytes(16): SHED, b"1" * 16: RemoteTimeoutError.code}
    said = Said(redemptions=redemptions, enrolments={batch_id: OK, b"2" * 16: SHED})

    counts = judged(world, said, Counter([payout_id]))

    assert (counts["redemptions"], counts["payouts"]) == (1, 1)


def test_what_was_lost_half_done_or_done_twice_is_found(
    paid: tuple[World, bytes, bytes, bytes],
) -> None:
    world, redemption_id, payout_id, batch_id = paid
    once, twice = Counter([payout_id]), Counter([payout_id, payout_id])
    lies = [
        (Said(redemptions={bytes(16): "settled"}), once, "is not there"),
        (Said(enrolments={bytes(16): OK}), once, "is not there"),
        (Said(redemptions={redemption_id: SHED}), once, "is there"),
        (Said(enrolments={batch_id: SHED}), once, "is there"),
        (Said(redemptions={redemption_id: "settled"}), Counter[bytes](), "was said to be paid"),
        (Said(), twice, "more than once"),
    ]

    for said, moved, found in lies:
        with pytest.raises(BooksDifferError, match=found):
            judged(world, said, moved)
