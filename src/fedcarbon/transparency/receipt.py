"""Receipts: the hub's signed promise that a message lies in the record, and until when all see it.

The leaf is in the hub's database when the receipt is signed. By `merge_by_s` it must also lie under
a head that a quorum of trustees has signed; a hub that lets that time pass has broken its promise,
and the receipt proves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.transparency.leaf import LEAF_BYTES

MERGE_DELAY_S: Final = 86_400
"""How long a hub may take by default, and the longest that a partner's node accepts: 24 hours."""


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
    merge_by_s: int
    """Protocol time by which a witnessed head covers the leaf: `accepted_at_s` and a delay."""

    def __post_init__(self) -> None:
        """Check sizes, and that the promise does not end before it begins."""
        sizes = (len(self.parameter_id), len(self.message_sha256), len(self.salt), len(self.leaf))
        if sizes != (DIGEST_BYTES, DIGEST_BYTES, DIGEST_BYTES, LEAF_BYTES):
            raise MalformedError("a receipt's hashes have 32 bytes and its leaf 34")
        if self.merge_by_s < self.accepted_at_s:
            raise MalformedError("a receipt promises nothing for the past")
