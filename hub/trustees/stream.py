"""The work stream: trustees dial in, receive orders and answer each once.

The newest stream of a trustee replaces an older one, so that a restarted trustee is never locked
out by its own dead connection. An order that was on its way when a stream broke is reported as
unanswered; whoever asked decides whether to ask again (every order may be repeated).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from typing_extensions import override

from fedcarbon.errors import StateError
from fedcarbon.ids import PartyId, Role
from fedcarbon.v1 import trustee_pb2, trustee_pb2_grpc
from fedcarbon.wire.tls import require_role
from hub.trustees.port import TrusteePort

ORDER_DEADLINE_S: Final = 120
ORDER_ID_BYTES: Final = 16


class TrusteeUnavailableError(StateError):
    """A trustee is not connected or did not answer in time; its operator should look."""

    code: ClassVar[str] = "TRUSTEE_UNAVAILABLE"


@dataclass(slots=True)
class _Connection:
    """One open stream of one trustee."""

    orders: asyncio.Queue[trustee_pb2.WorkResponse | None] = field(default_factory=asyncio.Queue)
    waiting: dict[bytes, asyncio.Future[trustee_pb2.WorkRequest]] = field(default_factory=dict)

    def close(self) -> None:
        """Fail everything that waits and end the stream."""
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(TrusteeUnavailableError("the trustee's stream ended"))
        self.waiting.clear()
        self.orders.put_nowait(None)


class TrusteeStreams(TrusteePort, trustee_pb2_grpc.TrusteeServiceServicer):
    """All open streams; the servicer and the port in one, because they share nothing else."""

    def __init__(
        self,
        *,
        random_bytes: Callable[[int], bytes],
        on_connect: Callable[[], None] = lambda: None,
        deadline_s: float = ORDER_DEADLINE_S,
    ) -> None:
        """Take the source of order ids, and what to call when a trustee has connected."""
        self._connections: dict[PartyId, _Connection] = {}
        self._is_ending = False
        self._random_bytes = random_bytes
        self._on_connect = on_connect
        self._deadline_s = deadline_s

    @override
    def connected(self) -> list[PartyId]:
        """Return the trustees with an open stream, sorted."""
        return sorted(self._connections)

    @override
    async def ask(
        self, trustee_id: PartyId, order: trustee_pb2.WorkResponse
    ) -> trustee_pb2.WorkRequest:
        """Send one order and wait for its answer.

        Raises:
            TrusteeUnavailableError: not connected, stream ended, or no answer in time.
        """
        connection = self._connections.get(trustee_id)
        if connection is None:
            raise TrusteeUnavailableError(f"trustee {trustee_id} is not connected")
        message = trustee_pb2.WorkResponse()
        message.CopyFrom(order)
        message.order_id = self._random_bytes(ORDER_ID_BYTES)
        future = asyncio.get_running_loop().create_future()
        connection.waiting[message.order_id] = future
        connection.orders.put_nowait(message)
        try:
            return await asyncio.wait_for(future, self._deadline_s)
        except TimeoutError as error:
            raise TrusteeUnavailableError(
                f"trustee {trustee_id} did not answer within {self._deadline_s} s"
            ) from error
        finally:
            connection.waiting.pop(message.order_id, None)

    async def hold(self) -> None:
        """Keep streams open until cancelled, then end all of them; a server stops sooner so."""
        try:
            await asyncio.Event().wait()
        finally:
            self._is_ending = True
            for connection in self._connections.values():
                connection.close()

    @override
    async def Work(
        self, request_iterator: AsyncIterator[trustee_pb2.WorkRequest], context: Any
    ) -> AsyncIterator[trustee_pb2.WorkResponse]:
        """Serve one trustee until its stream ends."""
        caller = require_role(context, Role.TRUSTEE).party_id
        if self._is_ending:
            return
        connection = _Connection()
        previous = self._connections.get(caller)
        if previous is not None:
            previous.close()
        self._connections[caller] = connection
        reader = asyncio.create_task(self._read(connection, request_iterator))
        self._on_connect()
        try:
            while (order := await connection.orders.get()) is not None:
                yield order
        finally:
            reader.cancel()
            connection.close()
            if self._connections.get(caller) is connection:
                del self._connections[caller]

    async def _read(
        self,
        connection: _Connection,
        request_iterator: AsyncIterator[trustee_pb2.WorkRequest],
    ) -> None:
        try:
            async for answer in request_iterator:
                future = connection.waiting.pop(answer.order_id, None)
                if future is not None and not future.done():
                    future.set_result(answer)
        finally:
            connection.close()
