"""Chunks at the hub: what the rules of the core mean for what is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import event
from sqlmodel import Session

from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId
from fedcarbon.submission.header import ChunkHeader
from hub.storage.submission_store import SubmissionStore
from tests.hub.federation import (
    BIKES,
    FIRST,
    METRO,
    PROGRAMME,
    SECOND,
    TAXIS,
    Federation,
    altered,
    opened,
    signed,
)
from tests.hub.messages import programme


@pytest.fixture
def submitting(federation: Federation) -> Federation:
    """Metro has 20 accounts in at least three blocks; epoch 1 takes submissions."""
    federation.enrol_people(METRO, range(20))
    federation.enrol_people(BIKES, range(3))
    federation.run_claims((METRO, BIKES))
    assert federation.state() is EpochState.SUBMITTING
    return federation


def size(federation: Federation) -> int:
    return federation.hub.read_now(federation.hub.record.head).size


def chunk_numbers(federation: Federation, partner: PartyId = METRO) -> list[int]:
    return federation.hub.read_now(
        lambda session: list(SubmissionStore(session, PROGRAMME, FIRST).chunks_of(partner))
    )


def test_a_submission_in_several_chunks_is_admitted_in_any_order(submitting: Federation) -> None:
    chunks = submitting.submission(METRO, entries_per_chunk=2)
    assert len(chunks) >= 3

    for header, file in reversed(chunks):
        submitting.send_chunk(METRO, header, file)

    assert chunk_numbers(submitting) == list(range(len(chunks)))


def test_a_replayed_chunk_is_admitted_once(submitting: Federation) -> None:
    ((header, file),) = submitting.submission(METRO)
    first = submitting.send_chunk(METRO, header, file)
    before = size(submitting)
    submitting.restart()

    assert submitting.send_chunk(METRO, header, file) == first
    assert size(submitting) == before
    assert chunk_numbers(submitting) == [0]


def test_other_bytes_for_an_admitted_chunk_are_refused(submitting: Federation) -> None:
    ((header, file),) = submitting.submission(METRO)
    submitting.send_chunk(METRO, header, file)
    ((again, fresh),) = submitting.submission(METRO)  # the same values, encrypted once more

    with pytest.raises(FedcarbonError) as caught:
        submitting.send_chunk(METRO, again, fresh)

    assert caught.value.code == "CHUNK_DIFFERS"


def test_a_replay_after_the_seal_gets_its_receipt_and_a_new_chunk_does_not(
    submitting: Federation,
) -> None:
    ((header, file),) = submitting.submission(METRO)
    late = submitting.submission(BIKES)
    first = submitting.send_chunk(METRO, header, file)
    submitting.wait(3 * 3600 + 1)
    submitting.advance()
    assert submitting.state() is EpochState.SEALED

    assert submitting.send_chunk(METRO, header, file) == first
    with pytest.raises(FedcarbonError) as caught:
        submitting.send_chunk(BIKES, *late[0])
    assert caught.value.code == "EPOCH_SEALED"


def with_header(**changes: object) -> Callable[[Federation], object]:
    def send(federation: Federation) -> object:
        ((header, file),) = federation.submission(METRO)
        return federation.send_chunk(METRO, altered(header, ChunkHeader, METRO, **changes), file)

    return send


def corrupted(federation: Federation) -> object:
    ((header, file),) = federation.submission(METRO)
    return federation.send_chunk(METRO, header, file[:-1] + bytes([file[-1] ^ 1]))


def forged(federation: Federation) -> object:
    ((header, file),) = federation.submission(METRO)
    return federation.send_chunk(METRO, signed(opened(ChunkHeader, header), BIKES), file)


def stolen(federation: Federation) -> object:
    """Bikes send the metro's chunk as if it were theirs."""
    ((header, file),) = federation.submission(METRO)
    statement = replace(opened(ChunkHeader, header), evidence_root=b"x" * 32)
    return federation.send_chunk(BIKES, signed(statement, BIKES), file)


def incomplete(federation: Federation) -> object:
    chunks = federation.submission(METRO, entries_per_chunk=2)
    count = len(chunks) - 1
    answer = None
    for number, (header, file) in enumerate(chunks[:-1]):
        message = altered(header, ChunkHeader, METRO, chunks=count, chunk=number)
        answer = federation.send_chunk(METRO, message, file)
    return answer


def early(federation: Federation) -> object:
    federation.wait_until_end_of(SECOND)
    federation.advance()
    ((header, file),) = federation.submission(METRO, epoch=SECOND)
    return federation.send_chunk(METRO, header, file)


