"""The work stream over real gRPC and mTLS, with real trustees that dial in."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from fedcarbon.clock import SystemClock
from fedcarbon.ids import PartyId, Role
from fedcarbon.transparency.note import SignedNote
from fedcarbon.v1 import (
    identity_pb2,
    identity_pb2_grpc,
    record_pb2,
    record_pb2_grpc,
    trustee_pb2,
)
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.hub_client import GrpcHubClient
from fedcarbon.wire.party import PartyFiles, load_party
from fedcarbon.wire.server import RunningServer, served, start_server
from fedcarbon.wire.status import RemoteCallerError
from fedcarbon.wire.tls import dial
from hub.identity.relay import EvaluationRelay
from hub.servicers.identity import IdentityServicer
from hub.servicers.record import RecordServicer
from hub.servicers.trustee import trustee_service
from hub.trustees.desk import TrusteeDesk
from hub.trustees.stream import TrusteeStreams, TrusteeUnavailableError
from tests.hub.federation import HUB, METRO, signed
from tests.hub.openings.world import TRUSTEES, World, until
from tests.hub.trustees.test_relay import batch_of, request_for
from trustee.work import WorkLoop

HUB_NAME = PartyName(party_id=HUB, role=Role.HUB)


@dataclass
class Loopback:
    """A hub that listens, and the trustees that have dialled it."""

    world: World
    authority: Authority
    folder: Path
    streams: TrusteeStreams
    server: RunningServer
    desk: TrusteeDesk
    loops: dict[PartyId, tuple[WorkLoop, grpc.Channel, threading.Thread]] = field(
        default_factory=dict
    )

    def party(self, name: PartyId, role: Role) -> PartyFiles:
        folder = self.folder / name
        if not folder.exists():
            seed = hashlib.sha256(name.encode()).digest()
            party = PartyName(party_id=name, role=role)
            now_s = SystemClock().now_s()
            write_party(folder, self.authority, party, now_s=now_s, seed=seed)
        return load_party(folder / "party.toml")

    def channel(self, name: PartyId, role: Role) -> grpc.Channel:
        return dial(f"127.0.0.1:{self.server.port}", self.party(name, role), HUB_NAME)

    async def dial_in(self, *names: PartyId) -> None:
        """Start trustees and wait until the hub has their streams."""
        for name in names:
            await asyncio.to_thread(self._start, name)
        await until(lambda: set(names) <= set(self.streams.connected()))

    def _start(self, name: PartyId) -> None:
        channel = self.channel(name, Role.TRUSTEE)
        client = GrpcHubClient(channel)
        trustee = self.world.trustee(name)
        trustee._reader._source = client
        loop = WorkLoop(trustee, client, sleep=lambda _: threading.Event().wait(0.02) and None)
        thread = threading.Thread(target=loop.run, daemon=True)
        thread.start()
        self.loops[name] = (loop, channel, thread)

    async def hang_up(self, *names: PartyId) -> None:
        """Stop trustees and wait until the hub has noticed."""
        for name in names:
            await asyncio.to_thread(self._stop, name)
        await until(lambda: not set(names) & set(self.streams.connected()))

    def _stop(self, name: PartyId) -> None:
        loop, channel, thread = self.loops.pop(name)
        loop.stop()
        channel.close()
        thread.join(10)

    async def close(self) -> None:
        for name in list(self.loops):
            await asyncio.to_thread(self._stop, name)
        await self.server.stop(0)


@asynccontextmanager
async def loopback(
    world: World, authority: Authority, folder: Path, deadline_s: float = 30
) -> AsyncIterator[Loopback]:
    """Give a hub on loopback."""
    streams = TrusteeStreams(random_bytes=world.chance.randbytes, deadline_s=deadline_s)
    desk = TrusteeDesk(world.hub, streams)
    hub_files = folder / "hub-party"
    now_s = SystemClock().now_s()
    write_party(
        hub_files, authority, HUB_NAME, now_s=now_s, seed=hashlib.sha256(HUB.encode()).digest()
    )
    server = await start_server(
        [
            trustee_service(streams),
            served(
                record_pb2.DESCRIPTOR,
                "RecordService",
                record_pb2_grpc.add_RecordServiceServicer_to_server,
                RecordServicer(world.hub),
            ),
            served(
                identity_pb2.DESCRIPTOR,
                "IdentityService",
                identity_pb2_grpc.add_IdentityServiceServicer_to_server,
                IdentityServicer(EvaluationRelay(world.hub, desk)),
            ),
        ],
        address="127.0.0.1:0",
        party=load_party(hub_files / "party.toml"),
        on_call=lambda _record: None,
        with_reflection=False,
    )
    running = Loopback(world, authority, folder, streams, server, desk)
    try:
        yield running
    finally:
        await running.close()


def cosign_order(world: World) -> trustee_pb2.WorkResponse:
    head = world.hub.read_now(world.hub.record.head)
    return trustee_pb2.WorkResponse(
        record_size=head.size, cosign=trustee_pb2.CosignOrder(root=head.root)
    )


def test_trustees_dial_in_and_a_quorum_witnesses_the_head(
    world: World, authority: Authority, tmp_path: Path
) -> None:
    async def story() -> None:
        async with loopback(world, authority, tmp_path) as hub:
            await hub.dial_in(*TRUSTEES)

            head = await hub.desk.witness()

            assert hub.streams.connected() == list(TRUSTEES)
            assert len(SignedNote.from_bytes(head.note).signatures) >= 5

    asyncio.run(story())


def test_a_trustee_that_hangs_up_is_gone_and_comes_back(
    world: World, authority: Authority, tmp_path: Path
) -> None:
    async def story() -> None:
        async with loopback(world, authority, tmp_path) as hub:
            await hub.dial_in(TRUSTEES[0])
            await hub.hang_up(TRUSTEES[0])
            with pytest.raises(TrusteeUnavailableError, match="not connected"):
                await hub.streams.ask(TRUSTEES[0], cosign_order(world))

            await hub.dial_in(TRUSTEES[0])
            answer = await hub.streams.ask(TRUSTEES[0], cosign_order(world))

            assert answer.WhichOneof("answer") == "cosign"

    asyncio.run(story())


def silent_orders(
    hub: Loopback, name: PartyId
) -> tuple[grpc.Channel, list[bytes], threading.Thread]:
    """Open a stream that takes orders and answers none."""
    channel = hub.channel(name, Role.TRUSTEE)
    taken: list[bytes] = []
    stopped = threading.Event()

    def answers() -> Iterator[trustee_pb2.WorkRequest]:
        yield trustee_pb2.WorkRequest()
        stopped.wait(30)

    def listen() -> None:
        try:
            orders = GrpcHubClient(channel).work(answers())
            taken.extend(order.order_id for order in orders)
        except Exception:  # noqa: BLE001 - however the stream ends
            stopped.set()
        stopped.set()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    return channel, taken, thread


def test_an_order_on_its_way_when_the_stream_breaks_is_reported_at_once(
    world: World, authority: Authority, tmp_path: Path
) -> None:
    async def story() -> None:
        async with loopback(world, authority, tmp_path) as hub:
            channel, taken, thread = await asyncio.to_thread(silent_orders, hub, TRUSTEES[0])
            await until(lambda: TRUSTEES[0] in hub.streams.connected())
            asking = asyncio.create_task(hub.streams.ask(TRUSTEES[0], cosign_order(world)))
            await until(lambda: len(taken) == 1)

            await asyncio.to_thread(channel.close)

            with pytest.raises(TrusteeUnavailableError, match="stream ended"):
                await asking
            await asyncio.to_thread(thread.join, 10)
            assert len(taken[0]) == 16

    asyncio.run(story())


def test_a_silent_trustee_costs_its_deadline_and_no_more(
    world: World, authority: Authority, tmp_path: Path
) -> None:
    async def story() -> None:
        async with loopback(world, authority, tmp_path, deadline_s=0.05) as hub:
            channel, taken, thread = await asyncio.to_thread(silent_orders, hub, TRUSTEES[0])
            await until(lambda: TRUSTEES[0] in hub.streams.connected())

            with pytest.raises(TrusteeUnavailableError, match="did not answer within"):
                await hub.streams.ask(TRUSTEES[0], cosign_order(world))

            await until(lambda: len(taken) == 1)
            assert hub.streams.connected() == [TRUSTEES[0]]
            await asyncio.to_thread(channel.close)
            await asyncio.to_thread(thread.join, 10)

    asyncio.run(story())


def test_the_newest_stream_of_a_trustee_replaces_the_older(
    world: World, authority: Authority, tmp_path: Path
) -> None:
    async def story() -> None:
        async with loopback(world, authority, tmp_path) as hub:
            channel, _, thread = await asyncio.to_thread(silent_orders, hub, TRUSTEES[0])
            await until(lambda: TRUSTEES[0] in hub.streams.connected())

            await hub.dial_in(TRUSTEES[0])
            await asyncio.to_thread(thread.join, 10)
            answer = await hub.streams.ask(TRUSTEES[0], cosign_order(world))

            assert answer.WhichOneof("answer") == "cosign"
            await asyncio.to_thread(channel.close)

    asyncio.run(story())


def test_a_hub_that_stops_ends_the_streams_first(
    world: World, authority: Authority, tmp_path: Path
) -> None:
    async def story() -> None:
        async with loopback(world, authority, tmp_path) as hub:
            holding = asyncio.create_task(hub.streams.hold())
            channel, _, thread = await asyncio.to_thread(silent_orders, hub, TRUSTEES[0])
            await until(lambda: TRUSTEES[0] in hub.streams.connected())
            asking = asyncio.create_task(hub.streams.ask(TRUSTEES[0], cosign_order(world)))
            await asyncio.sleep(0)

            holding.cancel()

            with pytest.raises(TrusteeUnavailableError, match="stream ended"):
                await asking
            await asyncio.to_thread(thread.join, 10)
            assert not thread.is_alive()
            assert hub.streams.connected() == []
            await asyncio.to_thread(channel.close)

    asyncio.run(story())


def test_only_trustees_may_work(world: World, authority: Authority, tmp_path: Path) -> None:
    async def story() -> None:
        async with loopback(world, authority, tmp_path) as hub:

            def work() -> None:
                with hub.channel(METRO, Role.PARTNER) as channel:
                    list(GrpcHubClient(channel).work(iter([trustee_pb2.WorkRequest()])))

            with pytest.raises(RemoteCallerError) as caught:
                await asyncio.to_thread(work)

            assert caught.value.code == "ROLE_NOT_ALLOWED"
            assert hub.streams.connected() == []

    asyncio.run(story())


def test_evaluations_go_to_the_trustees_and_back_over_the_wire(
    world: World, authority: Authority, tmp_path: Path
) -> None:
    batch = batch_of(2)
    message = signed(request_for(world, batch), METRO)

    async def story() -> None:
        async with loopback(world, authority, tmp_path) as hub:
            await hub.dial_in(*TRUSTEES[:3])

            def ask() -> identity_pb2.EvaluateResponse:
                with hub.channel(METRO, Role.PARTNER) as channel:
                    return GrpcHubClient(channel).evaluate(
                        identity_pb2.EvaluateRequest(
                            signed_request=message, blinded_elements=batch.blinded
                        )
                    )

            answer = await asyncio.to_thread(ask)

            assert {partial.trustee_id for partial in answer.partials} == set(TRUSTEES[:3])
            assert {len(partial.elements) for partial in answer.partials} == {2}

    asyncio.run(story())
