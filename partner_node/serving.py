"""A running node: the in-house server on the event loop, the epoch runner in its own thread."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable

from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.wire.interceptors import RpcRecord
from fedcarbon.wire.logs import log_call, logger
from fedcarbon.wire.party import PartyFiles
from fedcarbon.wire.server import RunningServer, Served, served, start_server
from partner_node.epochs.runner import Progress
from partner_node.node import Node
from partner_node.service.activity_service import ActivityServicer
from partner_node.service.node_service import NodeServicer
from partner_node.service.person_service import PersonServicer

_STOPPING = (signal.SIGINT, signal.SIGTERM)


class RunnerThread:
    """Steps until it is told to stop; waits after a step that found nothing to do."""

    def __init__(self, node: Node, poll_s: float, on_end: Callable[[], None]) -> None:
        """Run `node`.

        Args:
            node: whose steps.
            poll_s: how long to wait, in seconds.
            on_end: called when the thread ends, also when a bug ends it.
        """
        self._node = node
        self._poll_s = poll_s
        self._on_end = on_end
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="epoch-runner")
        self._reported: frozenset[tuple[str, str]] = frozenset()
        self.broke = False
        """Whether a bug ended the thread."""

    def start(self) -> None:
        """Begin stepping."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is under way."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                progress = self._node.step()
                self._report(progress)
                if not progress.acted:
                    self._stopping.wait(self._poll_s)
        except Exception:  # noqa: BLE001 - a bug; the log shows where, not what with
            self.broke = True
            logger().exception("runner_broke")
        finally:
            self._on_end()

    def _report(self, progress: Progress) -> None:
        """Log what was done, and problems when they change."""
        for event in progress.events:
            logger().info(event.name, epoch=event.epoch)
        for alarm in progress.alarms:
            logger().error("record_alarm", code=alarm.code)
        problems = frozenset((item.part, item.error.code) for item in progress.problems)
        for part, code in sorted(problems - self._reported):
            logger().warning("step_failed", stage=part.replace(" ", "-"), code=code)
        self._reported = problems


def services_of(node: Node) -> list[Served]:
    """Return the in-house services of `node`."""
    file = node_pb2.DESCRIPTOR
    return [
        served(
            file,
            "ActivityService",
            node_pb2_grpc.add_ActivityServiceServicer_to_server,
            ActivityServicer(node),
        ),
        served(
            file,
            "PersonService",
            node_pb2_grpc.add_PersonServiceServicer_to_server,
            PersonServicer(node),
        ),
        served(
            file, "NodeService", node_pb2_grpc.add_NodeServiceServicer_to_server, NodeServicer(node)
        ),
    ]


async def start_service(
    node: Node,
    party: PartyFiles,
    address: str,
    *,
    on_call: Callable[[RpcRecord], None] = log_call,
) -> RunningServer:
    """Start the in-house service of `node` at `address`.

    Raises:
        AddressError: it cannot be listened on.
    """
    return await start_server(services_of(node), address=address, party=party, on_call=on_call)


async def serve(node: Node, party: PartyFiles, address: str, poll_s: float) -> bool:
    """Serve and run until a signal comes; return whether it ended in order.

    Raises:
        AddressError: the address cannot be listened on.
    """
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in _STOPPING:
        loop.add_signal_handler(number, ended.set)
    server = await start_service(node, party, address)

    def on_end() -> None:
        loop.call_soon_threadsafe(ended.set)

    runner = RunnerThread(node, poll_s, on_end)
    runner.start()
    logger().info("node_started", party_id=node.party_id, port=server.port)
    await ended.wait()
    await server.stop()
    await asyncio.to_thread(runner.stop)
    logger().info("node_stopped", party_id=node.party_id)
    return not runner.broke
