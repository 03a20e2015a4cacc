"""Receipts: the hub's signed promise that a message lies in the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.transparency.leaf import LEAF_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Statement):
    """Signed by the hub for every accepted message; the same message gets the same bytes."""

    KIND: ClassVar[str] = "receipt"

    parameter_id: bytes
    message_sha256: bytes
    """SHA-256 of the accepted message: the envelope's exact bytes, or the claim list's file."""
    leaf_index: int
    leaf: bytes
    """The 34 bytes of the leaf at that index."""
    salt: bytes
    """The leaf's salt, so that the owner of the body can recompute the commitment."""
    accepted_at_s: int

    def __post_init__(self) -> None:
        """Check sizes."""
        sizes = (len(self.parameter_id), len(self.message_sha256), len(self.salt), len(self.leaf))
        if sizes != (DIGEST_BYTES, DIGEST_BYTES, DIGEST_BYTES, LEAF_BYTES):
            raise MalformedError("a receipt's hashes have 32 bytes and its leaf 34")
