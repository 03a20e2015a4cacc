"""Opening accounts with real trustees: what works, and who cannot hold it up."""

from __future__ import annotations

import hashlib

import pytest
from structlog.testing import capture_logs

from fedcarbon.canonical import statement as statements
from fedcarbon.clock import SteppedClock
from fedcarbon.opening.share_file import ShareFile
from fedcarbon.opening.statements import OpeningResult, OpeningStart, Refusal, share_context
from fedcarbon.paillier.cipher import ciphertext_to_bytes
from fedcarbon.paillier.combine import ShareBatch, verify_shares
from fedcarbon.paillier.share_proof import ShareProof
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import UG_PER_KILOGRAM, MicrogramsCO2e, Seconds
from fedcarbon.v1 import trustee_pb2
from hub.openings.states import OpeningState
from tests.hub.federation import FIRST, METRO, SECOND, opened, token
from tests.hub.openings.world import (
    GRAM,
    GRAMS,
    PEOPLE,
    POLICY,
    TRUSTEES,
    World,
    lost,
    refusing,
)


def starts(world: World) -> list[OpeningStart]:
    bodies = world.hub.read_now(
        lambda session: world.hub.record.bodies_of_type(session, LeafType.OPENING_START)
    )
    return [opened(OpeningStart, body) for _, body in bodies]


def results(world: World) -> list[OpeningResult]:
    bodies = world.hub.read_now(
        lambda session: world.hub.record.bodies_of_type(session, LeafType.OPENING_RESULT)
    )
    return [opened(OpeningResult, body) for _, body in bodies]


def test_an_account_is_opened_and_credited_with_the_sum_of_all_partners(world: World) -> None:
    request_id = world.request(world.bound(1))

    progress = world.advance_openings()

    assert (progress.opened, progress.pending) == (1, 0)
    opening = world.opening(request_id)
    assert (opening.state, opening.attempts) == (OpeningState.OPENED, 1)
    assert opening.opened_ug == 3 * GRAMS[1] * GRAM
    assert world.credited_ug(1) == 3 * GRAMS[1] * GRAM
    assert world.credited_ug(2) == 0


def test_people_of_one_block_are_opened_by_one_decryption(world: World) -> None:
    blocks = {world.place(person).block for person in PEOPLE}
    for person in PEOPLE:
        world.request(world.bound(person))

    world.advance_openings()

    assert len(starts(world)) == len(blocks) < len(PEOPLE)
    for person in PEOPLE:
        assert world.credited_ug(person) == 3 * GRAMS[person] * GRAM


def test_a_later_opening_credits_the_difference(world: World) -> None:
    binding_id = world.bound(1)
    world.request(binding_id)
    world.advance_openings()
    world.seal({1: 5}, SECOND)

    request_id = world.request(binding_id, SECOND, previous_epoch=FIRST)
    world.advance_openings()

    assert world.opening(request_id).opened_ug == 3 * (GRAMS[1] + 5) * GRAM
    assert world.credited_ug(1) == 3 * (GRAMS[1] + 5) * GRAM
    lines = [line.transfer.amount for line in world.statement(1).lines]
    assert lines == [3 * GRAMS[1] * GRAM, 15 * GRAM]


def test_the_result_names_files_that_prove_it(world: World) -> None:
    world.request(world.bound(1))
    world.advance_openings()
    parameters, hub = world.hub.parameters, world.hub

    (result,) = results(world)

    start_leaf = hub.read_now(lambda session: hub.record.leaf(session, result.start_leaf)).leaf
    assert len(result.shares) == parameters.threshold
    for batch in result.shares:
        data = hub.record.files.get(batch.file_sha256)
        file = statements.decode(ShareFile, data)
        assert hashlib.sha256(data).digest() == batch.file_sha256
        masked = [ciphertext_to_bytes(parameters.public_key, value) for value in file.masked]
        verify_shares(
            parameters.threshold_key,
            file.masked,
            ShareBatch(
                trustee=parameters.trustee_index(file.trustee_id),
                shares=file.shares,
                proof=ShareProof.from_bytes(parameters.threshold_key, file.proof),
            ),
            parameter_id=parameters.parameter_id,
            context=share_context([start_leaf], masked),
        )


def test_one_trustee_of_five_down_changes_nothing(world: World) -> None:
    world.request(world.bound(1))
    world.port.down = {TRUSTEES[0]}

    progress = world.advance_openings()

    assert (progress.opened, progress.attempts) == (1, 1)


