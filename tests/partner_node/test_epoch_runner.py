"""The epoch runner: from activities to ciphertexts, against a hub that checks and decrypts."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedcarbon.identity.claims import padded_size
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.units import MicrogramsCO2e
from partner_node.storage.epochs import EpochStore
from tests.partner_node.fake_hub import NODE
from tests.partner_node.world import World, at, new_world, person, ride

METRO = 97_000
"""ug per metre."""


# --- what arrives -----------------------------------------------------------------------------


def test_a_ride_arrives_at_its_account_as_a_ciphertext_of_its_exact_reduction(
    riders: World,
) -> None:
    riders.record(ride("a", 1, at(8), km=10))

    riders.run_epoch(1)

    assert riders.submitted(1) == {"rider-1": 10_000 * METRO, "rider-2": 0, "rider-3": 0}


def test_every_block_with_an_account_is_sent_in_every_epoch_with_fresh_ciphertexts(
    world: World,
) -> None:
    world.link(*(person(serial) for serial in range(1, 12)))
    world.settle()

    world.run_epoch(1)
    world.run_epoch(2)

    blocks = world.hub.snapshot_blocks(1)
    assert len(blocks) == 3
    sent = [
        {entry.block: entry.ciphertext for entry in world.hub.entries_of(epoch)} for epoch in (1, 2)
    ]
    assert [tuple(sorted(of_epoch)) for of_epoch in sent] == [blocks, blocks]
    assert len({*sent[0].values(), *sent[1].values()}) == 2 * len(blocks)
    assert set(world.submitted(2).values()) == {0}


def test_a_lost_slot_is_dropped_and_the_rest_of_the_ride_counts(riders: World) -> None:
    riders.record(ride("a", 1, at(8), minutes=20, km=4))
    riders.reveal()
    lost = riders.claim_tokens(1, 1)[at(8, 5)]

    riders.hub.judge(1, [(lost, 0)] * 1)
    winner_is_rival = lost in riders.hub.epochs[1].lost[NODE]
    riders.hub.open_submissions(1)
    riders.settle()

    expected = 3_000 * METRO if winner_is_rival else 4_000 * METRO
    assert riders.submitted(1)["rider-1"] == expected


def test_a_better_rank_of_a_rival_wins_and_half_a_ride_lost_is_the_ride_lost(
    riders: World,
) -> None:
    riders.record(
        ride("half", 1, at(8), minutes=20, km=4, evidence=1),
        ride("whole", 1, at(10), minutes=20, km=8, evidence=1),
    )
    riders.reveal()
    tokens = riders.claim_tokens(1, 1)

    riders.hub.judge(1, [(tokens[at(8)], 0), (tokens[at(8, 15)], 0), (tokens[at(10)], 0)])
    riders.hub.open_submissions(1)
    riders.settle()

    assert riders.submitted(1)["rider-1"] == 6_000 * METRO


def test_a_worse_rank_of_a_rival_takes_nothing(riders: World) -> None:
    riders.record(ride("a", 1, at(8)))
    riders.reveal()

    riders.hub.judge(1, [(token, 2) for token in riders.claim_tokens(1, 1).values()])
    riders.hub.open_submissions(1)
    riders.settle()

    assert riders.submitted(1)["rider-1"] == 10_000 * METRO


def test_the_cap_applies_per_person_and_day_after_everything_else(tmp_path: Path) -> None:
    world = new_world(tmp_path, cap_ug=MicrogramsCO2e(500_000_000), epoch_days=3)
    world.link(person(1))
    world.settle()
    for day in (1, 2):
        world.record(ride(f"d{day}", 1, at(8, day=day), km=6))
    world.record(ride("d3", 1, at(8, day=3), km=2))

    world.run_epoch(1)

    assert world.submitted(1)["rider-1"] == 500_000_000 + 500_000_000 + 2_000 * METRO
    world.database.close()


def test_a_ride_over_midnight_is_split_between_two_epochs(riders: World) -> None:
    riders.record(ride("night", 1, at(23, 50), minutes=20, km=4))

    riders.run_epoch(1)
    riders.run_epoch(2)

    assert riders.submitted(1)["rider-1"] == 2_000 * METRO
    assert riders.submitted(2)["rider-1"] == 2_000 * METRO


def test_two_short_rides_in_one_slot_are_one_claim_of_their_sum(riders: World) -> None:
    riders.record(
        ride("a", 1, at(8, 0), minutes=2, km=1),
        ride("b", 1, at(8, 2), minutes=2, km=2),
    )

    riders.run_epoch(1)

    assert riders.node.status().epochs[0].claims_sent == 1
    assert riders.submitted(1)["rider-1"] == 3_000 * METRO


def test_ranks_are_never_better_than_the_admission_allows(tmp_path: Path) -> None:
    world = new_world(tmp_path, hub_changes={"best_tier": 1})
    world.link(person(1))
    world.settle()
    world.record(ride("a", 1, at(8), evidence=0), ride("b", 1, at(9), minutes=2, evidence=0, km=1))

    world.run_epoch(1)

    ranks = {claim.rank for claim in EpochStore(world.database).claims(1)}
    assert ranks == {2, 3}
    world.database.close()


def test_lists_are_padded_with_claims_of_the_same_ranks(riders: World) -> None:
    riders.record(ride("a", 1, at(8), minutes=25), ride("b", 2, at(8), minutes=30, evidence=1))

    riders.reveal()

    claims = EpochStore(riders.database).claims(1)
    pads = [claim for claim in claims if claim.person_id is None]
    assert (len(claims), len(pads)) == (padded_size(11), 1)
    assert {claim.rank for claim in pads} <= {0, 2}
    assert len(riders.hub.epochs[1].lists[NODE]) == 12


def test_claims_above_the_admitted_quota_are_rejected_and_counted(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    world.link(person(1))
    world.settle()
    # 72 slots are six hours; the second ride would need a seventh.
    world.record(
        ride("long", 1, at(6), minutes=290, km=100),
        ride("over", 1, at(12), minutes=100, km=10),
        ride("fits", 1, at(15), minutes=50, km=1),
    )

    world.run_epoch(1)

    assert world.node.status().rejected == {"above_claim_quota": 1}
    assert world.submitted(1)["rider-1"] == 101_000 * METRO
    world.database.close()


# --- who counts -------------------------------------------------------------------------------


def test_who_is_enrolled_after_the_plan_counts_from_the_next_epoch(riders: World) -> None:
    riders.clock.at_s = at(1, day=2)
    riders.hub.plan(1)
    riders.link(person(4))
    riders.record(ride("early", 4, at(8)), ride("later", 4, at(8, day=2)))
    riders.settle()
    riders.hub.close_commitments(1)
    riders.hub.witness()
    riders.settle()
    riders.hub.judge(1)
    riders.hub.open_submissions(1)
    riders.settle()
    riders.run_epoch(2)

    assert riders.submitted(1).get("rider-4", 0) == 0
    assert riders.submitted(2)["rider-4"] == 10_000 * METRO
    assert riders.node.status().rejected == {"not_enrolled": 1}


def test_a_withdrawal_keeps_what_was_done_before_and_stops_the_next_epoch(riders: World) -> None:
    riders.record(ride("before", 1, at(8)))
    riders.clock.at_s = at(12)

    from_epoch = riders.node.withdraw_consent("rider-1")
    refused = riders.record(ride("after", 1, at(13)), ride("next", 1, at(8, day=2)))
    riders.settle()
    riders.run_epoch(1)
    riders.run_epoch(2)

    assert from_epoch == 2
    assert [item.reason for item in refused.rejected.values()] == ["consent_withdrawn"] * 2
    assert riders.submitted(1)["rider-1"] == 10_000 * METRO
    assert riders.submitted(2)["rider-1"] == 0


def test_a_ride_recorded_before_its_person_withdrew_does_not_count_in_later_epochs(
    riders: World,
) -> None:
    riders.record(ride("night", 1, at(23, 50), minutes=20, km=4))
    riders.clock.at_s = at(23, 55)
    riders.node.withdraw_consent("rider-1")

    riders.run_epoch(1)
    riders.run_epoch(2)

    assert riders.submitted(1)["rider-1"] == 2_000 * METRO
    assert riders.submitted(2)["rider-1"] == 0
    assert riders.node.status().rejected == {"consent_withdrawn": 1}


def test_a_withdrawal_that_the_hub_has_not_heard_of_in_time_is_kept_by_the_node(
    riders: World,
) -> None:
    riders.record(ride("night", 1, at(23, 50), minutes=20, km=4))
    riders.run_epoch(1)
    riders.clock.at_s = at(1, day=3)
    riders.hub.plan(2)

    # Withdrawn on the first day, but the node could not reach the hub before the second plan.
    riders.database.run("INSERT INTO withdrawals VALUES ('rider-1', 1, ?, 2)", [at(23, 55)])
    riders.settle()
    riders.hub.close_commitments(2)
    riders.hub.witness()
    riders.settle()
    riders.hub.judge(2)
    riders.hub.open_submissions(2)
    riders.settle()

    assert riders.submitted(2)["rider-1"] == 0
    assert riders.node.status().rejected == {"consent_withdrawn": 1}
    assert riders.hub.entries[-1].from_epoch == 3


def test_large_submissions_are_cut_into_chunks_that_go_out_one_by_one(
    riders: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedcarbon.submission.chunk_file.entries_max", lambda _: 1)
    riders.link(*(person(serial) for serial in range(4, 12)))
    riders.settle()
    riders.record(ride("a", 11, at(8)))

    riders.run_epoch(1)

    assert len(riders.hub.epochs[1].chunks) == len(riders.hub.snapshot_blocks(1)) == 3
    assert riders.submitted(1)["rider-11"] == 10_000 * METRO
    assert riders.node.status().epochs[0].chunks_sent == 3


def test_a_partner_without_accounts_has_nothing_to_submit(world: World) -> None:
    world.run_epoch(1)

    assert not world.hub.epochs[1].chunks
    assert world.hub.epochs[1].commitments[NODE][1].count == 0


def test_modes_of_the_methodology_have_their_own_factors(riders: World) -> None:
    riders.record(
        ride("bike", 1, at(8), km=2, mode="bike", evidence=1),
        ride("car", 2, at(8), km=10, mode="ev_ride", evidence=1),
    )

    riders.run_epoch(1)

    assert riders.submitted(1) == {
        "rider-1": 2_000 * 98_000,
        "rider-2": 10_000 * 88_000,
        "rider-3": 0,
    }
    header, _ = riders.hub.epochs[1].chunks[0]
    assert header.slot_width_bits == SLOT_WIDTH_BITS
