"""Files as whoever opens gets them: in pieces, as they come; what they should be is checked here.

A list of claims has hundreds of megabytes. It is checked while it comes and never held whole, so
that nothing can be checked that is not what is used afterwards: there is no second reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

Fetch = Callable[[bytes], Iterable[bytes]]
"""Returns the pieces of the file that should have the given SHA-256; they are read once."""


class Hash(Protocol):
    """What takes bytes in, as those of `hashlib` do."""

    def update(self, data: bytes, /) -> None:
        """Take some more bytes in."""


def hashed(pieces: Iterable[bytes], into: Hash) -> Iterator[bytes]:
    """Yield pieces, each after `into` has taken it in."""
    for piece in pieces:
        into.update(piece)
        yield piece


def joined(pieces: Iterable[bytes], bytes_max: int) -> bytes:
    """Return a file that must have at most so many bytes, to be held against its hash.

    Of a larger one the beginning is returned, which has another hash, and the rest is not asked
    for.
    """
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > bytes_max:
            break
    return bytes(data)
