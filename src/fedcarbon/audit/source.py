"""What an auditor reads from: the record as it lies in a folder, byte for byte.

A source is opened in several processes at once, so it must be picklable and hold no open file.
Nothing that it returns has been checked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.slices import Slices
from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.transparency.leaf import LEAF_BYTES, SALT_BYTES

_PIECE_BYTES: Final = 1 << 20


class LeafLineMalformedError(MalformedError):
    """A line of the list of leaves is not `index leaf salt body_sha256`."""

    code: ClassVar[str] = "LEAF_LINE_MALFORMED"


class FileShortenedError(PeerError):
    """A file lost bytes while it was read: audit a copy of the record that nobody writes to."""

    code: ClassVar[str] = "FILE_SHORTENED"


def printable(text: str) -> str:
    """Return a text that may hold a file name: bytes that are no UTF-8 become escapes."""
    return text.encode(errors="backslashreplace").decode()


class RecordSource(Protocol):
    """A record."""

    def leaf_lines(self) -> Iterator[bytes]:
        """Return the lines of the list of leaves, without line feeds."""
        ...

    def body_names(self) -> Collection[str]:
        """Return the names of all bodies: what should be the SHA-256 in hexadecimal."""
        ...

    def file_names(self) -> Collection[str]:
        """Return the names of all files beside the record, likewise."""
        ...

    def checkpoint_names(self) -> Collection[str]:
        """Return the names of all heads: what should be the size in decimal digits."""
        ...

    def body(self, name: str) -> bytes | None:
        """Return a body, None if there is none of this name."""
        ...

    def file(self, name: str) -> bytes | None:
        """Return a file, None if there is none of this name."""
        ...

    def slices(self, name: str, skip: int = 0) -> Slices | None:
        """Return a file that is read by the slice, without its first `skip` bytes.

        None if there is none of this name. It holds no open file, and is picklable. A slice that
        is not there any more raises `FileShortenedError`: less than a file has is no part of it.
        """
        ...

    def checkpoint(self, name: str) -> bytes | None:
        """Return a head as it is stored, None if there is none of this name."""
        ...

    def newest(self) -> bytes | None:
        """Return the copy of the largest head, None if there is none."""
        ...

    def tile_paths(self) -> Collection[str]:
        """Return the paths of all tiles: what should be `Tile.path`."""
        ...

    def tile(self, path: str) -> bytes | None:
        """Return the tile of a path, None if it cannot be read."""
        ...


def pieces_of(file: Slices | None) -> Iterator[bytes]:
    """Yield a file in pieces; none if there is none."""
    if file is not None:
        for start in range(0, len(file), _PIECE_BYTES):
            yield file[start : start + _PIECE_BYTES]


def whole(data: bytes, size: int) -> bytes:
    """Return what was read of a file that had so many bytes there when it was looked at first.

    Raises:
        FileShortenedError: it has not any more.
    """
    if len(data) != size:
        raise FileShortenedError(
            "a file lost bytes while it was read: audit a copy that nobody writes to"
        )
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafLine:
    """One line of the list of leaves."""

    index: int
    leaf: bytes
    """34 bytes."""
    salt: bytes
    body_sha256: bytes

    @classmethod
    def parse(cls, line: bytes) -> LeafLine:
        """Return the line that the bytes hold.

        Raises:
            LeafLineMalformedError: they are not the one spelling of a line.
        """
        try:
            index, leaf, salt, body_sha256 = line.decode("ascii").split(" ")
            parsed = cls(
                index=int(index),
                leaf=bytes.fromhex(leaf),
                salt=bytes.fromhex(salt),
                body_sha256=bytes.fromhex(body_sha256),
            )
        except ValueError as error:
            raise LeafLineMalformedError("a line has an index and three hex values") from error
        if parsed.index < 0:
            raise LeafLineMalformedError(f"there is no leaf {parsed.index}")
        sizes = (len(parsed.leaf), len(parsed.salt), len(parsed.body_sha256))
        if sizes != (LEAF_BYTES, SALT_BYTES, DIGEST_BYTES) or parsed.to_bytes() != line:
            raise LeafLineMalformedError("a line has one spelling, and sizes of 34, 32 and 32")
        return parsed

    def to_bytes(self) -> bytes:
        """Return the line without its line feed."""
        values = (self.leaf.hex(), self.salt.hex(), self.body_sha256.hex())
        return " ".join((str(self.index), *values)).encode()
