"""The border of every server: each call passes here, on its way in and on its way out.

In: (1) the call has a deadline; (2) its certificate names a party of our trust domain; (3) there is
a place for it (`wire.admission`), before a stream is read and before any work.
Out: (4) an error that was promised becomes its rich status; any other becomes INTERNAL without a
word about itself; (5) one canonical record of the call goes to the log. Message bodies are never
looked at.

Health and reflection are left alone: standard probes and tools set no deadline.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import grpc
from grpc import StatusCode, aio
from typing_extensions import override

from fedcarbon.errors import CallerError, FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.wire.admission import Admission
from fedcarbon.wire.certificates import CertificateError, PartyName
from fedcarbon.wire.deadlines import REQUEST_ID_KEY, REQUEST_ID_LENGTH
from fedcarbon.wire.status import status_code_of, status_of, status_of_bug
from fedcarbon.wire.tls import caller_name

_REQUEST_ID: Final = re.compile(f"[a-z]{{{REQUEST_ID_LENGTH}}}")
_UNGUARDED: Final = ("/grpc.health.v1.Health/", "/grpc.reflection.v1alpha.ServerReflection/")
_ENDLESS_S: Final = 30 * 86_400
"""A longer time than this is no deadline: gRPC shows "none" as one that is centuries away."""


class DeadlineMissingError(CallerError):
    """The call has no deadline: the client must set one."""

    code: ClassVar[str] = "DEADLINE_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcRecord:
    """What is remembered of a call: never anything of its messages."""

    method: str
    party_id: PartyId | None
    role: Role | None
    status: StatusCode
    code: str
    """The error's code, empty for success."""
    duration_us: int
    request_id: str
    """As the client sent it in `x-request-id`; empty if it sent none."""
    bug: BaseException | None = None
    """An exception that no caller was promised."""


class Border(aio.ServerInterceptor):
    """Wraps every handler of our own services."""

    def __init__(
        self, *, trust_domain: str, admission: Admission, on_call: Callable[[RpcRecord], None]
    ) -> None:
        """Take the trust domain whose parties may call, the lines, and where call records go."""
        self._trust_domain = trust_domain
        self._admission = admission
        self._on_call = on_call

    @override
    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(_UNGUARDED):
            return handler
        return self._guarded(handler, method)

    def _guarded(self, handler: Any, method: str) -> Any:  # noqa: ANN401 - four kinds of handler
        behaviour = (
            handler.unary_unary
            or handler.unary_stream
            or handler.stream_unary
            or handler.stream_stream
        )

        async def answer(request: Any, context: Any) -> Any:  # noqa: ANN401 - foreign messages
            async with self._crossing(method, context):
                return await behaviour(request, context)

        async def answers(request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ANN401
            async with self._crossing(method, context):
                async for response in behaviour(request, context):
                    yield response

        makers: dict[tuple[bool, bool], Callable[..., Any]] = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }
        return makers[handler.request_streaming, handler.response_streaming](
            answers if handler.response_streaming else answer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    @asynccontextmanager
    async def _crossing(self, method: str, context: Any) -> AsyncIterator[None]:  # noqa: ANN401
        begun_ns = time.monotonic_ns()
        request_id = _request_id(context)
        name: PartyName | None = None
        bug: BaseException | None = None
        status, code = StatusCode.OK, ""
        try:
            name = self._identified(context)
            # (3) there is a place for it
            async with self._admission.place(method, name.party_id):
                yield
        except FedcarbonError as error:
            status, code = status_code_of(type(error), error.code), error.code
            await context.abort_with_status(status_of(error))
        except aio.AbortError:
            status, code = StatusCode(context.code()), "ABORTED"
            raise
        except NotImplementedError:  # raised by generated servicers
            status, code = StatusCode.UNIMPLEMENTED, StatusCode.UNIMPLEMENTED.name
            await context.abort(status, "this server does not offer the method")
        except (asyncio.CancelledError, GeneratorExit):
            status, code = StatusCode.CANCELLED, StatusCode.CANCELLED.name
            raise
        except Exception as error:  # noqa: BLE001 - the last place before the wire
            status, code, bug = StatusCode.INTERNAL, StatusCode.INTERNAL.name, error
            await context.abort_with_status(status_of_bug(request_id))
        finally:
            self._on_call(
                RpcRecord(
                    method=method.rpartition(".")[2],
                    party_id=name.party_id if name else None,
                    role=name.role if name else None,
                    status=status,
                    code=code,
                    duration_us=(time.monotonic_ns() - begun_ns) // 1000,
                    request_id=request_id,
                    bug=bug,
                )
            )

    def _identified(self, context: Any) -> PartyName:  # noqa: ANN401 - a servicer context
        # (1) without a deadline a lost client would hold the server for ever
        remaining_s = context.time_remaining()
        if remaining_s is None or remaining_s > _ENDLESS_S:
            raise DeadlineMissingError("every call needs a deadline; set a timeout")
        # (2) the certificate decides who calls
        name = caller_name(context)
        if name.trust_domain != self._trust_domain:
            raise CertificateError(f"{name.uri} is not of trust domain {self._trust_domain}")
        return name


def _request_id(context: Any) -> str:  # noqa: ANN401 - a servicer context
    metadata = dict(context.invocation_metadata() or ())
    text = str(metadata.get(REQUEST_ID_KEY, ""))
    return text if _REQUEST_ID.fullmatch(text) else ""
