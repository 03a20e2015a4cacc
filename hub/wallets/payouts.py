"""The payout worker: takes what is due from the outbox to the rail, one run at a time."""

from __future__ import annotations

import asyncio
from typing import Final

from fedcarbon.redemption.rail import Rail
from fedcarbon.wire.logs import logger
from hub.clearing.outbox import process_outbox
from hub.context import Hub


class Payouts:
    """Runs the outbox in a thread, when something was ordered and again and again."""

    def __init__(self, hub: Hub, rail: Rail) -> None:
        """Take the hub and the rail that pays."""
        self._hub: Final = hub
        self._rail: Final = rail
        self._one_at_a_time = asyncio.Lock()

    async def run_due(self) -> int:
        """Take every step that is due and return how many there were."""
        async with self._one_at_a_time:
            taken = await asyncio.to_thread(
                process_outbox, self._hub.engine, self._rail, self._hub.clock
            )
        for step in taken:
            logger().info("payout_step_taken", kind=step.step.value, state=step.state.value)
        return len(taken)

    async def run_regularly(self, interval_s: float) -> None:
        """Run what is due again and again; never ends.

        Args:
            interval_s: how long to rest between two runs.
        """
        while True:
            try:
                await self.run_due()
            except Exception:  # noqa: BLE001 - the last place before the work ends for good
                logger().exception("payouts_not_run")
            await asyncio.sleep(interval_s)
