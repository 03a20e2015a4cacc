"""Bodies that were opened before their leaf is taken, and the reader that knows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from typing_extensions import override

from fedcarbon.canonical.statement import Statement
from fedcarbon.transparency.envelope import Envelope, EnvelopeReader

S = TypeVar("S", bound=Statement)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBody:
    """A body that holds a statement which one party signed."""

    name: str
    """SHA-256 of the body, in hexadecimal."""
    envelope: Envelope
    signer: str
    key: bytes
    """Public key under which the signature holds."""
    statement: Statement


class AheadReader(EnvelopeReader):
    """Opens envelopes, but for the one that was opened before."""

    __slots__ = ("_body", "_opened")

    def __init__(self) -> None:
        """Start without any."""
        self._body: bytes | None = None
        self._opened: OpenedBody | None = None

    def expect(self, body: bytes | None, opened: OpenedBody | None) -> None:
        """Take what is known of the next body, whose bytes have the hash that `opened` names."""
        self._body, self._opened = body, opened

    @override
    def parse(self, data: bytes) -> Envelope:
        """Return an envelope: see `EnvelopeReader.parse`."""
        if self._opened is not None and data is self._body:
            return self._opened.envelope
        return EnvelopeReader.parse(self, data)

    @override
    def open_one(self, cls: type[S], data: bytes, keyring: Mapping[str, bytes], signer: str) -> S:
        """Return the statement that one signer signed: see `EnvelopeReader.open_one`."""
        known = self._opened
        if (
            known is not None
            and data is self._body
            and isinstance(known.statement, cls)
            and (known.signer, known.key) == (signer, keyring.get(signer))
        ):
            return known.statement
        return EnvelopeReader.open_one(self, cls, data, keyring, signer)
