"""Orders that come together are taken together, and each is answered as if it were alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fedcarbon.redemption.order import RedemptionOrder
from hub.clearing.positions import checked_trial_balance
from hub.wallets.order_desk import OrderDesk
from hub.wallets.redeeming import SignedOrder, TakenOrder, order_redemptions
from tests.hub.federation import METRO, PROGRAMME, signed
from tests.hub.openings.world import PURSE, World
from tests.unlimited import unlimited


def _codes(results: list[TakenOrder | Exception]) -> list[str]:
    return [
        "" if isinstance(item, TakenOrder) else str(getattr(item, "code", item)) for item in results
    ]


def _sent(order: RedemptionOrder, signer: str = PURSE) -> SignedOrder:
    return SignedOrder(caller=PURSE, message=signed(order, signer))


def test_every_order_of_a_batch_gets_its_own_answer(opened_world: World) -> None:
    world = opened_world
    world.top_up(1)
    binding = world.bound(1)
    first, second = (world.order(binding, 1) for _ in range(2))
    batch = [
        _sent(first),
        _sent(first),
        _sent(replace(first, units=2)),
        _sent(second, METRO),
        SignedOrder(caller=PURSE, message=b"{}"),
        _sent(replace(second, units=10**6)),
        _sent(second),
    ]

    results = world.hub.write_now(
        lambda session: order_redemptions(
            session, world.hub, world.folded, batch, limits=unlimited(PROGRAMME)
        )
    )

    assert _codes(results) == [
        "",
        "",
        "REDEMPTION_ID_REUSED",
        "SIGNATURE_INVALID",
        "MALFORMED",
        "INSUFFICIENT_BALANCE",
        "FLOAT_EXHAUSTED",
    ]
    assert results[0] == results[1]
    world.hub.read_now(checked_trial_balance)


def test_orders_that_wait_together_are_written_in_one_transaction(opened_world: World) -> None:
    world = opened_world
    world.top_up(1_000)
    binding = world.bound(1)
    orders = [world.order(binding, 1) for _ in range(2)]
    sizes: list[int] = []
    desk = OrderDesk(world.hub, world.folded, unlimited(PROGRAMME))
    taken = desk._taken

    async def counted(batch: list[SignedOrder]) -> list[TakenOrder | Exception]:
        sizes.append(len(batch))
        return list(await taken(batch))

    async def all_at_once() -> list[TakenOrder]:
        desk._taken = counted  # type: ignore[method-assign]
        return await asyncio.gather(*(desk.take(_sent(order)) for order in orders))

    results = asyncio.run(all_at_once())

    assert [item.redemption.order for item in results] == orders
    assert len({item.receipt for item in results}) == len(orders)
    assert sum(sizes) == len(orders)
    assert len(sizes) < len(orders)


def test_an_order_whose_caller_went_away_is_taken_all_the_same(opened_world: World) -> None:
    world = opened_world
    world.top_up(1_000)
    order = world.order(world.bound(1), 1)
    desk = OrderDesk(world.hub, world.folded, unlimited(PROGRAMME))

    async def left() -> TakenOrder:
        leaving = asyncio.create_task(desk.take(_sent(order)))
        await asyncio.sleep(0)
        leaving.cancel()
        return await desk.take(_sent(order))

    assert asyncio.run(left()).redemption.order == order
