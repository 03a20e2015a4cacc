"""V06, what was acted upon: shares are given only for a start that others had seen before."""

from __future__ import annotations

from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.transparency.checkpoint import PartnerWitnessMissingError


def require_public_start(exam: Examination, start_leaf: int, subject: str, leaf: int) -> None:
    """Find that shares were given for a start which no quorum, or no partner, had signed.

    Args:
        exam: the audit, at the leaf that shows the shares.
        start_leaf: of an opening or of a release.
        subject: what shows the shares.
        leaf: its index.
    """
    exam.checklist.count(CheckId.WITNESSES)
    heads = exam.view.heads
    if not heads.is_witnessed(start_leaf):
        exam.checklist.find(
            CheckId.WITNESSES,
            "START_NOT_WITNESSED",
            subject,
            f"shares were given before a quorum had signed a head over leaf {start_leaf}",
            leaf,
        )
    elif start_leaf >= heads.partner_witnessed_size:
        exam.checklist.find(
            CheckId.WITNESSES,
            PartnerWitnessMissingError.code,
            subject,
            f"shares were given, and no partner has signed a head over leaf {start_leaf} that is "
            f"older than leaf {leaf}",
            leaf,
        )
