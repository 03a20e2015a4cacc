"""The hub's books as one part of a running hub: days are closed and logged as they end."""

from __future__ import annotations

import asyncio

import hub.clearing.storage.reconciliation_rows  # noqa: F401 - declares the tables of `settle`
from fedcarbon.wire.logs import logger
from hub.clearing.closing import close_due_day, due_day
from hub.components import Component
from hub.config import HubConfig
from hub.context import Hub


def clearing_component(hub: Hub, config: HubConfig) -> Component:
    """Return the work that closes ledger days."""
    interval_s = config.tick_ms / 1000

    async def close_days() -> None:
        await close_regularly(hub, interval_s)

    return Component(background=[close_days])


async def close_regularly(hub: Hub, interval_s: float) -> None:
    """Close what is due again and again; never ends.

    Args:
        hub: whose books.
        interval_s: how long to rest between two looks.
    """
    while True:
        try:
            await close_due(hub)
        except Exception:  # noqa: BLE001 - the last place before the work ends for good
            logger().exception("ledger_day_not_closed")
        await asyncio.sleep(interval_s)


async def close_due(hub: Hub) -> None:
    """Close and log the open ledger day if it is due."""
    # Most looks find nothing and must not make writers wait.
    if await hub.read(lambda session: due_day(session, hub.clock.now_s())) is None:
        return
    logged = await hub.write(lambda session: close_due_day(session, hub))
    if logged is not None:
        logger().info(
            "ledger_day_closed",
            leaf_index=logged.batch_leaf,
            entries=logged.transfers,
            count=logged.payouts,
        )
