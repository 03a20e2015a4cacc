"""Statistics as one part of a running hub: the service, and the work that releases tables."""

from __future__ import annotations

import asyncio
from typing import Final

from fedcarbon.v1 import statistics_pb2, statistics_pb2_grpc
from fedcarbon.wire.logs import logger
from fedcarbon.wire.server import served
from hub.components import Component
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.servicers.statistics import StatisticsServicer
from hub.statistics.driver import ReleaseDriver
from hub.statistics.intake import ContributionIntake
from hub.trustees.desk import TrusteeDesk

REST_INTERVALS_MAX: Final = 16
"""The longest rest while periods wait for trustees, in ticks: 8 s with the default tick."""


def statistics_component(
    hub: Hub, desk: TrusteeDesk, folded: FoldedRecord, interval_s: float
) -> Component:
    """Return the service of statistics, and the work that releases tables.

    Args:
        hub: whose.
        desk: the way to its trustees.
        folded: the record as trustees see it.
        interval_s: how long to rest between two looks.
    """
    driver = ReleaseDriver(hub, desk, folded)

    async def release() -> None:
        await release_regularly(driver, interval_s)

    service = served(
        statistics_pb2.DESCRIPTOR,
        "StatisticsService",
        statistics_pb2_grpc.add_StatisticsServiceServicer_to_server,
        StatisticsServicer(hub, folded, ContributionIntake(hub, folded)),
    )
    return Component(services=[service], background=[release])


async def release_regularly(driver: ReleaseDriver, interval_s: float) -> None:
    """Release what is due again and again; never ends.

    While periods wait the rests get longer: what trustees refuse now they are not asked for twice
    a second.
    """
    rest_s = interval_s
    while True:
        is_waiting = True
        try:
            is_waiting = bool((await driver.advance()).waiting)
        except Exception:  # noqa: BLE001 - the last place before the work ends for good
            logger().exception("tables_not_advanced")
        rest_s = min(2 * rest_s, REST_INTERVALS_MAX * interval_s) if is_waiting else interval_s
        await asyncio.sleep(rest_s)
