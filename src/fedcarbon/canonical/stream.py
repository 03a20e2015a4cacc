"""Bytes and integers that follow from a secret seed: the same seed, the same choices.

For work that is done wherever there is room, perhaps twice: with the randomness of a row derived
from a seed and from everything that the row holds, two engines give the same bytes, and a row that
is done again does not show two proofs under the same masks. SHAKE-256 under a key of 256 bits
(FIPS 202) cannot be told from chance without the key.
"""

from __future__ import annotations

import hashlib
from typing import Final

from fedcarbon.canonical.hashing import length_prefixed, u64

SEED_BYTES: Final = 32
_BLOCK_BYTES: Final = 8_192


class SeededStream:
    """A stream of uniform bytes; as secret as what it was made from."""

    __slots__ = ("_at", "_block", "_buffer", "_key")

    def __init__(self, label: bytes, seed: bytes, *items: bytes) -> None:
        """Begin the stream that belongs to `seed` and `items`.

        Args:
            label: domain of the use, so that no two uses of a seed share bytes.
            seed: 32 secret bytes.
            items: what the stream is for; another item, another stream.
        """
        assert len(seed) == SEED_BYTES, "a seed has 256 bits"
        self._key: Final = hashlib.shake_256(length_prefixed(label, seed, *items)).digest(64)
        self._buffer = b""
        self._at = 0
        self._block = 0

    def octets(self, length: int) -> bytes:
        """Return the next `length` bytes."""
        while len(self._buffer) - self._at < length:
            fresh = hashlib.shake_256(self._key + u64(self._block)).digest(_BLOCK_BYTES)
            self._buffer = self._buffer[self._at :] + fresh
            self._at = 0
            self._block += 1
        start = self._at
        self._at = start + length
        return self._buffer[start : self._at]

    def below(self, bound: int) -> int:
        """Return a uniform integer in [0, bound); `bound` is positive."""
        bits = (bound - 1).bit_length()
        length = (bits + 7) // 8
        excess = 8 * length - bits
        while True:
            value = int.from_bytes(self.octets(length), "big") >> excess
            if value < bound:
                return value
