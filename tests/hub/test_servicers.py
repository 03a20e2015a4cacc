"""The hub's services as a client sees them: certificates say who calls, messages go as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fedcarbon.epoch.statements import Dispute
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, PartyId, Role
from fedcarbon.registry.enrolment import PlacesAnswer
from fedcarbon.transparency.checkpoint import WitnessKeys, witnessed
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import epoch_pb2, record_pb2, registry_pb2
from fedcarbon.wire.hub_client import HubClient
from hub.servicers.record import RecordServicer
from tests.hub.clients import Clients, certificate
from tests.hub.federation import (
    AUDITOR,
    BIKES,
    FIRST,
    HUB,
    METRO,
    PARTNERS,
    PROGRAMME,
    Federation,
    admission,
    claim_token,
    claims,
    key_of,
    programme,
    root_signed,
    signed,
    token,
)
from tests.hub.messages import opened
from tests.loop_thread import LoopThread
from tests.simulation.local_hub import LocalContext


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)] or [b""]


def commitment_requests(data: bytes, size: int) -> list[epoch_pb2.CreateClaimListRequest]:
    return [
        epoch_pb2.CreateClaimListRequest(commitments=data[i : i + size])
        for i in range(0, len(data), size)
    ]


def list_requests(
    data: bytes, size: int = 1 << 20, epoch: EpochIndex = FIRST
) -> Iterator[epoch_pb2.CreateClaimListRequest]:
    for number, piece in enumerate(pieces(data, size)):
        name = epoch_pb2.ClaimListId(programme_id=PROGRAMME, epoch=epoch)
        yield epoch_pb2.CreateClaimListRequest(id=None if number else name, content=piece)


def chunk_requests(
    header: bytes, data: bytes, size: int = 1 << 20
) -> Iterator[epoch_pb2.CreateChunkRequest]:
    for number, piece in enumerate(pieces(data, size)):
        yield epoch_pb2.CreateChunkRequest(signed_header=b"" if number else header, content=piece)


def epoch_seen(client: HubClient) -> epoch_pb2.Epoch:
    answer = client.list_epochs(epoch_pb2.ListEpochsRequest(programme_id=PROGRAMME))
    return answer.epochs[-1]


def test_an_epoch_runs_over_the_services(clients: Clients) -> None:
    federation, metro = clients.federation, clients.of(METRO)
    for partner in PARTNERS:
        federation.enrol_people(partner, range(5))
    federation.wait_until_end_of(FIRST)
    federation.advance()
    listed = {
        partner: claims({1: number, 10 + number: 0}, seed=number)
        for number, partner in enumerate(PARTNERS)
    }
    for partner in PARTNERS:
        commitment = federation.commitment(partner, listed[partner])
        answer = clients.of(partner).create_claim_commitment(
            epoch_pb2.CreateClaimCommitmentRequest(signed_commitment=signed(commitment, partner))
        )
        assert answer.receipt
    federation.advance()
    seen = epoch_seen(metro)
    assert (seen.state, seen.committed, seen.revealed) == (
        epoch_pb2.EPOCH_STATE_REVEALING,
        True,
        False,
    )

    for partner in PARTNERS:
        federation.lists[partner, FIRST] = listed[partner]
        requests = [
            *list_requests(listed[partner].to_bytes(), size=7),
            *commitment_requests(listed[partner].commitments.to_bytes(), size=9),
        ]
        assert clients.of(partner).create_claim_list(requests).receipt
    federation.advance()
    # bikes, metro, taxis claim slot 1 with rank 0, 1, 2
    lost = metro.list_lost_claims(
        epoch_pb2.ListLostClaimsRequest(programme_id=PROGRAMME, epoch=FIRST, limit=10)
    )
    assert (list(lost.claim_tokens), lost.total) == ([claim_token(1)], 1)

    for partner in PARTNERS:
        ((header, file),) = federation.submission(partner)
        requests = chunk_requests(header, file, size=100)
        assert clients.of(partner).create_chunk(requests).receipt
        proof = federation.link_proof(partner)
        request = epoch_pb2.CreateLinkProofRequest(signed_proof=proof)
        assert clients.of(partner).create_link_proof(request).receipt
    dispute = Dispute(
        parameter_id=federation.hub.parameters.parameter_id,
        programme_id=PROGRAMME,
        epoch=FIRST,
        partner_id=METRO,
        verdict_leaf=epoch_seen(metro).verdict_leaf,
        positions=tuple(lost.positions),
    )
    disputed = epoch_pb2.CreateDisputeRequest(signed_dispute=signed(dispute, METRO))
    assert metro.create_dispute(disputed).receipt
    assert list(epoch_seen(metro).chunks_received) == [0]
    federation.advance()

    seen = epoch_seen(metro)
    assert seen.state == epoch_pb2.EPOCH_STATE_SEALED
    assert seen.closed_leaf < seen.seal_leaf
    assert not seen.missing_partner_ids


def test_lost_claims_come_in_pages(clients: Clients) -> None:
    federation = clients.federation
    for partner in (METRO, BIKES):
        federation.enrol_people(partner, [1])
    federation.lists[METRO, FIRST] = claims(dict.fromkeys(range(6), 4), seed=1)
    federation.lists[BIKES, FIRST] = claims(dict.fromkeys(range(6), 0), seed=2)
    federation.run_claims((METRO, BIKES))
    client = clients.of(METRO)

    found: list[bytes] = []
    for start in (0, 4):
        answer = client.list_lost_claims(
            epoch_pb2.ListLostClaimsRequest(
                programme_id=PROGRAMME, epoch=FIRST, from_index=start, limit=4
            )
        )
        assert answer.total == 6
        found += answer.claim_tokens

    assert found == sorted(map(claim_token, range(6)))


def test_admissions_programmes_and_enrolments_go_over_the_services(
    bare: Federation, loop: LoopThread
) -> None:
    clients = Clients(bare, loop)
    operator = clients.of(PartyId("hub"), Role.HUB)
    for name, role in (("hub", Role.HUB), (METRO, Role.PARTNER)):
        request = registry_pb2.CreateAdmissionRequest(
            signed_admission=root_signed(admission(name, role))
        )
        assert operator.create_admission(request) == operator.create_admission(request)
    operator.create_programme(
        registry_pb2.CreateProgrammeRequest(signed_programme=root_signed(programme()))
    )
    batch = signed(bare.batch(METRO, [7, 8]), METRO)

    answer = clients.of(METRO).create_enrolment_batch(
        registry_pb2.CreateEnrolmentBatchRequest(signed_batch=batch)
    )

    told = opened(PlacesAnswer, answer.signed_places)
    assert [place.account_token for place in told.places] == [token(7), token(8)]


def test_leaves_and_heads_are_listed(clients: Clients) -> None:
    federation = clients.federation
    federation.enrol_people(METRO, [1])
    federation.wait_until_end_of(FIRST)
    federation.advance()
    federation.commit(METRO)
    auditor = clients.of(AUDITOR)
    assert not auditor.get_checkpoint(record_pb2.GetCheckpointRequest()).HasField("checkpoint")
    federation.advance()

    answer = auditor.list_leaves(record_pb2.ListLeavesRequest(from_index=0, limit=1000))
    newest = auditor.get_checkpoint(record_pb2.GetCheckpointRequest()).checkpoint
    servicer, context = (
        RecordServicer(federation.hub),
        LocalContext(certificate(AUDITOR, Role.AUDITOR)),
    )
    heads = clients.loop.run(
        servicer.ListCheckpoints(record_pb2.ListCheckpointsRequest(from_size=1, limit=10), context)
    ).checkpoints

    assert [leaf.index for leaf in answer.leaves] == list(range(answer.size))
    assert all(leaf.HasField("body") and leaf.HasField("salt") for leaf in answer.leaves)
    parameters = federation.hub.parameters
    head = witnessed(
        newest.note,
        WitnessKeys(
            hubs={HUB: key_of(HUB).public},
            trustees={name: key_of(name).public for name in parameters.trustee_ids},
        ),
        parameter_id=parameters.parameter_id,
        threshold=parameters.threshold,
    )
    assert head.size <= answer.size
    assert list(heads) == [newest]


def test_heads_beyond_any_record_are_none(clients: Clients) -> None:
    request = record_pb2.ListCheckpointsRequest(from_size=(1 << 64) - 1, limit=10)

    assert not clients.of(AUDITOR).list_checkpoints(request).checkpoints


def test_a_partner_gets_no_salt_of_a_body_that_is_not_its_own(clients: Clients) -> None:
    clients.federation.enrol_people(METRO, [1])

    answer = clients.of(BIKES).list_leaves(record_pb2.ListLeavesRequest(limit=1000))

    kinds = {LeafType(leaf.leaf[0]): leaf for leaf in answer.leaves}
    for kind in (LeafType.ENROLMENT_BATCH, LeafType.PLACE_BATCH):
        assert not kinds[kind].HasField("body")
        assert not kinds[kind].HasField("salt")
    assert kinds[LeafType.PROGRAMME].HasField("body")


def test_files_are_given_to_who_may_read_them(clients: Clients) -> None:
    federation = clients.federation
    for partner in (METRO, BIKES):
        federation.enrol_people(partner, [1])
    federation.lists[METRO, FIRST] = claims({1: 0})
    federation.run_claims((METRO, BIKES))
    data = federation.lists[METRO, FIRST].to_bytes()
    name = federation.hub.record.files.put(data)
    request = record_pb2.GetFileRequest(sha256=name)

    assert clients.of(METRO).get_file(request).content == data
    with pytest.raises(FedcarbonError) as caught:
        clients.of(BIKES).get_file(request)
    assert caught.value.code == "FILE_NOT_READABLE"


Call = Callable[[Clients], object]
REFUSED: dict[str, tuple[Call, str]] = {
    "an auditor enrols": (
        lambda c: c.of(AUDITOR).create_enrolment_batch(registry_pb2.CreateEnrolmentBatchRequest()),
        "ROLE_NOT_ALLOWED",
    ),
    "an auditor commits": (
        lambda c: c.of(AUDITOR).create_claim_commitment(epoch_pb2.CreateClaimCommitmentRequest()),
        "ROLE_NOT_ALLOWED",
    ),
    "an auditor submits": (
        lambda c: c.of(AUDITOR).create_chunk(chunk_requests(b"", b"")),
        "ROLE_NOT_ALLOWED",
    ),
    "an auditor asks for losses": (
        lambda c: c.of(AUDITOR).list_lost_claims(epoch_pb2.ListLostClaimsRequest()),
        "ROLE_NOT_ALLOWED",
    ),
    "a partner with a certificate but no admission": (
        lambda c: c.of(PartyId("ghost"), Role.PARTNER).create_claim_list(list_requests(b"")),
        "NOT_ADMITTED",
    ),
    "a partner brings another partner's batch": (
        lambda c: c.of(BIKES).create_enrolment_batch(
            registry_pb2.CreateEnrolmentBatchRequest(
                signed_batch=signed(c.federation.batch(METRO, [1]), METRO)
            )
        ),
        "SIGNATURE_INVALID",
    ),
    "a stream without a message": (
        lambda c: c.of(METRO).create_chunk([]),
        "MALFORMED",
    ),
    "a programme that does not exist": (
        lambda c: c.of(METRO).list_epochs(epoch_pb2.ListEpochsRequest(programme_id="chengdu")),
        "UNKNOWN_PROGRAMME",
    ),
    "a programme that is no name": (
        lambda c: c.of(METRO).list_epochs(epoch_pb2.ListEpochsRequest(programme_id="A B")),
        "MALFORMED",
    ),
    "a chunk of more than 4 MiB": (
        lambda c: c.of(METRO).create_chunk(chunk_requests(b"", bytes((4 << 20) + 1))),
        "CHUNK_TOO_LARGE",
    ),
}


@pytest.mark.parametrize(("call", "code"), REFUSED.values(), ids=REFUSED)
def test_a_call_that_is_not_the_callers_to_make_is_refused(
    clients: Clients, call: Call, code: str
) -> None:
    with pytest.raises(FedcarbonError) as caught:
        call(clients)

    assert caught.value.code == code


def test_a_list_longer_than_committed_is_refused_while_it_arrives(clients: Clients) -> None:
    federation = clients.federation
    federation.enrol_people(METRO, [1])
    federation.wait_until_end_of(FIRST)
    federation.advance()
    federation.commit(METRO, claims({1: 0}))
    federation.advance()
    sent = 0

    def endless() -> Iterator[epoch_pb2.CreateClaimListRequest]:
        nonlocal sent
        for request in list_requests(bytes(10_000), size=50):
            sent += 1
            yield request

    with pytest.raises(FedcarbonError) as caught:
        clients.of(METRO).create_claim_list(endless())

    assert caught.value.code == "LIST_DIFFERS_FROM_ROOT"
    assert sent < 5
    assert not list((federation.folder / "record" / "files").iterdir())
