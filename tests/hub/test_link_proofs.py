"""Link proofs at the hub: without one that holds, a submission is not complete."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.epoch.statements import LinkProof, Seal
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.proofs.link import LinkCheck, LinkProofInvalidError
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.receipt import Receipt
from hub.storage.epoch_store import EpochStore, StoredList
from tests.hub.federation import (
    BIKES,
    FIRST,
    METRO,
    PROGRAMME,
    SECOND,
    Federation,
    altered,
    claims,
    opened,
    signed,
)


@pytest.fixture
def sent(federation: Federation) -> Federation:
    """Metro has won 1 100 ug, lost 90 to the bikes, and sent chunks with 1 000."""
    for partner in (METRO, BIKES):
        places = federation.enrol_people(partner, [1, 2])
    federation.lists[METRO, FIRST] = claims({1: 0, 2: 0, 3: 4}, 1, worth={1: 700, 2: 400, 3: 90})
    federation.lists[BIKES, FIRST] = claims({3: 0}, 2, worth={3: 95})
    federation.run_claims((METRO, BIKES))
    assert len(federation.lost_positions(METRO)) == 1
    for header, file in federation.submission(METRO, {places[1]: 800, places[2]: 200}):
        federation.send_chunk(METRO, header, file)
    return federation


def parts(federation: Federation) -> dict[PartyId, bool]:
    """Return who is sealed missing in the first epoch."""
    leaf = federation.epoch().seal_leaf
    assert leaf is not None
    body = federation.hub.read_now(lambda session: federation.hub.record.body(session, leaf))
    return {part.partner_id: part.missing for part in opened(Seal, body).parts}


def test_with_its_link_proof_a_submission_is_counted(sent: Federation) -> None:
    receipt = sent.send_link_proof(METRO, sent.link_proof(METRO))
    sent.submit(BIKES, {})
    sent.advance()

    assert sent.state() is EpochState.SEALED
    assert parts(sent) == {METRO: False, BIKES: False}
    promise = opened(Receipt, receipt)
    assert promise.leaf[0] == LeafType.LINK_PROOF


def test_the_sum_of_a_list_is_kept_and_one_from_before_is_added_up_again(
    sent: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = EpochStore.lists
    found = sent.hub.read_now(lambda session: lists(EpochStore(session), PROGRAMME, FIRST))
    for partner, own in found.items():
        assert own.total == sent.lists[partner, FIRST].commitments.sum_without(())

    def from_before(*args: Any) -> dict[PartyId, StoredList]:
        return {
            partner: dataclasses.replace(own, total=None) for partner, own in lists(*args).items()
        }

    monkeypatch.setattr(EpochStore, "lists", from_before)
    sent.send_link_proof(METRO, sent.link_proof(METRO))


def test_without_a_link_proof_a_partner_is_sealed_missing(sent: Federation) -> None:
    sent.submit(BIKES, {})
    sent.advance()
    assert sent.state() is EpochState.SUBMITTING
    sent.wait(4 * 3600)
    sent.advance()

    assert parts(sent) == {METRO: True, BIKES: False}


def test_link_proof_invalid_seals_missing(sent: Federation) -> None:
    """Metro proves with the claim that it lost, and sends nothing better until the end."""
    with pytest.raises(LinkProofInvalidError):
        sent.send_link_proof(METRO, sent.link_proof(METRO, lost=[]))
    sent.submit(BIKES, {})
    sent.wait(4 * 3600)
    sent.advance()

    assert parts(sent) == {METRO: True, BIKES: False}
    leaves = sent.hub.read_now(
        lambda session: sent.hub.record.bodies_of_type(session, LeafType.LINK_PROOF)
    )
    assert len(leaves) == 1  # that of the bikes; a proof that does not hold is not logged


def test_a_good_proof_after_a_bad_one_is_in_time(sent: Federation) -> None:
    with pytest.raises(LinkProofInvalidError):
        sent.send_link_proof(METRO, sent.link_proof(METRO, lost=[]))

    sent.send_link_proof(METRO, sent.link_proof(METRO))
    sent.submit(BIKES, {})
    sent.advance()

    assert parts(sent) == {METRO: False, BIKES: False}


def test_slots_worth_more_than_the_winning_claims_are_refused(federation: Federation) -> None:
    places = federation.enrol_people(METRO, [1])
    federation.lists[METRO, FIRST] = claims({1: 0}, worth={1: 700})
    federation.run_claims((METRO,))
    for header, file in federation.submission(METRO, {places[1]: 701}):
        federation.send_chunk(METRO, header, file)

    with pytest.raises(LinkProofInvalidError) as caught:
        federation.send_link_proof(METRO, federation.link_proof(METRO))

    assert caught.value.check is LinkCheck.RANGE


def test_who_revealed_nothing_proves_zeros_and_no_more(federation: Federation) -> None:
    for partner in (METRO, BIKES):
        places = federation.enrol_people(partner, [1])
    federation.wait_until_end_of(FIRST)
    federation.advance()
    federation.commit(BIKES)
    federation.wait(2 * 3600)
    federation.advance()
    federation.reveal(BIKES)
    federation.advance()
    assert federation.state() is EpochState.SUBMITTING

    federation.submit(METRO, {})
    for header, file in federation.submission(BIKES, {places[1]: 1}):
        federation.send_chunk(BIKES, header, file)
    with pytest.raises(LinkProofInvalidError):
        federation.send_link_proof(BIKES, federation.link_proof(BIKES))


Sent = Callable[[Federation], object]


def again(federation: Federation) -> object:
    federation.send_link_proof(METRO, federation.link_proof(METRO))
    return federation.send_link_proof(METRO, federation.link_proof(METRO))


def too_late(federation: Federation) -> object:
    proof = federation.link_proof(METRO)
    federation.submit(BIKES, {})
    federation.wait(4 * 3600)
    federation.advance()
    return federation.send_link_proof(METRO, proof)


def too_early(federation: Federation) -> object:
    proof = federation.link_proof(METRO)
    federation.send_link_proof(METRO, proof)
    federation.submit(BIKES, {})
    federation.advance()
    federation.wait_until_end_of(SECOND)
    federation.advance()
    return federation.send_link_proof(METRO, altered(proof, LinkProof, METRO, epoch=SECOND))


def without_chunks(federation: Federation) -> object:
    proof = opened(LinkProof, federation.link_proof(METRO))
    moved = dataclasses.replace(proof, partner_id=BIKES)
    return federation.send_link_proof(BIKES, signed(moved, BIKES))


REFUSED: dict[str, tuple[Sent, str]] = {
    "a partner that is not admitted": (
        lambda f: f.send_link_proof(PartyId("ghost"), f.link_proof(METRO)),
        "NOT_ADMITTED",
    ),
    "signed by another partner": (
        lambda f: f.send_link_proof(METRO, signed(opened(LinkProof, f.link_proof(METRO)), BIKES)),
        "SIGNATURE_INVALID",
    ),
    "another partner's proof": (
        lambda f: f.send_link_proof(BIKES, signed(opened(LinkProof, f.link_proof(METRO)), BIKES)),
        "SENDER_DIFFERS",
    ),
    "another parameter set": (
        lambda f: f.send_link_proof(METRO, f.link_proof(METRO, parameter_id=b"x" * 32)),
        "PARAMETERS_DIFFER",
    ),
    "an epoch without a plan": (
        lambda f: f.send_link_proof(
            METRO, altered(f.link_proof(METRO), LinkProof, METRO, epoch=EpochIndex(2))
        ),
        "WRONG_EPOCH",
    ),
    "a second proof": (again, "LINK_PROOF_DIFFERS"),
    "after the seal": (too_late, "EPOCH_SEALED"),
    "before the verdicts": (too_early, "SUBMISSION_NOT_OPEN"),
    "another plan": (
        lambda f: f.send_link_proof(METRO, f.link_proof(METRO, plan_leaf=1)),
        "PLAN_DIFFERS",
    ),
    "other verdicts": (
        lambda f: f.send_link_proof(METRO, f.link_proof(METRO, verdict_leaf=10_000)),
        "VERDICT_LEAF_DIFFERS",
    ),
    "before the chunks": (without_chunks, "SUBMISSION_INCOMPLETE"),
    "drop_lost_claim_keep_total": (
        lambda f: f.send_link_proof(METRO, f.link_proof(METRO, lost=[])),
        "LINK_PROOF_INVALID",
    ),
    "bytes of another length": (
        lambda f: f.send_link_proof(METRO, f.link_proof(METRO, proof=b"short")),
        "LINK_PROOF_INVALID",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_link_proof_against_the_rules_is_refused(sent: Federation, name: str) -> None:
    send, code = REFUSED[name]

    with pytest.raises(FedcarbonError) as caught:
        send(sent)

    assert caught.value.code == code


def test_a_link_proof_sent_again_gets_its_receipt_in_any_state(sent: Federation) -> None:
    proof = sent.link_proof(METRO)
    first = sent.send_link_proof(METRO, proof)
    sent.submit(BIKES, {})
    sent.advance()

    assert sent.state() is EpochState.SEALED
    assert sent.send_link_proof(METRO, proof) == first
