"""The in-house service over real gRPC and mTLS on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import grpc
import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.units import Seconds
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.deadlines import with_deadlines
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.party import PartyFiles, load_party
from fedcarbon.wire.status import error_of
from fedcarbon.wire.tls import dial
from partner_node.commands.showing_persons import plain
from partner_node.persons.summary import Asked, as_tree
from partner_node.serving import start_service
from tests.loop_thread import LoopThread
from tests.partner_node.fake_hub import NODE
from tests.partner_node.world import World, person

Stubs = Callable[[PartyFiles], Any]


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PartyFiles]:
    """The partner itself, and two parties that have certificates of the same federation."""
    now_s = Seconds(int(time.time()))
    authority = Authority.create(now_s)
    made = {}
    for name, role in ((NODE, Role.PARTNER), ("sz-bike", Role.PARTNER), ("hub", Role.HUB)):
        party = PartyName(party_id=PartyId(name), role=role, trust_domain=authority.trust_domain)
        folder = tmp_path_factory.mktemp(name)
        made[name] = load_party(write_party(folder, authority, party, now_s=now_s, seed=bytes(32)))
    return made


@pytest.fixture
def target(riders: World, parties: dict[str, PartyFiles]) -> Iterator[str]:
    """The address of a running service over the world's node."""
    started = start_service(riders.node, parties[NODE], "127.0.0.1:0", on_call=lambda _: None)
    with closing(LoopThread()) as loop:
        server = loop.run(started)
        yield f"127.0.0.1:{server.port}"
        loop.run(server.stop(0))


class Client:
    """Stubs that raise what the server meant."""

    def __init__(self, channel: grpc.Channel) -> None:
        channel = with_deadlines(channel)
        self._stubs = (
            node_pb2_grpc.ActivityServiceStub(channel),
            node_pb2_grpc.PersonServiceStub(channel),
            node_pb2_grpc.NodeServiceStub(channel),
        )

    def __getattr__(self, rpc: str) -> Callable[[Any], Any]:
        method = next(getattr(stub, rpc) for stub in self._stubs if hasattr(stub, rpc))

        def call(request: Any) -> Any:
            try:
                return method(request)
            except grpc.RpcError as failure:
                raise error_of(failure) from failure

        return call


@pytest.fixture
def client(target: str, parties: dict[str, PartyFiles]) -> Iterator[Client]:
    """The platform's own back end."""
    with dial(target, parties[NODE], parties[NODE].name) as channel:
        yield Client(channel)


def activity(name: str = "a", **changes: Any) -> node_pb2.Activity:
    fields: dict[str, Any] = {
        "activity_id": name,
        "person_ref": "rider-1",
        "started_at": "2026-03-02T08:00:00",
        "ended_at": "2026-03-02T00:20:00Z",
        "evidence": 0,
        "values": values(),
    }
    return node_pb2.Activity(**fields | changes)


def values(mode: str = "rail", distance_m: int = 10_000) -> list[node_pb2.FieldValue]:
    return [
        node_pb2.FieldValue(field="mode", word=mode),
        node_pb2.FieldValue(field="distance_m", integer=distance_m),
    ]


def test_a_batch_of_activities_is_answered_row_by_row(client: Client, riders: World) -> None:
    answer = client.CreateActivities(
        node_pb2.CreateActivitiesRequest(
            activities=[
                activity("good", place="the bund"),
                activity("good"),
                activity("mode", values=values(mode="rocket")),
                activity("time", started_at="yesterday"),
                activity("backwards", ended_at="2026-03-02T07:00:00"),
                activity("negative", values=values(distance_m=-1)),
                activity("twice", values=[*values(), *values()]),
                activity("empty", values=[node_pb2.FieldValue(field="mode")]),
                activity("half", values=values()[:1]),
                activity("meter", object_ref="meter:sgcc:1"),
                activity("unknown", methodology="cn-nowhere"),
                activity("evidence", evidence=7),
                activity("nobody", person_ref="nobody"),
            ]
        )
    )

    assert answer.accepted == 2
    assert riders.database.rows("SELECT * FROM activity_places") == [("good", "the bund")]
    assert {item.activity_id: item.reason for item in answer.rejected} == {
        "mode": "mode_not_covered",
        "twice": "malformed_row",
        "empty": "malformed_row",
        "half": "distance_m_missing",
        "meter": "object_unexpected",
        "unknown": "unknown_methodology",
        "time": "malformed_time",
        "backwards": "not_positive_duration",
        "negative": "distance_m_out_of_range",
        "evidence": "evidence_out_of_range",
        "nobody": "unknown_person",
    }
    assert sum(riders.node.status().rejected.values()) == 11


def test_people_are_linked_and_withdraw_over_the_wire(client: Client) -> None:
    record = person(8)
    answer = client.LinkPersons(
        node_pb2.LinkPersonsRequest(
            persons=[
                node_pb2.Person(
                    person_ref=record.person_ref,
                    id_type=record.id_type,
                    id_number=record.id_number,
                    consent_data="true",
                    consent_claim="true",
                ),
                node_pb2.Person(person_ref="x", id_type="TEST", id_number="1"),
            ]
        )
    )
    withdrawn = client.WithdrawConsent(node_pb2.WithdrawConsentRequest(person_ref="rider-8"))

    assert answer.linked == 1
    assert [(item.person_ref, item.reason) for item in answer.rejected] == [
        ("x", "malformed_identity")
    ]
    assert withdrawn.from_epoch == 2


