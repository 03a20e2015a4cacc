"""Uses of grams as one part of a running hub: the service, and what ends by itself."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from fedcarbon.units import Seconds
from fedcarbon.v1 import use_pb2, use_pb2_grpc
from fedcarbon.wire.logs import logger
from fedcarbon.wire.server import served
from hub.components import Component
from hub.context import Hub
from hub.openings.folded_record import FoldedRecord
from hub.servicers.use import UseServicer
from hub.uses.campaigning import ended_campaigns, release_ended
from hub.uses.expiring import ended_vintages, expire_page
from hub.uses.ranking import due_lists, publish_lists
from hub.uses.storage.use_store import UseStore
from hub.uses.taking import OVERDUE_MAX, void_overdue
from hub.uses.trading import close_markets, closed_markets, price_day, unpriced

PASS_S: Final = 3_600
"""Protocol time between two passes over the accounts of ended vintages."""


def uses_component(hub: Hub, folded: FoldedRecord, interval_s: float) -> Component:
    """Return the service of uses, and the work that ends reservations and vintages.

    Args:
        hub: whose.
        folded: the record as trustees see it.
        interval_s: how long to rest between two looks.
    """
    ending = Ending(hub, folded)

    async def end_regularly() -> None:
        while True:
            try:
                await ending.advance()
            except Exception:  # noqa: BLE001 - the last place before the work ends for good
                logger().exception("uses_not_ended")
            await asyncio.sleep(interval_s)

    service = served(
        use_pb2.DESCRIPTOR,
        "UseService",
        use_pb2_grpc.add_UseServiceServicer_to_server,
        UseServicer(hub, folded),
    )
    return Component(services=[service], background=[end_regularly])


class Ending:
    """Gives overdue reservations back and takes ended vintages out, in small transactions."""

    def __init__(self, hub: Hub, folded: FoldedRecord) -> None:
        """Take the hub and the record as trustees see it."""
        self._hub: Final = hub
        self._folded: Final = folded
        self._next_pass_s = Seconds(0)

    async def advance(self) -> None:
        """Do what is due: overdue goods, prices, rankings, ended campaigns, markets, vintages."""
        hub, now_s = self._hub, self._hub.clock.now_s()
        # Most looks find nothing and must not make writers wait.
        while await hub.read(lambda session: UseStore(session).overdue(now_s, 1)):
            ended = await hub.write(lambda session: void_overdue(session, now_s))
            logger().info("goods_overdue", count=ended)
            if ended < OVERDUE_MAX:
                break
        if await hub.read(lambda session: unpriced(session, now_s)):
            await hub.write(lambda session: price_day(session, hub))
        if await hub.read(lambda session: ended_campaigns(session, now_s)):
            await hub.write(lambda session: release_ended(session, now_s))
        if await hub.read(lambda session: closed_markets(session, now_s)):
            await hub.write(lambda session: close_markets(session, now_s))
        if await hub.read(lambda session: due_lists(session, now_s)):
            await hub.write(lambda session: publish_lists(session, hub))
        if now_s >= self._next_pass_s:
            await self._expire(now_s)
            self._next_pass_s = Seconds(now_s + PASS_S)

    async def _expire(self, now_s: Seconds) -> None:
        hub = self._hub
        for unit in await hub.read(lambda session: ended_vintages(session, self._folded, now_s)):
            after: str | None = ""
            while after is not None:
                start = after
                after = await hub.write(partial(expire_page, unit=unit, after=start, now_s=now_s))
