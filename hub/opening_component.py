"""Trustees, openings and money as one part of a running hub."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

from fedcarbon.v1 import (
    identity_pb2,
    identity_pb2_grpc,
    opening_pb2,
    opening_pb2_grpc,
    redemption_pb2,
    redemption_pb2_grpc,
    trustee_pb2,
    trustee_pb2_grpc,
)
from fedcarbon.wire.logs import logger
from fedcarbon.wire.server import served
from hub.clearing.sandbox_rail import SandboxRail
from hub.components import Component
from hub.config import HubConfig
from hub.context import Hub
from hub.identity.relay import EvaluationRelay
from hub.openings.driver import OpeningDriver
from hub.openings.folded_record import FoldedRecord
from hub.servicers.identity import IdentityServicer
from hub.servicers.opening import OpeningServicer
from hub.servicers.redemption import RedemptionServicer
from hub.trustees.desk import TrusteeDesk
from hub.trustees.stream import TrusteeStreams
from hub.wallets.payouts import Payouts

RAIL_FILE: Final = "sandbox-rail.db"
"""The sandbox keeps its own books, as a real rail would elsewhere."""


def opening_component(hub: Hub, config: HubConfig) -> Component:
    """Return the work stream, the evaluation relay, openings and redemption."""
    interval_s = config.tick_ms / 1000
    streams = TrusteeStreams(random_bytes=secrets.token_bytes)
    desk = TrusteeDesk(hub, streams)
    hub.witnesses = desk
    folded = FoldedRecord(hub)
    openings = OpeningDriver(hub, desk, folded)
    payouts = Payouts(hub, SandboxRail(config.data / RAIL_FILE, wait=_no_delay))
    services = [
        served(
            trustee_pb2.DESCRIPTOR,
            "TrusteeService",
            trustee_pb2_grpc.add_TrusteeServiceServicer_to_server,
            streams,
        ),
        served(
            identity_pb2.DESCRIPTOR,
            "IdentityService",
            identity_pb2_grpc.add_IdentityServiceServicer_to_server,
            IdentityServicer(EvaluationRelay(hub, desk)),
        ),
        served(
            opening_pb2.DESCRIPTOR,
            "OpeningService",
            opening_pb2_grpc.add_OpeningServiceServicer_to_server,
            OpeningServicer(hub, folded),
        ),
        served(
            redemption_pb2.DESCRIPTOR,
            "RedemptionService",
            redemption_pb2_grpc.add_RedemptionServiceServicer_to_server,
            RedemptionServicer(hub, folded, payouts),
        ),
    ]

    async def witness() -> None:
        await desk.witness_regularly(interval_s)

    async def pay() -> None:
        await payouts.run_regularly(interval_s)

    async def open_accounts() -> None:
        await open_regularly(openings, interval_s)

    return Component(services=services, background=[witness, open_accounts, pay])


def _no_delay() -> None:
    """Answer at once: this sandbox is not asked to be slow."""


async def open_regularly(openings: OpeningDriver, interval_s: float) -> None:
    """Open what is pending again and again; never ends.

    Args:
        openings: the driver.
        interval_s: how long to rest between two looks.
    """
    while True:
        try:
            progress = await openings.advance()
            if progress.opened or progress.refused:
                logger().info(
                    "openings_advanced",
                    accounts=progress.opened,
                    rejected=progress.refused,
                    attempts=progress.attempts,
                    pending=progress.pending,
                )
        except Exception:  # noqa: BLE001 - the last place before the work ends for good
            logger().exception("openings_not_advanced")
        await asyncio.sleep(interval_s)
