"""Blinded evaluations: for whom, how many, and counted by whom."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fedcarbon.identity import ristretto
from fedcarbon.identity.blinding import BlindedBatch, blind_batch, finalize_batch
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.threshold import PartialEvaluation, verify
from fedcarbon.ids import PartyId, Role
from fedcarbon.registry.evaluation import EvaluationRequest, elements_hash_of
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import trustee_pb2
from tests.chance import seeded
from tests.trustee.federation import Federation
from tests.trustee.founded import BIKE, HUB, METRO, OPERATOR, PROGRAMME, refused

SUBJECTS = [b"person one", b"person two"]
QUOTA = 10


@pytest.fixture
def small_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten evaluations beside those for enrolled accounts; nobody needs a thousand here."""
    monkeypatch.setattr("trustee.evaluating.QUOTA_BASE", QUOTA)


def blinded(label: KeyLabel, count: int = 2, seed: int = 1) -> BlindedBatch:
    subjects = [b"person %d" % number for number in range(count)]
    return blind_batch(label, subjects, seeded(seed).randrange)


def order_of(
    federation: Federation, asker: str, batch: BlindedBatch, signer: str = "", **changes: Any
) -> trustee_pb2.EvaluateOrder:
    request = EvaluationRequest(
        parameter_id=federation.parameters.parameter_id,
        programme_id=PROGRAMME,
        asker_id=PartyId(asker),
        request_id=changes.pop("request_id", b"r" * 16),
        key_label=batch.label,
        count=len(batch.blinded),
        elements_hash=elements_hash_of(batch.blinded),
    )
    signed = federation.signed(dataclasses.replace(request, **changes), signer or asker)
    return trustee_pb2.EvaluateOrder(
        signed_request=signed.to_bytes(), blinded_elements=batch.blinded
    )


def evaluated(
    federation: Federation, asker: str, count: int, number: int, label: KeyLabel = KeyLabel.CLAIM
) -> trustee_pb2.WorkRequest:
    """Ask for `count` fresh elements in the request of this number."""
    batch = blinded(label, count, seed=number)
    order = order_of(federation, asker, batch, request_id=number.to_bytes(16, "big"))
    return federation.ask("trustee-1", evaluate=order)


@pytest.mark.parametrize(
    ("asker", "label"),
    [(METRO, KeyLabel.ACCOUNT), (METRO, KeyLabel.CLAIM), (OPERATOR, KeyLabel.ACCOUNT)],
)
def test_two_trustees_evaluate_for_whoever_may_ask(
    federation: Federation, asker: str, label: KeyLabel
) -> None:
    batch = blinded(label)
    key = federation.parameters.voprf_key(label)
    verified = []

    for index, name in enumerate(("trustee-1", "trustee-2"), start=1):
        answer = federation.ask(name, evaluate=order_of(federation, asker, batch)).evaluate
        partial = PartialEvaluation(
            trustee_index=index, elements=tuple(answer.elements), proof=answer.proof
        )
        verified.append(verify(key, batch.blinded, partial))

    assert len(finalize_batch(batch, verified)) == 2


@pytest.mark.parametrize("label", [KeyLabel.CLAIM, KeyLabel.OBJECT])
def test_operator_cannot_get_claim_key(federation: Federation, label: KeyLabel) -> None:
    answer = federation.ask("trustee-1", evaluate=order_of(federation, OPERATOR, blinded(label)))

    assert refused(answer) == "OPERATOR_CANNOT_GET_CLAIM_KEY"


def test_quota_at_trustee_not_hub(federation: Federation) -> None:
    """The hub relays; if it asks itself, or for a party without its key, nobody answers."""
    batch = blinded(KeyLabel.CLAIM)

    own_name = federation.ask("trustee-1", evaluate=order_of(federation, HUB, batch))
    as_metro = federation.ask("trustee-1", evaluate=order_of(federation, METRO, batch, HUB))

    assert refused(own_name) == "ASKER_NOT_ADMITTED"
    assert refused(as_metro) == "ASKER_NOT_ADMITTED"


