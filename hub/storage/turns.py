"""A lock that threads get in the order in which they asked.

SQLite lets one transaction write; who finds it taken looks again after a while, and finds it taken
again if another thread of this process writes one transaction after the other. `threading.Lock`
is no better: whoever lets it go may have it back at once. Under load somebody then waits without
end; here everybody waits for those before.
"""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class Turns:
    """A lock, first come, first served. Not reentrant."""

    __slots__ = ("_is_taken", "_mutex", "_waiting")

    def __init__(self) -> None:
        """Begin free."""
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False

    def take(self, timeout_s: float = -1) -> bool:
        """Wait for one's turn and return whether it came.

        Args:
            timeout_s: how long to wait; -1 for ever.
        """
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=timeout_s):
            return True
        with self._mutex:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
        return True  # it came in the same instant

    def give(self) -> None:
        """Let the next one have it."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False

    def __enter__(self) -> None:
        """Wait for one's turn."""
        self.take()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one have it."""
        self.give()
