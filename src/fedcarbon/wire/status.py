"""The one catalogue that knows gRPC status codes.

A server turns a `FedcarbonError` into a rich status: an `ErrorInfo` whose reason is the error's
code, and a `RetryInfo` where waiting helps. A client turns it back into a `RemoteError` whose class
says who must act *from where the client stands*, and whose `code` is the one that was raised at the
other end. So the same `error.code` is seen in process and over the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, NoReturn, Protocol

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode
from grpc_status import rpc_status

from fedcarbon.errors import (
    CallerError,
    ConfigurationError,
    FedcarbonError,
    PeerError,
    StateError,
)

DOMAIN: Final = "fedcarbon"
MESSAGE_LENGTH_MAX: Final = 1000
"""Characters of a message on the wire: it travels twice in at most 8 KiB of trailers."""
RETRY_AFTER_MS: Final = 1_000
"""After which a refusal that waiting may lift is worth asking again, if it does not say itself."""
RETRY_AFTER_MS_MAX: Final = 10_000
"""The longest wait that a server asks for, and that a client lets itself be told."""
_MS_PER_S: Final = 1_000
_NANOS_PER_MS: Final = 1_000_000

BY_FAMILY: Final[Mapping[type[FedcarbonError], StatusCode]] = {
    CallerError: StatusCode.INVALID_ARGUMENT,
    # who is found to misbehave while a call is served is nearly always the one who calls
    PeerError: StatusCode.INVALID_ARGUMENT,
    StateError: StatusCode.FAILED_PRECONDITION,
    ConfigurationError: StatusCode.INTERNAL,
}
"""What a code gets that has no line of its own below."""

BY_CODE: Final[Mapping[str, StatusCode]] = {
    # who calls, and whether it may
    "PARTY_UNKNOWN": StatusCode.UNAUTHENTICATED,
    "ASKER_NOT_ADMITTED": StatusCode.PERMISSION_DENIED,
    "KEY_USE_REFUSED": StatusCode.PERMISSION_DENIED,
    "NOT_ADMITTED": StatusCode.PERMISSION_DENIED,
    "OPERATOR_CANNOT_GET_CLAIM_KEY": StatusCode.PERMISSION_DENIED,
    "ROLE_NOT_ALLOWED": StatusCode.PERMISSION_DENIED,
    "SENDER_DIFFERS": StatusCode.PERMISSION_DENIED,
    # not there, or not for this caller
    "BEYOND_RECORD": StatusCode.OUT_OF_RANGE,
    "BINDING_UNKNOWN": StatusCode.NOT_FOUND,
    "FILE_NOT_READABLE": StatusCode.NOT_FOUND,
    "REDEMPTION_UNKNOWN": StatusCode.NOT_FOUND,
    "SHELL_NOT_IN_RECORD": StatusCode.NOT_FOUND,
    "TABLE_UNKNOWN": StatusCode.NOT_FOUND,
    "UNKNOWN_BINDING": StatusCode.NOT_FOUND,
    "UNKNOWN_PERSON": StatusCode.NOT_FOUND,
    "UNKNOWN_PROGRAMME": StatusCode.NOT_FOUND,
    # the same id with other content
    "ADMISSION_CONFLICT": StatusCode.ALREADY_EXISTS,
    "BATCH_DIFFERS": StatusCode.ALREADY_EXISTS,
    "CHUNK_DIFFERS": StatusCode.ALREADY_EXISTS,
    "COMMITMENT_DIFFERS": StatusCode.ALREADY_EXISTS,
    "CONTRIBUTION_DIFFERS": StatusCode.ALREADY_EXISTS,
    "OPENING_ID_REUSED": StatusCode.ALREADY_EXISTS,
    "METHODOLOGY_CONFLICT": StatusCode.ALREADY_EXISTS,
    "PROGRAMME_CONFLICT": StatusCode.ALREADY_EXISTS,
    "REDEMPTION_ID_REUSED": StatusCode.ALREADY_EXISTS,
    "SHELL_CONFLICT": StatusCode.ALREADY_EXISTS,
    "TRANSFER_ID_REUSED": StatusCode.ALREADY_EXISTS,
    # a limit that waiting may lift
    "LIMIT_PER_ACCOUNT": StatusCode.RESOURCE_EXHAUSTED,
    "LIMIT_PER_DAY": StatusCode.RESOURCE_EXHAUSTED,
    "LIMIT_PER_YEAR": StatusCode.RESOURCE_EXHAUSTED,
    "OVERLOADED": StatusCode.RESOURCE_EXHAUSTED,
    "PARTNERS_MAX_REACHED": StatusCode.RESOURCE_EXHAUSTED,
    "QUOTA_EXCEEDED": StatusCode.RESOURCE_EXHAUSTED,
    "STARTS_EXHAUSTED": StatusCode.RESOURCE_EXHAUSTED,
    # others must come back first
    "PARTNER_WITNESS_MISSING": StatusCode.UNAVAILABLE,
    "QUORUM_MISSING": StatusCode.UNAVAILABLE,
    "REMOTE_TIMEOUT": StatusCode.UNAVAILABLE,
    "REMOTE_UNREACHABLE": StatusCode.UNAVAILABLE,
    "STORE_BUSY": StatusCode.UNAVAILABLE,
    "STORE_UNAVAILABLE": StatusCode.UNAVAILABLE,
    "TRUSTEE_UNAVAILABLE": StatusCode.UNAVAILABLE,
    # a third party misbehaved, not the caller: it asks again and others answer
    "DLEQ_PROOF_INVALID": StatusCode.FAILED_PRECONDITION,
    "EVALUATION_PROOF_INVALID": StatusCode.FAILED_PRECONDITION,
    "SHARE_PROOF_INVALID": StatusCode.FAILED_PRECONDITION,
    # the server's own store is damaged
    "CONTENT_MISSING": StatusCode.DATA_LOSS,
    "LEDGER_CORRUPTED": StatusCode.DATA_LOSS,
}
"""Codes whose status says more than their family's."""

