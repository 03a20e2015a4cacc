"""The epoch runner when others break the rules, phases are missed, or clocks differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedcarbon.transparency.leaf import LeafType
from fedcarbon.wire.status import RemoteStateError, UnreachableError
from partner_node.epochs.phases import (
    CommitmentLeftOutError,
    EnrolmentUnsettledError,
    PlannedEarlyError,
    SealedAwayError,
)
from partner_node.epochs.submitting import LossesContradictError
from partner_node.record.epoch_leaves import EpochLeafContradictsError
from partner_node.record.receipts import PromiseBrokenError
from partner_node.storage.record import RecordStore
from tests.partner_node.fake_hub import NODE
from tests.partner_node.world import World, at, new_world, person, ride

METRO = 97_000
"""ug per metre."""


# --- what must hold before a token is shown -----------------------------------------------------


def test_no_list_is_revealed_before_the_closing_leaf_is_witnessed(riders: World) -> None:
    riders.record(ride("a", 1, at(8)))
    riders.hub.witness()
    riders.commit()

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


def test_a_node_whose_clock_is_a_little_late_waits_for_the_end_of_the_day(riders: World) -> None:
    riders.clock.at_s = at(23, 59)
    riders.hub.plan(1)

    assert riders.settle() == []

    assert riders.record(ride("last", 1, at(23, 0))).accepted == 1
    riders.clock.at_s = at(0, day=2)
    assert riders.settle() == ["claims_committed"]


def test_an_epoch_planned_before_its_last_day_is_over_is_refused(riders: World) -> None:
    riders.clock.at_s = at(22)
    riders.hub.plan(1)

    with pytest.raises(PlannedEarlyError):
        riders.step()

    assert riders.record(ride("last", 1, at(23, 0))).accepted == 1


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
    riders.commit()
    riders.hub.judge(1)
    riders.hub.open_submissions(1)

    riders.settle()

    assert riders.submitted(1) == {"rider-1": 0, "rider-2": 0, "rider-3": 0}
    header, _ = riders.hub.epochs[1].chunks[0]
    assert header.evidence_root == riders.hub.epochs[1].commitments[NODE][1].evidence_root


def test_late_activities_are_rejected_once_the_epoch_is_cut_off(riders: World) -> None:
    riders.record(ride("a", 1, at(8)))
    riders.commit()

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
    riders.reveal()
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
    riders.reveal()
    riders.hub.seal(1, missing=(NODE,))

    assert riders.settle() == ["epoch_missed"]
    assert riders.node.status().epochs[0].stage == "done"


@pytest.mark.parametrize(
    "lie", ["foreign token", "token twice", "fewer than said", "other positions for trustees"]
)
def test_verdicts_about_another_list_are_refused(riders: World, lie: str) -> None:
    riders.record(ride("a", 1, at(8)))
    riders.reveal()
    own = riders.claim_tokens(1, 1)[at(8)]
    riders.hub.judge(1)
    riders.hub.open_submissions(1)
    lost = {"foreign token": (bytes(16),), "token twice": (own, own)}
    riders.hub.epochs[1].lost[NODE] = lost.get(lie, (own,))
    riders.hub.shifted_losses = 1 if lie == "other positions for trustees" else 0
    riders.hub.unsaid_losses = 3 if lie == "fewer than said" else 0

    with pytest.raises(LossesContradictError):
        riders.step()

    assert not riders.hub.epochs[1].chunks


# --- answers and classes that come late -----------------------------------------------------------


def test_a_commitment_whose_answer_was_lost_gets_its_receipt_in_the_next_phase(
    riders: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    riders.record(ride("a", 1, at(8)))
    riders.clock.at_s = at(1, day=2)
    riders.hub.plan(1)
    honest = riders.hub.create_claim_commitment

    def deaf(request: Any) -> Any:
        honest(request)
        raise UnreachableError("the answer was lost")

    with monkeypatch.context() as patched:
        patched.setattr(riders.hub, "create_claim_commitment", deaf)
        riders.node.step()
    riders.hub.close_commitments(1)
    riders.hub.witness()

    events = riders.settle()

    assert events == ["claims_committed", "claims_revealed"]


def test_an_epoch_waits_for_the_answer_to_an_enrolment_batch(
    riders: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    riders.link(person(4))
    riders.clock.at_s = at(1, day=2)

    def refuse(_request: Any) -> Any:
        raise RemoteStateError("PARTNERS_MAX_REACHED", "no room for one more partner")

    monkeypatch.setattr(riders.hub, "create_enrolment_batch", refuse)
    riders.node.step()
    riders.hub.plan(1)

    progress = riders.node.step()

    assert [problem.error.code for problem in progress.problems] == [
        "PARTNERS_MAX_REACHED",
        EnrolmentUnsettledError.code,
    ]
    assert NODE not in riders.hub.epochs[1].commitments


def test_what_a_newer_methodology_does_not_count_is_rejected_in_the_epoch(riders: World) -> None:
    riders.record(ride("a", 1, at(8)), ride("b", 2, at(8)))
    riders.database.run(
        "INSERT INTO activities SELECT 'c', person_ref, person_id, methodology_id, activity_type, "
        "'', started_at_s + 7200, ended_at_s + 7200, 0, replace(field_values, 'rail', 'bus'), "
        "first_day, last_day, 4 FROM activities WHERE activity_id = 'a'"
    )

    riders.run_epoch(1)

    assert riders.node.status().rejected == {"mode_not_covered": 1}
    assert riders.submitted(1)["rider-2"] == 10_000 * METRO


def test_a_head_signed_while_the_node_was_reading_is_followed(
    riders: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = riders.hub.get_checkpoint

    def busy(request: Any) -> Any:
        riders.hub.log(LeafType.SEAL, b"meanwhile")
        riders.hub.witness()
        return honest(request)

    monkeypatch.setattr(riders.hub, "get_checkpoint", busy)

    riders.step()

    assert RecordStore(riders.database).head().size == len(riders.hub.leaves)
