"""Openings in the background: nobody has to ask the driver."""

from __future__ import annotations

import asyncio

from hub.opening_component import open_regularly
from hub.openings.states import OpeningState
from tests.hub.openings.world import TRUSTEES, World, run, until

TICK_S = 0.01


def test_a_new_request_and_a_trustee_that_dials_in_end_a_rest(world: World) -> None:
    async def story() -> None:
        wake = asyncio.Event()
        task = asyncio.create_task(open_regularly(world.driver, TICK_S, wake))
        world.port.down = set(TRUSTEES[:2])
        request_id = await asyncio.to_thread(lambda: world.request(world.bound(1)))
        wake.set()
        await until(lambda: world.opening(request_id).code == "QUORUM_MISSING")
        world.port.down = set()
        wake.set()
        await until(lambda: world.opening(request_id).state is OpeningState.OPENED)
        task.cancel()

    run(story())


def test_a_bug_in_one_round_does_not_end_the_work(world: World) -> None:
    broken: list[str] = []

    def break_once(kind: str) -> None:
        if not broken:
            broken.append(kind)
            raise ZeroDivisionError

    world.port.before = break_once
    request_id = world.request(world.bound(1))

    async def story() -> None:
        task = asyncio.create_task(open_regularly(world.driver, TICK_S, asyncio.Event()))
        await until(lambda: world.opening(request_id).state is OpeningState.OPENED)
        task.cancel()

    run(story())

    assert broken == ["cosign"]
