"""The epoch runner: from activities to ciphertexts, against a hub that checks and decrypts."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedcarbon.identity.claims import padded_size
from fedcarbon.methodology.activity import Mode
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.units import MicrogramsCO2e
from partner_node.epochs.phases import CommitmentLeftOutError, PlannedEarlyError, SealedAwayError
from partner_node.epochs.submitting import LossesContradictError
from partner_node.persons.summary import EpochSummary
from partner_node.record.epoch_leaves import EpochLeafContradictsError
from partner_node.record.receipts import PromiseBrokenError
from partner_node.storage.epochs import EpochStore
from tests.partner_node.fake_hub import NODE
from tests.partner_node.world import World, at, new_world, person, ride

METRO = 97_000
"""ug per metre."""


def commit(world: World, epoch: int = 1) -> None:
    """Take an epoch through phase 1a, its closing leaf not witnessed yet."""
    world.clock.at_s = at(1, day=epoch + 1)
    world.hub.plan(epoch)
    world.settle()
    world.hub.close_commitments(epoch)


def reveal(world: World, epoch: int = 1) -> None:
    """Take an epoch through phase 1b."""
    commit(world, epoch)
    world.hub.witness()
    world.settle()


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
    sent = [dict(world.hub.ciphertexts_of(epoch)) for epoch in (1, 2)]
    assert [tuple(sorted(of_epoch)) for of_epoch in sent] == [blocks, blocks]
    assert len({*sent[0].values(), *sent[1].values()}) == 2 * len(blocks)
    assert set(world.submitted(2).values()) == {0}


def test_a_lost_slot_is_dropped_and_the_rest_of_the_ride_counts(riders: World) -> None:
    riders.record(ride("a", 1, at(8), minutes=20, km=4))
    reveal(riders)
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
    reveal(riders)
    tokens = riders.claim_tokens(1, 1)

    riders.hub.judge(1, [(tokens[at(8)], 0), (tokens[at(8, 15)], 0), (tokens[at(10)], 0)])
    riders.hub.open_submissions(1)
    riders.settle()

    assert riders.submitted(1)["rider-1"] == 6_000 * METRO
    summary = riders.node.summary("rider-1")
    assert summary.epochs == (
        EpochSummary(
            epoch=1,
            reduction_ug=MicrogramsCO2e(12_000 * METRO),
            submitted_ug=MicrogramsCO2e(6_000 * METRO),
            lost_slots=3,
        ),
    )


def test_a_worse_rank_of_a_rival_takes_nothing(riders: World) -> None:
    riders.record(ride("a", 1, at(8)))
    reveal(riders)

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

    reveal(riders)

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


# --- what must hold before a token is shown -----------------------------------------------------


def test_no_list_is_revealed_before_the_closing_leaf_is_witnessed(riders: World) -> None:
    riders.record(ride("a", 1, at(8)))
    riders.hub.witness()
    commit(riders)

    riders.settle()
    too_few = NODE in riders.hub.epochs[1].lists
    riders.hub.witness()
    riders.settle()

    assert not too_few
    assert NODE in riders.hub.epochs[1].lists


def test_a_closing_leaf_without_the_own_commitment_ends_the_reveal(riders: World) -> None:
    riders.record(ride("a", 1, at(8)))
    riders.clock.at_s = at(1, day=2)
    riders.hub.plan(1)
    riders.settle()
    riders.hub.close_commitments(1, leave_out=frozenset({NODE}))
    riders.hub.witness()

    with pytest.raises(CommitmentLeftOutError):
        riders.step()

    assert NODE not in riders.hub.epochs[1].lists
    assert [text.split(":")[0] for text in riders.node.status().incidents] == [
        CommitmentLeftOutError.code
    ]
    assert riders.node.last_error.startswith(CommitmentLeftOutError.code)


def test_a_record_that_breaks_a_receipt_stops_everything(riders: World) -> None:
    riders.record(ride("a", 1, at(8)))
    riders.clock.at_s = at(1, day=2)
    riders.hub.plan(1)
    riders.step()
    committed = riders.hub.epochs[1].commitments[NODE][0]
    leaf, salt, body = riders.hub.leaves[committed]
    riders.hub.leaves[committed] = (leaf[:-1] + bytes((leaf[-1] ^ 1,)), salt, body)
    riders.hub.witness()

    with pytest.raises(PromiseBrokenError):
        riders.step()

    assert NODE not in riders.hub.epochs[1].lists


def test_an_epoch_planned_before_its_last_day_is_over_is_refused(riders: World) -> None:
    riders.clock.at_s = at(23, 59)
    riders.hub.plan(1)

    with pytest.raises(PlannedEarlyError):
        riders.step()

    accepted = riders.record(ride("last", 1, at(23, 0))).accepted
    assert accepted == 1


def test_a_second_plan_of_an_epoch_is_refused(riders: World) -> None:
    riders.clock.at_s = at(1, day=2)
    riders.hub.plan(1)
    riders.hub.plan(1)

    with pytest.raises(EpochLeafContradictsError, match="twice"):
        riders.step()


# --- phases that were missed --------------------------------------------------------------------


def test_a_partner_that_misses_phase_1a_submits_zeros(riders: World) -> None:
    riders.record(ride("a", 1, at(8)))
    riders.clock.at_s = at(1, day=2)
    riders.hub.plan(1)
    riders.hub.close_commitments(1)
    riders.hub.witness()
    riders.settle()
    riders.hub.judge(1)
    riders.hub.open_submissions(1)

    riders.settle()

    assert riders.submitted(1) == {"rider-1": 0, "rider-2": 0, "rider-3": 0}
    header, _ = riders.hub.epochs[1].chunks[0]
    assert header.evidence_root == bytes(32)
    assert riders.record(ride("late", 1, at(12))).rejected[0].reason == "late"


def test_a_partner_that_misses_phase_1b_submits_zeros_under_its_evidence_root(
    riders: World,
) -> None:
    riders.record(ride("a", 1, at(8)))
    commit(riders)
    riders.hub.judge(1)
    riders.hub.open_submissions(1)

    riders.settle()

    assert riders.submitted(1) == {"rider-1": 0, "rider-2": 0, "rider-3": 0}
    header, _ = riders.hub.epochs[1].chunks[0]
    assert header.evidence_root == riders.hub.epochs[1].commitments[NODE][1].evidence_root


def test_late_activities_are_rejected_once_the_epoch_is_cut_off(riders: World) -> None:
    riders.record(ride("a", 1, at(8)))
    commit(riders)

    outcome = riders.record(
        ride("late", 1, at(12)),
        ride("night", 2, at(23, 50), minutes=20),
        ride("next", 1, at(12, day=2)),
    )

    assert {item.activity_id: item.reason for item in outcome.rejected.values()} == {
        "late": "late",
        "night": "late",
    }
    assert riders.record(ride("a", 1, at(8))).accepted == 1


def test_a_node_waits_for_late_trips_as_long_as_it_is_told_to(tmp_path: Path) -> None:
    world = new_world(tmp_path, commit_delay_s=1800)
    world.link(person(1))
    world.settle()
    world.clock.at_s = at(0, 10, day=2)
    world.hub.plan(1, window_s=7200)

    world.settle()
    waited = NODE not in world.hub.epochs[1].commitments
    accepted = world.record(ride("late", 1, at(23))).accepted
    world.clock.at_s = at(0, 30, day=2)
    world.settle()

    assert waited
    assert accepted == 1
    assert NODE in world.hub.epochs[1].commitments
    world.database.close()


# --- the end ------------------------------------------------------------------------------------


def test_a_seal_without_accepted_chunks_is_an_incident(riders: World) -> None:
    reveal(riders)
    riders.hub.judge(1)
    riders.hub.open_submissions(1)
    riders.settle()
    riders.hub.seal(1, missing=(NODE,))

    with pytest.raises(SealedAwayError):
        riders.step()

    status = riders.node.status()
    assert status.epochs[0].missing
    assert status.incidents[0].startswith(SealedAwayError.code)
    assert riders.settle() == []


def test_a_seal_that_came_before_the_submission_is_noted_as_missing(riders: World) -> None:
    reveal(riders)
    riders.hub.seal(1, missing=(NODE,))

    assert riders.settle() == ["epoch_missed"]
    assert riders.node.status().epochs[0].stage == "done"


@pytest.mark.parametrize("lie", ["foreign token", "token twice", "fewer than said"])
def test_verdicts_about_another_list_are_refused(riders: World, lie: str) -> None:
    riders.record(ride("a", 1, at(8)))
    reveal(riders)
    own = riders.claim_tokens(1, 1)[at(8)]
    riders.hub.judge(1)
    riders.hub.open_submissions(1)
    lost = {"foreign token": (bytes(16),), "token twice": (own, own), "fewer than said": (own,)}
    riders.hub.epochs[1].lost[NODE] = lost[lie]
    riders.hub.unsaid_losses = 3 if lie == "fewer than said" else 0

    with pytest.raises(LossesContradictError):
        riders.step()

    assert not riders.hub.epochs[1].chunks


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
        ride("bike", 1, at(8), km=2, mode=Mode.BIKE, evidence=1),
        ride("car", 2, at(8), km=10, mode=Mode.EV_RIDE, evidence=1),
    )

    riders.run_epoch(1)

    assert riders.submitted(1) == {
        "rider-1": 2_000 * 98_000,
        "rider-2": 10_000 * 88_000,
        "rider-3": 0,
    }
    header, _ = riders.hub.epochs[1].chunks[0]
    assert header.slot_width_bits == SLOT_WIDTH_BITS
