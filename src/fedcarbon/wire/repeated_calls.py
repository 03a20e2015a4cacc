"""Calls that are made again by themselves; every RPC of the hub is idempotent.

Two answers are worth it. Nobody was there: a few attempts, soon after each other. The server is
busy and has done nothing (`OVERLOADED`): the same bytes again, not before the time that it names
and a random part of that later, so that those who were refused together do not return together.
The server does not decide how long a client hangs: what it may name is bounded, and so are the
attempts.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

import grpc

from fedcarbon.errors import FedcarbonError
from fedcarbon.wire.status import (
    RETRY_AFTER_MS_MAX,
    OverloadedError,
    RemoteError,
    RemoteStateError,
    UnreachableError,
    error_of,
)

Q = TypeVar("Q")
A = TypeVar("A")

ATTEMPTS_MAX: Final = 4
"""Of a call that finds no connection."""
BACKOFF_FIRST_S: Final = 0.1
BACKOFF_FACTOR: Final = 3.0
BUSY_ATTEMPTS_MAX: Final = 8
"""Of a call that the server is too busy for: half a minute to a minute in all."""
BUSY_FIRST_MS: Final = 250
"""The least wait before the second attempt; it doubles before each further one."""


class RepeatedCalls:
    """Makes calls, and makes those again that found nobody or a busy server."""

    def __init__(
        self,
        sleep: Callable[[float], None],
        randbelow: Callable[[int], int] = secrets.randbelow,
    ) -> None:
        """Wait between attempts.

        Args:
            sleep: takes seconds.
            randbelow: returns a uniform integer in [0, argument).
        """
        self._sleep: Final = sleep
        self._randbelow: Final = randbelow

    def ask(self, call: grpc.UnaryUnaryMultiCallable[Q, A], request: Q) -> A:
        """Return the answer to a request, or raise the error that its code stands for."""
        return self._repeated(lambda: call(request), can_repeat=True)

    def upload(self, call: grpc.StreamUnaryMultiCallable[Q, A], requests: Iterable[Q]) -> A:
        """Return the answer to a stream, which is sent once if it can be read once only."""
        return self._repeated(
            lambda: call(iter(requests)), can_repeat=not isinstance(requests, Iterator)
        )

    def _repeated(self, attempt: Callable[[], A], *, can_repeat: bool) -> A:
        for made in itertools.count(1):
            try:
                return attempt()
            except grpc.RpcError as failure:
                error = error_of(failure)
                pause_s = self._pause_s(error, made) if can_repeat else None
                if pause_s is None:
                    raise _last_word(error, made) from failure
            self._sleep(pause_s)
        raise AssertionError("the last attempt either answers or raises")

    def _pause_s(self, error: FedcarbonError, made: int) -> float | None:
        """Return how long to wait after the attempt of number `made`; None to make no more."""
        if isinstance(error, UnreachableError) and made < ATTEMPTS_MAX:
            return BACKOFF_FIRST_S * BACKOFF_FACTOR ** (made - 1)
        if _is_busy(error) and made < BUSY_ATTEMPTS_MAX:
            named_ms = (isinstance(error, RemoteError) and error.retry_after_ms) or 0
            least_ms = min(max(named_ms, BUSY_FIRST_MS << (made - 1)), RETRY_AFTER_MS_MAX)
            return (least_ms + self._randbelow(least_ms // 2 + 1)) / 1000
        return None


def _is_busy(error: FedcarbonError) -> bool:
    return isinstance(error, RemoteStateError) and error.code == OverloadedError.code


def _last_word(error: FedcarbonError, made: int) -> FedcarbonError:
    """Return what the caller is told at the end."""
    if not _is_busy(error):
        return error
    return RemoteStateError(
        error.code,
        f"the server was too busy {made} times and has done nothing of this; send it again later "
        "with the same id; if it stays so, the server's operator must make room",
        error.retry_after_ms if isinstance(error, RemoteError) else None,
    )
