"""Trustees that are still multiplying an epoch when its first opening comes."""

from __future__ import annotations

import pytest

from fedcarbon.transparency.leaf import LeafType
from hub.openings.states import OpeningState
from tests.hub.openings.world import PEOPLE, TRUSTEES, World, refusing

PENDING = refusing("PRODUCTS_PENDING", [0])


def leaves(world: World, leaf_type: LeafType) -> int:
    return len(
        world.hub.read_now(lambda session: world.hub.record.bodies_of_type(session, leaf_type))
    )


@pytest.mark.parametrize("ready", [TRUSTEES[1:], TRUSTEES[:3]])
def test_others_open_and_nobody_counts_as_refusing(world: World, ready: list[str]) -> None:
    requests = [world.request(world.bound(person)) for person in PEOPLE]
    blocks = {world.place(person).block for person in PEOPLE}
    for name in TRUSTEES:
        world.port.tampers[name, "mask"] = PENDING

    waiting = world.advance_openings()

    assert (waiting.opened, waiting.pending) == (0, len(PEOPLE))
    assert {world.opening(item).code for item in requests} == {"PRODUCTS_PENDING"}
    assert leaves(world, LeafType.OPENING_START) == leaves(world, LeafType.REFUSAL) == 0
    for name in ready:
        del world.port.tampers[name, "mask"]
    for _ in range(len(TRUSTEES)):  # each call meets one that is late at most, and asks it last
        if not world.advance_openings().pending:
            break
    assert {world.opening(item).state for item in requests} == {OpeningState.OPENED}
    assert leaves(world, LeafType.OPENING_START) == len(blocks)  # as if nobody had been late
    assert leaves(world, LeafType.REFUSAL) == 0
