"""Signatures that held once in this process are not computed again for the same bytes.

A hub, five trustees, three nodes and an auditor in one process verify each signature many times:
19 of 20 verifications repeat one that held. The first time it is always computed, and what does not
hold is computed every time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fedcarbon.transparency import envelope, note

REMEMBERED_MAX: Final = 20_000


class RememberingKey:
    """Ed25519's public key, as far as the product uses it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @classmethod
    def from_public_bytes(cls, data: bytes) -> RememberingKey:
        return cls(data)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return if the signature holds; raises like the real one if not."""
        _require_signature(self._data, signature, message)


@lru_cache(REMEMBERED_MAX)  # an exception is not remembered
def _require_signature(key: bytes, signature: bytes, message: bytes) -> None:
    Ed25519PublicKey.from_public_bytes(key).verify(signature, message)


def remember_signatures() -> None:
    """Let this process remember which signatures hold, from now on."""
    for module in (envelope, note):
        vars(module)[Ed25519PublicKey.__name__] = RememberingKey
