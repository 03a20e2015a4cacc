"""Commitment files: what a list commits to besides its tokens, for readers who see no token.

A list is two files under one root. The token file (`fedcarbon.identity.claims`) goes to hub and
auditors; this one also to trustees. Format: the magic line, then 64 bytes per claim in the order of
the token file:

    hidden   32 bytes, H(salt | token | rank)
    K        32 bytes, the piece commitment: a ristretto255 element, never the identity

The leaf of a claim is H(hidden | K), and the root the RFC 6962 root over all leaves. Whoever knows
salt, token and rank recomputes `hidden`; from it nobody learns them.

K = piece * G + r * G' commits to the mass that the claim is worth (0 for a pad): perfectly hiding
for a uniform r, and binding because nobody knows the logarithm of G' (Pedersen 1991).
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import ClassVar, Final, NamedTuple

from fedcarbon.canonical.hashing import DIGEST_BYTES, digest, length_prefixed
from fedcarbon.canonical.slices import Slices
from fedcarbon.errors import MalformedError
from fedcarbon.identity.ristretto import (
    ELEMENT_BYTES,
    Element,
    ElementInvalidError,
    Point,
    difference,
    element,
    scaled,
    scaled_base,
    sum_of,
    sum_of_elements,
)
from fedcarbon.transparency import merkle
from fedcarbon.units import MicrogramsCO2e

FILE_MAGIC: Final = b"fedcarbon/v1/commitments\n"
RECORD_BYTES: Final = DIGEST_BYTES + ELEMENT_BYTES
LENGTH_MAX: Final = 3 << 23
"""Limit of one list, as for the token file; a padded size."""
FILE_BYTES_MAX: Final = len(FILE_MAGIC) + LENGTH_MAX * RECORD_BYTES

PART_RECORDS: Final = 1 << 13
"""A power of two, so that the parts of a list are subtrees: 512 kB, and a tenth of a second."""

_NOT_WHOLE: Final = f"a commitment file has at most {LENGTH_MAX} records of {RECORD_BYTES} bytes"
_RECORD: Final = struct.Struct(f"{DIGEST_BYTES}s{ELEMENT_BYTES}s")
_LENGTH: Final = struct.Struct(">Q")
_WORTHS_KEPT: Final = 1 << 16
"""Some megabytes."""
_LEAF_LABEL: Final = b"fedcarbon/v1/claim-leaf"


class MalformedCommitmentsError(MalformedError):
    """Bytes that are no commitment file."""

    code: ClassVar[str] = "MALFORMED_COMMITMENTS"


class CommitmentInvalidError(MalformedError):
    """A piece commitment is no canonical group element; the message names its position."""

    code: ClassVar[str] = "COMMITMENT_INVALID"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentList:
    """The records of a commitment file."""

    records: bytes
    """`RECORD_BYTES` per claim."""

    def __post_init__(self) -> None:
        """Check the size; whether every K is an element is for `check_elements`.

        Raises:
            MalformedCommitmentsError: an incomplete record, or too many.
        """
        if len(self.records) % RECORD_BYTES or len(self) > LENGTH_MAX:
            raise MalformedCommitmentsError(_NOT_WHOLE)

    def __len__(self) -> int:
        """Return the number of claims."""
        return len(self.records) // RECORD_BYTES

    def hidden(self) -> list[bytes]:
        """Return H(salt | token | rank) of every claim, in order."""
        return hidden_in(self.records)

    def commitments(self) -> list[bytes]:
        """Return K of every claim, in order."""
        return elements_in(self.records)

    def check_elements(self) -> None:
        """Check that every K is the canonical encoding of an element.

        Raises:
            CommitmentInvalidError: naming the first position where one is not.
        """
        for position, data in enumerate(self.commitments()):
            try:
                element(data)
            except ElementInvalidError as error:
                raise CommitmentInvalidError(f"the commitment at {position}: {error}") from error

    def root(self) -> bytes:
        """Return the Merkle root of the list, 32 bytes."""
        return merkle.root_of_hashes(leaf_hashes(self.records))

    def sum_without(self, lost: Iterable[int]) -> Point:
        """Return the sum of K over all positions except `lost`; the elements must be checked.

        Args:
            lost: positions below the length.
        """
        without = set(lost)
        return sum_of(
            Point(data)
            for position, data in enumerate(self.commitments())
            if position not in without
        )

    def to_bytes(self) -> bytes:
        """Return the list as a file."""
        return FILE_MAGIC + self.records

    @classmethod
    def from_bytes(cls, data: bytes) -> CommitmentList:
        """Return the list in a file.

        Raises:
            MalformedCommitmentsError: it is none.
        """
        if not data.startswith(FILE_MAGIC):
            raise MalformedCommitmentsError("a commitment file must begin with its magic line")
        return cls(records=data[len(FILE_MAGIC) :])

    @classmethod
    def of(cls, hidden: Sequence[bytes], commitments: Sequence[bytes]) -> CommitmentList:
        """Return the list of as many hidden claims as commitments, in order."""
        pairs = zip(hidden, commitments, strict=True)
        return cls(records=b"".join(part for pair in pairs for part in pair))


def list_leaf(hidden: bytes, commitment: bytes) -> bytes:
    """Return the leaf of one claim: H(hidden | K), 32 bytes."""
    return digest(_LEAF_LABEL, hidden, commitment)


def hidden_in(records: bytes) -> list[bytes]:
    """Return H(salt | token | rank) of some records in a row."""
    return [hidden for hidden, _ in _RECORD.iter_unpack(records)]


def elements_in(records: bytes) -> list[bytes]:
    """Return K of some records in a row."""
    return [commitment for _, commitment in _RECORD.iter_unpack(records)]


class CheckedPart(NamedTuple):
    """Claims in a row, all of whose commitments are elements."""

    first: int
    """Position of the first."""
    records: bytes
    root: bytes
    """Of the subtree of their leaves, 32 bytes."""
    total: Point
    """The sum of their K."""

    def total_without(self, lost: Sequence[int]) -> Point:
        """Return the sum of K over all of them except `lost`.

        Args:
            lost: positions in the whole list, ascending; those of other parts change nothing.
        """
        end = self.first + len(self.records) // RECORD_BYTES
        own = lost[bisect_left(lost, self.first) : bisect_left(lost, end)]
        return difference(
            self.total,
            sum_of(_element_at(self.records, position - self.first) for position in own),
        )


def checked_parts(pieces: Iterable[bytes], count: int) -> Iterator[CheckedPart]:
    """Check a file as it comes, part by part: no more than a part and a piece of it is held.

    Args:
        pieces: the file, cut wherever its sender likes.
        count: claims that it must have; what comes after them is not asked for.

    Raises:
        MalformedCommitmentsError: it is no commitment file of so many claims.
        CommitmentInvalidError: naming the first position where K is no element.
    """
    parts = _parts_of(pieces)
    if next(parts) != FILE_MAGIC:
        raise MalformedCommitmentsError("a commitment file must begin with its magic line")
    first = 0
    for records in parts:
        claims, rest = divmod(len(records), RECORD_BYTES)
        if rest or first + claims > min(count, LENGTH_MAX):
            break
        total, invalid = sum_of_elements(elements_in(records))
        if invalid is not None:
            raise CommitmentInvalidError(
                f"the commitment at {first + invalid} is no canonical group element"
            )
        root = merkle.root_of_hashes(leaf_hashes(records))
        yield CheckedPart(first=first, records=records, root=root, total=total)
        first += claims
    else:
        if first == count:
            return
    raise MalformedCommitmentsError(f"{_NOT_WHOLE}; this one should have {count}")


def _parts_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the magic line of a file, then the records of one part after the other.

    The last of them is what is left, if anything is, and the first may be.
    """
    held, wanted = bytearray(), len(FILE_MAGIC)
    for piece in pieces:
        held += piece
        while len(held) >= wanted:
            yield bytes(held[:wanted])
            del held[:wanted]
            wanted = PART_RECORDS * RECORD_BYTES
    if held or wanted == len(FILE_MAGIC):
        yield bytes(held)


