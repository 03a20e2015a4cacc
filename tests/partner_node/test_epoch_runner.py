"""The epoch runner: from activities to ciphertexts, against a hub that checks and decrypts."""

from __future__ import annotations

from tests.partner_node.world import World, at, person, ride


def test_a_ride_arrives_at_its_account_as_a_ciphertext_of_its_exact_reduction(world: World) -> None:
    world.link(person(1), person(2))
    world.settle()
    world.record(ride("a", 1, at(8), km=10))

    world.run_epoch(1)

    assert world.submitted(1) == {"rider-1": 10_000 * 97_000, "rider-2": 0}
