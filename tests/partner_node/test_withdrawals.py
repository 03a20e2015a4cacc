"""A withdrawal reaches the hub whatever else is stuck."""

from __future__ import annotations

from fedcarbon.registry.enrolment import EnrolmentAction
from tests.partner_node.world import World, person


def test_a_withdrawal_does_not_wait_for_trustees_that_are_away(world: World) -> None:
    world.link(person(1))
    world.settle()
    world.hub.absent = {secret.trustee_id for secret in world.hub.dealt.secrets[:3]}
    world.link(person(2))
    problems = {problem.error.code for problem in world.node.step().problems}
    world.node.withdraw_consent("rider-1")

    world.node.step()

    assert problems == {"TRUSTEES_MISSING"}
    assert [entry.action for entry in world.hub.entries] == [
        EnrolmentAction.ENROL,
        EnrolmentAction.WITHDRAW,
    ]
