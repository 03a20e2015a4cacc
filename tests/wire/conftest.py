"""A development CA and a small hub on loopback, with real TLS."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from typing_extensions import override

from fedcarbon.errors import CallerError, ConfigurationError, PeerError, StateError
from fedcarbon.ids import PartyId, Role
from fedcarbon.units import Seconds
from fedcarbon.v1 import (
    epoch_pb2,
    epoch_pb2_grpc,
    record_pb2,
    record_pb2_grpc,
    trustee_pb2,
    trustee_pb2_grpc,
)
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.interceptors import RpcRecord
from fedcarbon.wire.party import PartyFiles, load_party
from fedcarbon.wire.server import RunningServer, served, start_server
from fedcarbon.wire.tls import dial, party_of, require_role
from tests.loop_thread import LoopThread

HUB = PartyName(party_id=PartyId("hub"), role=Role.HUB)


class LateError(StateError):
    code = "TEST_LATE"


class WrongError(CallerError):
    code = "TEST_WRONG"


class CheatedError(PeerError):
    code = "TEST_CHEATED"


class MisconfiguredError(ConfigurationError):
    code = "TEST_MISCONFIGURED"


RAISED: dict[bytes, Exception] = {
    b"late": LateError("epoch 3 is sealed; the chunk came 3 s late"),
    b"wrong": WrongError("block 7 is missing"),
    b"cheated": CheatedError("trustee t2 sent another share"),
    b"misconfigured": MisconfiguredError("no disk"),
    b"bug": ZeroDivisionError("the secret is 42"),
    b"long": WrongError("x" * 100_000),
    b"chinese": WrongError("缺少区块"),
}


class Records(record_pb2_grpc.RecordServiceServicer):
    """Says who called; raises what it is asked to."""

    @override
    async def ListLeaves(self, request: Any, context: Any) -> Any:
        caller = party_of(context)
        said = f"{caller.role}/{caller.party_id}".encode()
        return record_pb2.ListLeavesResponse(leaves=[record_pb2.RecordLeaf(body=said)])

    @override
    async def GetFile(self, request: Any, context: Any) -> Any:
        if request.sha256 == b"slow":
            await asyncio.sleep(30)
        if request.sha256 in RAISED:
            raise RAISED[request.sha256]
        return record_pb2.GetFileResponse(content=request.sha256)

    @override
    async def GetCheckpoint(self, request: Any, context: Any) -> Any:
        require_role(context, Role.TRUSTEE, Role.HUB)
        return record_pb2.GetCheckpointResponse()


class Epochs(epoch_pb2_grpc.EpochServiceServicer):
    """Counts the bytes of an upload."""

    @override
    async def CreateChunk(self, request_iterator: Any, context: Any) -> Any:
        total = 0
        async for request in request_iterator:
            total += len(request.content)
        return epoch_pb2.CreateChunkResponse(receipt=str(total).encode())


class Trustees(trustee_pb2_grpc.TrusteeServiceServicer):
    """Sends an order for each answer, then refuses."""

    @override
    async def Work(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        async for request in request_iterator:
            if request.order_id == b"end":
                raise RAISED[b"late"]
            yield trustee_pb2.WorkResponse(order_id=request.order_id)


@dataclass
class Loopback:
    """A server in a thread of its own."""

    server: RunningServer
    loop: LoopThread
    calls: queue.Queue[RpcRecord]

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def stop(self) -> None:
        self.loop.run(self.server.stop(0))

    def last_call(self) -> RpcRecord:
        record = self.calls.get(timeout=10)
        while not self.calls.empty():
            record = self.calls.get_nowait()
        return record


@pytest.fixture(scope="session")
def now_s() -> Seconds:
    return Seconds(int(time.time()))


@pytest.fixture(scope="session")
def authority(now_s: Seconds) -> Authority:
    return Authority.create(now_s)


@pytest.fixture(scope="session")
def make_party(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, now_s: Seconds
) -> Callable[..., PartyFiles]:
    def make(name: str, role: Role, by: Authority = authority) -> PartyFiles:
        folder: Path = tmp_path_factory.mktemp(name)
        party = PartyName(party_id=PartyId(name), role=role, trust_domain=by.trust_domain)
        return load_party(write_party(folder, by, party, now_s=now_s, seed=bytes(32)))

    return make


@pytest.fixture(scope="session")
def hub_files(make_party: Callable[..., PartyFiles]) -> PartyFiles:
    return make_party("hub", Role.HUB)


@pytest.fixture(scope="session")
def partner(make_party: Callable[..., PartyFiles]) -> PartyFiles:
    return make_party("sz-metro", Role.PARTNER)


@pytest.fixture
def serve() -> Iterator[Callable[..., Loopback]]:
    """Return a function that starts a loopback server; all are stopped at the end."""
    loop = LoopThread()
    started: list[Loopback] = []

    def start(party: PartyFiles, address: str = "127.0.0.1:0") -> Loopback:
        calls: queue.Queue[RpcRecord] = queue.Queue()

        async def go() -> RunningServer:
            records = served(
                record_pb2.DESCRIPTOR,
                "RecordService",
                record_pb2_grpc.add_RecordServiceServicer_to_server,
                Records(),
            )
            epochs = served(
                epoch_pb2.DESCRIPTOR,
                "EpochService",
                epoch_pb2_grpc.add_EpochServiceServicer_to_server,
                Epochs(),
            )
            trustees = served(
                trustee_pb2.DESCRIPTOR,
                "TrusteeService",
                trustee_pb2_grpc.add_TrusteeServiceServicer_to_server,
                Trustees(),
            )
            services = [records, epochs, trustees]
            return await start_server(services, address=address, party=party, on_call=calls.put)

        server = loop.run(go())
        started.append(Loopback(server, loop, calls))
        return started[-1]

    yield start
    for item in started:
        item.stop()
    loop.close()


@pytest.fixture
def hub(serve: Callable[..., Loopback], hub_files: PartyFiles) -> Loopback:
    return serve(hub_files)


@pytest.fixture
def channel(hub: Loopback, partner: PartyFiles) -> Iterator[grpc.Channel]:
    with dial(hub.target, partner, HUB) as opened:
        yield opened
