"""Heads and beacons: what a quorum of real trustees signs, and who is named when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import Session
from structlog.testing import capture_logs

from fedcarbon.epoch.statements import (
    BEACON_BYTES,
    BeaconLabel,
    BeaconValue,
    CommitClosed,
    MissedClaimant,
)
from fedcarbon.identity.threshold import TooFewEvaluationsError
from fedcarbon.ids import Role
from fedcarbon.opening.beacon_checks import SecondBeaconError
from fedcarbon.transparency.checkpoint import (
    PartnerWitnessMissingError,
    QuorumMissingError,
    TreeHead,
    head_in,
)
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.note import SignedNote
from fedcarbon.v1 import trustee_pb2
from hub.record.folded_record import FoldedRecord
from hub.trustees.desk import TrusteeDesk
from tests.hub.federation import (
    AUDITOR,
    FIRST,
    METRO,
    Federation,
    admission,
    key_of,
    opened,
    root_signed,
)
from tests.hub.openings.world import TRUSTEES, LocalPort, World, lost, refusing, run, until


def stored_sizes(world: World) -> list[int]:
    folder = world.folder / "record" / "checkpoints"
    return sorted(int(path.stem) for path in folder.iterdir())


def signers(note: bytes) -> set[str]:
    return {item.name for item in SignedNote.from_bytes(note).signatures}


def add_leaf(world: World, quota: int = 1) -> None:
    world.admit(root_signed(admission(AUDITOR, Role.AUDITOR, object_quota=quota)))


def test_the_present_head_is_signed_by_a_quorum_and_stored(world: World) -> None:
    head = world.witness()

    present = world.hub.read_now(world.hub.record.head)
    assert (head.size, head.root) == (present.size, present.root)
    assert head_in(head.note).size == present.size
    assert len(signers(head.note) & set(TRUSTEES)) >= 4
    assert head_in(head.note).origin in signers(head.note)
    stored = world.hub.read_now(world.hub.record.latest_checkpoint)
    assert stored is not None
    assert signers(stored.note) == signers(head.note) | {METRO}
    assert stored.partner_witnessed
    assert stored_sizes(world) == [present.size]


def test_a_head_that_is_witnessed_is_not_asked_for_again(world: World) -> None:
    head = world.witness()
    asked = world.port.asked.copy()

    assert world.witness() == head
    world.restart()
    assert head_in(world.witness().note) == head_in(head.note)
    assert world.port.asked == asked


def test_time_passes_for_trustees_while_the_record_stands_still(world: World) -> None:
    head = world.witness()
    world.wait(600)

    newer = run(world.desk.witness(not_before_s=world.clock.now_s()))

    assert (newer.size, newer.root) == (head.size, head.root)
    assert newer.timestamp_s == world.clock.now_s() == head.timestamp_s + 600


def test_with_one_trustee_down_heads_are_still_witnessed(world: World) -> None:
    world.port.down = {TRUSTEES[2]}

    assert world.witness().size == world.hub.read_now(world.hub.record.head).size


def test_with_two_trustees_down_the_missing_ones_are_named(world: World) -> None:
    world.port.down = {TRUSTEES[2]}
    world.port.tampers[TRUSTEES[4], "cosign"] = refusing("BODY_MISSING")

    with pytest.raises(QuorumMissingError) as caught:
        world.witness()

    assert "trustee-3 (not connected), trustee-5 (BODY_MISSING)" in str(caught.value)
    assert "3 of the 4" in str(caught.value)
    assert stored_sizes(world) == []


def test_before_all_trustees_are_admitted_there_is_no_quorum(bare: Federation) -> None:
    desk = TrusteeDesk(bare.hub, LocalPort(pytest.fail))

    with pytest.raises(QuorumMissingError, match="not admitted"):
        run(desk.witness())


def signed_otherwise(name: str, **changes: Any) -> Callable[..., trustee_pb2.WorkRequest]:
    """Return what replaces a cosignature by one over something else, signed by `name`."""

    def tamper(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
        note = SignedNote.from_bytes(answer.cosign.note)
        other = replace(TreeHead.from_text(note.text), **changes)
        at_s = note.signatures[0].timestamp_s
        answer.cosign.note = other.cosigned(name, key_of(name), at_s).to_bytes()
        return answer

    return tamper


WRONG = {
    "another root": (signed_otherwise("trustee-1", root=bytes(32)), "FORKED_RECORD"),
    "a smaller head": (signed_otherwise("trustee-1", size=3), "TRUSTEE_ANSWER_WRONG"),
    "another parameter set": (
        signed_otherwise("trustee-1", parameter_id=bytes(32)),
        "TRUSTEE_ANSWER_WRONG",
    ),
    "in another trustee's name": (signed_otherwise("trustee-2"), "SIGNATURE_INVALID"),
    "no signature": (lost, "TRUSTEE_UNAVAILABLE"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_cosignature_does_not_count_and_is_named(world: World, what: str) -> None:
    tamper, code = WRONG[what]
    world.port.tampers[TRUSTEES[0], "cosign"] = tamper

    head = world.witness()

    assert signers(head.note) & set(TRUSTEES) == set(TRUSTEES[1:])
    world.port.down = {TRUSTEES[1]}
    add_leaf(world)
    with pytest.raises(QuorumMissingError, match=rf"trustee-1 \({code}\)"):
        world.witness()


def test_a_partner_that_signs_in_time_ends_the_wait(world: World) -> None:
    world.desk.partner = None
    desk = TrusteeDesk(world.hub, world.port, partner_wait_s=60)

    async def sign_later() -> None:
        waiting = asyncio.create_task(desk.witness_with_partner())
        await until(lambda: bool(stored_sizes(world)))
        head = world.hub.read_now(world.hub.record.latest_checkpoint)
        assert head is not None
        await asyncio.sleep(0)
        world.hub.write_now(lambda session: world.desk.cosigned(session, head, METRO))
        desk.note_cosignature()
        await waiting

    run(sign_later())

    assert world.hub.read_now(world.hub.record.latest_partner_checkpoint) is not None


def test_a_partner_that_has_signed_is_found_however_long_the_look_takes(world: World) -> None:
    world.desk.partner = None
    head = world.witness()
    world.hub.write_now(lambda session: world.desk.cosigned(session, head, METRO))

    run(TrusteeDesk(world.hub, world.port, partner_wait_s=0).witness_with_partner())

    newest = world.hub.read_now(world.hub.record.latest_partner_checkpoint)
    assert newest is not None
    assert newest.size == head.size


def test_without_a_partner_the_wait_ends_with_whom_to_ask(world: World) -> None:
    world.desk.partner = None

    with pytest.raises(PartnerWitnessMissingError, match="partner's node must run"):
        run(world.desk.witness_with_partner())

    assert stored_sizes(world)


def test_while_leaves_are_added_heads_are_witnessed_regularly(world: World) -> None:
    async def add_leaves() -> None:
        task = asyncio.create_task(world.desk.witness_regularly(0.01))
        for quota in range(1, 4):
            await asyncio.to_thread(add_leaf, world, quota)
            size = world.hub.read_now(world.hub.record.head).size
            await until(lambda size=size: size in stored_sizes(world))
        task.cancel()

    run(add_leaves())

    assert len(stored_sizes(world)) >= 3


def test_a_missing_quorum_is_said_once_and_witnessing_goes_on_later(world: World) -> None:
    world.port.down = set(TRUSTEES[:2])

    async def wait_for_trustees(said: list[Any]) -> None:
        task = asyncio.create_task(world.desk.witness_regularly(0.001))
        await until(lambda: bool(said))
        await asyncio.sleep(0.1)  # time enough to say it again
        world.port.down = set()
        await until(lambda: bool(stored_sizes(world)))
        task.cancel()

    with capture_logs() as lines:
        run(wait_for_trustees(lines))

    assert [line["code"] for line in lines if line["event"] == "head_not_witnessed"] == [
        "QUORUM_MISSING"
    ]


@pytest.fixture
def closed(world: World) -> int:
    """Return the index of a leaf that closes an epoch without claims."""
    world.enrol_people(METRO, range(3))
    world.wait_until_end_of(FIRST)
    world.advance()
    world.commit(METRO)
    world.advance()
    leaf = world.epoch().closed_leaf
    assert leaf is not None
    return leaf


def beacons(world: World) -> list[BeaconValue]:
    bodies = world.hub.read_now(
        lambda session: world.hub.record.bodies_of_type(session, LeafType.BEACON_VALUE)
    )
    return [opened(BeaconValue, body) for _, body in bodies]


def test_a_beacon_is_logged_once_and_trustees_accept_it(world: World, closed: int) -> None:
    output = run(world.desk.beacon(BeaconLabel.TIE, closed))

    assert len(output) == BEACON_BYTES
    assert run(world.desk.beacon(BeaconLabel.TIE, closed)) == output
    world.restart()
    assert run(world.desk.beacon(BeaconLabel.TIE, closed)) == output
    (value,) = beacons(world)
    assert (value.output, value.leaf_index, len(value.partials)) == (output, closed, 3)
    folded = FoldedRecord(world.hub)
    assert world.hub.read_now(lambda session: _size(folded, session)) == value.leaf_index + 2


def _size(folded: FoldedRecord, session: Session) -> int:
    with folded.at(session) as view:
        return view.size


def other_element(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
    """Return the answer with the proof's two halves exchanged."""
    proof = answer.beacon.proof
    answer.beacon.proof = proof[32:] + proof[:32]
    return answer


