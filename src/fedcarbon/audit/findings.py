"""What an audit says: numbered checks, and a finding for everything that does not hold.

The numbers are those of the public checklist in docs/PROTOCOL.md. They are stable once published: a
retired number is never used again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckId(StrEnum):
    """A line of the checklist."""

    FILES = "V01"
    """Record version known; all files present; hashes match their names."""
    PARAMETERS = "V02"
    """Parameter id, moduli, generators, degree check."""
    CEREMONY = "V03"
    """Self-test of the shares; t and n as stated."""
    PARTIES = "V04"
    """Every signing key was admitted when it signed."""
    TREE = "V05"
    """Roots recomputed for every checkpoint; successive checkpoints consistent."""
    WITNESSES = "V06"
    """A quorum under every checkpoint that was acted upon."""
    SIGNATURES = "V07"
    """Every envelope signature holds over the exact stored bytes."""
    METHODOLOGIES = "V08"
    """Every methodology in use is admitted for its epoch, and its document is what was signed."""
    ENROLMENTS = "V09"
    """Places unique; withdrawals respected."""
    CHUNKS = "V10"
    """Headers commit to their entries; no (partner, epoch, block) twice."""
    RANGE_PROOFS = "V11"
    """Every ciphertext in its group, every slot range proof holds in its context."""
    CLAIMS = "V12"
    """Lists match their roots; ties recomputed from the beacon; losers listed."""
    LINKS = "V13"
    """Sums bound to winning claims."""
    DENSITY = "V14"
    """A ciphertext for each block with an enrolled account."""
    PRODUCTS = "V15"
    """Block products and cumulative products recomputed."""
    REQUESTS = "V16"
    """Opening requests signed, bound, witnessed, and one per opening."""
    MASKS = "V17"
    """Trustee masks proved zero in the requested slots."""
    SHARES = "V18"
    """Each share proved, t of them; the combined value is the logged opening."""
    LEDGER = "V19"
    """Double entry; no negative balance; credits are differences of openings."""
    REDEMPTIONS = "V20"
    """1250 g per fen, floored once; real-name wallet; one payout per redemption."""
    PAYOUTS = "V21"
    """Payouts reconcile with redemptions."""
    CONSERVATION = "V22"
    """Issued = opened; spent <= issued; paid = redeemed."""
    STATISTICS = "V23"
    """Statistics within their budget, where present."""
    SAMPLES = "V24"
    """Beacon after commitment; sample as drawn; openings match leaves."""
    RECEIPTS = "V25"
    """Receipts handed out are contained in the record."""
    USES = "V26"
    """Gifts, goods, credit lots and expiry rest on orders, prices, lots and notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not hold."""

    check: CheckId
    code: str
    """Stable upper-case name; the code of the error where an error was the cause."""
    subject: str
    """What it is about, for people: a leaf, a file, a party, an epoch, an account token."""
    text: str
    """What was expected, what was found, and who must act."""
    leaf: int | None = None
    """Index of the leaf it is about, if there is one."""
