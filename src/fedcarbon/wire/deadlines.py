"""A deadline and a request id on every call, set by the client per call.

The deadline never stands in the service configuration: its `timeout` misfires in grpcio 1.85 (calls
end long before their time) and the server does not see it (grpc issues 34547 and 40633).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import grpc
from typing_extensions import override

Q = TypeVar("Q")
A = TypeVar("A")

REQUEST_ID_KEY: Final = "x-request-id"
REQUEST_ID_LENGTH: Final = 12

DEADLINE_S: Final = 30
"""For every call that has no line of its own."""
DEADLINES_S: Final[Mapping[str, int]] = {
    "/fedcarbon.v1.IdentityService/Evaluate": 120,  # waits for several trustees
    # The first look at an epoch sorts all accounts of the programme.
    "/fedcarbon.v1.EpochService/CreateClaimCommitment": 120,
    # Ten million claims of a partner are checked in minutes, beside those of the others.
    "/fedcarbon.v1.EpochService/CreateClaimList": 1800,
    "/fedcarbon.v1.EpochService/CreateChunk": 120,
    "/fedcarbon.v1.StatisticsService/SubmitContribution": 120,  # as large as a chunk
    # Takes every lost claim and every block of a submission together.
    "/fedcarbon.v1.EpochService/CreateLinkProof": 300,
    "/fedcarbon.v1.TrusteeService/Work": 3600,  # the trustee dials again
}


class _Details(NamedTuple):
    """What gRPC reads of a `ClientCallDetails`."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class _DetailsWithDeadline(_Details, grpc.ClientCallDetails):
    """Call details whose timeout is set."""


class Deadlines(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Gives a call its request id, and its deadline unless it already has one."""

    @override
    def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        return continuation(_limited(client_call_details), request)

    @override
    def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        return continuation(_limited(client_call_details), request)

    @override
    def intercept_stream_unary(
        self,
        continuation: Callable[..., Any],
        client_call_details: Any,
        request_iterator: Iterator[Any],
    ) -> Any:
        return continuation(_limited(client_call_details), request_iterator)

    @override
    def intercept_stream_stream(
        self,
        continuation: Callable[..., Any],
        client_call_details: Any,
        request_iterator: Iterator[Any],
    ) -> Any:
        return continuation(_limited(client_call_details), request_iterator)


def with_deadlines(channel: grpc.Channel) -> grpc.Channel:
    """Return `channel` with a deadline on every call."""
    return grpc.intercept_channel(channel, Deadlines())


def deadline_of(method: str) -> int:
    """Return the seconds that a full method name gets."""
    return DEADLINES_S.get(method, DEADLINE_S)


def request_id() -> str:
    """Return a name for one call: letters only, so that a log never mistakes it for an id."""
    return "".join(chr(ord("a") + byte % 26) for byte in uuid.uuid4().bytes[:REQUEST_ID_LENGTH])


def _limited(details: grpc.ClientCallDetails) -> grpc.ClientCallDetails:
    timeout = details.timeout
    return _DetailsWithDeadline(
        method=details.method,
        timeout=deadline_of(details.method) if timeout is None else timeout,
        metadata=[*(details.metadata or ()), (REQUEST_ID_KEY, request_id())],
        credentials=details.credentials,
        wait_for_ready=details.wait_for_ready,
        compression=details.compression,
    )
