"""A real hub on loopback with more calls than it serves: some are shed, nothing is lost."""

from __future__ import annotations

import functools
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from typing_extensions import override

from bench.service import fill
from fedcarbon.clock import SystemClock
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.v1 import (
    epoch_pb2,
    epoch_pb2_grpc,
    opening_pb2,
    opening_pb2_grpc,
    redemption_pb2,
    redemption_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
)
from fedcarbon.wire.admission import Admission, Line
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.hub_client import GrpcHubClient
from fedcarbon.wire.party import load_party
from fedcarbon.wire.server import served, start_server
from fedcarbon.wire.status import error_of
from fedcarbon.wire.tls import dial
from hub.call_limits import CallClass, LineConfig, admission_of
from hub.clearing.positions import checked_trial_balance
from hub.components import core_services
from hub.sandbox.rail import SandboxRail
from hub.servicers.opening import OpeningServicer
from hub.servicers.redemption import RedemptionServicer
from hub.storage.enrolment_store import EnrolmentStore
from hub.wallets.payouts import Payouts
from tests.hub.federation import BIKES, METRO, PROGRAMME, signed, token
from tests.hub.openings.world import PURSE, World
from tests.hub.running import HUB_NAME
from tests.loop_thread import LoopThread
from tests.unlimited import unlimited

CALL_S = 60
SETTLED = redemption_pb2.REDEMPTION_STATE_SETTLED
ROLES = {METRO: Role.PARTNER, BIKES: Role.PARTNER, PURSE: Role.WALLET_OPERATOR}


@dataclass
class Crowd:
    """A served hub, and channels of the parties that press on it."""

    world: World
    rail: SandboxRail
    admission: Admission
    channels: Mapping[PartyId, grpc.Channel]
    gate: threading.Event = field(default_factory=threading.Event)
    """Opened, whatever is held up goes on."""
    uploads: list[grpc.Future] = field(default_factory=list)
    """A call that nobody holds is cancelled."""

    def line(self, kind: CallClass) -> Line:
        return next(line for line in self.admission.lines if line.name == kind.value)

    def slow_upload(self, party: PartyId) -> None:
        """Begin an upload whose rest comes when the gate is opened."""

        def pieces() -> Iterator[epoch_pb2.CreateChunkRequest]:
            yield epoch_pb2.CreateChunkRequest(signed_header=b"some")
            self.gate.wait(CALL_S)
            yield epoch_pb2.CreateChunkRequest(content=b"more")

        stub = epoch_pb2_grpc.EpochServiceStub(self.channels[party])
        self.uploads.append(stub.CreateChunk.future(pieces(), timeout=CALL_S))

    @contextmanager
    def writer_held(self) -> Iterator[None]:
        """Let nothing be written inside of the context, as behind a long transaction."""
        holds, go_on = threading.Event(), threading.Event()

        def hold(_session: Any) -> None:
            holds.set()
            go_on.wait(CALL_S)

        holder = threading.Thread(target=self.world.hub.write_now, args=(hold,))
        holder.start()
        assert holds.wait(CALL_S)
        try:
            yield
        finally:
            go_on.set()
            holder.join()

    def batch(self, party: PartyId, people: range) -> tuple[bytes, bytes]:
        """Return the id and the signed bytes of a batch."""
        batch = self.world.batch(party, people)
        return batch.batch_id, signed(batch, party)

    def enrol(self, party: PartyId, message: bytes) -> bytes:
        stub = registry_pb2_grpc.RegistryServiceStub(self.channels[party])
        request = registry_pb2.CreateEnrolmentBatchRequest(signed_batch=message)
        return stub.CreateEnrolmentBatch(request, timeout=CALL_S).receipt

    def is_enrolled(self, party: PartyId, batch_id: bytes) -> bool:
        leaf = self.world.hub.read_now(
            lambda session: EnrolmentStore(session).batch_leaf(party, batch_id)
        )
        return leaf is not None

    def redeem(self, message: bytes) -> redemption_pb2.Redemption:
        stub = redemption_pb2_grpc.RedemptionServiceStub(self.channels[PURSE])
        request = redemption_pb2.CreateRedemptionRequest(signed_order=message)
        return stub.CreateRedemption(request, timeout=CALL_S).redemption

    def order(self) -> tuple[bytes, bytes]:
        """Return the id and the signed bytes of an order of one unit."""
        order = self.world.order(self.world.bound(1), units=1)
        return order.redemption_id, signed(order, PURSE)


Press = Callable[[Mapping[CallClass, LineConfig]], Crowd]


