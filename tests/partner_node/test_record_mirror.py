"""The node's copy of the record: a hub that forks, hides or swaps is caught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedcarbon.clock import SteppedClock
from fedcarbon.epoch.statements import EpochPlan
from fedcarbon.errors import FedcarbonError, SignatureInvalidError
from fedcarbon.ids import EpochIndex, PartyId, Role
from fedcarbon.parameters.parameter_set import ParametersInvalidError
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.transparency.checkpoint import ForkedRecordError, QuorumMissingError
from fedcarbon.transparency.envelope import SigningKey, sign
from fedcarbon.transparency.leaf import LeafType, commit
from partner_node.record.epoch_leaves import EpochLeafContradictsError, LeafNotReadError
from partner_node.record.foundation import FoundationMissingError
from partner_node.record.mirror import BodyMismatchError, RecordGapError
from partner_node.storage.record import RecordStore
from tests.keys.ceremonies import dealt
from tests.partner_node import world as worlds
from tests.partner_node.fake_hub import HUB, NODE, FakeHub
from tests.partner_node.world import World, at, programme, restarted


def mirrored(world: World) -> RecordStore:
    return RecordStore(world.database)


def test_the_witnessed_prefix_grows_with_signed_heads(world: World) -> None:
    world.hub.witness()
    world.step()
    first = mirrored(world).head().size
    world.hub.log(LeafType.SEAL, b"something")
    world.step()
    unwitnessed = (mirrored(world).size(), mirrored(world).head().size)
    world.hub.witness()
    world.step()

    assert first == len(world.hub.leaves) - 1
    assert unwitnessed == (first + 1, first)
    assert mirrored(world).head().size == first + 1


def test_a_head_over_other_leaves_is_a_fork(world: World) -> None:
    world.hub.log(LeafType.SEAL, b"shown to this partner")
    world.step()
    shown = world.hub.leaves[-1]
    world.hub.leaves[-1] = (commit(LeafType.SEAL, bytes(32), b"x").to_bytes(), bytes(32), b"x")
    world.hub.witness()
    world.hub.leaves[-1] = shown

    with pytest.raises(ForkedRecordError):
        world.step()


def test_another_head_of_the_same_size_is_a_fork(world: World) -> None:
    world.hub.witness()
    world.step()
    kept = list(world.hub.leaves)
    world.hub.leaves[-1] = (commit(LeafType.SEAL, bytes(32), b"x").to_bytes(), bytes(32), b"x")
    world.hub.witness()
    world.hub.leaves = kept

    with pytest.raises(ForkedRecordError, match="differ"):
        world.step()


def test_three_of_five_signatures_are_no_quorum(world: World) -> None:
    world.hub.witness(trustees=3)

    with pytest.raises(QuorumMissingError, match="3 of the 4"):
        world.step()


def test_a_record_that_shrinks_is_refused(world: World) -> None:
    world.hub.leaves.pop()

    with pytest.raises(RecordGapError, match="after showing"):
        world.step()


def change_answer(world: World, monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    honest = world.hub.list_leaves

    def changed(request: Any) -> Any:
        answer = honest(request)
        change(answer)
        return answer

    monkeypatch.setattr(world.hub, "list_leaves", changed)


def raise_index(answer: Any) -> None:
    for item in answer.leaves:
        item.index += 1


def clear_leaves(answer: Any) -> None:
    del answer.leaves[:]


def swap_body(answer: Any) -> None:
    for item in answer.leaves:
        if item.HasField("body"):
            item.body = b"another body"


def hide_body(answer: Any) -> None:
    for item in answer.leaves:
        item.ClearField("body")


LIES = {
    "a leaf left out": (raise_index, RecordGapError),
    "fewer leaves than promised": (clear_leaves, RecordGapError),
    "another body": (swap_body, BodyMismatchError),
    "a public body kept back": (hide_body, RecordGapError),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_page_of_leaves_that_lies_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    change, error = LIES[lie]
    world.hub.admit(PartyId("icbc"), Role.WALLET_OPERATOR)
    change_answer(world, monkeypatch, change)
    before = mirrored(world).size()

    with pytest.raises(error):
        world.step()

    assert mirrored(world).size() == before


# --- the foundation -----------------------------------------------------------------------------


def unread(path: Path, hub: FakeHub) -> World:
    return restarted(path, hub, SteppedClock(at(12)))


def test_an_empty_record_says_what_is_missing(tmp_path: Path) -> None:
    hub = FakeHub(dealt(), programme(), SteppedClock(at(12)))
    hub.leaves.clear()
    world = unread(tmp_path, hub)

    with pytest.raises(FoundationMissingError, match="no parameters"):
        world.node.read_record()
    with pytest.raises(FoundationMissingError):
        _ = world.node.programme
    world.database.close()


def test_a_partner_that_is_not_admitted_is_told_whom_to_ask(tmp_path: Path) -> None:
    hub = FakeHub(dealt(), programme(), SteppedClock(at(12)))
    hub.leaves = [hub.leaves[0], hub.leaves[1], hub.leaves[-1]]
    world = unread(tmp_path, hub)

    with pytest.raises(FoundationMissingError, match="root key holders"):
        world.node.read_record()
    world.database.close()


def test_other_parameters_than_the_roots_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = worlds.roots()
    monkeypatch.setattr(
        worlds,
        "roots",
        lambda: TrustRoots(parameter_id=bytes(32), threshold=3, root_keys=true.root_keys),
    )
    world = unread(tmp_path, FakeHub(dealt(), programme(), SteppedClock(at(12))))

    with pytest.raises(ParametersInvalidError, match="not the one"):
        world.node.read_record()
    world.database.close()


def test_a_programme_with_too_few_root_signatures_is_refused(tmp_path: Path) -> None:
    hub = FakeHub(dealt(), programme(), SteppedClock(at(12)))
    two = dict(list(hub.roots.items())[:2])
    hub.leaves.pop()
    hub.log(LeafType.PROGRAMME, sign(programme(), two).to_bytes())
    world = unread(tmp_path, hub)

    with pytest.raises(SignatureInvalidError, match="2 of the 3"):
        world.node.read_record()
    world.database.close()


def test_a_hub_that_no_root_key_admitted_signs_nothing_that_counts(world: World) -> None:
    world.hub.keys = world.hub.keys | {HUB: SigningKey(b"m" * 32)}
    world.clock.at_s = at(1, day=2)
    world.hub.plan(1)

    with pytest.raises(SignatureInvalidError):
        world.step()

    assert NODE not in world.hub.epochs[1].commitments


def test_a_party_admitted_later_is_known_in_the_next_step(world: World) -> None:
    world.step()
    before = len(world.node._member.foundation.parties)
    world.hub.keys = world.hub.keys | {PartyId("new-bank"): SigningKey(b"n" * 32)}
    world.hub.admit(PartyId("new-bank"), Role.WALLET_OPERATOR)

    world.step()

    assert len(world.node._member.foundation.parties) == before + 1


# --- epoch leaves -------------------------------------------------------------------------------


def plan_like(world: World, **changes: Any) -> EpochPlan:
    fields: dict[str, Any] = {
        "parameter_id": world.hub.parameters.parameter_id,
        "programme_id": world.hub.programme.programme_id,
        "epoch": EpochIndex(1),
        "snapshot_size": len(world.hub.leaves),
        "commit_until_s": at(3, day=2),
        "reveal_until_s": at(4, day=2),
        "submit_until_s": at(5, day=2),
    }
    return EpochPlan(**fields | changes)


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "of another programme": {"programme_id": "other"},
    "of another epoch": {"epoch": EpochIndex(2)},
    "over leaves to come": {"snapshot_size": 10_000},
    "over an old snapshot": {"snapshot_size": 3},
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_plan_is_refused(world: World, case: str) -> None:
    world.clock.at_s = at(1, day=2)
    world.hub.plan(1)
    world.hub.leaves.pop()
    world.hub.log_own(LeafType.EPOCH_PLAN, plan_like(world, **CONTRADICTIONS[case]))

    with pytest.raises(EpochLeafContradictsError):
        world.step()

    assert NODE not in world.hub.epochs[1].commitments


def test_a_plan_leaf_that_is_something_else_is_refused(world: World) -> None:
    world.clock.at_s = at(1, day=2)
    world.hub.plan(1)
    world.hub.epochs[1].plan_leaf = 0

    with pytest.raises(EpochLeafContradictsError, match="no epoch_plan"):
        world.step()


def test_a_plan_leaf_beyond_the_record_is_waited_for(world: World) -> None:
    world.clock.at_s = at(1, day=2)
    world.hub.plan(1)
    world.hub.epochs[1].plan_leaf = 500

    with pytest.raises(LeafNotReadError):
        world.step()


def test_one_bad_epoch_does_not_hold_up_the_others(riders: World) -> None:
    riders.clock.at_s = at(1, day=3)
    riders.hub.plan(1)
    riders.hub.plan(2)
    riders.hub.epochs[1].plan_leaf = 0

    progress = riders.node.step()

    assert [event.name for event in progress.events] == ["claims_committed"]
    assert [problem.part for problem in progress.problems] == ["epoch 1"]
    assert all(isinstance(problem.error, FedcarbonError) for problem in progress.problems)
