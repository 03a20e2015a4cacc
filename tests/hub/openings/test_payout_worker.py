"""The payout worker: one bad answer spoils no other, and a full disk undoes nothing."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest
from typing_extensions import override

from fedcarbon.errors import FedcarbonError
from fedcarbon.redemption.rail import Payout, Rail, RailAnswer, RailStatus
from fedcarbon.redemption.states import RedemptionState
from hub.clearing.outbox import enter_answers
from hub.clearing.redemptions import find_redemption
from hub.record.export import Export
from hub.wallets.order_desk import ORDER_BYTES_MAX, OrderDesk
from hub.wallets.payouts import Payouts
from hub.wallets.redeeming import SignedOrder
from tests.hub.federation import PROGRAMME
from tests.hub.openings.world import PURSE, World
from tests.unlimited import unlimited


class OddRail(Rail):
    """Settles, but for one payout, where it breaks in a way that nobody expects."""

    def __init__(self, odd: bytes) -> None:
        self.odd = odd

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        if payout.payout_id == self.odd:
            raise RecursionError
        return RailAnswer(status=RailStatus.SETTLED)

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        return RailAnswer(status=RailStatus.UNKNOWN)


def _ordered(world: World) -> list[bytes]:
    world.top_up(1_000)
    orders = [world.order(world.bound(1), 1) for _ in range(2)]
    for order in orders:
        world.take_order(order)
    return [order.redemption_id for order in orders]


def _state(world: World, redemption_id: bytes) -> RedemptionState:
    return world.hub.read_now(lambda session: find_redemption(session, redemption_id)).state


def test_an_error_that_nobody_expects_is_unknown_and_stops_nobody(opened_world: World) -> None:
    world = opened_world
    odd, even = _ordered(world)
    payout = world.hub.read_now(lambda session: find_redemption(session, odd)).order.payout_id

    asyncio.run(Payouts(world.hub, OddRail(payout)).run_due())

    assert (_state(world, odd), _state(world, even)) == (
        RedemptionState.UNKNOWN,
        RedemptionState.SETTLED,
    )


def test_an_answer_that_cannot_be_entered_spoils_no_other(
    opened_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = opened_world
    odd, even = _ordered(world)

    def failing(session: Any, answered: Any, now_s: Any) -> Any:
        if any(item.claim.task.redemption_id == odd for item in answered):
            raise ZeroDivisionError
        return enter_answers(session, answered, now_s)

    monkeypatch.setattr("hub.wallets.payouts.enter_answers", failing)
    asyncio.run(Payouts(world.hub, OddRail(b"")).run_due())

    assert (_state(world, odd), _state(world, even)) == (
        RedemptionState.SENT,
        RedemptionState.SETTLED,
    )


def test_a_disk_that_is_full_beside_the_books_undoes_nothing_and_is_made_good(
    opened_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = opened_world
    world.top_up(1_000)
    lines = (world.folder / "record" / "leaves.txt").read_text().count("\n")

    def full(_self: Export, _session: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Export, "committed", full)
        taken = world.take_order(world.order(world.bound(1), 1))
    assert taken.redemption.state is RedemptionState.RESERVED
    world.top_up(1, number=9)

    assert (world.folder / "record" / "leaves.txt").read_text().count("\n") == lines + 1


def test_an_order_of_unseemly_size_is_refused_before_it_waits(opened_world: World) -> None:
    desk = OrderDesk(opened_world.hub, opened_world.folded, unlimited(PROGRAMME))
    huge = SignedOrder(caller=PURSE, message=bytes(ORDER_BYTES_MAX + 1))

    with pytest.raises(FedcarbonError) as caught:
        asyncio.run(desk.take(huge))

    assert caught.value.code == "MALFORMED"
