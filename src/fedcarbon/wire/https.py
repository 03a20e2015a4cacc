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
        self._socket = _listening(address)
        self.port: Final[int] = self._socket.getsockname()[1]
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

    async def run(self) -> None:
        """Serve until cancelled; requests in flight are finished first."""
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))
        try:
            await asyncio.shield(serving)
        finally:
            self._server.should_exit = True
            await serving
            self._socket.close()


class _Embedded(uvicorn.Server):
    """A server that leaves signals to the program around it."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


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


def _filled(context: ssl.SSLContext, party: PartyFiles) -> ssl.SSLContext:
    certificate, key, _ = party.tls_paths
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(cadata=party.tls.ca_pem.decode("ascii"))
    return context


def _listening(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        taken = socket.socket(found[0], socket.SOCK_STREAM)
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
