"""The file behind a trustee's shares: everything that anyone needs to check them again.

It is the canonical encoding of one `ShareFile`, lies beside the record, and is named by its SHA-256
in the results of all openings of its batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId
from fedcarbon.units import Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareFile(Statement):
    """One trustee's part in a batch of openings; the tuples run over the batch, in order."""

    KIND: ClassVar[str] = "share_file"

    parameter_id: bytes
    trustee_id: PartyId
    start_leaves: tuple[int, ...]
    masks: tuple[bytes, ...]
    """This trustee's own masks: ciphertext and proof (`fedcarbon.opening.mask_proofs`)."""
    masked: tuple[Natural, ...]
    """Cumulative ciphertext times the masks of the whole subset."""
    shares: tuple[Natural, ...]
    proof: bytes

    def __post_init__(self) -> None:
        """Check that every start has a mask, a masked ciphertext and a share."""
        count = len(self.start_leaves)
        if {len(self.masks), len(self.masked), len(self.shares)} != {count}:
            raise MalformedError("a share file has one mask, ciphertext and share per start")
