"""Streams of stored bytes: they can be walked again, so that a call can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import pyarrow as pa
from typing_extensions import override

from fedcarbon.identity import claims, commitment_list
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.v1 import epoch_pb2

PIECE_BYTES: Final = 1 << 20
"""Largest piece of a file in one message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimListUpload(Iterable[epoch_pb2.CreateClaimListRequest]):
    """A claim list: its name first, then the bytes of its two files."""

    programme_id: ProgrammeId
    epoch: EpochIndex
    pages: Callable[[], Iterator[pa.Table]] = field(repr=False)
    """Starts reading token, rank, salt and commitment of every claim, in the order of the list."""

    @override
    def __iter__(self) -> Iterator[epoch_pb2.CreateClaimListRequest]:
        """Start from the beginning."""
        name = epoch_pb2.ClaimListId(programme_id=self.programme_id, epoch=self.epoch)
        yield epoch_pb2.CreateClaimListRequest(id=name)
        for piece in _filled(chain((claims.FILE_MAGIC,), self._tokens())):
            yield epoch_pb2.CreateClaimListRequest(content=piece)
        for piece in _filled(chain((commitment_list.FILE_MAGIC,), self._commitments())):
            yield epoch_pb2.CreateClaimListRequest(commitments=piece)

    def _tokens(self) -> Iterator[bytes]:
        """Yield the records of the token file, a page at a time."""
        for page in self.pages():
            rows = zip(
                *(page.column(n).to_pylist() for n in ("token", "rank", "salt")), strict=True
            )
            yield b"".join(claims.claim_record(*row) for row in rows)

    def _commitments(self) -> Iterator[bytes]:
        """Yield the records of the commitment file, a page at a time."""
        names = ("token", "rank", "salt", "commitment")
        for page in self.pages():
            rows = zip(*(page.column(name).to_pylist() for name in names), strict=True)
            yield b"".join(
                claims.hidden_claim(token, rank, salt) + commitment
                for token, rank, salt, commitment in rows
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkUpload(Iterable[epoch_pb2.CreateChunkRequest]):
    """A chunk: its signed header first, then its file."""

    header: bytes
    content: bytes = field(repr=False)

    @override
    def __iter__(self) -> Iterator[epoch_pb2.CreateChunkRequest]:
        """Start from the beginning."""
        yield epoch_pb2.CreateChunkRequest(signed_header=self.header)
        for piece in _pieces(self.content):
            yield epoch_pb2.CreateChunkRequest(content=piece)


def _filled(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what parts are together, in pieces that are as large as they may be."""
    held = bytearray()
    for part in parts:
        held += part
        while len(held) >= PIECE_BYTES:
            yield bytes(held[:PIECE_BYTES])
            del held[:PIECE_BYTES]
    if held:
        yield bytes(held)


def _pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]
