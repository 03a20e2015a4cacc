"""Whatever ends an HTTPS server, its port and every connection to it are given back at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from fedcarbon.wire import https
from fedcarbon.wire.https import HttpsServer, client_context
from fedcarbon.wire.party import PartyFiles

ANYWHERE: Final = "127.0.0.1:0"
WAIT_S: Final = 20
"""How long a test that fails waits."""

NewServer = Callable[..., HttpsServer]


async def never(_scope: Any, _receive: Any, _send: Any) -> None:
    """An application that does not answer."""
    await asyncio.Event().wait()


@pytest.fixture
def server(hub_files: PartyFiles) -> HttpsServer:
    return HttpsServer(never, address=ANYWHERE, party=hub_files)


@pytest.fixture
def line(server: HttpsServer) -> Iterator[socket.socket]:
    """A connection that waits at the server's door."""
    with dialled(server.port) as line:
        yield line


@pytest.fixture
def end(line: socket.socket) -> Iterator[socket.socket]:
    """The client's end of that connection, below TLS."""
    with line.dup() as end:
        end.settimeout(WAIT_S)
        yield end


@pytest.fixture
def greet(line: socket.socket, hub_files: PartyFiles, partner: PartyFiles) -> Callable[[], Any]:
    """Does the client's half of the TLS handshake."""
    return lambda: client_context(partner).wrap_socket(line, server_hostname=hub_files.name.host)


def dialled(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)


async def cancelled(serving: asyncio.Task[None]) -> None:
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def is_ended(end: socket.socket) -> bool:
    """Read the bytes that have come, and tell whether the server has closed its socket."""
    try:
        while end.recv(1 << 16):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def test_a_connection_that_says_no_hello_is_closed_with_the_server(
    server: HttpsServer, end: socket.socket
) -> None:
    async def work() -> bool:
        serving = asyncio.ensure_future(server.run())
        await asyncio.sleep(0.05)  # it is taken in, or still waits at the door: both must end
        await cancelled(serving)
        return is_ended(end)  # before the loop ends and takes everything with it

    assert asyncio.run(work())


@pytest.mark.parametrize(
    "said", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"], ids=["idle", "in flight"]
)
def test_a_client_that_keeps_its_connection_is_cut_off_with_the_server(
    server: HttpsServer,
    end: socket.socket,
    greet: Callable[[], ssl.SSLSocket],
    monkeypatch: pytest.MonkeyPatch,
    said: bytes,
) -> None:
    if said:
        monkeypatch.setattr(server._server.config, "timeout_graceful_shutdown", 0.05)

    async def work() -> bool:
        serving = asyncio.ensure_future(server.run())
        with await asyncio.to_thread(greet) as connection:
            connection.sendall(said)
            await asyncio.sleep(0.05)
            await cancelled(serving)
            return is_ended(end)

    assert asyncio.run(work())


def test_a_server_that_ends_with_its_loop_gives_back_its_port_and_its_connections(
    server: HttpsServer, end: socket.socket, greet: Callable[[], ssl.SSLSocket]
) -> None:
    async def work() -> ssl.SSLSocket:
        serving.append(asyncio.ensure_future(server.run()))
        connection: ssl.SSLSocket = await asyncio.to_thread(greet)
        return connection

    serving: list[asyncio.Task[None]] = []
    # Nobody cancels `run` but the loop, which cancels also what `run` waits for.
    with asyncio.run(work()):
        assert is_ended(end)
    with pytest.raises(ConnectionRefusedError), dialled(server.port):
        pass


def test_a_server_that_cannot_start_gives_back_its_port(
    server: HttpsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise OSError("no memory for it")

    monkeypatch.setattr(server._server, "main_loop", broken)

    with pytest.raises(OSError, match="no memory"):
        asyncio.run(server.run())

    with pytest.raises(ConnectionRefusedError), dialled(server.port):
        pass


def test_a_server_without_a_certificate_takes_no_port(
    hub_files: PartyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(_address: str) -> socket.socket:
        raise AssertionError("the port was taken first")

    monkeypatch.setattr(https, "_listening", taken)
    broken = replace(hub_files, tls=replace(hub_files.tls, ca_pem=b"no certificate"))

    with pytest.raises(ssl.SSLError):
        HttpsServer(never, address=ANYWHERE, party=broken)
