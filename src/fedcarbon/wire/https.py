"""HTTPS with mutual TLS: a server inside an event loop, contexts for both ends, and who is there.

As with gRPC, a client is named by the URI in its certificate, and a server by the host name that is
made from its role and id: the address that is dialled plays no part. Certificates are read when a
server or client is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Generator
from typing import Any, Final
from weakref import WeakSet

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from fedcarbon.wire.certificates import CertificateError, PartyName, party_name_of
from fedcarbon.wire.party import PartyFiles
from fedcarbon.wire.server import GRACE_S, AddressError

HEAD_BYTES_MAX: Final = 16 << 10
"""Request line and headers."""
IDLE_S: Final = 30
"""How long a connection without a request is kept."""
BACKLOG: Final = 128
CONNECTIONS_MAX: Final = 256
"""Connections at once; whoever comes then gets an empty 503."""
_GOODBYE_S: Final = 0.5
"""How long a client without a request has to take its leave when the server stops."""
_CLEARED_POLL_S: Final = 0.01
_PEER: Final = "fedcarbon.peer_certificate"
_HANG_UP: Final = "fedcarbon.hang_up"


def server_context(party: PartyFiles) -> ssl.SSLContext:
    """Return TLS 1.3 that demands a certificate of the party's authority from every client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    return _filled(context, party)


def client_context(party: PartyFiles) -> ssl.SSLContext:
    """Return TLS 1.3 that shows the party's certificate and checks the server's and its name."""
    return _filled(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), party)


def peer_of(scope: Any, trust_domain: str) -> PartyName:  # noqa: ANN401 - an ASGI scope
    """Return who the client of a request is, from the certificate that TLS has verified.

    Raises:
        CertificateError: the certificate names no party of `trust_domain`.
    """
    der = scope.get(_PEER)
    if not der:
        raise CertificateError("this server needs a client certificate")
    name = party_name_of(ssl.DER_cert_to_PEM_cert(der).encode())
    if name.trust_domain != trust_domain:
        raise CertificateError(f"{name.uri} is not of the trust domain {trust_domain}")
    return name


def hang_up(scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
    """Break the connection of a request without any answer."""
    scope[_HANG_UP]()


class HttpsServer:
    """An ASGI application on a socket of its own; `run` serves until it is cancelled."""

    def __init__(self, app: Callable[..., Any], *, address: str, party: PartyFiles) -> None:
        """Take the socket; nothing is answered before `run`.

        Args:
            app: the ASGI application; `peer_of` tells it who asks.
            address: host and port; port 0 takes a free one.
            party: whose certificate answers.

        Raises:
            AddressError: the port is taken or the host is not ours.
        """
        config = uvicorn.Config(
            app,
            http=_Peered,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE_S,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        )
        config.load()
        config.ssl = server_context(party)
        self._server = _Embedded(config)
        self._door = _listening(address)
        self.port: Final[int] = self._door.getsockname()[1]

    async def run(self) -> None:
        """Serve until cancelled; requests in flight are finished first, then all lines are cut."""
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._door]))
        try:
            await asyncio.shield(serving)
        finally:
            self._server.should_exit = True
            try:
                await serving
            finally:
                self._server.cut_off()
                self._door.close()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._door.cleared(), GRACE_S)


class _Embedded(uvicorn.Server):
    """A server that leaves signals to the program around it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.servers = []  # uvicorn makes it only when it starts

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    def cut_off(self) -> None:
        """Stop listening and break the connections that are left, whatever ended `serve`."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class _Door(socket.socket):
    """A listening socket that knows every connection it let in for as long as that is open.

    A connection in its TLS handshake is known neither to uvicorn, which hears of one when it may
    speak, nor, in Python 3.11, to `asyncio.Server.wait_closed`: a server that stops then would
    leave it to the garbage collector.
    """

    def __init__(self, family: int) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._let_in: WeakSet[socket.socket] = WeakSet()

    @override
    def accept(self) -> tuple[socket.socket, Any]:
        line, address = super().accept()
        self._let_in.add(line)
        return line, address

    async def cleared(self) -> None:
        """End every connection that is still open, and return when its owner has closed it."""
        while lines := [line for line in self._let_in if line.fileno() >= 0]:
            for line in lines:
                with contextlib.suppress(OSError):  # the other end may have gone by itself
                    line.shutdown(socket.SHUT_RDWR)
            await asyncio.sleep(_CLEARED_POLL_S)


class _Peered(H11Protocol):
    """Tells the application of the client's certificate."""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        der = None if tls is None else tls.getpeercert(binary_form=True)
        app = self.app

        async def with_peer(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
            scope[_PEER], scope[_HANG_UP] = der, transport.abort
            await app(scope, receive, send)

        self.app = with_peer

    @override
    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            # TLS waits for an answer to its goodbye; a client that keeps connections gives none.
            self.loop.call_later(_GOODBYE_S, self.transport.abort)


def _filled(context: ssl.SSLContext, party: PartyFiles) -> ssl.SSLContext:
    certificate, key, _ = party.tls_paths
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(cadata=party.tls.ca_pem.decode("ascii"))
    return context


def _listening(address: str) -> _Door:
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        taken = _Door(found[0])
    except (OSError, ValueError, OverflowError) as error:
        raise AddressError(f"cannot listen on {address}: not a host and port of ours") from error
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(found[4])
        taken.listen(BACKLOG)
    except OSError as error:
        taken.close()
        raise AddressError(f"cannot listen on {address}: taken, or not ours") from error
    return taken
