"""The observer sees what processes use and what goes through sockets, from outside."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from bench.city.observer import Observer, cores
from bench.city.profile import component_of
from bench.city.sockets import connections

BURN = "import sys; sum(range(20_000_000)); print(flush=True); sys.stdin.read()"


def test_cpu_and_memory_of_a_child_are_booked_to_its_name_and_phase() -> None:
    with Observer(lambda _pid, command: f"child {len(command) > 1}") as observer:
        with observer.phase("working"):
            child = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert child.stdout is not None
            child.stdout.readline()
        with observer.phase("waiting"):
            observer.look()
        child.communicate()

    working, waiting = (phase.tree() for phase in observer.phases)
    used = working["cpu_s_by_process"]["child True"]
    assert used > 0
    assert waiting["cpu_s_by_process"].get("child True", 0) < used
    assert observer.peak_mib["child True"] > 1
    assert child.pid in observer.names


def test_bytes_on_a_connection_are_those_that_the_kernel_counts() -> None:
    sent = os.urandom(1 << 20)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            answering, _ = server.accept()
            with answering:
                client.sendall(b"ask")
                assert answering.recv(3) == b"ask"
                _exchange(answering, client, sent)

                (ours,) = [item for item in connections() if item.port == port]

    assert ours.received == 3
    assert ours.sent == len(sent)


def _exchange(answering: socket.socket, client: socket.socket, sent: bytes) -> None:
    """Send piece by piece: nothing else reads meanwhile."""
    for start in range(0, len(sent), 1 << 14):
        piece = sent[start : start + (1 << 14)]
        answering.sendall(piece)
        left = len(piece)
        while left:
            left -= len(client.recv(left))


def test_a_stack_belongs_to_its_innermost_function_of_ours() -> None:
    prove = "hub.x:f;fedcarbon.proofs.range_prover:prove"

    assert component_of(prove) == "proofs: all around the products"
    assert component_of(f"{prove};fedcarbon.proofs.multi_power:multi_power") == "big products (GMP)"
    assert component_of("hub.serving:serve;grpc.aio:f") == "hub: rest"
    assert component_of("hub.x:f;asyncio.runners:run") == "short work between two looks"
    assert component_of("[thread grpc_global_tim]") == "threads of gRPC"
    assert (
        component_of("hub:x;_frozen_importlib:_load;hub.y:<module>") == "starting Python, imports"
    )


def test_a_run_that_broke_off_before_its_day_kept_no_core_busy() -> None:
    """It is written down like any other, with what it broke off for."""
    assert cores(0.0, 0.0) == 0.0
    assert cores(3.0, 2.0) == 1.5
