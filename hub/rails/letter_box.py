"""Answering letters over HTTPS: the same for a hub's notifications and for the sandbox.

The HTTP status says nothing that counts: an answer is its signed bytes. Whoever has the certificate
of a correspondent gets a signed refusal at least; others get an empty 403 before anything is read.
"""

from __future__ import annotations

import asyncio
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

BODY_S: Final = 30
"""How long a letter may take to come."""
_LAST: Final = {"connection": "close"}
"""The rest of the request is not waited for."""

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
                correspondent = self._sender_of(request)
            except (CertificateError, RailSenderDiffersError) as error:
                logger().warning("rail_letter_refused", code=error.code)
                return Response(status_code=403, headers=_LAST)
            peer, data = correspondent.name, b""
            try:
                data = await _body(request)
                answer = await self._answered(correspondent, kinds, data, answering)
            except NoAnswer:
                return await _silence(request)
            except ClientDisconnect:
                return Response(status_code=400, headers=_LAST)
            except FedcarbonError as error:
                logger().warning("rail_letter_refused", code=error.code, peer_id=peer.party_id)
                answer = self._refusal(peer, data, error)
            except Exception:  # noqa: BLE001 - whatever it is, its text must not leave the process
                logger().exception("rail_letter_broke")
                return Response(status_code=500)
            return Response(self._secretary.sealed(answer), media_type=MEDIA_TYPE)

        return Route(path, endpoint, methods=["POST"])

    def _sender_of(self, request: Request) -> Correspondent:
        peer = peer_of(request.scope, self._trust_domain)
        correspondent = self._correspondents.get(peer.party_id)
        if correspondent is None or correspondent.name != peer:
            raise RailSenderDiffersError(f"no letters are taken from {peer.party_id}")
        return correspondent

    async def _answered(
        self,
        sender: Correspondent,
        kinds: Collection[type[S]],
        data: bytes,
        answering: Answering[S],
    ) -> Statement:
        letter = self._secretary.opened(kinds, data, sender)
        return await answering(letter, self._secretary.head(sender.name.party_id, data))

    def _refusal(self, peer: PartyName, data: bytes, error: FedcarbonError) -> Refusal:
        return Refusal(
            head=self._secretary.head(peer.party_id, data),
            code=error.code,
            sentence=str(error)[:REASON_LENGTH_MAX],
        )


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                body += piece
                if len(body) > LETTER_BYTES_MAX:
                    raise RailLetterMalformedError(f"a letter has at most {LETTER_BYTES_MAX} bytes")
    except TimeoutError:  # as good as gone
        raise ClientDisconnect from None
    return bytes(body)


async def _silence(request: Request) -> Response:
    """Break the connection, and wait until the server has noticed."""
    hang_up(request.scope)
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await request.receive()
    return Response(status_code=500)
