"""V11 and V17, the part with range proofs: every slot within its cap, every mask zero in targets.

Records of this version hold no range proofs, so that part of both lines reads as not checked. What
is checked beside it: every ciphertext of a chunk is a unit modulo n^2 (with its chunk, V11), and
every mask is the one that was committed to (V17).
"""

from __future__ import annotations

from typing import Final

from fedcarbon.audit.checklist import Checklist
from fedcarbon.audit.findings import CheckId

NO_PROOFS: Final = "records of this version hold no range proofs"


def declare(checklist: Checklist) -> None:
    """Say of both lines what is not checked."""
    ciphertexts = checklist.counted(CheckId.RANGE_PROOFS)
    checklist.not_checked(
        CheckId.RANGE_PROOFS, f"{NO_PROOFS}; {ciphertexts:,} ciphertexts are units modulo n^2"
    )
    masks = checklist.counted(CheckId.MASKS)
    checklist.not_checked(
        CheckId.MASKS, f"{NO_PROOFS}; {masks:,} masks are those that were committed to, no copies"
    )
