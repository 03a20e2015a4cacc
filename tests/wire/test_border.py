"""What every server does with every call: deadline, record, health, reflection, end."""

from __future__ import annotations

import asyncio
import json
import queue
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from fedcarbon.ids import Role
from fedcarbon.v1 import record_pb2, record_pb2_grpc, trustee_pb2, trustee_pb2_grpc
from fedcarbon.wire.hub_client import GrpcHubClient
from fedcarbon.wire.party import PartyFiles
from fedcarbon.wire.server import AddressError, start_server
from fedcarbon.wire.status import RemoteCallerError, RemoteError, error_of

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = {
    "fedcarbon.v1.RecordService",
    "fedcarbon.v1.EpochService",
    "fedcarbon.v1.TrusteeService",
}


def test_a_call_without_deadline_is_refused(channel: grpc.Channel) -> None:
    stub = record_pb2_grpc.RecordServiceStub(channel)

    with pytest.raises(grpc.RpcError) as caught:
        stub.ListLeaves(record_pb2.ListLeavesRequest())

    error = error_of(caught.value)
    assert isinstance(error, RemoteCallerError)
    assert error.code == "DEADLINE_MISSING"


def test_a_stream_without_deadline_is_refused(channel: grpc.Channel) -> None:
    stub = trustee_pb2_grpc.TrusteeServiceStub(channel)

    with pytest.raises(grpc.RpcError) as caught:
        list(stub.Work(iter([trustee_pb2.WorkRequest()])))

    assert error_of(caught.value).code == "DEADLINE_MISSING"


def test_a_success_leaves_one_record(channel: grpc.Channel, hub: Any) -> None:
    GrpcHubClient(channel).list_leaves(record_pb2.ListLeavesRequest())

    record = hub.calls.get(timeout=10)
    assert hub.calls.empty()
    assert (record.method, record.party_id, record.role) == (
        "RecordService/ListLeaves",
        "sz-metro",
        Role.PARTNER,
    )
    assert (record.status, record.code, record.bug) == (grpc.StatusCode.OK, "", None)
    assert len(record.request_id) == 12
    assert record.duration_us >= 0


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (b"late", grpc.StatusCode.FAILED_PRECONDITION, "TEST_LATE"),
        (b"wrong", grpc.StatusCode.INVALID_ARGUMENT, "TEST_WRONG"),
        (b"bug", grpc.StatusCode.INTERNAL, "INTERNAL"),
    ],
)
def test_a_failure_leaves_one_record_with_its_code(
    channel: grpc.Channel, hub: Any, asked: bytes, status: grpc.StatusCode, code: str
) -> None:
    with pytest.raises(RemoteError):
        GrpcHubClient(channel).get_file(record_pb2.GetFileRequest(sha256=asked))

    record = hub.calls.get(timeout=10)
    assert hub.calls.empty()
    assert (record.status, record.code) == (status, code)
    assert (record.bug is not None) == (asked == b"bug")


def test_a_call_that_its_client_gave_up_is_recorded_as_cancelled(
    channel: grpc.Channel, hub: Any
) -> None:
    stub = record_pb2_grpc.RecordServiceStub(channel)

    with pytest.raises(grpc.RpcError):
        stub.GetFile(record_pb2.GetFileRequest(sha256=b"slow"), timeout=0.2)

    assert hub.calls.get(timeout=10).status is grpc.StatusCode.CANCELLED


def test_a_request_id_of_another_form_is_not_taken_over(channel: grpc.Channel, hub: Any) -> None:
    stub = record_pb2_grpc.RecordServiceStub(channel)
    smuggled = [("x-request-id", "440301199001011234")]

    stub.ListLeaves(record_pb2.ListLeavesRequest(), timeout=10, metadata=smuggled)

    assert hub.calls.get(timeout=10).request_id == ""


def test_health_answers_for_the_server_and_for_each_service(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)

    for name in ["", *SERVICES]:
        assert stub.Check(health_pb2.HealthCheckRequest(service=name)).status == SERVING


def test_reflection_lists_the_services(channel: grpc.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")

    response = next(stub.ServerReflectionInfo(iter([asked])))

    listed = {service.name for service in response.list_services_response.service}
    assert listed >= SERVICES


def test_a_stopping_server_says_not_serving_before_it_goes(channel: grpc.Channel, hub: Any) -> None:
    watch = health_pb2_grpc.HealthStub(channel).Watch(
        health_pb2.HealthCheckRequest(service="fedcarbon.v1.RecordService"), timeout=10
    )
    assert next(watch).status == SERVING

    stopping = asyncio.run_coroutine_threadsafe(hub.server.stop(5), hub.loop.loop)

    assert next(watch).status == NOT_SERVING
    watch.cancel()
    stopping.result(10)


def test_a_call_in_flight_is_finished_by_a_stopping_server(channel: grpc.Channel, hub: Any) -> None:
    answers: queue.Queue[trustee_pb2.WorkRequest | None] = queue.Queue()
    orders = GrpcHubClient(channel).work(iter(answers.get, None))
    answers.put(trustee_pb2.WorkRequest(order_id=b"before"))
    before = next(orders).order_id

    stopping = asyncio.run_coroutine_threadsafe(hub.server.stop(5), hub.loop.loop)
    answers.put(trustee_pb2.WorkRequest(order_id=b"after"))
    after = next(orders).order_id
    answers.put(None)

    assert (before, after, list(orders)) == (b"before", b"after", [])
    stopping.result(10)


def test_a_port_that_is_taken_is_a_clear_error(
    serve: Callable[..., Any], hub: Any, hub_files: PartyFiles
) -> None:
    with pytest.raises(AddressError, match=hub.target):
        serve(hub_files, hub.target)


def test_reflection_can_be_switched_off(hub_files: PartyFiles, partner: PartyFiles) -> None:
    from fedcarbon.wire.tls import dial  # noqa: PLC0415

    async def ask() -> grpc.StatusCode:
        server = await start_server(
            [],
            address="127.0.0.1:0",
            party=hub_files,
            on_call=lambda record: json.dumps(record.code),
            with_reflection=False,
        )
        try:
            return await asyncio.to_thread(reflect, f"127.0.0.1:{server.port}")
        finally:
            await server.stop(0)

    def reflect(target: str) -> grpc.StatusCode:
        with dial(target, partner, hub_files.name) as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            asked = reflection_pb2.ServerReflectionRequest(list_services="")
            with pytest.raises(grpc.RpcError) as caught:
                next(stub.ServerReflectionInfo(iter([asked])))
            return caught.value.code()

    assert asyncio.run(ask()) is grpc.StatusCode.UNIMPLEMENTED
