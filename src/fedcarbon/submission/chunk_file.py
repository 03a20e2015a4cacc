"""Chunk files: the ciphertexts of a submission, cut into pieces that can be sent again.

Format: the magic line `fedcarbon/v1/chunk` with its line feed (19 bytes), then one entry per block,
strictly ascending by block:

    block        4 bytes, big-endian
    ciphertext   2 |n| / 8 bytes, big-endian, with |n| the bits of the modulus
    proof        the slot range proof (`fedcarbon.proofs.range_proof`), as wide as the largest bound
                 of the programme, its cap over an epoch, makes it

A file has at least one entry, nothing follows the last, and it is at most 4 MiB. With |n| = 3072
and a cap of 36 bits an entry has 4 + 768 + 6713 = 7485 bytes. The header of a chunk names the file
by its SHA-256 and commits to the RFC 6962 root over its entries (the exact bytes of an entry are a
leaf), so that one block is provable without the file.

Whether a ciphertext is a unit, whether its block was expected and whether its proof holds is for
`intake` to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from fedcarbon.canonical.hashing import u32
from fedcarbon.canonical.slices import Slices
from fedcarbon.errors import CallerError, MalformedError
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.proofs.range_proof import RangeProofShape
from fedcarbon.registry.enrolment import BLOCK_MAX
from fedcarbon.transparency import merkle
from fedcarbon.units import MicrogramsCO2e

CHUNK_BYTES_MAX: Final = 4 * 1024 * 1024
FILE_MAGIC: Final = b"fedcarbon/v1/chunk\n"
BLOCK_BYTES: Final = 4
_ENTRIES_READ: Final = 64


class MalformedChunkError(MalformedError):
    """Bytes that are no chunk file."""

    code: ClassVar[str] = "MALFORMED_CHUNK"


class BlockOrderError(MalformedChunkError):
    """The blocks of a chunk do not ascend, or one stands twice."""

    code: ClassVar[str] = "BLOCK_ORDER"


class ChunkTooLargeError(CallerError):
    """A chunk file is larger than 4 MiB; the partner must cut its submission smaller."""

    code: ClassVar[str] = "CHUNK_TOO_LARGE"


class ChunkEntry(NamedTuple):
    """One block of a submission."""

    block: int
    ciphertext: bytes
    proof: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryShape:
    """How wide the parts of an entry are."""

    ciphertext_bytes: int
    proof_bytes: int

    @classmethod
    def of(cls, key: ProofKey, cap_ug: MicrogramsCO2e) -> EntryShape:
        """Return the shape under a parameter set and a programme's cap over an epoch."""
        return cls(
            ciphertext_bytes=key.public_key.ciphertext_bytes,
            proof_bytes=RangeProofShape.of(key, cap_ug).proof_bytes,
        )

    @property
    def entry_bytes(self) -> int:
        """Width of an entry."""
        return BLOCK_BYTES + self.ciphertext_bytes + self.proof_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkFile:
    """The entries of a chunk: sorted by block, every block once."""

    shape: EntryShape
    entries: bytes
    """`shape.entry_bytes` per entry."""

    def __post_init__(self) -> None:
        """Check sizes and order.

        Raises:
            ChunkTooLargeError: the file would be larger than `CHUNK_BYTES_MAX`.
            BlockOrderError: the blocks do not ascend.
            MalformedChunkError: no entry, or an incomplete one.
        """
        require_size(len(FILE_MAGIC) + len(self.entries))
        width = self.shape.entry_bytes
        if not self.entries or len(self.entries) % width:
            raise MalformedChunkError(
                f"{len(self.entries)} bytes are not one or more entries of {width}"
            )
        previous = -1
        for block in self.blocks():
            if block <= previous:
                raise BlockOrderError(f"block {block} follows block {previous}")
            previous = block

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.entries) // self.shape.entry_bytes

    def __iter__(self) -> Iterator[ChunkEntry]:
        """Return every entry, in order."""
        ends = BLOCK_BYTES + self.shape.ciphertext_bytes
        for entry in self.entry_bytes():
            yield ChunkEntry(
                int.from_bytes(entry[:BLOCK_BYTES], "big"), entry[BLOCK_BYTES:ends], entry[ends:]
            )

    def blocks(self) -> list[int]:
        """Return the blocks in order."""
        starts = range(0, len(self.entries), self.shape.entry_bytes)
        return [int.from_bytes(self.entries[i : i + BLOCK_BYTES], "big") for i in starts]

    def ciphertexts(self) -> dict[int, bytes]:
        """Return the ciphertext of every block, ascending."""
        return {entry.block: entry.ciphertext for entry in self}

    def entry_bytes(self) -> list[bytes]:
        """Return the exact bytes of every entry: the leaves of `root`."""
        width = self.shape.entry_bytes
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
    def from_bytes(cls, data: bytes, shape: EntryShape) -> ChunkFile:
        """Return the chunk in a file.

        Args:
            data: the whole file.
            shape: of its entries.

        Raises:
            ChunkTooLargeError: larger than `CHUNK_BYTES_MAX`.
            BlockOrderError: the blocks do not ascend.
            MalformedChunkError: anything else is wrong.
        """
        require_size(len(data))
        if not data.startswith(FILE_MAGIC):
            raise MalformedChunkError("a chunk file must begin with its magic line")
        return cls(shape=shape, entries=data[len(FILE_MAGIC) :])

    @classmethod
    def from_entries(cls, entries: Iterable[ChunkEntry], shape: EntryShape) -> ChunkFile:
        """Return the chunk of entries that ascend by block.

        Raises:
            MalformedChunkError: a part of an entry has another width; see also `from_bytes`.
        """
        parts = []
        for block, ciphertext, proof in entries:
            widths = (len(ciphertext), len(proof))
            if widths != (shape.ciphertext_bytes, shape.proof_bytes) or not 0 <= block <= BLOCK_MAX:
                raise MalformedChunkError(f"the entry of block {block} does not fit {shape}")
            parts.append(u32(block) + ciphertext + proof)
        return cls(shape=shape, entries=b"".join(parts))


