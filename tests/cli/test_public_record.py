"""What a wallet operator believes of a record, and what it refuses to believe."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable

import pytest
from typing_extensions import override

from fedcarbon.cli.public_record import (
    PublicRecord,
    RecordNotReadyError,
    RecordUnreadableError,
    read_public_record,
)
from fedcarbon.errors import FedcarbonError, MalformedError, SignatureInvalidError
from fedcarbon.ids import PartyId, Role
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.transparency.checkpoint import ForkedRecordError
from fedcarbon.transparency.envelope import sign
from fedcarbon.transparency.leaf import LeafType, commit
from fedcarbon.transparency.receipt import Receipt
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.v1 import record_pb2
from tests.trustee.federation import Federation
from tests.trustee.founded import HUB, METRO, OPERATOR
from tests.trustee.memory_record import BuiltLeaf, Record

TRUSTEES = 5


class PublicHub:
    """Serves a record; only what a wallet operator asks for."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def list_leaves(self, request: record_pb2.ListLeavesRequest) -> record_pb2.ListLeavesResponse:
        return self._record.list_leaves(request)

    def get_checkpoint(
        self, _: record_pb2.GetCheckpointRequest
    ) -> record_pb2.GetCheckpointResponse:
        answer = record_pb2.GetCheckpointResponse()
        if self._record.heads:
            answer.checkpoint.note = self._record.heads[-1][1]
        return answer


@pytest.fixture
def federation() -> Federation:
    built = Federation(trustees=TRUSTEES, threshold=3)
    built.begin()
    return built


def read(federation: Federation, roots: TrustRoots | None = None) -> PublicRecord:
    hub = PublicHub(federation.record)
    return read_public_record(hub, roots or federation.roots)  # type: ignore[arg-type]


def test_an_honest_record_is_read(federation: Federation) -> None:
    federation.witness()

    record = read(federation)

    assert record.parameters.parameter_id == federation.parameters.parameter_id
    assert record.programme(federation.programme.programme_id) == federation.programme
    assert record.parties[OPERATOR].role is Role.WALLET_OPERATOR
    head = record.head()
    assert head.size == len(federation.record.leaves)


def test_three_trustees_are_no_quorum_because_only_they_are_admitted(
    federation: Federation,
) -> None:
    """Two of the three are corrupt; the other two of five sign another record with them."""
    admitted = ["trustee-1", "trustee-2", "trustee-3"]
    del federation.record.leaves[-3:]  # trustee-4, trustee-5 and the programme
    federation.witness(admitted)
    record = read(federation)
    assert set(admitted) == set(record.parties) & set(federation.trustee_ids)

    with pytest.raises(RecordNotReadyError, match="trustee-4"):
        record.head()


def test_a_head_over_other_leaves_is_a_fork(federation: Federation) -> None:
    federation.enrol(METRO, [b"C" * 32])
    federation.witness()
    forked = federation.copy()
    del forked.record.leaves[-2:]
    forked.enrol(METRO, [b"D" * 32])
    forked.record.heads.append(federation.record.heads[-1])
    record = read(forked)

    with pytest.raises(ForkedRecordError):
        record.head()


def test_a_record_that_grows_while_it_is_read_has_the_head_of_before(
    federation: Federation,
) -> None:
    """A client that had to be lucky failed whenever the hub was busy."""
    federation.witness()
    size = len(federation.record.leaves)

    class Growing(PublicHub):
        @override
        def list_leaves(
            self, request: record_pb2.ListLeavesRequest
        ) -> record_pb2.ListLeavesResponse:
            if len(federation.record.leaves) == size:
                federation.enrol(METRO, [b"C" * 32])
                federation.witness()
            return super().list_leaves(request)

    record = read_public_record(Growing(federation.record), federation.roots)  # type: ignore[arg-type]

    assert len(record.leaves) > size
    assert record.head().size == size


def test_a_hub_that_keeps_leaves_back_under_its_own_head_is_not_believed(
    federation: Federation,
) -> None:
    federation.enrol(METRO, [b"C" * 32])
    federation.witness()
    size = len(federation.record.leaves)
    del federation.record.leaves[-1:]
    record = read(federation)

    with pytest.raises(RecordUnreadableError, match=f"over {size} leaves and gives {size - 1}"):
        record.head()


def trustee_as_a_partner(federation: Federation) -> None:
    federation.admit(PartyId("trustee-1"), Role.PARTNER)


def one_key_for_two_parties(federation: Federation) -> None:
    federation.admit(PartyId("double"), Role.PARTNER, signing_key=federation.key(OPERATOR).public)


