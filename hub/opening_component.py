"""Trustees, openings, money, other uses and statistics as one part of a running hub."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import Final

from fedcarbon.redemption.rail import RailAnswer
from fedcarbon.v1 import (
    identity_pb2,
    identity_pb2_grpc,
    opening_pb2,
    opening_pb2_grpc,
    redemption_pb2,
    redemption_pb2_grpc,
)
from fedcarbon.wire.logs import logger
from fedcarbon.wire.party import load_party
from fedcarbon.wire.server import served
from hub.clearing.limits_file import load_limits, missing_limits
from hub.clearing.outbox import enter_notice
from hub.components import Component
from hub.config import HubConfig
from hub.context import Hub
from hub.identity.relay import EvaluationRelay
from hub.openings.driver import OpeningDriver
from hub.rails.notifications import EnterAnswer
from hub.rails.opened_rail import rail_of
from hub.record.folded_record import FoldedRecord
from hub.servicers.identity import IdentityServicer
from hub.servicers.opening import OpeningServicer
from hub.servicers.redemption import RedemptionServicer
from hub.servicers.trustee import trustee_service
from hub.statistics_component import statistics_component
from hub.trustees.desk import TrusteeDesk
from hub.trustees.stream import TrusteeStreams
from hub.uses_component import uses_component
from hub.wallets.payouts import Payouts

REST_INTERVALS_MAX: Final = 16
"""The longest rest of openings that wait, in ticks: 8 s with the default tick."""


def opening_component(hub: Hub, config: HubConfig) -> Component:
    """Return the work stream, the evaluation relay, openings and redemption."""
    interval_s = config.tick_ms / 1000
    wake = asyncio.Event()
    streams = TrusteeStreams(random_bytes=secrets.token_bytes, on_connect=wake.set)
    desk = TrusteeDesk(hub, streams)
    hub.witnesses = desk

    def look_again() -> None:
        desk.note_cosignature()
        wake.set()

    hub.on_cosignature = look_again
    folded = FoldedRecord(hub)
    openings = OpeningDriver(hub, desk, folded)
    party = load_party(config.party)
    opened = rail_of(config.rail, party, data=config.data, clock=hub.clock, enter=_entering(hub))
    payouts = Payouts(hub, opened.rail)
    limits = load_limits(config.limits)
    missing = hub.read_now(lambda session: missing_limits(session, limits, hub.clock.now_s()))
    if missing:  # redemptions into these are refused until the operator has set them
        logger().warning("limits_not_set", missing=missing)
    services = [
        trustee_service(streams),
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
            OpeningServicer(hub, folded, on_request=wake.set),
        ),
        served(
            redemption_pb2.DESCRIPTOR,
            "RedemptionService",
            redemption_pb2_grpc.add_RedemptionServiceServicer_to_server,
            RedemptionServicer(hub, folded, payouts, limits),
        ),
    ]

    async def witness() -> None:
        await desk.witness_regularly(interval_s)

    async def pay() -> None:
        await payouts.run_regularly(interval_s)

    async def open_accounts() -> None:
        await open_regularly(openings, interval_s, wake)

    uses = uses_component(hub, folded, interval_s)
    statistics = statistics_component(hub, desk, folded, interval_s)
    return Component(
        services=[*services, *uses.services, *statistics.services],
        background=[
            streams.hold,
            witness,
            open_accounts,
            pay,
            *opened.background,
            *uses.background,
            *statistics.background,
        ],
    )


def _entering(hub: Hub) -> EnterAnswer:
    """Return what enters a rail's notices into the books."""

    async def enter(payout_id: bytes, answer: RailAnswer) -> None:
        await hub.write(lambda session: enter_notice(session, payout_id, answer, hub.clock.now_s()))

    return enter


async def open_regularly(openings: OpeningDriver, interval_s: float, wake: asyncio.Event) -> None:
    """Open what is pending again and again; never ends.

    While nothing moves, the rests get longer: what trustees refuse now they are not asked for twice
    a second. A new request or a trustee that dials in ends a rest.

    Args:
        openings: the driver.
        interval_s: how long to rest between two looks.
        wake: set when a look is worth while at once.
    """
    rest_s = interval_s
    while True:
        wake.clear()
        moved = False
        try:
            progress = await openings.advance()
            moved = bool(progress.opened or progress.refused)
            if moved:
                logger().info(
                    "openings_advanced",
                    accounts=progress.opened,
                    rejected=progress.refused,
                    attempts=progress.attempts,
                    pending=progress.pending,
                )
        except Exception:  # noqa: BLE001 - the last place before the work ends for good
            logger().exception("openings_not_advanced")
        rest_s = interval_s if moved else min(2 * rest_s, REST_INTERVALS_MAX * interval_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), rest_s)
