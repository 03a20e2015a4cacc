"""Redemptions per second with all around them: signature, binding, books, leaf, receipt, rail.

* **desk**: signed orders through `OrderDesk` in this process, by 1, 4 and 16 clients at once;
* **gRPC**: the same clients call a hub in another process over TLS and wait for the payout's final
  state; the rail is a third process and answers at once.

Clients wait for each answer before they send again (a closed loop), so more clients mean larger
batches. Databases are durable; latencies are milliseconds from request to answer.
"""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.effort import Effort
from fedcarbon.clock import SystemClock
from fedcarbon.ids import Role
from fedcarbon.ledger.credit import OpeningCredit
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.units import Fen, MicrogramsCO2e
from fedcarbon.v1 import redemption_pb2, redemption_pb2_grpc
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.clocks import FileClock
from fedcarbon.wire.dev_ca import Authority
from fedcarbon.wire.party import load_party
from fedcarbon.wire.tls import dial
from hub.clearing.credits import credit_opening, top_up_float
from hub.clearing.storage.credit_store import CreditStore
from hub.wallets.order_desk import OrderDesk
from hub.wallets.redeeming import SignedOrder
from tests.hub.federation import AUDITOR, BIKES, METRO, PROGRAMME, signed, token
from tests.hub.openings.world import PEOPLE, PURSE, World
from tests.hub.running import HUB_NAME
from tests.postgresql import running_cluster
from tests.soak.hub_process import HubFiles, serve_hub
from tests.soak.rail_process import RemoteRail, serve_rail
from tests.soak.rounds import identity, order_maker, prepared
from tests.unlimited import unlimited

CLIENTS: Final = (1, 4, 16)
DESK_ORDERS: Final = {1: 100, 4: 400, 16: 1_200}
CALLS: Final = {1: 40, 4: 120, 16: 320}
CALL_S: Final = 60
START_S: Final = 60
CALLERS: Final = {
    PURSE: Role.WALLET_OPERATOR,
    METRO: Role.PARTNER,
    BIKES: Role.PARTNER,
    AUDITOR: Role.AUDITOR,
}
_HELD_UG: Final = 10**15
_PRELOADED: Final = ["tests.soak.hub_process", "tests.soak.rail_process"]

Maker = Callable[[bytes, int], RedemptionOrder]


def run(effort: Effort) -> dict[str, float]:
    """Return rates per second and latencies in milliseconds, by store, way and clients."""
    figures = _measured("sqlite", None, effort)
    with running_cluster(durable=True) as cluster:
        figures |= _measured("postgresql", cluster.create(), effort)
    return figures


def _measured(store: str, database: str | None, effort: Effort) -> dict[str, float]:
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="fedcarbon-bench-") as name:
        folder = Path(name)
        world = prepared(folder / "hub", database)
        world.hub.write_now(functools.partial(fill, world))
        makers = [order_maker(world, person) for person in PEOPLE]
        now_s = world.clock.now_s()
        for clients in CLIENTS:
            times = asyncio.run(_through_desk(world, makers, clients, effort))
            figures |= _figures(f"{store}_desk_{clients}", times, clients)
        world.close()
        FileClock(folder / "clock").set_s(now_s)
        with served(folder, database) as hub:
            for clients in CLIENTS:
                times = _through_grpc(folder, hub.port, makers, clients, effort)
                figures |= _figures(f"{store}_grpc_{clients}", times, clients)
    return figures


def fill(world: World, session: Any) -> None:  # noqa: ANN401 - a session
    """Credit everybody with more than any run redeems, and fill the float."""
    now_s = world.clock.now_s()
    for person in PEOPLE:
        last = CreditStore(session).last(PROGRAMME, token(person))
        before_ug = 0 if last is None else last.opened_ug
        credit = OpeningCredit(
            programme=PROGRAMME,
            vintage=Vintage(2026),
            account_token=token(person),
            opening_id=secrets.token_bytes(32),
            previous_opened_ug=MicrogramsCO2e(before_ug),
            opened_ug=MicrogramsCO2e(before_ug + _HELD_UG),
        )
        credit_opening(session, credit, now_s)
    top_up_float(session, PROGRAMME, Fen(10**12), bytes(16), now_s)