def ciphertexts_in(entries: Slices, shape: EntryShape) -> Iterator[tuple[int, bytes]]:
    """Yield block and ciphertext of every entry, ascending by block, some read at a time.

    Args:
        entries: what follows the magic line of a chunk file that was checked.
        shape: of its entries.
    """
    width, ends = shape.entry_bytes, BLOCK_BYTES + shape.ciphertext_bytes
    for start in range(0, len(entries), _ENTRIES_READ * width):
        some = entries[start : start + _ENTRIES_READ * width]
        for at in range(0, len(some), width):
            block = int.from_bytes(some[at : at + BLOCK_BYTES], "big")
            yield block, some[at + BLOCK_BYTES : at + ends]


def require_size(size_bytes: int) -> None:
    """Check that a file of `size_bytes` may be a chunk.

    Raises:
        ChunkTooLargeError: it is larger than `CHUNK_BYTES_MAX`.
    """
    if size_bytes > CHUNK_BYTES_MAX:
        raise ChunkTooLargeError(f"a chunk of {size_bytes} bytes exceeds {CHUNK_BYTES_MAX}")


def entries_max(shape: EntryShape) -> int:
    """Return how many entries fit into one chunk file."""
    return (CHUNK_BYTES_MAX - len(FILE_MAGIC)) // shape.entry_bytes


def split_into_chunks(
    entries: Sequence[ChunkEntry], shape: EntryShape, entries_per_chunk: int | None = None
) -> list[ChunkFile]:
    """Return entries that ascend by block as chunk files, in order.

    Args:
        entries: the whole submission; an empty one has no chunks.
        shape: of the entries.
        entries_per_chunk: None for as many as fit.

    Raises:
        MalformedChunkError, ChunkTooLargeError: see `ChunkFile`.
    """
    size = entries_per_chunk or entries_max(shape)
    return [
        ChunkFile.from_entries(entries[i : i + size], shape) for i in range(0, len(entries), size)
    ]
