"""The Fiat-Shamir transcript: one SHAKE-256 sponge per proof.

Both sides absorb the same items in the same order, public statement first, then every commitment;
a challenge depends on everything absorbed before it. Each entry is three length-prefixed items
(role, label, content), so no two different sequences of entries feed the sponge the same bytes.
"""

from __future__ import annotations

import hashlib
from typing import Final

from fedcarbon.canonical.hashing import length_prefixed, u32

_LABEL: Final = b"fedcarbon/v1/transcript"
_ROLE_ITEM: Final = b"item"
_ROLE_CHALLENGE: Final = b"challenge"


class Transcript:
    """What prover and verifier have said so far."""

    __slots__ = ("_sponge",)

    def __init__(self, label: bytes) -> None:
        """Start a transcript for the kind of proof that `label` names."""
        self._sponge = hashlib.shake_256(length_prefixed(_LABEL, label))

    def absorb_bytes(self, label: bytes, item: bytes) -> None:
        """Take in `item` under `label`."""
        self._sponge.update(length_prefixed(_ROLE_ITEM, label, item))

    def absorb_int(self, label: bytes, value: int, *, bits: int) -> None:
        """Take in an integer in [0, 2^bits) at the fixed width of `bits` bits.

        Raises:
            OverflowError: the value is negative or too long. Foreign values are judged by size
                before they get here, so this is a mistake of our own.
        """
        if value < 0 or value.bit_length() > bits:
            raise OverflowError(f"the item {label.decode()} does not fit {bits} bits")
        self.absorb_bytes(label, value.to_bytes((bits + 7) // 8, "big"))

    def challenge(self, label: bytes, *, bits: int) -> int:
        """Return an integer in [0, 2^bits) that depends on everything so far.

        Asking is itself absorbed, so that the next challenge is another one.
        """
        self._sponge.update(length_prefixed(_ROLE_CHALLENGE, label, u32(bits)))
        length = (bits + 7) // 8
        # `digest` reads from a copy of the state: the sponge itself can go on absorbing.
        return int.from_bytes(self._sponge.digest(length), "big") >> (8 * length - bits)
