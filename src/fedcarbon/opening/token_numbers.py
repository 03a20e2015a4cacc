"""Account tokens and their numbers: 32 bytes and some each, where a dict has two hundred."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final

from fedcarbon.identity.tokens import ACCOUNT_TOKEN_BYTES

_FREE: Final = -1
_FIRST_PLACES: Final = 64
"""A power of two."""
_BUCKETS: Final = 256
"""By the first byte of a token: one after the other is sorted, not all tokens at once."""


class TokenNumbers:
    """Numbers tokens from 0 in the order in which they come.

    A table of open addressing: the hash of a token, which nobody outside can choose, says where its
    number stands, or from where on it is to be looked for.
    """

    __slots__ = ("_asked", "_found", "_places", "_tokens")

    def __init__(self) -> None:
        """Start empty."""
        self._tokens: Final = bytearray()
        self._places = array("i", [_FREE]) * _FIRST_PLACES
        # Whoever asks for a token asks for it again.
        self._asked, self._found = b"", 0

    def __len__(self) -> int:
        """Return how many tokens there are."""
        return len(self._tokens) // ACCOUNT_TOKEN_BYTES

    def token(self, number: int) -> bytes:
        """Return the token of a number, 32 bytes."""
        at = number * ACCOUNT_TOKEN_BYTES
        return bytes(self._tokens[at : at + ACCOUNT_TOKEN_BYTES])

    def number(self, token: bytes) -> int | None:
        """Return the number of a token, if it has one."""
        if len(token) != ACCOUNT_TOKEN_BYTES:
            return None
        found = self._places[self._place(token)]
        return None if found == _FREE else found

    def add(self, token: bytes) -> int:
        """Return the number of a token, which is the next one if it is new."""
        place = self._place(token)
        found = self._places[place]
        if found != _FREE:
            return found
        number = self._places[place] = len(self)
        self._tokens.extend(token)
        if 2 * len(self) > len(self._places):
            self._grow()
        return number

    def ascending(self) -> Iterator[bytes]:
        """Yield the tokens in the order of their bytes."""
        buckets = [array("i") for _ in range(_BUCKETS)]
        for number, first in enumerate(self._tokens[::ACCOUNT_TOKEN_BYTES]):
            buckets[first].append(number)
        for bucket in buckets:
            yield from sorted(map(self.token, bucket))

    def _place(self, token: bytes) -> int:
        """Return where the number of a token stands, or where it belongs."""
        if token == self._asked:
            return self._found
        places, is_at = self._places, self._tokens.startswith
        last = len(places) - 1
        place = hash(token) & last
        while (number := places[place]) != _FREE and not is_at(token, number * ACCOUNT_TOKEN_BYTES):
            place = (place + 1) & last
        self._asked, self._found = token, place
        return place

    def _grow(self) -> None:
        """Make room for as many tokens again."""
        self._asked = b""
        self._places = array("i", [_FREE]) * (2 * len(self._places))
        for number in range(len(self)):
            self._places[self._place(self.token(number))] = number
