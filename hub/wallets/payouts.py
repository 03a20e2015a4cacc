"""The payout worker: claims what is due, calls the rail for many payouts at once, enters answers.

A slow call holds up nobody: while it lasts, others are claimed, called and entered. What comes
together is claimed and entered together, so that a busy hour costs few transactions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from sqlmodel import Session

from fedcarbon.redemption.rail import Rail
from fedcarbon.redemption.states import FINAL_STATES
from fedcarbon.wire.logs import logger
from hub.clearing.outbox import Answered, Claim, Entered, StepTaken, asked, claim_due, enter_answers
from hub.clearing.storage.outbox_store import OutboxStore
from hub.context import Hub
from hub.storage.engine import transact

T = TypeVar("T")

CALLS_AT_ONCE: Final = 16
"""Payouts that are with the rail at the same time."""


class Payouts:
    """Runs the outbox when something was ordered, and again and again."""

    def __init__(self, hub: Hub, rail: Rail, *, calls_at_once: int = CALLS_AT_ONCE) -> None:
        """Take the hub and the rail that pays.

        Args:
            hub: whose outbox.
            rail: called from threads.
            calls_at_once: payouts that are with the rail at the same time, at least 1.
        """
        self._hub: Final = hub
        self._rail: Final = rail
        self._calls_at_once: Final = calls_at_once
        self._look_again = asyncio.Event()
        self._runner: asyncio.Task[int] | None = None
        self._waiting: dict[bytes, list[asyncio.Event]] = {}

    async def paid(self, redemption_id: bytes, wait_s: float) -> None:
        """Have what is due paid, and return when this redemption is final or the time is over."""
        final = asyncio.Event()
        self._waiting.setdefault(redemption_id, []).append(final)
        self._kick()
        try:
            await asyncio.wait_for(final.wait(), wait_s)
        except TimeoutError:
            return  # the work goes on, and the state tells the rest
        finally:
            waiting = self._waiting[redemption_id]
            waiting.remove(final)
            if not waiting:
                del self._waiting[redemption_id]

    async def run_due(self) -> int:
        """Take every step that is due and return how many there were."""
        self._kick()
        assert self._runner is not None  # noqa: S101 - it was started
        return await asyncio.shield(self._runner)

    async def run_regularly(self, interval_s: float) -> None:
        """Run what is due again and again; never ends.

        Args:
            interval_s: how long to rest between two looks.
        """
        while True:
            self._kick()
            await asyncio.sleep(interval_s)

    def _kick(self) -> None:
        """Have the runner look, and start it if it rests."""
        self._look_again.set()
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
            self._runner.add_done_callback(_say_error)

    async def _run(self) -> int:
        """Claim, ask and enter until nothing is due and no call is out."""
        calls: set[asyncio.Task[Answered]] = set()
        steps = 0
        while True:
            self._look_again.clear()
            room = self._calls_at_once - len(calls)
            claims = await self._claimed(room) if room else []
            calls |= {asyncio.create_task(self._ask(claim)) for claim in claims}
            if not calls:
                if self._look_again.is_set():
                    continue
                return steps
            answered = await self._first_of(calls)
            if answered:
                steps += len(answered)
                for entered in await self._entered(answered):
                    self._tell(entered)

    async def _first_of(self, calls: set[asyncio.Task[Answered]]) -> list[Answered]:
        """Take the finished calls out of `calls`; none if something new is due before one ends."""
        news = asyncio.create_task(self._look_again.wait())
        try:
            done, _ = await asyncio.wait({*calls, news}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        finished = calls & done
        calls -= finished
        return [call.result() for call in finished]

    async def _claimed(self, room: int) -> list[Claim]:
        now_s = self._hub.clock.now_s()
        # Most looks find nothing and must not make writers wait.
        if not await self._hub.read(lambda session: OutboxStore(session).is_any_due(now_s)):
            return []
        return await self._write(lambda session: claim_due(session, now_s, room))

    async def _ask(self, claim: Claim) -> Answered:
        return Answered(claim=claim, answer=await asyncio.to_thread(asked, self._rail, claim))

    async def _entered(self, answered: Sequence[Answered]) -> list[Entered]:
        """Enter answers together; if that fails, one by one, so that none spoils the others.

        One that cannot be entered by itself is asked for again after the lease.
        """
        try:
            return [await self._enter(answered)]
        except Exception:  # noqa: BLE001 - each is tried alone
            logger().exception("payouts_not_entered", count=len(answered))
        entered = []
        for item in answered:
            try:
                entered.append(await self._enter([item]))
            except Exception:  # noqa: BLE001 - the others go on
                logger().exception("payouts_not_entered", count=1)
        return entered

    async def _enter(self, answered: Sequence[Answered]) -> Entered:
        return await self._write(
            lambda session: enter_answers(session, answered, self._hub.clock.now_s())
        )

    async def _write(self, use_case: Callable[[Session], T]) -> T:
        return await asyncio.to_thread(transact, self._hub.engine, use_case)

    def _tell(self, entered: Entered) -> None:
        """Tell the log, and whoever waits for a final answer."""
        for step in entered.taken:
            logger().info("payout_step_taken", kind=step.step.value, state=step.state.value)
            if step.state in FINAL_STATES:
                self._wake(step)
        if entered.contradiction is not None:
            logger().error("rail_contradiction", code=entered.contradiction.code)

    def _wake(self, step: StepTaken) -> None:
        for final in self._waiting.get(step.redemption_id, []):
            final.set()


def _say_error(runner: asyncio.Task[int]) -> None:
    """Tell the log why a run ended early; what it had claimed is asked for after the lease."""
    if not runner.cancelled() and runner.exception() is not None:
        logger().error("payouts_not_run", exc_info=runner.exception())
