"""The blind relay: who may ask, who is asked, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fedcarbon.errors import FedcarbonError, SignatureInvalidError
from fedcarbon.identity.blinding import BlindedBatch, blind_batch, finalize_batch
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.threshold import PartialEvaluation, verify
from fedcarbon.ids import PartyId
from fedcarbon.opening.statements import Refusal
from fedcarbon.registry.evaluation import EvaluationRequest, elements_hash_of
from fedcarbon.submission.signed_message import (
    NotAdmittedError,
    ParametersDifferError,
    SenderDiffersError,
)
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import trustee_pb2
from hub.identity.relay import EvaluationRelay
from hub.identity.requests import ElementsDifferError, EvaluationRequestDiffersError
from hub.registry.programmes import UnknownProgrammeError
from hub.trustees.asking import TrusteeRefusedError
from tests.chance import seeded
from tests.hub.federation import AUDITOR, BIKES, METRO, PROGRAMME, opened, signed
from tests.hub.openings.world import PURSE, TRUSTEES, World, lost, run


def batch_of(count: int, label: KeyLabel = KeyLabel.ACCOUNT, seed: int = 1) -> BlindedBatch:
    subjects = [b"person %d" % number for number in range(count)]
    return blind_batch(label, subjects, seeded(seed).randrange)


def request_for(
    world: World, batch: BlindedBatch, asker: PartyId = METRO, **changes: Any
) -> EvaluationRequest:
    fields: dict[str, Any] = {
        "parameter_id": world.hub.parameters.parameter_id,
        "programme_id": PROGRAMME,
        "asker_id": asker,
        "request_id": world.chance.randbytes(16),
        "key_label": batch.label,
        "count": len(batch.blinded),
        "elements_hash": elements_hash_of(tuple(batch.blinded)),
    }
    return EvaluationRequest(**{**fields, **changes})


def evaluate(
    relay: EvaluationRelay,
    message: bytes,
    batch: BlindedBatch,
    caller: PartyId = METRO,
    excluded: Sequence[PartyId] = (),
) -> dict[PartyId, trustee_pb2.EvaluateAnswer]:
    return run(relay.evaluate(caller, message, tuple(batch.blinded), excluded))


def leaves(world: World, leaf_type: LeafType) -> list[bytes]:
    found = world.hub.read_now(lambda session: world.hub.record.bodies_of_type(session, leaf_type))
    return [body for _, body in found]


@pytest.fixture
def relay(world: World) -> EvaluationRelay:
    return EvaluationRelay(world.hub, world.desk)


def test_any_threshold_of_trustees_evaluates_to_the_same_outputs(
    world: World, relay: EvaluationRelay
) -> None:
    batch = batch_of(3)
    message = signed(request_for(world, batch), METRO)
    key = world.hub.parameters.voprf_key(KeyLabel.ACCOUNT)
    outputs = []
    for excluded in ((), TRUSTEES[:2], TRUSTEES[3:]):
        answers = evaluate(relay, message, batch, excluded=excluded)
        assert len(answers) == 3
        assert not set(answers) & set(excluded)
        verified = [
            verify(
                key,
                batch.blinded,
                PartialEvaluation(
                    trustee_index=world.hub.parameters.trustee_index(name),
                    elements=tuple(answer.elements),
                    proof=answer.proof,
                ),
            )
            for name, answer in answers.items()
        ]
        outputs.append([output.value for output in finalize_batch(batch, verified)])

    assert outputs[0] == outputs[1] == outputs[2]
    assert leaves(world, LeafType.EVALUATION_REQUEST) == [message]


def test_every_trustee_has_its_turn(world: World, relay: EvaluationRelay) -> None:
    for seed in range(5):
        batch = batch_of(1, seed=seed)
        evaluate(relay, signed(request_for(world, batch), METRO), batch)

    assert {world.port.asked[name, "evaluate"] for name in TRUSTEES} == {3}


def test_a_trustee_that_does_not_answer_is_replaced(world: World, relay: EvaluationRelay) -> None:
    world.port.tampers[TRUSTEES[0], "evaluate"] = lost
    batch = batch_of(1)

    answers = evaluate(relay, signed(request_for(world, batch), METRO), batch)

    assert set(answers) == set(TRUSTEES[1:4])


def test_with_too_few_trustees_what_there_is_comes_back(
    world: World, relay: EvaluationRelay
) -> None:
    world.port.down = set(TRUSTEES[:3])
    batch = batch_of(1)

    answers = evaluate(relay, signed(request_for(world, batch), METRO), batch)

    assert set(answers) == set(TRUSTEES[3:])


def test_quotas_are_kept_by_trustees_and_their_code_comes_through(
    world: World, relay: EvaluationRelay
) -> None:
    batch = batch_of(900)
    evaluate(relay, signed(request_for(world, batch), METRO), batch)
    more = batch_of(900, seed=2)

    with pytest.raises(TrusteeRefusedError) as caught:
        evaluate(relay, signed(request_for(world, more), METRO), more)

    assert caught.value.code == "QUOTA_EXCEEDED"
    refused = [opened(Refusal, body) for body in leaves(world, LeafType.REFUSAL)]
    assert {item.refusal_code for item in refused} == {"QUOTA_EXCEEDED"}
    assert {item.trustee_id for item in refused} == set(TRUSTEES)


def test_an_operator_cannot_get_the_claim_key(world: World, relay: EvaluationRelay) -> None:
    batch = batch_of(1, KeyLabel.CLAIM)

    with pytest.raises(TrusteeRefusedError) as caught:
        evaluate(relay, signed(request_for(world, batch, PURSE), PURSE), batch, PURSE)

    assert caught.value.code == "OPERATOR_CANNOT_GET_CLAIM_KEY"


WRONG: dict[str, tuple[type[FedcarbonError], dict[str, Any]]] = {
    "in another's name": (SenderDiffersError, {"asker_id": BIKES}),
    "of another parameter set": (ParametersDifferError, {"parameter_id": bytes(32)}),
    "of an unknown programme": (UnknownProgrammeError, {"programme_id": "beijing"}),
    "for another count": (ElementsDifferError, {"count": 2}),
    "for other elements": (ElementsDifferError, {"elements_hash": bytes(32)}),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_request_reaches_no_trustee(
    world: World, relay: EvaluationRelay, what: str
) -> None:
    error, changes = WRONG[what]
    batch = batch_of(1)

    with pytest.raises(error):
        evaluate(relay, signed(request_for(world, batch, **changes), METRO), batch)

    assert world.port.asked.total() == 0
    assert leaves(world, LeafType.EVALUATION_REQUEST) == []


def test_only_partners_and_wallet_operators_ask_and_only_with_their_own_signature(
    world: World, relay: EvaluationRelay
) -> None:
    batch = batch_of(1)

    with pytest.raises(NotAdmittedError):
        evaluate(relay, signed(request_for(world, batch, AUDITOR), AUDITOR), batch, AUDITOR)
    with pytest.raises(SignatureInvalidError):
        evaluate(relay, signed(request_for(world, batch), BIKES), batch)


def test_a_request_id_is_counted_once_and_means_one_request(
    world: World, relay: EvaluationRelay
) -> None:
    batch = batch_of(1)
    request = request_for(world, batch)
    first = evaluate(relay, signed(request, METRO), batch)
    again = evaluate(relay, signed(request, METRO), batch)
    other = batch_of(1, seed=2)
    reused = request_for(world, other, request_id=request.request_id)

    assert [answer.elements for answer in again.values()] != []
    assert {bytes(answer.elements[0]) for answer in first.values()}
    assert len(leaves(world, LeafType.EVALUATION_REQUEST)) == 1
    with pytest.raises(EvaluationRequestDiffersError):
        evaluate(relay, signed(reused, METRO), other)
