"""A hub that hides, changes or invents leaves: the reader stops there, with a code.

Each row bends the record after the city's four epochs; then trustee-1 is asked to sign its head.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from fedcarbon.epoch.statements import ClaimCommitment, EpochPlan
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.opening.statements import OperatorBinding
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.enrolment import EnrolmentBatch, PlaceBatch, PlaceEntry
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.v1 import trustee_pb2
from tests.trustee.city import City
from tests.trustee.federation import Federation
from tests.trustee.founded import (
    ALICE,
    BIKE,
    BORA,
    HUB,
    METHODOLOGY,
    METRO,
    OPERATOR,
    PROGRAMME,
    SHAM,
    refused,
)
from tests.trustee.memory_record import BuiltLeaf
from tests.trustee.opening_steps import Opening

CARL = b"C" * 32


def withheld_place_body(federation: Federation) -> None:
    federation.enrol(METRO, [CARL])
    federation.record.withheld.add(len(federation.record.leaves) - 1)


def withheld_unbinding(federation: Federation) -> None:
    federation.record.withheld.add(federation.operator_half(BORA))


def two_tokens_one_slot(federation: Federation) -> None:
    federation.places[CARL] = federation.places[ALICE]
    leaf = federation.enrol(METRO, [CARL])
    block, slot = federation.places[ALICE]
    federation.log_places(leaf, [PlaceEntry(account_token=CARL, block=block, slot=slot)])


def two_tokens_one_slot_in_a_batch(federation: Federation) -> None:
    tokens = [CARL, b"D" * 32]
    for token in tokens:
        federation.places[token] = (9, 0)
    leaf = federation.enrol(METRO, tokens)
    entries = [PlaceEntry(account_token=token, block=9, slot=0) for token in tokens]
    federation.log_places(leaf, entries)


def token_placed_twice(federation: Federation) -> None:
    leaf = federation.enrol(SHAM, [ALICE])
    federation.log_places(leaf, [PlaceEntry(account_token=ALICE, block=9, slot=0)])


def slot_that_does_not_exist(federation: Federation) -> None:
    federation.places[CARL] = (0, 4)
    leaf = federation.enrol(METRO, [CARL])
    federation.log_places(leaf, [PlaceEntry(account_token=CARL, block=0, slot=4)])


def place_that_nobody_asked_for(federation: Federation) -> None:
    federation.log_places(2, [PlaceEntry(account_token=CARL, block=9, slot=0)])


def type_in_body_differs(federation: Federation) -> None:
    places = PlaceBatch(
        parameter_id=federation.parameters.parameter_id,
        programme_id=PROGRAMME,
        enrolment_leaf=2,
        entries=(),
    )
    federation.log(LeafType.SEAL, federation.signed(places, HUB))


def changed_type_byte(federation: Federation) -> None:
    federation.enrol(METRO, [CARL])
    last = federation.record.leaves[-1]
    flipped = bytes([LeafType.SEAL]) + last.leaf[1:]
    federation.record.leaves[-1] = BuiltLeaf(flipped, last.salt, last.body)


def changed_body(federation: Federation) -> None:
    federation.enrol(METRO, [CARL])
    last = federation.record.leaves[-1]
    federation.record.leaves[-1] = BuiltLeaf(last.leaf, last.salt, last.body + b" ")


def places_by_a_partner(federation: Federation) -> None:
    leaf = federation.enrol(METRO, [CARL])
    federation.record.leaves.pop()
    places = PlaceBatch(
        parameter_id=federation.parameters.parameter_id,
        programme_id=PROGRAMME,
        enrolment_leaf=leaf,
        entries=(PlaceEntry(account_token=CARL, block=9, slot=0),),
    )
    federation.log(LeafType.PLACE_BATCH, federation.signed(places, METRO))


def batch_in_anothers_name(federation: Federation) -> None:
    batch = federation.statement_at(federation.enrol(METRO, [CARL]), EnrolmentBatch)
    stolen = dataclasses.replace(batch, batch_id=b"s" * 16)
    federation.log(LeafType.ENROLMENT_BATCH, federation.signed(stolen, SHAM))


def forged_signature(federation: Federation) -> None:
    batch = federation.statement_at(federation.enrol(METRO, [CARL]), EnrolmentBatch)
    stolen = dataclasses.replace(batch, batch_id=b"s" * 16)
    envelope = federation.signed(stolen, SHAM)
    signature = dataclasses.replace(envelope.signatures[0], keyid=METRO)
    forged = dataclasses.replace(envelope, signatures=(signature,))
    federation.log(LeafType.ENROLMENT_BATCH, forged)


def batch_with_two_signatures(federation: Federation) -> None:
    batch = federation.statement_at(federation.enrol(METRO, [CARL]), EnrolmentBatch)
    changed = dataclasses.replace(batch, batch_id=b"s" * 16)
    federation.log(LeafType.ENROLMENT_BATCH, federation.signed(changed, METRO, BIKE))


def batch_for_an_unknown_programme(federation: Federation) -> None:
    batch = federation.statement_at(federation.enrol(METRO, [CARL]), EnrolmentBatch)
    changed = dataclasses.replace(batch, batch_id=b"s" * 16, programme_id=ProgrammeId("nowhere"))
    federation.log_own(changed, METRO)


def batch_for_other_parameters(federation: Federation) -> None:
    batch = federation.statement_at(federation.enrol(METRO, [CARL]), EnrolmentBatch)
    changed = dataclasses.replace(batch, batch_id=b"s" * 16, parameter_id=bytes(32))
    federation.log_own(changed, METRO)


def enrolment_logged_again(federation: Federation) -> None:
    """It would undo a withdrawal."""
    index = federation.enrol(METRO, [CARL])
    federation.log(LeafType.ENROLMENT_BATCH, federation.record.leaves[index].body)


def request_logged_again(federation: Federation) -> None:
    binding = federation.bind(ALICE, "w-other")
    index = federation.request(ALICE, 2, binding)
    federation.log(LeafType.OPENING_REQUEST, federation.record.leaves[index].body)


def binding_id_used_again(federation: Federation) -> None:
    half = federation.statement_at(federation.operator_half(ALICE), OperatorBinding)
    federation.log_own(dataclasses.replace(half, wallet_id="w-thief"), OPERATOR)


def second_plan(federation: Federation) -> None:
    federation.plan(4)


def plan_that_counts_itself(federation: Federation) -> None:
    federation.plan(5, snapshot_size=1000)


def plan_that_hurries(federation: Federation) -> None:
    plan = federation.statement_at(federation.plan(5), EpochPlan)
    federation.record.leaves.pop()
    federation.plan(5, commit_until_s=plan.commit_until_s - 1)


def second_seal(federation: Federation) -> None:
    plan = next(logged for ref, logged in federation.view().epochs.plans.items() if ref.epoch == 4)
    federation.seal_as_is(4, plan.index, {METRO: [], BIKE: []})


def second_commitment(federation: Federation) -> None:
    for count in (8, 12):
        commitment = ClaimCommitment(
            parameter_id=federation.parameters.parameter_id,
            programme_id=PROGRAMME,
            epoch=EpochIndex(4),
            partner_id=METRO,
            count=count,
            list_root=bytes(32),
            evidence_root=bytes(32),
            evidence_count=16,
            methodologies=(METHODOLOGY,),
        )
        federation.log_own(commitment, METRO)


def second_programme(federation: Federation) -> None:
    changed = dataclasses.replace(federation.programme, cap_ug=MicrogramsCO2e(1))
    federation.log(LeafType.PROGRAMME, federation.rooted(changed))


def programme_without_headroom(federation: Federation) -> None:
    huge = dataclasses.replace(
        federation.programme, programme_id=ProgrammeId("huge"), partners_max=10**9
    )
    federation.log(LeafType.PROGRAMME, federation.rooted(huge))


def programme_by_too_few_roots(federation: Federation) -> None:
    other = dataclasses.replace(
        federation.programme, programme_id=ProgrammeId("other"), exclusivity_domain="other"
    )
    envelope = federation.rooted(other)
    one = dataclasses.replace(envelope, signatures=envelope.signatures[:1])
    federation.log(LeafType.PROGRAMME, one)


def operator_becomes_partner(federation: Federation) -> None:
    federation.admit(OPERATOR, Role.PARTNER)


def stranger_becomes_trustee(federation: Federation) -> None:
    federation.admit(PartyId("trustee-9"), Role.TRUSTEE)


def trustee_becomes_partner(federation: Federation) -> None:
    federation.admit(PartyId("trustee-1"), Role.PARTNER)


def one_key_for_two_parties(federation: Federation) -> None:
    federation.admit(PartyId("double"), Role.PARTNER, signing_key=federation.key(OPERATOR).public)


def parameters_again(federation: Federation) -> None:
    federation.log(LeafType.PARAMETERS, federation.dealing.signed_parameters)


def self_test_again(federation: Federation) -> None:
    federation.log(LeafType.SELF_TEST, federation.dealing.signed_self_test)


def unknown_leaf_type(federation: Federation) -> None:
    federation.enrol(METRO, [CARL])
    last = federation.record.leaves[-1]
    federation.record.leaves[-1] = BuiltLeaf(b"\xff" + last.leaf[1:], last.salt, last.body)


RECORDS: dict[str, tuple[Callable[[Federation], None], str]] = {
    "withheld_place_body": (withheld_place_body, "BODY_MISSING"),
    "withheld half of a binding": (withheld_unbinding, "BODY_MISSING"),
    "two_tokens_one_slot": (two_tokens_one_slot, "SLOT_TAKEN"),
    "two_tokens_one_slot in one batch": (two_tokens_one_slot_in_a_batch, "SLOT_TAKEN"),
    "a token is placed twice": (token_placed_twice, "TOKEN_PLACED_TWICE"),
    "a slot that does not exist": (slot_that_does_not_exist, "LEAF_INVALID"),
    "a place that nobody asked for": (place_that_nobody_asked_for, "LEAF_INVALID"),
    "type_in_body_differs": (type_in_body_differs, "TYPE_IN_BODY_DIFFERS"),
    "a changed type byte": (changed_type_byte, "COMMITMENT_DIFFERS"),
    "a changed body": (changed_body, "COMMITMENT_DIFFERS"),
    "an unknown leaf type": (unknown_leaf_type, "LEAF_INVALID"),
    "places signed by a partner": (places_by_a_partner, "SIGNER_REFUSED"),
    "a batch in another's name": (batch_in_anothers_name, "SIGNER_REFUSED"),
    "a forged signature": (forged_signature, "LEAF_INVALID"),
    "a batch with two signatures": (batch_with_two_signatures, "LEAF_INVALID"),
    "an unknown programme": (batch_for_an_unknown_programme, "LEAF_INVALID"),
    "another parameter set": (batch_for_other_parameters, "LEAF_INVALID"),
    "an enrolment logged again": (enrolment_logged_again, "LOGGED_TWICE"),
    "a request logged again": (request_logged_again, "LOGGED_TWICE"),
    "a binding id used again": (binding_id_used_again, "LOGGED_TWICE"),
    "a second plan": (second_plan, "LOGGED_TWICE"),
    "a plan that counts itself": (plan_that_counts_itself, "LEAF_INVALID"),
    "a plan that hurries": (plan_that_hurries, "LEAF_INVALID"),
    "a second seal": (second_seal, "LOGGED_TWICE"),
    "a second commitment": (second_commitment, "LOGGED_TWICE"),
    "a programme that changes": (second_programme, "LOGGED_TWICE"),
    "a programme without headroom": (programme_without_headroom, "LEAF_INVALID"),
    "a programme by too few roots": (programme_by_too_few_roots, "LEAF_INVALID"),
    "an operator becomes a partner": (operator_becomes_partner, "LEAF_INVALID"),
    "a stranger becomes a trustee": (stranger_becomes_trustee, "LEAF_INVALID"),
    "a trustee becomes a partner": (trustee_becomes_partner, "LEAF_INVALID"),
    "one key for two parties": (one_key_for_two_parties, "LEAF_INVALID"),
    "the parameters again": (parameters_again, "LOGGED_TWICE"),
    "the self-test again": (self_test_again, "LOGGED_TWICE"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_trustee_stops_at(federation: Federation, name: str) -> None:
    attack, code = RECORDS[name]
    attack(federation)

    assert federation.cosign_code("trustee-1") == code


def test_a_stopped_trustee_refuses_everything_that_lies_beyond(city: City) -> None:
    federation = city.federation
    withheld_place_body(federation)
    request = federation.request(ALICE, 2, city.alice)
    federation.witness()
    opening = Opening(federation, [request])

    assert refused(federation.ask("trustee-1", mask=opening.mask_order())) == "BODY_MISSING"


def test_a_trustee_goes_on_when_the_body_comes(federation: Federation) -> None:
    withheld_place_body(federation)
    assert federation.cosign_code("trustee-1") == "BODY_MISSING"

    federation.record.withheld.clear()

    assert federation.cosign_code("trustee-1") == ""


def test_a_place_hidden_under_a_type_of_others_places_nothing(city: City) -> None:
    """The hub logs it as a ledger batch: no trustee reads it, so no trustee opens it."""
    federation = city.federation
    federation.enrol(METRO, [CARL])
    hidden = federation.record.leaves.pop()
    federation.log(LeafType.LEDGER_BATCH, hidden.body)
    federation.witness()
    federation.wait(days=8)
    binding = federation.bind(CARL, "w-carl")
    federation.witness()
    federation.wait(days=4)
    request = federation.request(CARL, 4, binding)
    federation.witness()
    opening = Opening(federation, [request])

    answer = federation.ask("trustee-1", mask=opening.mask_order())

    assert refused(answer) == "PLACE_NOT_OF_TOKEN"


def test_bodies_that_are_not_for_trustees_are_not_kept(federation: Federation) -> None:
    leaf = federation.log(LeafType.LEDGER_BATCH, b"balances of people")

    assert federation.cosign_code("trustee-1") == ""
    assert federation.stored_body("trustee-1", leaf) is None


def test_a_record_under_other_roots_is_not_read(federation: Federation) -> None:
    roots = federation.roots
    others = {name: name.encode().ljust(32, b"k") for name in roots.root_keys}
    federation.__dict__["roots"] = TrustRoots(
        parameter_id=roots.parameter_id, threshold=roots.threshold, root_keys=others
    )

    assert federation.cosign_code("trustee-1") == "LEAF_INVALID"


def test_a_record_with_other_parameters_is_not_read(federation: Federation) -> None:
    roots = federation.roots
    federation.__dict__["roots"] = TrustRoots(
        parameter_id=bytes(32), threshold=roots.threshold, root_keys=roots.root_keys
    )

    assert federation.cosign_code("trustee-1") == "LEAF_INVALID"


def test_a_record_must_begin_with_its_parameters(federation: Federation) -> None:
    federation.record.leaves.pop(0)
    federation.record.heads.clear()

    assert federation.cosign_code("trustee-1") == "LEAF_INVALID"


def test_a_refusal_before_anything_was_read_is_not_signed(federation: Federation) -> None:
    federation.record.leaves.clear()
    federation.record.heads.clear()

    answer = federation.ask("trustee-1", record_size=1, cosign=trustee_pb2.CosignOrder())

    assert refused(answer) == "RECORD_SHORT"
    assert answer.refused.signed_refusal == b""
