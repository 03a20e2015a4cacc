"""The work loop: dial the hub, take orders one after another, dial again when the line breaks.

A trustee opens no port. Orders are handled in the order in which they come, by one thread, which
multiplies sealed epochs while no order waits; what was being answered when the line broke is in the
store, and the hub asks again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol

from fedcarbon.errors import FedcarbonError
from fedcarbon.v1 import trustee_pb2
from fedcarbon.wire.logs import logger
from trustee.trustee import Trustee

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0
ORDERS_WAITING_MAX: Final = 32
"""Orders that are taken from the line before they are handled; more stay with the hub."""


class WorkStream(Protocol):
    """The hub's side of the stream; `fedcarbon.wire.hub_client.GrpcHubClient` has it."""

    def work(
        self, answers: Iterator[trustee_pb2.WorkRequest]
    ) -> Iterator[trustee_pb2.WorkResponse]:
        """Open the stream: send `answers`, return the orders."""
        ...


class WorkLoop:
    """Serves one trustee until it is told to stop."""

    __slots__ = ("_backoff_s", "_hub", "_sleep", "_stopped", "_trustee")

    def __init__(
        self, trustee: Trustee, hub: WorkStream, sleep: Callable[[float], None] | None = None
    ) -> None:
        """Take the trustee and the hub.

        Args:
            trustee: who works.
            hub: where orders come from.
            sleep: waits between two dials; by default until the time is over or `stop`.
        """
        self._trustee: Final = trustee
        self._hub: Final = hub
        self._stopped: Final = threading.Event()
        self._sleep: Final = sleep if sleep is not None else self._stopped.wait
        self._backoff_s = BACKOFF_FIRST_S

    def stop(self) -> None:
        """Dial no more; closing the channel ends the present stream."""
        self._stopped.set()

    def run(self) -> None:
        """Dial and work until `stop`."""
        while not self._stopped.is_set():
            try:
                self._work()
            except FedcarbonError as error:
                logger().warning("stream_broke", code=error.code)
            except ValueError:
                if not self._stopped.is_set():
                    raise
                return  # gRPC's way to say that the channel is closed
            if self._stopped.is_set():
                return
            self._sleep(self._backoff_s)
            self._backoff_s = min(2 * self._backoff_s, BACKOFF_MAX_S)

    def _work(self) -> None:
        """Serve one stream until it ends."""
        line = _Line()
        line.answer(trustee_pb2.WorkRequest())  # the first message only connects
        with ThreadPoolExecutor(max_workers=1) as listener:
            listening = listener.submit(line.listen, self._hub)
            try:
                while (order := self._next(line, listening)) is not None:
                    self._backoff_s = BACKOFF_FIRST_S
                    line.answer(self._handled(order))
            except BaseException:
                line.break_off()
                raise
            line.hang_up()
            listening.result()  # why the stream ended, if for a reason

    def _next(self, line: _Line, listening: Future[None]) -> trustee_pb2.WorkResponse | None:
        """Return the next order, None at the end of the stream; until it comes, work unasked."""
        while not (self._stopped.is_set() or listening.done()):
            try:
                return line.order(wait=False)
            except queue.Empty:
                if not self._trustee.advance():
                    break
        return line.order(wait=True)

    def _handled(self, order: trustee_pb2.WorkResponse) -> trustee_pb2.WorkRequest:
        begun_ns = time.monotonic_ns()
        answer = self._trustee.handle(order)
        refused = answer.refused if answer.WhichOneof("answer") == "refused" else None
        logger().info(
            "order_answered" if refused is None else "order_refused",
            order=order.WhichOneof("order") or "",
            code=refused.code if refused is not None else "",
            record_size=self._trustee.record_size,
            duration_us=(time.monotonic_ns() - begun_ns) // 1000,
        )
        return answer


class _BrokenOffError(Exception):
    """Ends a stream of answers; gRPC then cancels the call, however long the hub would hold it."""


class _Line:
    """One stream, where the thread that listens and the one that works meet."""

    __slots__ = ("_answers", "_is_broken", "_is_over", "_orders", "_room")

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._answers: Final[queue.SimpleQueue[trustee_pb2.WorkRequest | None]] = (
            queue.SimpleQueue()
        )
        self._orders: Final[queue.SimpleQueue[trustee_pb2.WorkResponse | None]] = (
            queue.SimpleQueue()
        )
        self._room: Final = threading.Semaphore(ORDERS_WAITING_MAX)
        self._is_over, self._is_broken = threading.Event(), threading.Event()

    def listen(self, hub: WorkStream) -> None:
        """Take orders as they come, whatever is being done with those before."""
        try:
            for order in hub.work(self._sent()):
                self._room.acquire()
                if self._is_over.is_set():
                    return
                self._orders.put(order)
        finally:
            self._orders.put(None)

    def order(self, *, wait: bool) -> trustee_pb2.WorkResponse | None:
        """Return the next order, None at the end.

        Raises:
            queue.Empty: there is none yet, and nobody wants to wait.
        """
        order = self._orders.get(block=wait)
        self._room.release()
        return order

    def answer(self, answer: trustee_pb2.WorkRequest) -> None:
        """Send an answer."""
        self._answers.put(answer)

    def hang_up(self) -> None:
        """Send no more, and take no more orders."""
        self._is_over.set()
        self._room.release()
        self._answers.put(None)

    def break_off(self) -> None:
        """Hang up without waiting for the hub to do the same."""
        self._is_broken.set()
        self.hang_up()

    def _sent(self) -> Iterator[trustee_pb2.WorkRequest]:
        yield from iter(self._answers.get, None)
        if self._is_broken.is_set():
            raise _BrokenOffError
