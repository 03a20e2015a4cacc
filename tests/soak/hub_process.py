"""The hub of the soak, in a process that is killed: its record, its books, redemption over gRPC.

It is the hub without trustees: nothing is opened and no epoch moves, grams are there already. The
servicers, the worker of payouts and the closing of days are those of the real one.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import structlog

from fedcarbon.engine.local import LocalEngine
from fedcarbon.v1 import (
    opening_pb2,
    opening_pb2_grpc,
    redemption_pb2,
    redemption_pb2_grpc,
)
from fedcarbon.wire.clocks import FileClock
from fedcarbon.wire.party import load_party
from fedcarbon.wire.processes import ProcessMap
from fedcarbon.wire.server import served, start_server
from hub.bootstrap import open_hub
from hub.call_limits import admission_of
from hub.clearing_component import close_regularly
from hub.components import core_services
from hub.context import HubSettings
from hub.record.folded_record import FoldedRecord
from hub.record.record import Signer
from hub.servicers.opening import OpeningServicer
from hub.servicers.redemption import RedemptionServicer
from hub.wallets.payouts import Payouts
from tests.hub.federation import HUB, PROGRAMME, genesis, key_of
from tests.soak.rail_process import RemoteRail
from tests.unlimited import unlimited

INTERVAL_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFiles:
    """Where everything lies."""

    folder: Path
    """The hub's own."""
    clock: Path
    party: Path
    """Identity file of the hub."""
    rail: Path
    """Socket of the rail."""
    database: str | None = None
    """URL of a database that is not in the folder."""
    limited: bool = True
    """Whether calls beyond the hub's own limits are shed."""


def serve_hub(files: HubFiles, started: Connection) -> None:
    """Serve for ever and say the port once it is so; the body of the process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(_serve(files, started))


async def _serve(files: HubFiles, started: Connection) -> None:
    hub = open_hub(
        files.folder,
        genesis(),
        signer=Signer(party_id=HUB, key=key_of(HUB)),
        clock=FileClock(files.clock),
        workers=LocalEngine(ProcessMap(1)),
        settings=HubSettings(database_url=files.database),
    )
    folded, rail = FoldedRecord(hub), RemoteRail(files.rail)
    payouts = Payouts(hub, rail)
    server = await start_server(
        [
            *core_services(hub),
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
                RedemptionServicer(hub, folded, payouts, unlimited(PROGRAMME)),
            ),
        ],
        address="127.0.0.1:0",
        party=load_party(files.party),
        on_call=lambda _record: None,
        admission=admission_of() if files.limited else None,
    )
    work: list[Callable[[], Coroutine[Any, Any, None]]] = [
        functools.partial(payouts.run_regularly, INTERVAL_S),
        functools.partial(close_regularly, hub, INTERVAL_S),
    ]
    tasks = [asyncio.ensure_future(item()) for item in work]
    started.send(server.port)
    await asyncio.gather(*tasks)
