"""Leaves and orders made to crash a trustee, or to make it open what it should not.

The hub is hostile here, and so is one of the parties that sign for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.epoch.statements import BeaconLabel, BeaconValue
from fedcarbon.ids import EpochIndex
from fedcarbon.opening.statements import OpeningStart, Target
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.parameters.self_test import SelfTest
from fedcarbon.registry.admission import root_keyid
from fedcarbon.registry.enrolment import EnrolmentAction, EnrolmentBatch
from fedcarbon.transparency.envelope import SigningKey, sign
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import record_pb2, trustee_pb2
from tests.trustee.city import City
from tests.trustee.federation import Federation
from tests.trustee.founded import ALICE, BIKE, HUB, METRO, OPERATOR, PROGRAMME, refused
from tests.trustee.memory_record import Record
from tests.trustee.opening_steps import Opening

Attack = Callable[[Federation], None]


def plan_from_before_a_partner_enrolled(federation: Federation) -> None:
    """What is opened then is metro's number alone, at once: no partner is sealed missing."""
    batches = federation.decoded(EnrolmentBatch)
    assert [batch.partner_id for batch in batches] == [METRO, BIKE]
    bike_leaf = next(
        index
        for index, built in enumerate(federation.record.leaves)
        if built.leaf[0] == LeafType.ENROLMENT_BATCH
        and federation.statement_at(index, EnrolmentBatch).partner_id == BIKE
    )
    federation.plan(5, snapshot_size=bike_leaf)


def plan_from_before_a_withdrawal(federation: Federation) -> None:
    """The person has withdrawn, and the hub goes on as if it had not heard."""
    size = len(federation.record.leaves)
    federation.enrol(BIKE, [ALICE], EnrolmentAction.WITHDRAW, from_epoch=5)
    federation.plan(5, snapshot_size=size)


def no_self_test(federation: Federation) -> None:
    """A dealer with d = 3 would be caught by it, so something that nobody reads stands there."""
    federation.log(LeafType.LEDGER_BATCH, b"nothing")
    federation.record.leaves[1] = federation.record.leaves.pop()
    federation.record.heads.clear()


def signed_by_all_roots(federation: Federation, index: int, statement: Statement) -> None:
    """Put a statement that the dealer has had signed by everyone in the place of a leaf."""
    keys = {
        root_keyid(secret.trustee_id): SigningKey(secret.root_key_seed)
        for secret in federation.dealing.secrets
    }
    federation.log(LeafType[statement.KIND.upper()], sign(statement, keys))
    federation.record.leaves[index] = federation.record.leaves.pop()
    federation.record.heads.clear()


def self_test_that_opens_something_else(federation: Federation) -> None:
    """Everyone signed what the dealer handed out; the shares are of two other plaintexts."""
    self_test = federation.statement_at(1, SelfTest)
    swapped = tuple(
        dataclasses.replace(entry, shares=entry.shares[::-1]) for entry in self_test.trustees
    )
    signed_by_all_roots(federation, 1, dataclasses.replace(self_test, trustees=swapped))


def parameters_with_a_chosen_generator(federation: Federation) -> None:
    first, *rest = federation.parameters.generator_counters
    chosen = dataclasses.replace(federation.parameters, generator_counters=(first + 1, *rest))
    signed_by_all_roots(federation, 0, chosen)
    del federation.record.leaves[1:]  # what follows would not fit it anyway
    federation.__dict__["roots"] = dataclasses.replace(
        federation.roots, parameter_id=chosen.parameter_id
    )


def start_of_another_federation(federation: Federation) -> None:
    """The same trustees with the same signing keys serve a second one."""
    names = federation.trustee_ids[:2]
    start = OpeningStart(
        parameter_id=b"q" * 32,
        programme_id=PROGRAMME,
        opening_id=b"o" * 32,
        attempt=1,
        block=0,
        epoch=EpochIndex(4),
        targets=(Target(slot=0, account_token=ALICE, request_leaf=1),),
        subset=names,
        product_sha256=bytes(32),
        mask_hashes=(b"1" * 32, b"2" * 32),
    )
    federation.log_own(start, *names)