OF_THE_CLUSTER: Final = frozenset({"ENGINE_OTHER_VERSION", "SPARK_FAILED", "SPARK_UNAVAILABLE"})
"""Codes of errors that repeat what a cluster says, with addresses, paths and rows: the operator's
matter, of which a caller learns the code."""
_OF_THE_CLUSTER: Final = "the server's cluster failed; its operator must look"

_CALLER_STATUSES: Final = frozenset({
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.ALREADY_EXISTS,
    StatusCode.PERMISSION_DENIED,
    StatusCode.UNAUTHENTICATED,
    StatusCode.OUT_OF_RANGE,
})  # fmt: skip
_STATE_STATUSES: Final = frozenset({
    StatusCode.FAILED_PRECONDITION,
    StatusCode.ABORTED,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.UNAVAILABLE,
    StatusCode.DEADLINE_EXCEEDED,
})  # fmt: skip
_TRANSPORT_STATUSES: Final = frozenset({StatusCode.UNAVAILABLE, StatusCode.CANCELLED})


class RemoteError(FedcarbonError):
    """The other end refused; `code` is what it raised there, not a code of this class."""

    code: ClassVar[str] = "REMOTE"

    def __init__(self, code: str, message: str, retry_after_ms: int | None = None) -> None:
        """Take what the other end said.

        Args:
            code: the reason of its `ErrorInfo`, or `GRPC_` and the status if it gave none.
            message: its sentence.
            retry_after_ms: after how long it says that asking again may help; 0 or more.
        """
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # shadows the class's own on purpose
        self.retry_after_ms: Final = retry_after_ms


class RemoteCallerError(RemoteError, CallerError):
    """What this end sent was wrong: change it before asking again."""

    code: ClassVar[str] = "REMOTE_CALLER"


class RemoteStateError(RemoteError, StateError):
    """The other end cannot do this now: waiting or another order of steps helps."""

    code: ClassVar[str] = "REMOTE_STATE"


class RemotePeerError(RemoteError, PeerError):
    """The other end broke down or does not speak the protocol: its operator must look."""

    code: ClassVar[str] = "REMOTE_PEER"


class OverloadedError(StateError):
    """The server has more calls than it serves now; nothing was done: send the same bytes later."""

    code: ClassVar[str] = "OVERLOADED"

    def __init__(self, message: str, *, retry_after_ms: int) -> None:
        """Say after how many milliseconds the call is worth sending again."""
        super().__init__(message)
        self.retry_after_ms: Final = retry_after_ms


class UnreachableError(StateError):
    """No connection; nothing is known of the call's effect, so ask again with the same id."""

    code: ClassVar[str] = "REMOTE_UNREACHABLE"


class RemoteTimeoutError(StateError):
    """No answer before the deadline; the effect is unknown, so ask again with the same id."""

    code: ClassVar[str] = "REMOTE_TIMEOUT"


