"""Trustees that are still multiplying an epoch when its first opening comes."""

from __future__ import annotations

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import PartyId
from fedcarbon.opening.statements import OpeningStart
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import trustee_pb2
from hub.openings.states import OpeningState
from tests.hub.openings.world import PEOPLE, TRUSTEES, World, lost, refusing

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


def test_only_the_openings_that_are_pending_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trustees that multiply one epoch for minutes hold up nothing that they have multiplied."""
    requests = {person: world.request(world.bound(person)) for person in PEOPLE}
    late = world.place(PEOPLE[0]).block
    ask = world.port.ask

    async def answered(name: PartyId, order: trustee_pb2.WorkResponse) -> trustee_pb2.WorkRequest:
        blocks = [statements.decode(OpeningStart, item).block for item in order.mask.draft_starts]
        answer = await ask(name, order)
        if late not in blocks:
            return answer
        pending = refusing("PRODUCTS_PENDING", [blocks.index(late)])(answer)
        assert pending is not None
        return pending

    monkeypatch.setattr(world.port, "ask", answered)

    for _ in range(3):
        world.advance_openings()

    states: dict[int, set[OpeningState]] = {world.place(person).block: set() for person in PEOPLE}
    for person, request in requests.items():
        states[world.place(person).block].add(world.opening(request).state)
    assert len(states) > 1
    assert states.pop(late) == {OpeningState.REQUESTED}
    assert set().union(*states.values()) == {OpeningState.OPENED}


def test_whoever_fails_after_a_start_comes_last_however_late_the_others_were(world: World) -> None:
    cheat, others = TRUSTEES[0], TRUSTEES[1:]
    request = world.request(world.bound(PEOPLE[0]))
    world.port.tampers[cheat, "reveal_mask"] = lost
    for name in others:
        world.port.tampers[name, "mask"] = PENDING
    for _ in range(8):
        world.advance_openings()
    for name in others:
        del world.port.tampers[name, "mask"]

    for _ in range(3):
        world.advance_openings()

    assert world.opening(request).state is OpeningState.OPENED
    assert leaves(world, LeafType.OPENING_START) <= 2  # one is the cheat's


def test_an_operator_is_told_nothing_that_a_trustee_wrote(world: World) -> None:
    request = world.request(world.bound(PEOPLE[0]))
    for name in TRUSTEES:
        world.port.tampers[name, "mask"] = PENDING

    world.advance_openings()

    found = world.opening(request)
    assert (found.code, found.detail) == (
        "PRODUCTS_PENDING",
        "the trustees are still checking an epoch of the request",
    )
