"""The parts of a running hub: the services that it offers, and its work in the background.

Here is what a part is, and the core; `hub.serving` knows them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.v1 import (
    epoch_pb2,
    epoch_pb2_grpc,
    record_pb2,
    record_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
)
from fedcarbon.wire.logs import logger
from fedcarbon.wire.server import Served, served
from hub.config import HubConfig
from hub.context import Hub
from hub.epochs.driver import EpochDriver, Progress
from hub.servicers.epoch import EpochServicer
from hub.servicers.record import RecordServicer
from hub.servicers.registry import RegistryServicer


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of the hub."""

    services: Sequence[Served] = ()
    background: Sequence[Callable[[], Awaitable[None]]] = ()
    """Work that ends only by cancellation."""


def core_component(hub: Hub, config: HubConfig) -> Component:
    """Return record, registry and epochs, and the work that moves epochs on."""
    ticker = EpochTicker(EpochDriver(hub), tick_s=config.tick_ms / 1000)
    return Component(services=core_services(hub), background=[ticker.run])


def core_services(hub: Hub) -> list[Served]:
    """Return record, registry and epochs."""
    return [
        served(
            record_pb2.DESCRIPTOR,
            "RecordService",
            record_pb2_grpc.add_RecordServiceServicer_to_server,
            RecordServicer(hub),
        ),
        served(
            registry_pb2.DESCRIPTOR,
            "RegistryService",
            registry_pb2_grpc.add_RegistryServiceServicer_to_server,
            RegistryServicer(hub),
        ),
        served(
            epoch_pb2.DESCRIPTOR,
            "EpochService",
            epoch_pb2_grpc.add_EpochServiceServicer_to_server,
            EpochServicer(hub),
        ),
    ]


class EpochTicker:
    """Looks after the epochs again and again, and tells the log what moved and what waits."""

    def __init__(self, driver: EpochDriver, *, tick_s: float) -> None:
        """Take the driver and how long to rest between two calls."""
        self._driver = driver
        self._tick_s = tick_s
        self._stalled: set[tuple[ProgrammeId, EpochIndex, str]] = set()

    async def run(self) -> None:
        """Run until cancelled; an error is logged, and the next tick tries again."""
        while True:
            try:
                self._log(await self._driver.advance())
            except Exception:  # noqa: BLE001 - the last place before the loop ends for good
                logger().exception("epochs_not_advanced")
            await asyncio.sleep(self._tick_s)

    def _log(self, progress: Progress) -> None:
        for move in progress.moved:
            logger().info(
                "epoch_moved",
                programme_id=move.programme_id,
                epoch=move.epoch,
                state=move.state.value,
            )
        stalled = {
            (stall.programme_id, stall.epoch, stall.error.code) for stall in progress.stalled
        }
        for programme_id, epoch, code in sorted(stalled - self._stalled):
            logger().warning("epoch_stalled", programme_id=programme_id, epoch=epoch, code=code)
        self._stalled = stalled
