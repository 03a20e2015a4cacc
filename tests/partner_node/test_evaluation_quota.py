"""The node keeps to the quota as trustees count it."""

from __future__ import annotations

from partner_node.storage.enrolment import EnrolmentStore
from tests.partner_node.world import World, at, person


def test_who_is_enrolled_again_counts_once_towards_the_quota(world: World) -> None:
    world.link(person(1))
    world.settle()
    world.node.withdraw_consent("rider-1")
    world.settle()
    world.clock.at_s = at(13)
    world.link(person(1, consent_data="2026-03-02T12:30:00", consent_claim="2026-03-02T12:30:00"))
    world.settle()

    store = EnrolmentStore(world.database)

    assert store.enrolled_entries() == 2
    assert store.enrolled_accounts() == 1
