"""Calls that are repeated while nobody is there to answer; every RPC of the hub is idempotent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

import grpc

from fedcarbon.wire.status import UnreachableError, error_of

Q = TypeVar("Q")
A = TypeVar("A")

ATTEMPTS_MAX: Final = 4
BACKOFF_FIRST_S: Final = 0.1
BACKOFF_FACTOR: Final = 3


class RepeatedCalls:
    """Makes calls; one that found no connection is made again, `ATTEMPTS_MAX` times in all."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        """Wait between attempts with `sleep`."""
        self._sleep: Final = sleep

    def ask(self, call: grpc.UnaryUnaryMultiCallable[Q, A], request: Q) -> A:
        """Return the answer to a request, or raise the error that its code stands for."""
        return self._repeated(lambda: call(request), ATTEMPTS_MAX)

    def upload(self, call: grpc.StreamUnaryMultiCallable[Q, A], requests: Iterable[Q]) -> A:
        """Return the answer to a stream, which is sent once if it can be read once only."""
        attempts = 1 if isinstance(requests, Iterator) else ATTEMPTS_MAX
        return self._repeated(lambda: call(iter(requests)), attempts)

    def _repeated(self, attempt: Callable[[], A], attempts: int) -> A:
        for number in range(attempts):
            try:
                return attempt()
            except grpc.RpcError as failure:
                error = error_of(failure)
                if not isinstance(error, UnreachableError) or number + 1 == attempts:
                    raise error from failure
            self._sleep(BACKOFF_FIRST_S * BACKOFF_FACTOR**number)
        raise AssertionError("the last attempt either answers or raises")