@pytest.fixture
def press(opened_world: World, authority: Authority, tmp_path: Path) -> Iterator[Press]:
    """Return a function that serves the world's hub with limits."""
    world, loop = opened_world, LoopThread()
    world.hub.write_now(functools.partial(fill, world))
    rail = SandboxRail(world.folder / "rail.db", wait=lambda: None)
    with ExitStack() as stack:
        stack.callback(loop.close)
        stack.callback(rail.close)

        def serve(limits: Mapping[CallClass, LineConfig]) -> Crowd:
            admission = admission_of(limits)
            server = loop.run(_started(world, rail, admission, authority, tmp_path))
            stack.callback(lambda: loop.run(server.stop(grace_s=0)))
            channels = {
                name: stack.enter_context(
                    dial(
                        f"127.0.0.1:{server.port}",
                        load_party(
                            _party(authority, tmp_path, PartyName(party_id=name, role=role))
                        ),
                        HUB_NAME,
                    )
                )
                for name, role in ROLES.items()
            }
            crowd = Crowd(world, rail, admission, channels)
            stack.callback(crowd.gate.set)
            return crowd

        yield serve


async def _started(
    world: World, rail: SandboxRail, admission: Admission, authority: Authority, folder: Path
) -> Any:
    hub, folded = world.hub, world.folded
    payouts = Payouts(hub, rail)
    services = [
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
    ]
    party = load_party(_party(authority, folder, HUB_NAME))
    return await start_server(
        services,
        address="127.0.0.1:0",
        party=party,
        on_call=lambda _record: None,
        admission=admission,
    )


def _party(authority: Authority, folder: Path, name: PartyName) -> Path:
    seed = hashlib.sha256(name.party_id.encode()).digest()
    now_s = SystemClock().now_s()
    return write_party(folder / name.party_id, authority, name, now_s=now_s, seed=seed)


def until(condition: Callable[[], bool]) -> None:
    for _ in range(CALL_S * 100):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it does not come to pass")