def not_enrolled(federation: Federation) -> object:
    ((header, file),) = federation.submission(METRO)
    message = altered(header, ChunkHeader, TAXIS, partner_id=TAXIS, evidence_root=bytes(32))
    return federation.send_chunk(TAXIS, message, file)


REFUSED: dict[str, tuple[Callable[[Federation], object], str]] = {
    "a corrupted chunk": (corrupted, "FILE_HASH_DIFFERS"),
    "a forged signature": (forged, "SIGNATURE_INVALID"),
    "another partner's chunk": (stolen, "SENDER_DIFFERS"),
    "before the verdicts": (early, "SUBMISSION_NOT_OPEN"),
    "a partner without accounts": (not_enrolled, "NOT_IN_SNAPSHOT"),
    "an unknown programme": (with_header(programme_id="chengdu"), "WRONG_EPOCH"),
    "an epoch that has not begun": (with_header(epoch=SECOND), "WRONG_EPOCH"),
    "another evidence root": (with_header(evidence_root=b"x" * 32), "EVIDENCE_ROOT_DIFFERS"),
    "accounts in other places": (with_header(places_digest=b"x" * 32), "HEADER_PLACES_DIFFER"),
    "another plan": (with_header(plan_leaf=1), "PLAN_DIFFERS"),
    "a block left out": (incomplete, "BLOCK_MISSING"),
}


@pytest.mark.parametrize(("attack", "code"), REFUSED.values(), ids=REFUSED)
def test_a_chunk_against_the_rules_is_refused(
    submitting: Federation, attack: Callable[[Federation], object], code: str
) -> None:
    with pytest.raises(FedcarbonError) as caught:
        attack(submitting)

    assert caught.value.code == code


def test_a_refused_chunk_does_not_stand_in_the_way_of_the_right_one(
    submitting: Federation,
) -> None:
    ((header, file),) = submitting.submission(METRO)
    with pytest.raises(FedcarbonError):
        submitting.send_chunk(METRO, header, file[:-1])

    assert submitting.send_chunk(METRO, header, file)


def test_the_last_chunk_without_all_blocks_is_not_admitted(submitting: Federation) -> None:
    before = size(submitting)
    with pytest.raises(FedcarbonError):
        incomplete(submitting)

    chunks = submitting.submission(METRO, entries_per_chunk=2)
    assert size(submitting) == before + len(chunks) - 2


def test_a_partner_that_missed_phase_1a_submits_all_the_same(federation: Federation) -> None:
    federation.enrol_people(METRO, range(3))
    federation.enrol_people(BIKES, range(3))
    federation.wait_until_end_of(FIRST)
    federation.advance()
    federation.commit(METRO)
    federation.wait(3601)
    federation.advance()
    federation.reveal(METRO)
    federation.advance()

    federation.submit(METRO)
    federation.submit(BIKES)
    federation.advance()

    assert federation.state() is EpochState.SEALED


def test_a_chunk_is_looked_up_without_a_look_at_what_came_before(submitting: Federation) -> None:
    *before, _ = submitting.submission(METRO, entries_per_chunk=1)
    assert len(before) >= 2
    for header, file in before:
        submitting.send_chunk(METRO, header, file)
    last = blocks_expected(submitting)[-1]
    asked: list[tuple[str, Sequence[object]]] = []

    def received(session: Session) -> set[int]:
        event.listen(
            session.connection(),
            "before_cursor_execute",
            lambda _connection, _cursor, statement, given, *_: asked.append((statement, given)),
        )
        return SubmissionStore(session, PROGRAMME, FIRST).received_of(METRO, [last])

    assert submitting.hub.read_now(received) == set()
    # The database itself was asked for no more than the range of these blocks.
    ((statement, given),) = asked
    assert "block BETWEEN" in statement
    assert list(given)[-2:] == [last, last]


def test_what_came_of_some_blocks_is_found_among_all_that_came(submitting: Federation) -> None:
    for header, file in submitting.submission(METRO, entries_per_chunk=1):
        submitting.send_chunk(METRO, header, file)
    first, *_, last = blocks_expected(submitting)

    def received(session: Session) -> set[int]:
        return SubmissionStore(session, PROGRAMME, FIRST).received_of(METRO, [first, last, 1 << 30])

    assert submitting.hub.read_now(received) == {first, last}


def blocks_expected(federation: Federation) -> tuple[int, ...]:
    """Return the blocks that metro must send, ascending."""
    hub, stored = federation.hub, federation.epoch()
    snapshot = hub.read_now(lambda session: hub.snapshots.of(session, programme(), stored))
    return snapshot.partners[METRO].blocks()
