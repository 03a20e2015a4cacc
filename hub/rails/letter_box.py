"""Answering letters over HTTPS: the same for a hub's notifications and for the sandbox.

The HTTP status says nothing that counts: an answer is its signed bytes. Whoever has a certificate
of the trust domain gets a signed refusal at least; others get an empty 403.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId
from fedcarbon.redemption.rail import REASON_LENGTH_MAX
from fedcarbon.wire.certificates import CertificateError, PartyName
from fedcarbon.wire.https import hang_up, peer_of
from fedcarbon.wire.logs import logger
from hub.rails.letter_post import MEDIA_TYPE
from hub.rails.letters import (
    LETTER_BYTES_MAX,
    Correspondent,
    RailLetterMalformedError,
    RailSenderDiffersError,
    Secretary,
)
from hub.rails.messages import Letterhead, Refusal

S = TypeVar("S", bound=Statement)

Answering = Callable[[S, Letterhead], Awaitable[Statement]]
"""Gets a letter that passed every check, and the letterhead for the answer."""


class NoAnswer(Exception):  # noqa: N818 - not an error: the sandbox does it on request
    """Break the connection instead of answering."""


class LetterBox:
    """Makes routes that open letters and sign what is answered."""

    def __init__(
        self,
        secretary: Secretary,
        trust_domain: str,
        correspondents: Mapping[PartyId, Correspondent],
    ) -> None:
        """Take who answers and whose letters are opened."""
        self._secretary: Final = secretary
        self._trust_domain: Final = trust_domain
        self._correspondents: Final = correspondents

    def route(self, path: str, kinds: Collection[type[S]], answering: Answering[S]) -> Route:
        """Return the endpoint at `path` for letters of `kinds`."""

        async def endpoint(request: Request) -> Response:
            try:
                peer = peer_of(request.scope, self._trust_domain)
            except CertificateError as error:
                logger().warning("rail_letter_refused", code=error.code)
                return Response(status_code=403)
            data = b""
            try:
                data = await _body(request)
                answer = await self._answered(peer, kinds, data, answering)
            except NoAnswer:
                return await _silence(request)
            except ClientDisconnect:
                return Response(status_code=400)
            except FedcarbonError as error:
                logger().warning("rail_letter_refused", code=error.code, peer_id=peer.party_id)
                answer = self._refusal(peer, data, error)
            except Exception:  # noqa: BLE001 - whatever it is, its text must not leave the process
                logger().exception("rail_letter_broke")
                return Response(status_code=500)
            return Response(self._secretary.sealed(answer), media_type=MEDIA_TYPE)

        return Route(path, endpoint, methods=["POST"])

    async def _answered(
        self, peer: PartyName, kinds: Collection[type[S]], data: bytes, answering: Answering[S]
    ) -> Statement:
        correspondent = self._correspondents.get(peer.party_id)
        if correspondent is None or correspondent.name != peer:
            raise RailSenderDiffersError(f"no letters are taken from {peer.party_id}")
        letter = self._secretary.opened(kinds, data, correspondent)
        return await answering(letter, self._secretary.head(peer.party_id, data))

    def _refusal(self, peer: PartyName, data: bytes, error: FedcarbonError) -> Refusal:
        return Refusal(
            head=self._secretary.head(peer.party_id, data),
            code=error.code,
            sentence=str(error)[:REASON_LENGTH_MAX],
        )


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LETTER_BYTES_MAX:
            raise RailLetterMalformedError(f"a letter has at most {LETTER_BYTES_MAX} bytes")
    return bytes(body)


async def _silence(request: Request) -> Response:
    """Break the connection, and wait until the server has noticed."""
    hang_up(request.scope)
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await request.receive()
    return Response(status_code=500)
