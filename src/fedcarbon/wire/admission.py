"""Which calls a server works on now, which wait, and which are told to come back.

Calls of one class stand in one `Line`. A line has places at work and places to wait; both are
bounded, and both are shared out by party: the next free place goes to the party whose turn it is,
and when no place to wait is left, the party with the most calls in the line gives one up for a
party with fewer. So a party that sends without end waits behind its own calls only.

A call that gets no place is refused before anything of it is done or read, with the time after
which it is worth sending again. That time follows from the line: how many are before it, and how
long a call has taken lately.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fedcarbon.ids import PartyId
from fedcarbon.wire.status import RETRY_AFTER_MS_MAX, OverloadedError

RETRY_AFTER_MS_MIN: Final = 50
_FIRST_MEAN_US: Final = 100_000
"""What a call is thought to take before any has ended."""
_MEAN_OVER: Final = 8
"""How many calls the mean remembers, roughly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLimits:
    """How long a line may get."""

    at_once: int
    """Calls at work, of all parties; at least 1."""
    per_party: int
    """Calls at work of one party; at least 1."""
    waiting: int
    """Calls that wait, of all parties; 0 for none."""
    wait_ms: int
    """How long one waits before it is told to come back; at least 1."""

    def __post_init__(self) -> None:
        """Refuse a line in which nobody is ever served."""
        if min(self.at_once, self.per_party, self.wait_ms) < 1 or self.waiting < 0:
            raise ValueError("a line needs a place at work, a share for each party, and time")


@dataclass(slots=True, kw_only=True)
class LineCounts:
    """What a line has seen since the server started."""

    admitted: int = 0
    shed: int = 0
    """Calls that were told to come back."""
    waiting_max: int = 0
    """The most that ever waited at once."""


class Line:
    """Calls of one class: some at work, some waiting. Used on one event loop."""

    def __init__(
        self,
        name: str,
        limits: LineLimits,
        *,
        now_us: Callable[[], int] = lambda: time.monotonic_ns() // 1000,
    ) -> None:
        """Open a line.

        Args:
            name: what its calls are, for messages and the log.
            limits: how long it may get.
            now_us: microseconds of a clock that never goes back.
        """
        self.name: Final = name
        self.limits: Final = limits
        self.counts: Final = LineCounts()
        self._now_us: Final = now_us
        self._mean_us = _FIRST_MEAN_US
        self._at_work: Counter[PartyId] = Counter()
        self._waiting: dict[PartyId, deque[asyncio.Future[None]]] = {}
        """Parties in the order of their turns."""

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return sum(map(len, self._waiting.values()))

    @property
    def at_work(self) -> int:
        """How many calls are worked on."""
        return self._at_work.total()

    @property
    def retry_after_ms(self) -> int:
        """When a call that came now would find a place, roughly."""
        drained_us = (self.waiting + 1) * self._mean_us // self.limits.at_once
        return min(max(drained_us // 1000, RETRY_AFTER_MS_MIN), RETRY_AFTER_MS_MAX)

    @asynccontextmanager
    async def place(self, party_id: PartyId) -> AsyncIterator[None]:
        """Have a place at work inside of the context.

        Raises:
            OverloadedError: there is none, and no place to wait, or the wait was too long.
        """
        if self._has_room_for(party_id):
            self._at_work[party_id] += 1
        else:
            await self._turn_of(party_id)
        self.counts.admitted += 1
        began_us = self._now_us()
        try:
            yield
        finally:
            self._mean_us += (self._now_us() - began_us - self._mean_us) // _MEAN_OVER
            self._leave(party_id)

    def _has_room_for(self, party_id: PartyId) -> bool:
        """Return whether a place is free; whoever waits then is at its party's limit."""
        return (
            self.at_work < self.limits.at_once and self._at_work[party_id] < self.limits.per_party
        )

    async def _turn_of(self, party_id: PartyId) -> None:
        """Wait until a place was given to this call."""
        self._make_room_for(party_id)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(party_id, deque()).append(turn)
        self.counts.waiting_max = max(self.counts.waiting_max, self.waiting)
        try:
            async with asyncio.timeout(self.limits.wait_ms / 1000):
                await turn
        except TimeoutError as late:
            self._give_up(party_id, turn)
            raise self._refusal() from late
        except asyncio.CancelledError:  # its caller went away
            self._give_up(party_id, turn)
            raise

    def _make_room_for(self, party_id: PartyId) -> None:
        """Have a place to wait; the party with most calls in the line gives up its newest.

        Raises:
            OverloadedError: no other party has clearly more calls than this one.
        """
        if self.waiting < self.limits.waiting:
            return
        own = len(self._waiting.get(party_id, ()))
        longest = max(self._waiting.values(), key=len, default=deque[asyncio.Future[None]]())
        if len(longest) < own + 2:
            raise self._refusal()
        given_up = longest.pop()
        if not given_up.done():
            given_up.set_exception(self._refusal())

    def _give_up(self, party_id: PartyId, turn: asyncio.Future[None]) -> None:
        """Let a call that waits no longer out of the line."""
        if turn.cancelled() or not turn.done():
            own = self._waiting.get(party_id, deque())
            if turn in own:
                own.remove(turn)
            if not own:
                self._waiting.pop(party_id, None)
        elif turn.exception() is None:  # its turn came in the same instant
            self._leave(party_id)

    def _leave(self, party_id: PartyId) -> None:
        """Give up a place at work, and let in whose turn it is."""
        self._at_work[party_id] -= 1
        if not self._at_work[party_id]:
            del self._at_work[party_id]
        while self.at_work < self.limits.at_once:
            following = next(filter(self._has_room_for, self._waiting), None)
            if following is None:
                return
            turns = self._waiting.pop(following)
            turn = turns.popleft()
            if turns:
                self._waiting[following] = turns  # now the last in the round
            if not turn.done():
                self._at_work[following] += 1
                turn.set_result(None)

    def _refusal(self) -> OverloadedError:
        self.counts.shed += 1
        return OverloadedError(
            f"the server is busy: {self.at_work} {self.name} calls are at work and {self.waiting} "
            "wait; nothing of this one was done, send it again later with the same id",
            retry_after_ms=self.retry_after_ms,
        )


class Admission:
    """The lines of a server; a method that has none is served at once."""

    def __init__(self, lines: Mapping[str, Line] | None = None) -> None:
        """Take the line of each method, by its full name (`/package.Service/Method`)."""
        self._lines: Final = dict(lines or {})

    @property
    def lines(self) -> list[Line]:
        """Every line once."""
        return list(dict.fromkeys(self._lines.values()))

    @asynccontextmanager
    async def place(self, method: str, party_id: PartyId) -> AsyncIterator[None]:
        """Have a place for a call of `method`.

        Raises:
            OverloadedError: there is none now.
        """
        line = self._lines.get(method)
        if line is None:
            yield
            return
        async with line.place(party_id):
            yield
