"""Chunk files: the ciphertexts of a submission, cut into pieces that can be sent again.

Format: the magic line `fedcarbon/v1/chunk` with its line feed (19 bytes), then one entry per block,
strictly ascending by block:

    block        4 bytes, big-endian
    ciphertext   2 |n| / 8 bytes, big-endian, with |n| the bits of the modulus

A file has at least one entry, nothing follows the last, and it is at most 4 MiB. With |n| = 2048 an
entry has 516 bytes and a file of two entries 19 + 2 * 516 = 1051. The header of a chunk names the
file by its SHA-256 and commits to the RFC 6962 root over its entries (the exact bytes of an entry
are a leaf), so that one block's ciphertext is provable without the file.

Whether a ciphertext is a unit and whether its block was expected is for `intake` to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import u32
from fedcarbon.errors import CallerError, MalformedError
from fedcarbon.registry.enrolment import BLOCK_MAX
from fedcarbon.transparency import merkle

CHUNK_BYTES_MAX: Final = 4 * 1024 * 1024
FILE_MAGIC: Final = b"fedcarbon/v1/chunk\n"
BLOCK_BYTES: Final = 4


class MalformedChunkError(MalformedError):
    """Bytes that are no chunk file."""

    code: ClassVar[str] = "MALFORMED_CHUNK"


class BlockOrderError(MalformedChunkError):
    """The blocks of a chunk do not ascend, or one stands twice."""

    code: ClassVar[str] = "BLOCK_ORDER"


class ChunkTooLargeError(CallerError):
    """A chunk file is larger than 4 MiB; the partner must cut its submission smaller."""

    code: ClassVar[str] = "CHUNK_TOO_LARGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkFile:
    """The entries of a chunk: sorted by block, every block once."""

    ciphertext_bytes: int
    """Width of a ciphertext: twice the bytes of the modulus."""
    entries: bytes
    """`BLOCK_BYTES` + `ciphertext_bytes` per entry."""

    def __post_init__(self) -> None:
        """Check sizes and order.

        Raises:
            ChunkTooLargeError: the file would be larger than `CHUNK_BYTES_MAX`.
            BlockOrderError: the blocks do not ascend.
            MalformedChunkError: no entry, or an incomplete one.
        """
        require_size(len(FILE_MAGIC) + len(self.entries))
        if not self.entries or len(self.entries) % self._entry_bytes:
            raise MalformedChunkError(
                f"{len(self.entries)} bytes are not one or more entries of {self._entry_bytes}"
            )
        previous = -1
        for block in self.blocks():
            if block <= previous:
                raise BlockOrderError(f"block {block} follows block {previous}")
            previous = block

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.entries) // self._entry_bytes

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Return block and ciphertext of every entry, in order."""
        for entry in self.entry_bytes():
            yield int.from_bytes(entry[:BLOCK_BYTES], "big"), entry[BLOCK_BYTES:]

    def blocks(self) -> list[int]:
        """Return the blocks in order."""
        starts = range(0, len(self.entries), self._entry_bytes)
        return [int.from_bytes(self.entries[i : i + BLOCK_BYTES], "big") for i in starts]

    def ciphertexts(self) -> list[bytes]:
        """Return the ciphertexts in the order of their blocks."""
        return [entry[BLOCK_BYTES:] for entry in self.entry_bytes()]

    def entry_bytes(self) -> list[bytes]:
        """Return the exact bytes of every entry: the leaves of `root`."""
        width = self._entry_bytes
        return [self.entries[i : i + width] for i in range(0, len(self.entries), width)]

    def root(self) -> bytes:
        """Return the RFC 6962 root over the entries, 32 bytes."""
        return merkle.root_of(self.entry_bytes())

    def to_bytes(self) -> bytes:
        """Return the file."""
        return FILE_MAGIC + self.entries

    def sha256(self) -> bytes:
        """Return the SHA-256 of the file, by which its header names it."""
        return hashlib.sha256(self.to_bytes()).digest()

    @classmethod
    def from_bytes(cls, data: bytes, ciphertext_bytes: int) -> ChunkFile:
        """Return the chunk in a file.

        Args:
            data: the whole file.
            ciphertext_bytes: see the field.

        Raises:
            ChunkTooLargeError: larger than `CHUNK_BYTES_MAX`.
            BlockOrderError: the blocks do not ascend.
            MalformedChunkError: anything else is wrong.
        """
        require_size(len(data))
        if not data.startswith(FILE_MAGIC):
            raise MalformedChunkError("a chunk file must begin with its magic line")
        return cls(ciphertext_bytes=ciphertext_bytes, entries=data[len(FILE_MAGIC) :])

    @classmethod
    def from_ciphertexts(
        cls, ciphertexts: Iterable[tuple[int, bytes]], ciphertext_bytes: int
    ) -> ChunkFile:
        """Return the chunk of (block, ciphertext) pairs that ascend by block.

        Raises:
            MalformedChunkError: a ciphertext or block number has another width; see also
                `from_bytes`.
        """
        parts = []
        for block, ciphertext in ciphertexts:
            if len(ciphertext) != ciphertext_bytes or not 0 <= block <= BLOCK_MAX:
                raise MalformedChunkError(
                    f"block {block} needs a 32-bit number and {ciphertext_bytes} bytes"
                )
            parts.append(u32(block) + ciphertext)
        return cls(ciphertext_bytes=ciphertext_bytes, entries=b"".join(parts))

    @property
    def _entry_bytes(self) -> int:
        return BLOCK_BYTES + self.ciphertext_bytes


def require_size(size_bytes: int) -> None:
    """Check that a file of `size_bytes` may be a chunk.

    Raises:
        ChunkTooLargeError: it is larger than `CHUNK_BYTES_MAX`.
    """
    if size_bytes > CHUNK_BYTES_MAX:
        raise ChunkTooLargeError(f"a chunk of {size_bytes} bytes exceeds {CHUNK_BYTES_MAX}")


def entries_max(ciphertext_bytes: int) -> int:
    """Return how many entries fit into one chunk file."""
    return (CHUNK_BYTES_MAX - len(FILE_MAGIC)) // (BLOCK_BYTES + ciphertext_bytes)


def split_into_chunks(
    ciphertexts: Sequence[tuple[int, bytes]],
    ciphertext_bytes: int,
    entries_per_chunk: int | None = None,
) -> list[ChunkFile]:
    """Return (block, ciphertext) pairs that ascend by block as chunk files, in order.

    Args:
        ciphertexts: the whole submission; an empty one has no chunks.
        ciphertext_bytes: width of a ciphertext.
        entries_per_chunk: None for as many as fit.

    Raises:
        MalformedChunkError, ChunkTooLargeError: see `ChunkFile`.
    """
    size = entries_per_chunk or entries_max(ciphertext_bytes)
    return [
        ChunkFile.from_ciphertexts(ciphertexts[i : i + size], ciphertext_bytes)
        for i in range(0, len(ciphertexts), size)
    ]
