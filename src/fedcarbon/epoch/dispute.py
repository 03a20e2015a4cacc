"""What a dispute may name: the pure rules (DESIGN section 7).

Within 30 days of the verdicts a loser may name some of its losses of an epoch; the winners' leaves
are then opened to an auditor on site. Few may be named, because every one of them shows an auditor
somebody's activity. An activity that satisfies neither slot nor tier nor day, or a leaf that cannot
be opened, is a false claim; what follows from it is decided by people and booked as an adjustment.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, Final

from fedcarbon.epoch.statements import Dispute
from fedcarbon.errors import CallerError
from fedcarbon.units import Seconds

WINDOW_S: Final = 30 * 86_400
"""How long after the verdicts a loser may dispute."""
LOSSES_PER_CLAIM: Final = 1_000
"""One in so many losses may be named."""
CLAIMS_ALWAYS: Final = 20
"""So many may be named however few were lost."""


class DisputeTooLateError(CallerError):
    """The dispute window of the epoch is over."""

    code: ClassVar[str] = "DISPUTE_TOO_LATE"


class DisputeTooLargeError(CallerError):
    """The dispute names more claims than the partner's losses allow."""

    code: ClassVar[str] = "DISPUTE_TOO_LARGE"


class ClaimNotLostError(CallerError):
    """The dispute names a claim that the partner did not lose."""

    code: ClassVar[str] = "CLAIM_NOT_LOST"


def claims_max(losses: int) -> int:
    """Return how many claims may be named after so many losses, rounded down."""
    return max(CLAIMS_ALWAYS, losses // LOSSES_PER_CLAIM)


def check_dispute(
    dispute: Dispute, lost: Collection[int], *, verdicts_s: Seconds, now_s: Seconds
) -> None:
    """Accept what a dispute names.

    Args:
        dispute: the statement.
        lost: positions of all claims that the partner lost in the epoch.
        verdicts_s: when the verdict list was logged.
        now_s: when the dispute came.

    Raises:
        DisputeTooLateError, DisputeTooLargeError, ClaimNotLostError: the first rule that fails.
    """
    # (1) the window is open
    if now_s > verdicts_s + WINDOW_S:
        raise DisputeTooLateError(f"epoch {dispute.epoch} could be disputed until day 30")
    # (2) no more claims than the losses allow
    if len(dispute.positions) > claims_max(len(lost)):
        raise DisputeTooLargeError(
            f"of {len(lost)} losses {claims_max(len(lost))} may be disputed, "
            f"not {len(dispute.positions)}"
        )
    # (3) every one of them was lost
    if not set(lost).issuperset(dispute.positions):
        raise ClaimNotLostError(f"{dispute.partner_id} did not lose all claims that it names")