def refusal(act: Callable[[], object]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        act()
    return caught.value


def hint_ms(failure: grpc.RpcError) -> int:
    """Return the delay of the `RetryInfo`, which must be there."""
    rich = rpc_status.from_call(failure)
    retry = error_details_pb2.RetryInfo()
    assert rich is not None
    (found,) = [detail for detail in rich.details if detail.Is(retry.DESCRIPTOR)]
    found.Unpack(retry)
    return int(retry.retry_delay.ToMilliseconds())


ONE_PLACE = {CallClass.INTAKE: LineConfig(at_once=1, per_party=1, waiting=0)}


def test_redemptions_are_answered_while_intake_is_shed(press: Press) -> None:
    crowd = press(ONE_PLACE)
    crowd.slow_upload(METRO)
    until(lambda: crowd.line(CallClass.INTAKE).at_work == 1)
    batch_id, batch = crowd.batch(BIKES, range(90, 95))

    shed = [refusal(lambda: crowd.enrol(BIKES, batch)) for _ in range(5)]
    paid = [crowd.redeem(crowd.order()[1]) for _ in range(3)]

    assert {failure.code() for failure in shed} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert {error_of(failure).code for failure in shed} == {"OVERLOADED"}
    assert all(hint_ms(failure) > 0 for failure in shed)
    assert [redemption.state for redemption in paid] == [SETTLED] * 3
    assert crowd.line(CallClass.INTAKE).counts.shed == 5
    assert not crowd.is_enrolled(BIKES, batch_id)
    assert len(crowd.rail.payouts_fen()) == 3


def test_a_shed_upload_is_not_read(press: Press) -> None:
    crowd, sent = press(ONE_PLACE), list[int]()
    crowd.slow_upload(METRO)
    until(lambda: crowd.line(CallClass.INTAKE).at_work == 1)

    def pieces() -> Iterator[epoch_pb2.CreateChunkRequest]:
        for number in range(100):
            sent.append(number)
            yield epoch_pb2.CreateChunkRequest(content=bytes(1 << 20))

    stub = epoch_pb2_grpc.EpochServiceStub(crowd.channels[BIKES])
    failure = refusal(lambda: stub.CreateChunk(pieces(), timeout=CALL_S))

    assert error_of(failure).code == "OVERLOADED"
    assert len(sent) < 10  # what the window of the connection lets through by itself


class Watch(grpc.UnaryUnaryClientInterceptor):
    """Keeps the bytes of every request."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    @override
    def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        self.sent.append(request.SerializeToString())
        return continuation(client_call_details, request)


def test_a_node_that_is_told_to_wait_waits_sends_the_same_bytes_and_is_served(
    press: Press,
) -> None:
    crowd, watch, slept = press(ONE_PLACE), Watch(), list[float]()
    crowd.slow_upload(METRO)
    intake = crowd.line(CallClass.INTAKE)
    until(lambda: intake.at_work == 1)
    batch_id, batch = crowd.batch(BIKES, range(90, 95))

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            crowd.gate.set()
            until(lambda: intake.at_work == 0)

    channel = grpc.intercept_channel(crowd.channels[BIKES], watch)
    request = registry_pb2.CreateEnrolmentBatchRequest(signed_batch=batch)
    answer = GrpcHubClient(channel, sleep=sleep).create_enrolment_batch(request)

    assert answer.receipt == crowd.enrol(BIKES, batch)
    assert watch.sent == [request.SerializeToString()] * 3
    assert len(slept) == 2
    assert crowd.is_enrolled(BIKES, batch_id)


def test_a_partner_that_floods_does_not_starve_another(press: Press) -> None:
    limits = LineConfig(at_once=3, per_party=2, waiting=4)
    crowd = press({CallClass.INTAKE: limits})
    intake = crowd.line(CallClass.INTAKE)
    for _ in range(12):
        crowd.slow_upload(METRO)
    until(lambda: (intake.at_work, intake.waiting, intake.counts.shed) == (2, 4, 6))
    batch_id, batch = crowd.batch(BIKES, range(90, 95))

    for _ in range(4):
        assert crowd.enrol(BIKES, batch)

    assert crowd.is_enrolled(BIKES, batch_id)
    assert (intake.at_work, intake.waiting, intake.counts.shed) == (2, 4, 6)
    shed = [call for call in crowd.uploads if call.done()]
    assert {call.code() for call in shed} == {grpc.StatusCode.RESOURCE_EXHAUSTED}


def test_of_too_many_orders_some_are_shed_whole_and_the_others_are_paid_once(press: Press) -> None:
    crowd = press({CallClass.MONEY: LineConfig(at_once=2, waiting=3, wait_ms=60_000)})
    orders = dict(crowd.order() for _ in range(9))
    outcomes: dict[bytes, str] = {}

    def send(redemption_id: bytes) -> None:
        try:
            assert crowd.redeem(orders[redemption_id]).state == SETTLED
            outcomes[redemption_id] = "OK"
        except grpc.RpcError as failure:
            outcomes[redemption_id] = error_of(failure).code

    with ThreadPoolExecutor(len(orders)) as pool:
        with crowd.writer_held():
            sent = [pool.submit(send, redemption_id) for redemption_id in orders]
            until(lambda: crowd.line(CallClass.MONEY).counts.shed == 4)
            assert sorted(outcomes.values()) == ["OVERLOADED"] * 4
        for call in sent:
            call.result(CALL_S)

    assert sorted(outcomes.values()) == ["OK"] * 5 + ["OVERLOADED"] * 4
    client = GrpcHubClient(crowd.channels[PURSE])
    for redemption_id, outcome in outcomes.items():
        asked = redemption_pb2.GetRedemptionRequest(redemption_id=redemption_id)
        if outcome == "OK":
            assert client.get_redemption(asked).redemption.state == SETTLED
        else:
            with pytest.raises(FedcarbonError) as caught:
                client.get_redemption(asked)
            assert caught.value.code == "REDEMPTION_UNKNOWN"

    for message in orders.values():  # all of them again, shed or not
        assert crowd.redeem(message).state == SETTLED
    assert list(crowd.rail.payouts_fen().values()) == [1] * len(orders)
    crowd.world.hub.read_now(checked_trial_balance)
    statement = crowd.world.statement(1)
    assert {item.order.redemption_id for item in statement.redemptions} == set(orders)


def test_who_sends_and_hangs_up_has_no_more_at_work_than_its_share(press: Press) -> None:
    crowd = press({CallClass.INTAKE: LineConfig(at_once=2, per_party=1, waiting=0)})
    intake = crowd.line(CallClass.INTAKE)
    stub = registry_pb2_grpc.RegistryServiceStub(crowd.channels[METRO])

    with crowd.writer_held():
        for number in range(5):
            _, batch = crowd.batch(METRO, range(200 + 5 * number, 205 + 5 * number))
            request = registry_pb2.CreateEnrolmentBatchRequest(signed_batch=batch)
            call = stub.CreateEnrolmentBatch.future(request, timeout=CALL_S)
            until(lambda: intake.counts.admitted + intake.counts.shed > number)  # noqa: B023
            call.cancel()
        # the first one's thread cannot be stopped: its place stays taken, and the others found none
        assert (intake.at_work, intake.counts.admitted, intake.counts.shed) == (1, 1, 4)
    until(lambda: intake.at_work == 0)

    assert token(200) in crowd.world.hub.read_now(
        lambda session: EnrolmentStore(session).enrolled_tokens(
            PROGRAMME, METRO, {token(200), token(205)}
        )
    )
