"""The client against a real server: who is asked, what comes back, what is repeated."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from typing_extensions import override

from fedcarbon.errors import CallerError, PeerError, StateError
from fedcarbon.ids import PartyId, Role
from fedcarbon.v1 import (
    epoch_pb2,
    identity_pb2,
    opening_pb2,
    record_pb2,
    record_pb2_grpc,
    redemption_pb2,
    registry_pb2,
    trustee_pb2,
    use_pb2,
)
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.deadlines import deadline_of
from fedcarbon.wire.hub_client import GrpcHubClient, HubClient
from fedcarbon.wire.options import CHANNEL_OPTIONS
from fedcarbon.wire.party import PartyFiles
from fedcarbon.wire.repeated_calls import ATTEMPTS_MAX
from fedcarbon.wire.status import (
    RemoteCallerError,
    RemoteError,
    RemotePeerError,
    RemoteStateError,
    RemoteTimeoutError,
    UnreachableError,
)
from fedcarbon.wire.tls import dial

MIB = 1 << 20


def get_file(client: HubClient, name: bytes) -> bytes:
    return client.get_file(record_pb2.GetFileRequest(sha256=name)).content


def test_a_call_reaches_the_hub_and_its_answer_comes_back(channel: grpc.Channel) -> None:
    client = GrpcHubClient(channel)

    assert get_file(client, b"present") == b"present"


@pytest.mark.parametrize(
    ("asked", "family", "remote", "code", "retry_after_ms"),
    [
        pytest.param(b"wrong", CallerError, RemoteCallerError, "TEST_WRONG", None, id="caller"),
        pytest.param(b"late", StateError, RemoteStateError, "TEST_LATE", 1_000, id="state"),
        pytest.param(b"cheated", CallerError, RemoteCallerError, "TEST_CHEATED", None, id="peer"),
        pytest.param(
            b"misconfigured", PeerError, RemotePeerError, "TEST_MISCONFIGURED", None, id="operator"
        ),
        pytest.param(b"bug", PeerError, RemotePeerError, "INTERNAL", None, id="bug"),
        pytest.param(b"chinese", CallerError, RemoteCallerError, "TEST_WRONG", None, id="chinese"),
    ],
)
def test_an_error_keeps_its_code_and_says_whose_move_it_is(
    channel: grpc.Channel,
    asked: bytes,
    family: type[Exception],
    remote: type[RemoteError],
    code: str,
    retry_after_ms: int | None,
) -> None:
    client = GrpcHubClient(channel)

    with pytest.raises(remote) as caught:
        get_file(client, asked)

    assert isinstance(caught.value, family)
    assert caught.value.code == code
    assert caught.value.retry_after_ms == retry_after_ms


def test_a_promised_error_brings_its_sentence(channel: grpc.Channel) -> None:
    with pytest.raises(RemoteStateError, match=r"^epoch 3 is sealed; the chunk came 3 s late$"):
        get_file(GrpcHubClient(channel), b"late")


def test_a_bug_at_the_hub_says_nothing_of_itself(channel: grpc.Channel) -> None:
    with pytest.raises(RemotePeerError) as caught:
        get_file(GrpcHubClient(channel), b"bug")

    assert "42" not in str(caught.value)
    assert "ZeroDivision" not in str(caught.value)


def test_a_very_long_message_is_cut_and_its_code_still_arrives(channel: grpc.Channel) -> None:
    with pytest.raises(RemoteCallerError) as caught:
        get_file(GrpcHubClient(channel), b"long")

    assert caught.value.code == "TEST_WRONG"
    assert len(str(caught.value)) == 1000


def test_an_upload_is_streamed(channel: grpc.Channel) -> None:
    pieces = [epoch_pb2.CreateChunkRequest(content=bytes(MIB)) for _ in range(4)]

    response = GrpcHubClient(channel).create_chunk(pieces)

    assert response.receipt == str(4 * MIB).encode()


def test_a_message_over_the_cap_is_refused(channel: grpc.Channel) -> None:
    pieces = [epoch_pb2.CreateChunkRequest(content=bytes(8 * MIB))]

    with pytest.raises(RemoteStateError) as caught:
        GrpcHubClient(channel).create_chunk(pieces)

    assert caught.value.code == "GRPC_RESOURCE_EXHAUSTED"


def test_a_method_that_the_hub_lacks_is_the_hubs_fault(channel: grpc.Channel) -> None:
    with pytest.raises(RemotePeerError) as caught:
        GrpcHubClient(channel).list_epochs(epoch_pb2.ListEpochsRequest())

    assert caught.value.code == "GRPC_UNIMPLEMENTED"


def test_orders_stream_to_a_trustee_until_an_error_ends_them(channel: grpc.Channel) -> None:
    answers = (trustee_pb2.WorkRequest(order_id=name) for name in (b"a", b"b", b"end"))
    orders = GrpcHubClient(channel).work(answers)

    assert [next(orders).order_id, next(orders).order_id] == [b"a", b"b"]
    with pytest.raises(RemoteStateError) as caught:
        next(orders)
    assert caught.value.code == "TEST_LATE"


def test_a_missing_hub_is_tried_a_bounded_number_of_times(partner: PartyFiles) -> None:
    slept: list[float] = []
    nobody = PartyName(party_id=PartyId("hub"), role=Role.HUB)

    with dial("127.0.0.1:1", partner, nobody) as channel:
        client = GrpcHubClient(channel, sleep=slept.append)
        with pytest.raises(UnreachableError):
            get_file(client, b"present")

    assert len(slept) == ATTEMPTS_MAX - 1
    assert slept == sorted(slept)


class Lost(grpc.RpcError):
    """A call that found no connection."""

    @override
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    @override
    def details(self) -> str:
        return "connection reset"

    @override
    def trailing_metadata(self) -> Any:
        return ()

    def result(self) -> None:
        raise self


class Flaky(grpc.UnaryUnaryClientInterceptor, grpc.StreamUnaryClientInterceptor):
    """Loses connections: a call that it drops never arrives."""

    def __init__(self, drops: int) -> None:
        self.drops = drops
        self.calls = 0

    def _lose(self) -> bool:
        self.calls += 1
        return self.calls <= self.drops

    @override
    def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        return Lost() if self._lose() else continuation(client_call_details, request)

    @override
    def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return Lost() if self._lose() else continuation(client_call_details, request_iterator)


def flaky_client(channel: grpc.Channel, drops: int) -> tuple[GrpcHubClient, Flaky]:
    flaky = Flaky(drops)
    return GrpcHubClient(grpc.intercept_channel(channel, flaky), sleep=lambda _: None), flaky


def test_a_lost_call_is_sent_again(channel: grpc.Channel) -> None:
    client, flaky = flaky_client(channel, drops=2)

    assert get_file(client, b"present") == b"present"
    assert flaky.calls == 3


def test_an_upload_that_can_be_walked_again_is_sent_again_whole(channel: grpc.Channel) -> None:
    client, flaky = flaky_client(channel, drops=1)
    pieces = [
        epoch_pb2.CreateChunkRequest(content=b"ab"),
        epoch_pb2.CreateChunkRequest(content=b"c"),
    ]

    assert client.create_chunk(pieces).receipt == b"3"
    assert flaky.calls == 2


def test_an_upload_from_an_iterator_is_tried_once(channel: grpc.Channel) -> None:
    client, flaky = flaky_client(channel, drops=1)

    with pytest.raises(UnreachableError):
        client.create_chunk(iter([epoch_pb2.CreateChunkRequest(content=b"ab")]))
    assert flaky.calls == 1


def test_a_call_that_a_stopping_hub_cuts_off_counts_as_unreachable(
    channel: grpc.Channel, hub: Any
) -> None:
    slept: list[float] = []

    class Stopping(grpc.UnaryUnaryClientInterceptor):
        @override
        def intercept_unary_unary(
            self, continuation: Any, client_call_details: Any, request: Any
        ) -> Any:
            if not slept:
                threading.Timer(0.2, hub.stop).start()
            return continuation(client_call_details, request)

    client = GrpcHubClient(grpc.intercept_channel(channel, Stopping()), sleep=slept.append)

    with pytest.raises(UnreachableError):
        get_file(client, b"slow")

    assert len(slept) == ATTEMPTS_MAX - 1


def test_a_refusal_is_not_repeated(channel: grpc.Channel) -> None:
    client, flaky = flaky_client(channel, drops=0)

    with pytest.raises(RemoteStateError):
        get_file(client, b"late")
    assert flaky.calls == 1


def test_an_answer_that_does_not_come_ends_with_the_deadline(channel: grpc.Channel) -> None:
    class Hasty(grpc.UnaryUnaryClientInterceptor):
        @override
        def intercept_unary_unary(
            self, continuation: Any, client_call_details: Any, request: Any
        ) -> Any:
            return continuation(client_call_details._replace(timeout=0.2), request)

    client = GrpcHubClient(grpc.intercept_channel(channel, Hasty()))

    with pytest.raises(RemoteTimeoutError):
        get_file(client, b"slow")


def test_the_client_sets_the_deadline_per_call_and_keeps_one_that_is_set(
    channel: grpc.Channel,
) -> None:
    seen: list[float | None] = []

    class Watch(grpc.UnaryUnaryClientInterceptor):
        @override
        def intercept_unary_unary(
            self, continuation: Any, client_call_details: Any, request: Any
        ) -> Any:
            seen.append(client_call_details.timeout)
            return continuation(client_call_details, request)

    get_file(GrpcHubClient(grpc.intercept_channel(channel, Watch())), b"present")

    assert seen == [deadline_of("/fedcarbon.v1.RecordService/GetFile")]


def test_no_timeout_stands_in_a_service_configuration() -> None:
    """It misfires in grpcio 1.85: deadlines are set per call."""
    assert [name for name, _ in CHANNEL_OPTIONS if "service_config" in name] == []


def test_a_trustee_that_stops_reading_hangs_up(channel: grpc.Channel, hub: Any) -> None:
    waiting = threading.Event()

    def answers() -> Iterator[trustee_pb2.WorkRequest]:
        yield trustee_pb2.WorkRequest(order_id=b"a")
        waiting.wait(10)

    orders = GrpcHubClient(channel).work(answers())
    next(orders)

    orders.close()

    record = hub.calls.get(timeout=10)  # while the trustee's own answers still wait
    waiting.set()
    assert record.method == "TrusteeService/Work"


def test_every_rpc_of_the_hub_has_a_method_in_the_client() -> None:
    protocol = (epoch_pb2, identity_pb2, opening_pb2, record_pb2, redemption_pb2, registry_pb2)
    protocol = (*protocol, use_pb2)
    rpcs = {
        method.name
        for module in protocol
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }

    expected = {"".join(f"_{c.lower()}" if c.isupper() else c for c in rpc)[1:] for rpc in rpcs}

    assert {name for name in vars(HubClient) if not name.startswith("_")} == expected


def test_one_client_serves_many_threads(channel: grpc.Channel) -> None:
    client, answers = GrpcHubClient(channel), []

    def ask(name: bytes) -> None:
        answers.append(get_file(client, name))

    threads = [threading.Thread(target=ask, args=(b"%d" % n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == sorted(b"%d" % n for n in range(16))


def test_a_hub_that_was_restarted_is_found_again(
    serve: Callable[..., Any], hub_files: PartyFiles, partner: PartyFiles
) -> None:
    first = serve(hub_files)

    def restart(_seconds: float) -> None:
        if not first.calls.empty():
            first.calls.get()
            serve(hub_files, first.target)
        time.sleep(0.2)

    with dial(first.target, partner, hub_files.name) as channel:
        client = GrpcHubClient(channel, sleep=restart)
        assert get_file(client, b"before") == b"before"
        first.stop()

        assert get_file(client, b"after") == b"after"


def test_a_plain_stub_without_our_client_meets_the_same_errors(channel: grpc.Channel) -> None:
    stub = record_pb2_grpc.RecordServiceStub(channel)

    with pytest.raises(grpc.RpcError) as caught:
        stub.GetFile(record_pb2.GetFileRequest(sha256=b"late"), timeout=10)

    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
