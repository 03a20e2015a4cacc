"""A lock that threads get in the order in which they asked, money first.

SQLite lets one transaction write; who finds it taken looks again after a while, and finds it taken
again if another thread of this process writes one transaction after the other. `threading.Lock`
is no better: whoever lets it go may have it back at once. Under load somebody then waits without
end; here everybody waits for those before.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

URGENT_IN_A_ROW: Final = 4
"""So many urgent turns, then one of the others if any waits."""


class Turns:
    """A lock, first come, first served among those who are as urgent. Not reentrant."""

    __slots__ = ("_in_a_row", "_is_taken", "_mutex", "_urgent", "_waiting")

    def __init__(self) -> None:
        """Begin free."""
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._urgent: deque[threading.Lock] = deque()
        self._is_taken = False
        self._in_a_row = 0

    def take(self, *, is_urgent: bool = False, timeout_s: float = -1) -> bool:
        """Wait for one's turn and return whether it came.

        Args:
            is_urgent: whether to go before those who are not.
            timeout_s: how long to wait; -1 for ever.
        """
        line = self._urgent if is_urgent else self._waiting
        with self._mutex:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = threading.Lock()
            turn.acquire()
            line.append(turn)
        if turn.acquire(timeout=timeout_s):
            return True
        with self._mutex:
            if turn in line:
                line.remove(turn)
                return False
        return True  # it came in the same instant

    def give(self) -> None:
        """Let the next one have it."""
        with self._mutex:
            goes_first = self._urgent and self._in_a_row < URGENT_IN_A_ROW
            line = self._urgent if goes_first or not self._waiting else self._waiting
            self._in_a_row = self._in_a_row + 1 if line is self._urgent else 0
            if line:
                line.popleft().release()
            else:
                self._is_taken, self._in_a_row = False, 0

    @contextmanager
    def turn(self, *, is_urgent: bool = False) -> Generator[None]:
        """Have one's turn inside of the context."""
        self.take(is_urgent=is_urgent)
        try:
            yield
        finally:
            self.give()