def lone_surrogate_in_a_wallet_id(federation: Federation) -> None:
    leaf = federation.operator_half(ALICE, "w-here")
    body = federation.record.leaves.pop(leaf).body
    forged = federation.tampered(body, OPERATOR, b"w-here", b"w-\\ud800")
    federation.log(LeafType.OPERATOR_BINDING, forged)


def beacon_of_an_epoch_that_does_not_fit(federation: Federation) -> None:
    beacon = BeaconValue(
        parameter_id=federation.parameters.parameter_id,
        label=BeaconLabel.TIE,
        scope="ecny",
        epoch=EpochIndex(1 << 40),
        leaf_index=0,
        partials=(),
        output=bytes(64),
    )
    federation.log_own(beacon, HUB)


RECORDS: dict[str, tuple[Attack, str]] = {
    "a snapshot from before a partner enrolled": (
        plan_from_before_a_partner_enrolled,
        "LEAF_INVALID",
    ),
    "a snapshot from before a withdrawal": (plan_from_before_a_withdrawal, "LEAF_INVALID"),
    "dealer_with_d_three and no self-test": (no_self_test, "LEAF_INVALID"),
    "a self-test that opens something else": (
        self_test_that_opens_something_else,
        "LEAF_INVALID",
    ),
    "parameters with a chosen generator": (parameters_with_a_chosen_generator, "LEAF_INVALID"),
    "a start of another federation": (start_of_another_federation, "LEAF_INVALID"),
    "a text that is no text": (lone_surrogate_in_a_wallet_id, "LEAF_INVALID"),
    "an epoch of forty bits": (beacon_of_an_epoch_that_does_not_fit, "LEAF_INVALID"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_trustee_stops_and_goes_on_living_at(federation: Federation, name: str) -> None:
    attack, code = RECORDS[name]
    attack(federation)

    assert federation.cosign_code("trustee-1") == code
    assert federation.cosign_code("trustee-1") == code


class ShiftedRecord(Record):
    """Gives every leaf under the number of the next."""

    def list_leaves(self, request: record_pb2.ListLeavesRequest) -> record_pb2.ListLeavesResponse:
        answer = super().list_leaves(request)
        for leaf in answer.leaves:
            leaf.index += 1
        return answer


def test_a_leaf_under_another_number_stops_the_reader(federation: Federation) -> None:
    true = federation.record
    federation.record = ShiftedRecord(true.leaves, true.heads, true.files)

    assert federation.cosign_code("trustee-1") == "RECORD_VIOLATION"


def test_a_plan_over_all_leaves_before_it_is_taken(federation: Federation) -> None:
    federation.plan(5)

    assert federation.cosign_code("trustee-1") == ""


def test_an_attempt_whose_number_does_not_fit_is_refused(city: City) -> None:
    federation = city.federation
    request = federation.request(ALICE, 2, city.alice)
    federation.witness()
    opening = Opening(federation, [request], attempt=1 << 32)

    answer = federation.ask("trustee-1", mask=opening.mask_order())

    assert refused(answer) == "MALFORMED"


def test_a_draft_with_text_that_is_no_text_is_refused(city: City) -> None:
    federation = city.federation
    request = federation.request(ALICE, 2, city.alice)
    federation.witness()
    draft = statements.encode(Opening(federation, [request]).draft)
    forged = draft.replace(b'"trustee-1"', b'"trustee-\\ud800"')
    assert forged != draft

    answer = federation.ask("trustee-1", mask=trustee_pb2.MaskOrder(draft_starts=[forged]))

    assert refused(answer) == "DRAFT_INVALID"


def test_roots_with_a_lower_threshold_than_the_parameters_read_nothing(
    federation: Federation,
) -> None:
    """One root signature would then admit a sham partner where two shares are needed."""
    roots = federation.roots
    federation.__dict__["roots"] = TrustRoots(
        parameter_id=roots.parameter_id, threshold=1, root_keys=roots.root_keys
    )

    assert federation.cosign_code("trustee-1") == "LEAF_INVALID"