def test_wrong_partials_are_named_and_any_three_right_ones_are_enough(
    world: World, closed: int
) -> None:
    for name in TRUSTEES[:2]:
        world.port.tampers[name, "beacon"] = other_element

    output = run(world.desk.beacon(BeaconLabel.TIE, closed))

    (value,) = beacons(world)
    assert value.output == output
    assert [partial.trustee_id for partial in value.partials] == list(TRUSTEES[2:])


def test_with_two_right_partials_there_is_no_beacon(world: World, closed: int) -> None:
    for name in TRUSTEES[:3]:
        world.port.tampers[name, "beacon"] = other_element

    with capture_logs() as lines, pytest.raises(TooFewEvaluationsError):
        run(world.desk.beacon(BeaconLabel.TIE, closed))

    failed = {(line["trustee_id"], line["code"]) for line in lines}
    assert failed == {(name, "EVALUATION_PROOF_INVALID") for name in TRUSTEES[:3]}
    assert beacons(world) == []


def test_a_second_beacon_over_another_leaf_is_refused(world: World, closed: int) -> None:
    run(world.desk.beacon(BeaconLabel.TIE, closed))
    second = world.hub.write_now(lambda session: _closed_again(world, session, closed))

    with pytest.raises(SecondBeaconError):
        run(world.desk.beacon(BeaconLabel.TIE, second))


def _closed_again(world: World, session: Session, closed: int) -> int:
    statement = opened(CommitClosed, world.hub.record.body(session, closed))
    missed = MissedClaimant(programme_id=statement.lists[0].programme_id, partner_id=METRO)
    other = replace(statement, lists=(), missed=(missed,))
    return world.hub.record.append_own(session, other).index


def test_the_epoch_driver_goes_on_over_the_desk(world: World, closed: int) -> None:
    assert closed
    world.reveal(METRO)

    progress = world.advance()

    assert progress.stalled == []
    assert len(beacons(world)) == 1