def test_a_partner_cannot_spend_anothers_quota(federation: Federation) -> None:
    order = order_of(federation, METRO, blinded(KeyLabel.CLAIM), BIKE)

    assert refused(federation.ask("trustee-1", evaluate=order)) == "ASKER_NOT_ADMITTED"


@pytest.mark.usefixtures("small_quota")
def test_a_quota_ends_and_grows_with_enrolments(federation: Federation) -> None:
    # Metro has two accounts: 2 * 1.05 rounded down, and ten.
    assert evaluated(federation, METRO, 12, 1).WhichOneof("answer") == "evaluate"
    assert refused(evaluated(federation, METRO, 1, 2)) == "QUOTA_EXCEEDED"

    federation.enrol(METRO, [b"C" * 32])

    assert evaluated(federation, METRO, 1, 3).WhichOneof("answer") == "evaluate"


@pytest.mark.usefixtures("small_quota")
def test_an_account_that_is_enrolled_again_and_again_counts_once(federation: Federation) -> None:
    for epoch in (5, 6, 7):
        federation.enrol(METRO, [b"A" * 32], from_epoch=epoch)

    assert refused(evaluated(federation, METRO, 13, 1)) == "QUOTA_EXCEEDED"


@pytest.mark.usefixtures("small_quota")
def test_each_key_and_each_asker_has_a_quota_of_its_own(federation: Federation) -> None:
    evaluated(federation, METRO, 12, 1)

    assert evaluated(federation, METRO, 12, 2, KeyLabel.ACCOUNT).WhichOneof("answer") == "evaluate"
    assert evaluated(federation, BIKE, 11, 3).WhichOneof("answer") == "evaluate"


@pytest.mark.usefixtures("small_quota")
def test_an_operators_quota_grows_with_its_bindings(federation: Federation) -> None:
    first = evaluated(federation, OPERATOR, 12, 1, KeyLabel.ACCOUNT)
    second = evaluated(federation, OPERATOR, 1, 2, KeyLabel.ACCOUNT)

    assert first.WhichOneof("answer") == "evaluate"
    assert refused(second) == "QUOTA_EXCEEDED"


@pytest.mark.usefixtures("small_quota")
def test_a_request_counts_once_however_often_it_is_sent(federation: Federation) -> None:
    for _ in range(3):
        assert evaluated(federation, METRO, 12, 1).WhichOneof("answer") == "evaluate"


@pytest.mark.usefixtures("small_quota")
def test_a_restarted_trustee_goes_on_counting(federation: Federation) -> None:
    evaluated(federation, METRO, 12, 1)
    federation.kill("trustee-1")

    assert refused(evaluated(federation, METRO, 1, 2)) == "QUOTA_EXCEEDED"


@pytest.mark.usefixtures("small_quota")
def test_a_trustee_without_its_store_counts_what_is_logged(federation: Federation) -> None:
    order = order_of(federation, METRO, blinded(KeyLabel.CLAIM, 12))
    federation.ask("trustee-1", evaluate=order)
    federation.log(LeafType.EVALUATION_REQUEST, order.signed_request)
    federation.wipe("trustee-1")

    assert refused(evaluated(federation, METRO, 1, 2)) == "QUOTA_EXCEEDED"
    assert federation.ask("trustee-1", evaluate=order).WhichOneof("answer") == "evaluate"


def test_the_object_quota_is_a_field_of_the_admission(federation: Federation) -> None:
    assert refused(evaluated(federation, METRO, 1, 1, KeyLabel.OBJECT)) == "QUOTA_EXCEEDED"

    federation.admit(METRO, Role.PARTNER, object_quota=3)

    assert evaluated(federation, METRO, 3, 2, KeyLabel.OBJECT).WhichOneof("answer") == "evaluate"
    assert refused(evaluated(federation, METRO, 1, 3, KeyLabel.OBJECT)) == "QUOTA_EXCEEDED"