def total_without(total: Point, data: Slices, lost: Iterable[int]) -> Point:
    """Return the sum of K over all positions except `lost`.

    Args:
        total: the sum over all positions.
        data: the commitment file; it is checked.
        lost: positions in it, each once.
    """
    start = len(FILE_MAGIC)
    return difference(total, sum_of(_element_at(data, position, start) for position in lost))


def _element_at(data: Slices, position: int, start: int = 0) -> Point:
    """Return the K of a record; the first begins at `start`."""
    at = start + position * RECORD_BYTES + DIGEST_BYTES
    return Point(data[at : at + ELEMENT_BYTES])


def leaf_hashes(records: bytes) -> list[bytes]:
    """Return the Merkle hash of the leaf of some records in a row."""
    # As `merkle.leaf_hash(list_leaf(hidden, commitment))`, with what is always the same done once.
    before_hidden = length_prefixed(_LEAF_LABEL) + _LENGTH.pack(DIGEST_BYTES)
    before_commitment = _LENGTH.pack(ELEMENT_BYTES)
    return [
        merkle.leaf_hash(sha256(before_hidden + hidden + before_commitment + commitment).digest())
        for hidden, commitment in _RECORD.iter_unpack(records)
    ]


def piece_commitment(piece_ug: MicrogramsCO2e, blinding: int, generator: Element) -> Point:
    """Return K = piece * G + r * G'.

    Args:
        piece_ug: what the claim is worth before any verdict, in ug CO2e; 0 for a pad.
        blinding: r, uniform in [0, ORDER), kept with the claim and never shown.
        generator: G' of the parameter set.
    """
    hidden = scaled(blinding, Point(generator))
    # A piece of 0 adds nothing: every pad is one.
    return sum_of((_worth(piece_ug), hidden)) if piece_ug else hidden


@lru_cache(maxsize=_WORTHS_KEPT)
def _worth(piece_ug: MicrogramsCO2e) -> Point:
    """Return piece * G: trips of one length are worth the same, a hundred thousand times."""
    return scaled_base(piece_ug)