def _message(makers: Sequence[Maker], number: int) -> bytes:
    order = makers[number % len(makers)](secrets.token_bytes(16), 1)
    return signed(order, PURSE)


async def _through_desk(
    world: World, makers: Sequence[Maker], clients: int, effort: Effort
) -> list[float]:
    """Return the seconds of each order; they are signed before the clock starts."""
    desk = OrderDesk(world.hub, world.folded, unlimited(PROGRAMME))
    orders = effort.of(DESK_ORDERS[clients], least=clients)
    messages = iter([_message(makers, number) for number in range(orders)])

    async def client() -> list[float]:
        times = []
        for message in messages:
            began = time.perf_counter()
            await desk.take(SignedOrder(caller=PURSE, message=message))
            times.append(time.perf_counter() - began)
        return times

    taken = await asyncio.gather(*(client() for _ in range(clients)))
    return [seconds for times in taken for seconds in times]


def _through_grpc(
    folder: Path, port: int, makers: Sequence[Maker], clients: int, effort: Effort
) -> list[float]:
    party = load_party(folder / PURSE / "party.toml")
    share = effort.of(CALLS[clients] // clients)
    messages = [[_message(makers, number) for number in range(share)] for _ in range(clients)]

    def client(own: Sequence[bytes]) -> list[float]:
        times = []
        with dial(f"127.0.0.1:{port}", party, HUB_NAME) as channel:
            stub = redemption_pb2_grpc.RedemptionServiceStub(channel)
            for message in own:
                request = redemption_pb2.CreateRedemptionRequest(signed_order=message)
                began = time.perf_counter()
                stub.CreateRedemption(request, timeout=CALL_S)
                times.append(time.perf_counter() - began)
        return times

    with ThreadPoolExecutor(clients) as pool:
        return [seconds for times in pool.map(client, messages) for seconds in times]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedHub:
    """A hub and a rail in processes of their own."""

    port: int
    rail: RemoteRail


@contextmanager
def served(folder: Path, database: str | None, *, limited: bool = True) -> Iterator[ServedHub]:
    """Serve the hub in `folder` from another process, beside a rail that answers at once.

    Identities of a wallet operator, a partner and an auditor are written beside it.

    Args:
        folder: holds `hub` and the clock.
        database: of the hub, if it is not in the folder.
        limited: whether the hub sheds calls as it does by default.
    """
    now_s = SystemClock().now_s()
    authority = Authority.create(now_s)
    for name, role in CALLERS.items():
        identity(folder, authority, PartyName(party_id=name, role=role), now_s)
    files = HubFiles(
        folder=folder / "hub",
        clock=folder / "clock",
        party=identity(folder, authority, HUB_NAME, now_s),
        rail=folder / "rail.socket",
        database=database,
        limited=limited,
    )
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(_PRELOADED)
    ours, theirs = processes.Pipe(duplex=False)
    rail = processes.Process(target=serve_rail, args=(files.rail, 1))
    hub = processes.Process(target=serve_hub, args=(files, theirs))
    rail.start()
    for _ in range(START_S * 100):
        if files.rail.exists():
            break
        time.sleep(0.01)
    remote = RemoteRail(files.rail)
    remote.be_good()
    hub.start()
    try:
        assert ours.poll(START_S), "the hub does not start"  # noqa: S101 - or there is no figure
        yield ServedHub(port=ours.recv(), rail=remote)
    finally:
        for process in (hub, rail):
            process.kill()
            process.join()


def _figures(name: str, times: Sequence[float], clients: int) -> dict[str, float]:
    ordered = sorted(times)
    return {
        f"{name}_per_s": round(clients * len(ordered) / sum(ordered), 1),
        f"{name}_p50_ms": round(1_000 * ordered[len(ordered) // 2], 1),
        f"{name}_p99_ms": round(1_000 * ordered[len(ordered) * 99 // 100], 1),
    }
