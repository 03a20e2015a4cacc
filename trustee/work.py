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
        answers: queue.SimpleQueue[trustee_pb2.WorkRequest | None] = queue.SimpleQueue()
        orders: queue.SimpleQueue[trustee_pb2.WorkResponse | None] = queue.SimpleQueue()
        answers.put(trustee_pb2.WorkRequest())  # the first message only connects
        room, is_over = threading.Semaphore(ORDERS_WAITING_MAX), threading.Event()

        def listen() -> None:
            """Take orders from the line as they come, whatever is being done."""
            try:
                for order in self._hub.work(iter(answers.get, None)):
                    room.acquire()
                    if is_over.is_set():
                        return  # hangs up
                    orders.put(order)
            finally:
                orders.put(None)

        with ThreadPoolExecutor(max_workers=1) as listener:
            listening = listener.submit(listen)
            try:
                while (order := self._next(orders, listening)) is not None:
                    room.release()
                    self._backoff_s = BACKOFF_FIRST_S
                    answers.put(self._handled(order))
            finally:
                is_over.set()
                room.release()
                answers.put(None)
            listening.result()  # why the stream ended, if for a reason

    def _next(
        self,
        orders: queue.SimpleQueue[trustee_pb2.WorkResponse | None],
        listening: Future[None],
    ) -> trustee_pb2.WorkResponse | None:
        """Return the next order, None at the end of the stream; until it comes, work unasked."""
        while not (self._stopped.is_set() or listening.done()):
            try:
                return orders.get_nowait()
            except queue.Empty:
                if not self._trustee.advance():
                    break
        return orders.get()

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
