"""What must have seen a start before anything is shown for it."""

from __future__ import annotations

from fedcarbon.opening.view import RecordView
from trustee.order_errors import StartNotWitnessedError


def require_witnessed(view: RecordView, start_leaf: int) -> None:
    """Check that a quorum of trustees and a partner have signed heads over a start.

    Raises:
        StartNotWitnessedError: it is not under a witnessed head.
        PartnerWitnessMissingError: no partner has signed a head over it.
    """
    if not view.heads.is_witnessed(start_leaf):
        raise StartNotWitnessedError(f"the start in leaf {start_leaf} is not witnessed yet")
    view.heads.require_partner_witness(start_leaf)