def test_a_person_sees_what_was_earned_and_lost(client: Client, riders: World) -> None:
    client.CreateActivities(node_pb2.CreateActivitiesRequest(activities=[activity()]))
    riders.run_epoch(1)

    summary = client.GetSummary(node_pb2.GetSummaryRequest(person_ref="rider-1"))
    status = client.GetStatus(node_pb2.GetStatusRequest())

    assert summary.consented
    assert summary.totals.submitted_micro == 970_000_000
    assert [item.day for item in summary.days] == ["2026-03-02"]
    asked = Asked(person_ref="rider-1")
    assert plain(summary) == json.loads(json.dumps(as_tree(riders.node.summary(asked))))
    assert (status.enrolled, status.enrolling, status.last_error) == (3, 0, "")
    assert [(item.epoch, item.stage, item.claims_sent) for item in status.epochs] == [
        (1, "done", 4)
    ]


def test_a_binding_is_shown_and_confirmed_over_the_wire(client: Client, riders: World) -> None:
    riders.hub.propose(riders.token_of(1))
    riders.settle()
    (shown,) = client.ListPendingBindings(node_pb2.ListPendingBindingsRequest()).bindings

    answer = client.AnswerBinding(
        node_pb2.AnswerBindingRequest(binding_id=shown.binding_id, confirm=True)
    )

    assert (shown.person_ref, shown.operator_id, shown.wallet_hint) == ("rider-1", "icbc", "1001")
    assert answer.receipt in riders.hub.receipts.values()


REFUSALS = {
    "withdrawal of nobody": (
        "WithdrawConsent",
        node_pb2.WithdrawConsentRequest(person_ref="nobody"),
        "UNKNOWN_PERSON",
    ),
    "summary of nobody": ("GetSummary", node_pb2.GetSummaryRequest(), "UNKNOWN_PERSON"),
    "summary in another language": (
        "GetSummary",
        node_pb2.GetSummaryRequest(person_ref="rider-1", language="fr"),
        "UNKNOWN_LANGUAGE",
    ),
    "answer to nothing": ("AnswerBinding", node_pb2.AnswerBindingRequest(), "UNKNOWN_BINDING"),
    "too many activities": (
        "CreateActivities",
        node_pb2.CreateActivitiesRequest(activities=[node_pb2.Activity()] * 5_001),
        "BATCH_TOO_LARGE",
    ),
    "too many people": (
        "LinkPersons",
        node_pb2.LinkPersonsRequest(persons=[node_pb2.Person()] * 5_001),
        "BATCH_TOO_LARGE",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_comes_with_its_code(client: Client, case: str) -> None:
    rpc, request, code = REFUSALS[case]

    with pytest.raises(FedcarbonError) as refused:
        getattr(client, rpc)(request)

    assert refused.value.code == code


REQUESTS = {
    "CreateActivities": node_pb2.CreateActivitiesRequest(),
    "LinkPersons": node_pb2.LinkPersonsRequest(),
    "WithdrawConsent": node_pb2.WithdrawConsentRequest(person_ref="rider-1"),
    "GetSummary": node_pb2.GetSummaryRequest(person_ref="rider-1"),
    "ListPendingBindings": node_pb2.ListPendingBindingsRequest(),
    "AnswerBinding": node_pb2.AnswerBindingRequest(),
    "AttestMember": node_pb2.AttestMemberRequest(),
    "ListMembers": node_pb2.ListMembersRequest(),
    "GetStatus": node_pb2.GetStatusRequest(),
}


@pytest.mark.parametrize("stranger", ["sz-bike", "hub"])
def test_another_party_of_the_federation_gets_nothing_in_house(
    target: str, parties: dict[str, PartyFiles], stranger: str
) -> None:
    with dial(target, parties[stranger], parties[NODE].name) as channel:
        outside = Client(channel)
        codes = {}
        for rpc, request in REQUESTS.items():
            with pytest.raises(FedcarbonError) as refused:
                getattr(outside, rpc)(request)
            codes[rpc] = refused.value.code

    assert codes == dict.fromkeys(REQUESTS, "ROLE_NOT_ALLOWED")


def test_a_node_that_has_not_read_the_record_says_so(client: Client, riders: World) -> None:
    riders.database.run("DELETE FROM record_leaves")
    riders.node._source._current = None
    riders.node._source._parameters = None

    with pytest.raises(FedcarbonError) as refused:
        client.CreateActivities(node_pb2.CreateActivitiesRequest(activities=[activity()]))

    assert refused.value.code == "FOUNDATION_MISSING"


def test_a_utility_attests_who_lives_in_a_household(client: Client) -> None:
    home = person(7, id_type="METER", id_number="TEST:3100")
    client.LinkPersons(
        node_pb2.LinkPersonsRequest(
            persons=[
                node_pb2.Person(
                    person_ref=home.person_ref,
                    id_type=home.id_type,
                    id_number=home.id_number,
                    consent_data="true",
                    consent_claim="true",
                )
            ]
        )
    )

    client.AttestMember(
        node_pb2.AttestMemberRequest(account_ref=home.person_ref, member_ref="rider-1")
    )
    listed = client.ListMembers(node_pb2.ListMembersRequest(account_ref=home.person_ref))

    assert list(listed.member_refs) == ["rider-1"]
    with pytest.raises(FedcarbonError) as refused:
        client.AttestMember(
            node_pb2.AttestMemberRequest(account_ref="rider-1", member_ref=home.person_ref)
        )
    assert refused.value.code == "NOT_A_HOUSEHOLD"