def test_with_two_trustees_down_a_request_waits_and_is_opened_when_one_is_back(
    world: World,
) -> None:
    request_id = world.request(world.bound(1))
    world.port.down = set(TRUSTEES[:2])

    world.advance_openings()

    waiting = world.opening(request_id)
    assert (waiting.state, waiting.code) == (OpeningState.REQUESTED, "QUORUM_MISSING")
    assert "trustee-1 (not connected), trustee-2 (not connected)" in waiting.detail
    assert starts(world) == []

    world.port.down = {TRUSTEES[0]}
    world.advance_openings()

    assert (world.opening(request_id).state, world.opening(request_id).code) == (
        OpeningState.OPENED,
        "",
    )
    assert world.credited_ug(1) == 3 * GRAMS[1] * GRAM


def wrong_share(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
    """Return the answer with another number as its first share."""
    share = int.from_bytes(answer.share.shares[0], "big")
    answer.share.shares[0] = (share + 1).to_bytes(len(answer.share.shares[0]), "big")
    return answer


def other_mask(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
    """Return the answer with a mask that was not committed to."""
    mask = int.from_bytes(answer.reveal_mask.masks[0], "big")
    width = len(answer.reveal_mask.masks[0])
    answer.reveal_mask.masks[0] = (mask + 1).to_bytes(width, "big")
    return answer


def forged_signature(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
    """Return the answer with a signature over something else."""
    answer.sign_start.signatures[0] = bytes(64)
    return answer


def one_hash_too_many(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
    """Return the answer with a hash that nobody asked for."""
    answer.mask.mask_hashes.append(bytes(32))
    return answer


def another_answer(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
    """Return an answer to an order that was not given."""
    return trustee_pb2.WorkRequest(
        order_id=answer.order_id, cosign=trustee_pb2.CosignAnswer(note=b"?")
    )


FAULTS = {
    "a wrong share": ("share", wrong_share, "SHARE_PROOF_INVALID", 2),
    "a share withheld": ("share", lost, "TRUSTEE_UNAVAILABLE", 2),
    "a mask withheld": ("reveal_mask", lost, "TRUSTEE_UNAVAILABLE", 2),
    "a mask that was not committed to": ("reveal_mask", other_mask, "MASK_HASH_DIFFERS", 2),
    "a forged signature of a start": ("sign_start", forged_signature, "SIGNATURE_INVALID", 1),
    "a signature withheld": ("sign_start", lost, "TRUSTEE_UNAVAILABLE", 1),
    "too many mask hashes": ("mask", one_hash_too_many, "TRUSTEE_ANSWER_WRONG", 1),
    "no mask hashes": ("mask", lost, "TRUSTEE_UNAVAILABLE", 1),
    "an answer to another order": ("mask", another_answer, "TRUSTEE_ANSWER_WRONG", 1),
    "a refusal of the whole batch": ("mask", refusing("BODY_MISSING"), "BODY_MISSING", 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_trustee_that_fails_is_named_and_another_takes_its_place(
    world: World, fault: str
) -> None:
    kind, tamper, code, attempts = FAULTS[fault]
    request_id = world.request(world.bound(1))
    world.port.tampers[TRUSTEES[1], kind] = tamper

    with capture_logs() as lines:
        world.advance_openings()

    named = [line for line in lines if line["event"] == "trustee_failed"]
    assert [(line["trustee_id"], line["order"], line["code"]) for line in named] == [
        (TRUSTEES[1], kind, code)
    ]
    opening = world.opening(request_id)
    assert (opening.state, opening.attempts) == (OpeningState.OPENED, attempts)
    assert world.credited_ug(1) == 3 * GRAMS[1] * GRAM
    assert TRUSTEES[1] not in starts(world)[-1].subset


def test_a_second_attempt_never_uses_a_mask_of_the_first(world: World) -> None:
    world.request(world.bound(1))
    world.port.tampers[TRUSTEES[1], "share"] = lost

    world.advance_openings()

    first, second = starts(world)
    assert (first.opening_id, first.attempt + 1) == (second.opening_id, second.attempt)
    assert not set(first.mask_hashes) & set(second.mask_hashes)


def test_a_trustee_that_failed_is_not_asked_first_for_the_next_account(world: World) -> None:
    world.request(world.bound(1))
    world.port.tampers[TRUSTEES[1], "share"] = wrong_share
    world.advance_openings()
    world.request(world.bound(2))

    progress = world.advance_openings()

    assert (progress.opened, progress.attempts) == (1, 1)


def test_three_trustees_that_withhold_shares_leave_the_request_pending_until_they_give_them(
    world: World,
) -> None:
    request_id = world.request(world.bound(1))
    for name in TRUSTEES[:3]:
        world.port.tampers[name, "share"] = lost

    world.advance_openings()

    stuck = world.opening(request_id)
    assert (stuck.state, stuck.code) == (OpeningState.STARTED, "TRUSTEES_MISSING")

    world.port.tampers.clear()
    world.advance_openings()

    assert world.opening(request_id).state is OpeningState.OPENED
    assert world.credited_ug(1) == 3 * GRAMS[1] * GRAM


def test_starts_come_to_an_end(world: World) -> None:
    request_id = world.request(world.bound(1))
    for name in TRUSTEES[:3]:
        world.port.tampers[name, "share"] = lost

    for _ in range(3):
        world.advance_openings()

    refused = world.opening(request_id)
    assert (refused.state, refused.code) == (OpeningState.REFUSED, "STARTS_EXHAUSTED")
    assert refused.attempts == POLICY.starts_max
    assert world.credited_ug(1) == 0


def test_a_request_that_one_trustee_refuses_is_opened_by_others(world: World) -> None:
    request_id = world.request(world.bound(1))
    world.port.tampers[TRUSTEES[0], "mask"] = refusing("PAST_EPOCH_AFTER_LATER", [0])

    world.advance_openings()

    assert world.opening(request_id).state is OpeningState.OPENED


def test_a_request_that_most_trustees_refuse_for_good_is_refused(world: World) -> None:
    request_id = world.request(world.bound(1))
    for name in TRUSTEES[:3]:
        world.port.tampers[name, "mask"] = refusing("PAST_EPOCH_AFTER_LATER", [0])

    world.advance_openings()

    refused = world.opening(request_id)
    assert (refused.state, refused.code) == (OpeningState.REFUSED, "PAST_EPOCH_AFTER_LATER")


def test_a_request_that_most_trustees_refuse_for_now_waits(world: World) -> None:
    request_id = world.request(world.bound(1))
    for name in TRUSTEES[:3]:
        world.port.tampers[name, "mask"] = refusing("CHUNK_FILE_DIFFERS", [0])

    world.advance_openings()

    waiting = world.opening(request_id)
    assert (waiting.state, waiting.code) == (OpeningState.REQUESTED, "CHUNK_FILE_DIFFERS")

    world.port.tampers.clear()
    world.advance_openings()

    assert world.opening(request_id).state is OpeningState.OPENED


def test_one_refused_request_does_not_hold_up_its_neighbours_in_the_block(world: World) -> None:
    first, second = neighbours(world)
    requests = {person: world.request(world.bound(person)) for person in (first, second)}
    for name in TRUSTEES:
        world.port.tampers[name, "mask"] = refuse_account(world, first)

    world.advance_openings()

    assert world.opening(requests[first]).state is OpeningState.REQUESTED
    assert world.opening(requests[second]).state is OpeningState.OPENED


def neighbours(world: World) -> tuple[int, int]:
    """Return two people of one block."""
    for person in PEOPLE:
        for other in PEOPLE:
            if person < other and world.place(person).block == world.place(other).block:
                return person, other
    raise AssertionError("the seed spreads four people over two blocks")


def refuse_account(world: World, person: int) -> object:
    """Return a tamper that refuses every draft with this person among its targets."""
    seen: list[list[OpeningStart]] = []
    ask = world.port.ask

    async def spy(trustee_id: object, order: trustee_pb2.WorkResponse) -> object:
        if order.WhichOneof("order") == "mask":
            drafts = [statements.decode(OpeningStart, data) for data in order.mask.draft_starts]
            seen.append(drafts)
        return await ask(trustee_id, order)  # type: ignore[arg-type]

    world.port.ask = spy  # type: ignore[assignment, method-assign]

    def tamper(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
        positions = [
            position
            for position, draft in enumerate(seen[-1])
            if token(person) in {target.account_token for target in draft.targets}
        ]
        return refusing("INCOMPLETE_SEAL", positions)(answer) if positions else answer  # type: ignore[return-value]

    return tamper


def test_a_sum_above_its_caps_is_an_incident_and_credits_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    binding_id = world.bound(1)
    other = world.request(world.bound(2))
    world.seal({1: 49_000, 2: 1}, SECOND)
    # Range proofs keep every sum below its caps. If they did not, this is where it would show.
    low_ug = MicrogramsCO2e(48 * UG_PER_KILOGRAM)
    monkeypatch.setattr("hub.openings.attempt.caps_so_far", lambda *_: low_ug)
    request_id = world.request(binding_id, SECOND)

    with capture_logs() as lines:
        world.advance_openings()

    refused = world.opening(request_id)
    assert (refused.state, refused.code) == (
        OpeningState.REFUSED,
        "OPENED_VALUE_ABOVE_HEADROOM",
    )
    assert [line["code"] for line in lines if line["event"] == "opening_incident"][-1] == (
        "OPENED_VALUE_ABOVE_HEADROOM"
    )
    assert world.credited_ug(1) == 0
    assert world.opening(other).state is OpeningState.OPENED


def test_a_request_waits_for_its_binding_and_for_nothing_else(world: World) -> None:
    binding_id = world.propose(1)
    world.confirm(binding_id)
    world.witness()
    request_id = world.request(binding_id)

    world.advance_openings()

    waiting = world.opening(request_id)
    assert (waiting.state, waiting.code) == (OpeningState.REQUESTED, "BINDING_WAITS")
    assert METRO not in waiting.detail

    # Nothing is added to the record meanwhile: only time passes.
    world.wait(POLICY.binding_wait_s)
    world.advance_openings()

    assert world.opening(request_id).state is OpeningState.OPENED


def test_an_objection_after_the_request_refuses_it(world: World) -> None:
    binding_id = world.bound(1)
    request_id = world.request(binding_id)
    world.object(binding_id, METRO)

    world.advance_openings()

    refused = world.opening(request_id)
    assert (refused.state, refused.code) == (OpeningState.REFUSED, "BINDING_FROZEN")
    assert METRO not in refused.detail


def test_of_two_requests_for_one_account_the_older_is_opened_and_the_other_refused(
    world: World,
) -> None:
    binding_id = world.bound(1)
    older, younger = world.request(binding_id), world.request(binding_id)

    world.advance_openings()

    assert world.opening(older).state is OpeningState.OPENED
    assert (world.opening(younger).state, world.opening(younger).code) == (
        OpeningState.REFUSED,
        "EPOCH_NOT_INCREASING",
    )
    assert world.credited_ug(1) == 3 * GRAMS[1] * GRAM


def test_a_request_that_expires_while_it_waits_is_refused(world: World) -> None:
    binding_id = world.bound(1)
    request_id = world.request(binding_id, not_after_s=world.clock.now_s() + 60)
    world.port.down = set(TRUSTEES[:2])
    world.advance_openings()
    world.wait(3_600)
    world.port.down = set()

    world.advance_openings()

    assert (world.opening(request_id).state, world.opening(request_id).code) == (
        OpeningState.REFUSED,
        "REQUEST_EXPIRED",
    )


def test_a_signed_refusal_becomes_a_leaf_and_an_unsigned_one_does_not(world: World) -> None:
    # A trustee whose clock went wrong refuses by itself and signs that; another one is tampered.
    late = SteppedClock(Seconds(world.clock.now_s() - POLICY.binding_wait_s))
    world.port.trustees[TRUSTEES[0]] = world.trustee(TRUSTEES[0], late)
    world.port.tampers[TRUSTEES[1], "mask"] = refusing("BODY_MISSING")
    request_id = world.request(world.bound(1))

    world.advance_openings()

    bodies = world.hub.read_now(
        lambda session: world.hub.record.bodies_of_type(session, LeafType.REFUSAL)
    )
    logged = [opened(Refusal, body) for _, body in bodies]
    assert [(item.trustee_id, item.refusal_code) for item in logged] == [
        (TRUSTEES[0], "HEAD_FROM_FUTURE")
    ]
    assert world.opening(request_id).state is OpeningState.OPENED


def test_a_refusal_is_one_leaf_however_often_the_opening_is_tried(world: World) -> None:
    for name in TRUSTEES[:3]:
        world.port.trustees[name] = world.trustee(name, damaged_files=True)
    request_id = world.request(world.bound(1))

    for _ in range(3):
        world.advance_openings()

    bodies = world.hub.read_now(
        lambda session: world.hub.record.bodies_of_type(session, LeafType.REFUSAL)
    )
    logged = [opened(Refusal, body) for _, body in bodies]
    assert sorted((item.trustee_id, item.refusal_code) for item in logged) == [
        (name, "CHUNK_FILE_DIFFERS") for name in TRUSTEES[:3]
    ]
    waiting = world.opening(request_id)
    assert (waiting.state, waiting.code) == (OpeningState.REQUESTED, "CHUNK_FILE_DIFFERS")


def test_nothing_is_started_that_nobody_asked_for(world: World) -> None:
    progress = world.advance_openings()

    assert (progress.attempts, progress.pending) == (0, 0)
    assert starts(world) == []