def programme_that_changes(federation: Federation) -> None:
    changed = dataclasses.replace(federation.programme, cap_ug=MicrogramsCO2e(1))
    federation.log(LeafType.PROGRAMME, federation.rooted(changed))


def admission_by_too_few_roots(federation: Federation) -> None:
    index = federation.admit(PartyId("stranger"), Role.PARTNER)
    federation.record.leaves.pop(index)
    federation.log(LeafType.PARTY_ADMISSION, federation.signed(federation.programme, HUB))


def no_self_test(federation: Federation) -> None:
    federation.log(LeafType.LEDGER_BATCH, b"nothing")
    federation.record.leaves[1] = federation.record.leaves.pop()


def withheld_programme(federation: Federation) -> None:
    federation.record.withheld.add(len(federation.record.leaves) - 1)


def body_of_another_leaf(federation: Federation) -> None:
    """Both are plans, signed by the hub; the record holds one of them."""
    first, second = (federation.record.leaves[federation.plan(epoch)] for epoch in (1, 2))
    federation.record.leaves[-1] = BuiltLeaf(second.leaf, second.salt, first.body)


RECORDS: dict[str, Callable[[Federation], None]] = {
    "a trustee becomes a partner": trustee_as_a_partner,
    "one key for two parties": one_key_for_two_parties,
    "a programme that changes": programme_that_changes,
    "an admission by too few roots": admission_by_too_few_roots,
    "no self-test": no_self_test,
    "a public body is kept back": withheld_programme,
    "a body of another leaf": body_of_another_leaf,
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_not_believed_with(federation: Federation, name: str) -> None:
    RECORDS[name](federation)

    with pytest.raises(RecordUnreadableError):
        read(federation)


def test_a_leaf_that_is_left_out_is_noticed(federation: Federation) -> None:
    class WithoutAnAdmission(Record):
        def list_leaves(
            self, request: record_pb2.ListLeavesRequest
        ) -> record_pb2.ListLeavesResponse:
            answer = super().list_leaves(request)
            del answer.leaves[4]
            return answer

    record = federation.record
    federation.record = WithoutAnAdmission(record.leaves, record.heads, record.files)

    with pytest.raises(RecordUnreadableError):
        read(federation)


def test_an_empty_record_is_not_ready(federation: Federation) -> None:
    federation.record.leaves.clear()

    with pytest.raises(RecordNotReadyError):
        read(federation)


def test_a_record_of_other_roots_is_not_believed(federation: Federation) -> None:
    keys = {name: hashlib.sha256(name.encode()).digest() for name in federation.roots.root_keys}
    roots = dataclasses.replace(federation.roots, root_keys=keys)

    with pytest.raises(RecordUnreadableError):
        read(federation, roots)


MESSAGE = b"the exact bytes of an envelope"


def receipt(federation: Federation, signer: str = HUB, **changes: object) -> bytes:
    salt = b"s" * 32
    fields: dict[str, object] = {
        "parameter_id": federation.parameters.parameter_id,
        "message_sha256": hashlib.sha256(MESSAGE).digest(),
        "leaf_index": 12,
        "leaf": commit(LeafType.UNBINDING, salt, MESSAGE).to_bytes(),
        "salt": salt,
        "accepted_at_s": 1,
        "merge_by_s": 2,
    }
    statement = Receipt(**{**fields, **changes})  # type: ignore[arg-type]
    return sign(statement, {signer: federation.key(signer)}).to_bytes()


def test_a_receipt_for_the_message_is_accepted(federation: Federation) -> None:
    read(federation).check_receipt(receipt(federation), LeafType.UNBINDING, MESSAGE)


RECEIPTS: dict[str, tuple[dict[str, object], type[FedcarbonError]]] = {
    "another message": ({"message_sha256": bytes(32)}, RecordUnreadableError),
    "a type that no trustee reads": (
        {"leaf": commit(LeafType.LEDGER_BATCH, b"s" * 32, MESSAGE).to_bytes()},
        RecordUnreadableError,
    ),
    "another salt": ({"salt": b"t" * 32}, RecordUnreadableError),
    "another parameter set": ({"parameter_id": bytes(32)}, MalformedError),
    "a partner's signature": ({"signer": METRO}, SignatureInvalidError),
}


@pytest.mark.parametrize("name", RECEIPTS)
def test_a_receipt_is_no_promise_with(federation: Federation, name: str) -> None:
    changes, error = RECEIPTS[name]
    data = receipt(federation, **changes)  # type: ignore[arg-type]

    with pytest.raises(error):
        read(federation).check_receipt(data, LeafType.UNBINDING, MESSAGE)
