"""Streams of stored bytes: they can be walked again, so that a call can be repeated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.v1 import epoch_pb2

PIECE_BYTES: Final = 1 << 20
"""Largest piece of a file in one message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimListUpload(Iterable[epoch_pb2.CreateClaimListRequest]):
    """A claim list: its name first, then the bytes of its two files."""

    programme_id: ProgrammeId
    epoch: EpochIndex
    content: bytes = field(repr=False)
    commitments: bytes = field(repr=False)

    @override
    def __iter__(self) -> Iterator[epoch_pb2.CreateClaimListRequest]:
        """Start from the beginning."""
        name = epoch_pb2.ClaimListId(programme_id=self.programme_id, epoch=self.epoch)
        yield epoch_pb2.CreateClaimListRequest(id=name)
        for piece in _pieces(self.content):
            yield epoch_pb2.CreateClaimListRequest(content=piece)
        for piece in _pieces(self.commitments):
            yield epoch_pb2.CreateClaimListRequest(commitments=piece)


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


def _pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]
