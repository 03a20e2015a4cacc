"""Sending a letter over HTTPS and reading the answer: one attempt, with a limit on everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

import httpx

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import PeerError, StateError
from fedcarbon.wire.https import client_context
from fedcarbon.wire.party import PartyFiles
from hub.rails.deadlines import Deadline, DeadlineTransport
from hub.rails.letters import (
    LETTER_BYTES_MAX,
    Correspondent,
    RailLetterMalformedError,
    Secretary,
)
from hub.rails.messages import Letterhead, Refusal

MEDIA_TYPE: Final = "application/vnd.dsse+json"

S = TypeVar("S", bound=Statement)


class RailUnreachableError(StateError):
    """No answer came in time; the request may have been heard all the same."""

    code: ClassVar[str] = "RAIL_UNREACHABLE"


class RailRefusedError(PeerError):
    """The other end has refused a letter, and signed its refusal; the message has its code."""

    code: ClassVar[str] = "RAIL_REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLimits:
    """How long to wait and how much to open at once."""

    connect_ms: int = 2_000
    answer_ms: int = 5_000
    """For each wait; the whole takes `connect_ms` and `answer_ms` at most, however it drips."""
    connections: int = 16


class LetterPost:
    """A pool of connections to one correspondent. Threads may share it."""

    def __init__(
        self,
        url: str,
        *,
        party: PartyFiles,
        correspondent: Correspondent,
        secretary: Secretary,
        limits: PostLimits,
    ) -> None:
        """Dial nothing yet.

        Args:
            url: `https://host:port`; the host plays no part in authentication.
            party: whose certificate is shown.
            correspondent: whose certificate and signature are demanded.
            secretary: who writes the letters.
            limits: see there.
        """
        self._correspondent = correspondent
        self._secretary = secretary
        # The certificate must name the party, wherever it answers.
        self._pinned = {"sni_hostname": correspondent.name.host}
        answer_s, connect_s = limits.answer_ms / 1000, limits.connect_ms / 1000
        self._deadline = Deadline()
        self._whole_s = connect_s + answer_s
        self._client = httpx.Client(
            base_url=url,
            transport=DeadlineTransport(client_context(party), self._deadline, limits.connections),
            timeout=httpx.Timeout(answer_s, connect=connect_s),
            headers={"content-type": MEDIA_TYPE, "accept-encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )

    def ask(self, path: str, written: Callable[[Letterhead], Statement], kind: type[S]) -> S:
        """Send one letter and return its answer; nothing is sent twice.

        Args:
            path: of the endpoint.
            written: makes the letter.
            kind: the class that an answer has.

        Raises:
            RailUnreachableError: no answer, or not in time.
            RailRefusedError: a signed refusal.
            PeerError: an answer that does not pass the checks of `hub.rails.letters`.
        """
        head = self._secretary.head(self._correspondent.name.party_id)
        request = self._secretary.sealed(written(head))
        body = self._posted(path, request)
        kinds: list[type[Statement]] = [kind, Refusal]
        letter = self._secretary.opened(kinds, body, self._correspondent, answers=request)
        if isinstance(letter, kind):
            return letter
        assert isinstance(letter, Refusal)  # noqa: S101 - one of the two was opened
        raise RailRefusedError(f"{self._correspondent.name.party_id} refused: {letter.code}")

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _posted(self, path: str, request: bytes) -> bytes:
        body = bytearray()
        self._deadline.begin(self._whole_s)
        try:
            with self._client.stream(
                "POST", path, content=request, extensions=self._pinned
            ) as response:
                for piece in response.iter_raw():
                    body += piece
                    if len(body) > LETTER_BYTES_MAX:
                        raise RailLetterMalformedError(f"more than {LETTER_BYTES_MAX} bytes came")
        except httpx.HTTPError as error:
            # By class: its text may hold an address that is nobody's business.
            raise RailUnreachableError(f"no answer: {type(error).__name__}") from error
        return bytes(body)