class Abortable(Protocol):
    """What `abort_with` needs of a grpc.aio servicer context."""

    async def abort_with_status(self, status: grpc.Status) -> NoReturn:
        """End the call."""
        ...


def family_of(cls: type[FedcarbonError]) -> type[FedcarbonError]:
    """Return the family of an error class: the first of the four in its method resolution order.

    Raises:
        AssertionError: the class stands outside the families; that is a bug.
    """
    for base in cls.__mro__:
        if base in BY_FAMILY:
            return base
    raise AssertionError(f"{cls.__name__} says nobody's move")


def status_code_of(cls: type[FedcarbonError], code: str | None = None) -> StatusCode:
    """Return the gRPC status of an error class, or of the `code` that an instance carries."""
    return BY_CODE.get(code or cls.code, BY_FAMILY[family_of(cls)])


def status_of(error: FedcarbonError) -> grpc.Status:
    """Return the rich status that tells a caller of `error`."""
    message = _OF_THE_CLUSTER if error.code in OF_THE_CLUSTER else str(error)
    return _rich_status(
        status_code_of(type(error), error.code), error.code, message, _retry_after_ms(error)
    )


def _retry_after_ms(error: FedcarbonError) -> int | None:
    """Return after how long it may help to ask again; None if waiting does not help."""
    if isinstance(error, OverloadedError):
        return error.retry_after_ms
    return RETRY_AFTER_MS if family_of(type(error)) is StateError else None


def status_of_bug(request_id: str) -> grpc.Status:
    """Return the status for an exception that no caller was promised: it says nothing of it."""
    message = (
        f"the server failed; its operator finds request {request_id or 'without id'} in the log"
    )
    return _rich_status(StatusCode.INTERNAL, "INTERNAL", message, None)


async def abort_with(context: Abortable, error: FedcarbonError) -> NoReturn:
    """End the call with the rich status of `error`."""
    await context.abort_with_status(status_of(error))


def error_of(failure: grpc.RpcError) -> FedcarbonError:
    """Return what a failed call means for the client.

    A rich status becomes a `RemoteError`. Without one, UNAVAILABLE and CANCELLED (a server that
    went away in the middle) come from the transport and become `UnreachableError`, and
    DEADLINE_EXCEEDED becomes `RemoteTimeoutError`.
    """
    status, message = failure.code(), failure.details() or ""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    try:
        rich = rpc_status.from_call(failure)
        for detail in rich.details if rich is not None else ():
            if detail.Is(info.DESCRIPTOR):
                detail.Unpack(info)
            elif detail.Is(retry.DESCRIPTOR):
                detail.Unpack(retry)
    except (ValueError, DecodeError):
        # Details that contradict the status, or are no protobuf, are worth nothing.
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    if info.domain == DOMAIN and info.reason:
        return remote_class_of(status)(info.reason, message, _told_ms(retry))
    if status in _TRANSPORT_STATUSES:
        return UnreachableError(f"no connection, or lost: {message[:MESSAGE_LENGTH_MAX]}")
    if status is StatusCode.DEADLINE_EXCEEDED:
        return RemoteTimeoutError("no answer before the deadline; ask again with the same id")
    return remote_class_of(status)(f"GRPC_{status.name}", message[:MESSAGE_LENGTH_MAX])


def remote_class_of(status: StatusCode) -> type[RemoteError]:
    """Return what a client raises for a status: it says whose move it is, seen from there."""
    if status in _CALLER_STATUSES:
        return RemoteCallerError
    return RemoteStateError if status in _STATE_STATUSES else RemotePeerError


def _told_ms(retry: error_details_pb2.RetryInfo) -> int | None:
    if not retry.HasField("retry_delay"):
        return None
    delay: duration_pb2.Duration = retry.retry_delay
    return max(0, delay.seconds * _MS_PER_S + -(-delay.nanos // _NANOS_PER_MS))


def _rich_status(
    code: StatusCode, reason: str, message: str, retry_after_ms: int | None
) -> grpc.Status:
    details = [_packed(error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN))]
    if retry_after_ms is not None:
        seconds, left_ms = divmod(retry_after_ms, _MS_PER_S)
        delay = duration_pb2.Duration(seconds=seconds, nanos=left_ms * _NANOS_PER_MS)
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    number = int(code.value[0])
    rich = status_pb2.Status(code=number, message=message[:MESSAGE_LENGTH_MAX], details=details)
    status: grpc.Status = rpc_status.to_status(rich)
    return status


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
