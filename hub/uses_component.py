"""Uses of grams as one part of a running hub: the service, and what ends by itself."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final, NamedTuple

from sqlmodel import Session

from fedcarbon.units import Seconds
from fedcarbon.v1 import use_pb2, use_pb2_grpc
from fedcarbon.wire.logs import logger
from fedcarbon.wire.server import served
from hub.components import Component
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
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


class _Due(NamedTuple):
    """Which kinds of work there are."""

    overdue: bool
    prices: bool
    campaigns: bool
    markets: bool
    lists: bool


def _due(session: Session, now_s: Seconds) -> _Due:
    """Look for all of it in one snapshot."""
    return _Due(
        overdue=bool(UseStore(session).overdue(now_s, 1)),
        prices=bool(unpriced(session, now_s)),
        campaigns=bool(ended_campaigns(session, now_s)),
        markets=bool(closed_markets(session, now_s)),
        lists=bool(due_lists(session, now_s)),
    )


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
        due = await hub.read(partial(_due, now_s=now_s))
        ended = OVERDUE_MAX if due.overdue else 0
        while ended == OVERDUE_MAX:
            ended = await hub.write(lambda session: void_overdue(session, now_s))
            logger().info("goods_overdue", count=ended)
        if due.prices:
            await hub.write(lambda session: price_day(session, hub))
        if due.campaigns:
            await hub.write(lambda session: release_ended(session, now_s))
        if due.markets:
            await hub.write(lambda session: close_markets(session, now_s))
        if due.lists:
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
