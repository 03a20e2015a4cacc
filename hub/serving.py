"""Running a hub until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import Final

from fedcarbon.engine.opening import opened_engine
from fedcarbon.ids import Role
from fedcarbon.wire.clocks import clock_named
from fedcarbon.wire.logs import log_call, logger
from fedcarbon.wire.party import PartyFiles, load_party
from fedcarbon.wire.server import start_server
from hub.bootstrap import SPILL_FOLDER, open_hub
from hub.clearing_component import clearing_component
from hub.components import Component, core_component
from hub.config import HubConfig, HubConfigError
from hub.context import Hub, HubSettings
from hub.genesis import read_genesis
from hub.opening_component import opening_component
from hub.record.record import Signer

COMPONENTS: Final[Sequence[Callable[[Hub, HubConfig], Component]]] = (
    core_component,
    opening_component,
    clearing_component,
)
"""Makers of all parts of the hub: other parts join here."""


def hub_of(config: HubConfig, party: PartyFiles) -> Hub:
    """Open the hub that a configuration describes.

    Raises:
        ConfigurationError: files are missing, wrong or damaged.
    """
    if party.role is not Role.HUB:
        raise HubConfigError(f"{party.party_id} is a {party.role}, not a hub")
    genesis = read_genesis(config.public, allow_insecure=config.allow_insecure_parameters)
    return open_hub(
        config.data,
        genesis,
        signer=Signer(party_id=party.party_id, key=party.signing_key),
        clock=clock_named(config.clock),
        settings=HubSettings(
            place_pool_blocks=config.place_pool_blocks,
            merge_delay_s=config.merge_delay_s,
            database_url=config.database_url,
        ),
        workers=opened_engine(config.engine, config.data / SPILL_FOLDER),
    )


async def serve(config: HubConfig) -> None:
    """Serve until SIGTERM or SIGINT; calls in flight are finished first."""
    party = load_party(config.party)
    hub = hub_of(config, party)
    try:
        components = [make(hub, config) for make in COMPONENTS]
        await _serve(config, party, components)
    finally:
        hub.close()


async def _serve(config: HubConfig, party: PartyFiles, components: Sequence[Component]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await start_server(
        [service for component in components for service in component.services],
        address=config.listen,
        party=party,
        on_call=log_call,
    )
    tasks = [
        asyncio.ensure_future(work()) for component in components for work in component.background
    ]
    logger().info("hub_started", port=server.port)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    broken = [task for task in tasks if task.done()]
    for task in (stopping, *tasks):
        task.cancel()
    await asyncio.gather(stopping, *tasks, return_exceptions=True)
    await server.stop()
    logger().info("hub_stopped")
    for task in broken:  # work in the background never ends by itself
        await task
