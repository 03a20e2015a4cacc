"""Openings wait for a partner's signature as they wait for trustees, and spend no start on it."""

from __future__ import annotations

from fedcarbon.transparency.leaf import LeafType
from hub.openings.states import OpeningState
from tests.hub.federation import METRO
from tests.hub.openings.world import GRAM, GRAMS, World


def starts(world: World) -> int:
    record = world.hub.record
    bodies = world.hub.read_now(
        lambda session: record.bodies_of_type(session, LeafType.OPENING_START)
    )
    return len(bodies)


def test_a_request_waits_for_a_partner_and_is_opened_when_one_signs(world: World) -> None:
    world.desk.partner = None
    request_id = world.request(world.bound(1))

    world.advance_openings()

    waiting = world.opening(request_id)
    assert (waiting.state, waiting.code) == (OpeningState.REQUESTED, "PARTNER_WITNESS_MISSING")
    assert "a partner's node must run" in waiting.detail
    assert starts(world) == 0
    world.desk.partner = METRO
    world.advance_openings()
    assert world.opening(request_id).state is OpeningState.OPENED
    assert world.credited_ug(1) == 3 * GRAMS[1] * GRAM


def test_a_partner_that_goes_away_in_the_middle_costs_one_start(world: World) -> None:
    request_id = world.request(world.bound(1))
    world.witness()

    def leave(kind: str) -> None:
        if kind == "sign_start":
            world.desk.partner = None

    world.port.before = leave
    for _ in range(3):
        world.advance_openings()

    waiting = world.opening(request_id)
    assert (waiting.code, starts(world)) == ("PARTNER_WITNESS_MISSING", 1)
    world.port.before = lambda _kind: None
    world.desk.partner = METRO
    world.advance_openings()
    opened = world.opening(request_id)
    assert (opened.state, opened.attempts, starts(world)) == (OpeningState.OPENED, 2, 2)
    assert world.credited_ug(1) == 3 * GRAMS[1] * GRAM