def test_same_id_other_content_in_a_request(federation: Federation) -> None:
    first, second = blinded(KeyLabel.CLAIM, seed=1), blinded(KeyLabel.CLAIM, seed=2)
    federation.ask("trustee-1", evaluate=order_of(federation, METRO, first))

    answer = federation.ask("trustee-1", evaluate=order_of(federation, METRO, second))

    assert refused(answer) == "SAME_ID_OTHER_CONTENT"


def test_a_resent_request_gets_the_same_bytes(federation: Federation) -> None:
    order = order_of(federation, METRO, blinded(KeyLabel.CLAIM))

    answers = [federation.ask("trustee-1", evaluate=order).evaluate for _ in range(2)]

    assert answers[0] == answers[1]


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "another count": ({"count": 3}, "EVALUATION_DIFFERS"),
    "other elements": ({"elements_hash": bytes(32)}, "EVALUATION_DIFFERS"),
    "another parameter set": ({"parameter_id": bytes(32)}, "EVALUATION_DIFFERS"),
    "an unknown programme": ({"programme_id": "nowhere"}, "EVALUATION_DIFFERS"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_request_that_does_not_fit_is_refused(federation: Federation, name: str) -> None:
    changes, code = CHANGES[name]
    order = order_of(federation, METRO, blinded(KeyLabel.CLAIM), **changes)

    assert refused(federation.ask("trustee-1", evaluate=order)) == code


def test_a_request_that_was_changed_after_signing_is_refused(federation: Federation) -> None:
    order = order_of(federation, METRO, blinded(KeyLabel.CLAIM))
    order.signed_request = order.signed_request.replace(b'"sig":"', b'"sig":"AAAA', 1)

    assert refused(federation.ask("trustee-1", evaluate=order)) == "SIGNATURE_INVALID"


def test_blinded_element_under_the_beacon_key(federation: Federation) -> None:
    """A request for it cannot even be written down; its bytes are no request."""
    order = order_of(federation, METRO, blinded(KeyLabel.CLAIM))
    forged = federation.tampered(order.signed_request, METRO, b'"claim"', b'"beacon"')

    answer = federation.ask(
        "trustee-1",
        evaluate=trustee_pb2.EvaluateOrder(
            signed_request=forged, blinded_elements=order.blinded_elements
        ),
    )

    assert refused(answer) == "MALFORMED"


def test_identity_point_refused(federation: Federation) -> None:
    elements = (bytes(ristretto.ELEMENT_BYTES),)
    batch = dataclasses.replace(
        blinded(KeyLabel.CLAIM, 1),
        blinded=elements,  # type: ignore[arg-type]  # on purpose
    )

    answer = federation.ask("trustee-1", evaluate=order_of(federation, METRO, batch))

    assert refused(answer) == "ELEMENT_INVALID"


@pytest.mark.usefixtures("small_quota")
def test_a_small_logged_count_does_not_cover_a_large_question(federation: Federation) -> None:
    """Metro and the hub log one element under an id, then ask for a hundred under the same id."""
    small = order_of(federation, METRO, blinded(KeyLabel.CLAIM, 1))
    federation.log(LeafType.EVALUATION_REQUEST, small.signed_request)
    large = order_of(federation, METRO, blinded(KeyLabel.CLAIM, 100))

    assert refused(federation.ask("trustee-1", evaluate=large)) == "QUOTA_EXCEEDED"


@pytest.mark.usefixtures("small_quota")
def test_a_large_logged_count_is_not_lowered_by_a_small_question(federation: Federation) -> None:
    logged = order_of(federation, METRO, blinded(KeyLabel.CLAIM, 12))
    federation.log(LeafType.EVALUATION_REQUEST, logged.signed_request)
    small = order_of(federation, METRO, blinded(KeyLabel.CLAIM, 1))
    assert federation.ask("trustee-1", evaluate=small).WhichOneof("answer") == "evaluate"

    assert refused(evaluated(federation, METRO, 1, 2)) == "QUOTA_EXCEEDED"
