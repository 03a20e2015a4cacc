"""Use case of a dispute: a loser names claims whose winners shall show their evidence.

(1) the caller is an admitted partner                         NOT_ADMITTED
(2) its admitted key signed the exact bytes                   SIGNATURE_INVALID
(3) the dispute names the caller                              SENDER_DIFFERS
(4) and this parameter set                                    PARAMETERS_DIFFER
(5) the epoch's plan is logged                                WRONG_EPOCH
(6) a dispute of this partner came with the same bytes, or
    never                                                     DISPUTE_DIFFERS
(7) its verdicts are logged, and the partner has a list in it EPOCH_STATE, CLAIMS_FORFEITED
(8) the dispute names the leaf of the verdicts                VERDICT_LEAF_DIFFERS
(9) what it names is allowed                                  see `epoch.dispute.check_dispute`

The hub logs it and does no more: an auditor opens the winners' leaves on site, and what follows is
an adjustment that two people sign.
"""

from __future__ import annotations

from typing import ClassVar

from sqlmodel import Session

from fedcarbon.epoch.dispute import check_dispute
from fedcarbon.epoch.lost_positions import lost_positions
from fedcarbon.epoch.statements import Dispute
from fedcarbon.errors import CallerError
from fedcarbon.ids import PartyId, Role
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.epochs.lookup import require_epoch
from hub.intake.lost_claims import own_verdict
from hub.registry.parties import signing_keys
from hub.storage.epoch_store import EpochStore


class DisputeDiffersError(CallerError):
    """The partner has disputed other claims of this epoch; a dispute is never amended."""

    code: ClassVar[str] = "DISPUTE_DIFFERS"


class VerdictLeafDiffersError(CallerError):
    """A message names another leaf than the epoch's verdict list."""

    code: ClassVar[str] = "VERDICT_LEAF_DIFFERS"


def dispute_claims(session: Session, hub: Hub, caller: PartyId, message: bytes) -> bytes:
    """Log a dispute and return its receipt; the same bytes get the same receipt.

    Args:
        session: a writing session.
        hub: where to.
        caller: the party that sent it, by its certificate.
        message: the exact bytes of the signed dispute.

    Raises:
        MalformedError: not the envelope of a dispute.
        FedcarbonError: the error of the first rule that fails.
    """
    # (1) to (4)
    dispute = open_message(
        Dispute,
        message,
        sender=caller,
        keys=signing_keys(session, Role.PARTNER),
        named_in=lambda statement: statement.partner_id,
        parameter_id=hub.parameters.parameter_id,
    )
    # (5) the epoch's plan is logged
    stored = require_epoch(session, dispute.programme_id, dispute.epoch).stored
    store = EpochStore(session)
    # (6) a dispute of this partner came with the same bytes, or never
    if caller in store.disputes(dispute.programme_id, dispute.epoch):
        given = hub.record.receipt_of_message(session, LeafType.DISPUTE, message)
        if given is None:
            raise DisputeDiffersError(f"{caller} has disputed other claims of {dispute.epoch}")
        return given
    # (7) its verdicts are logged, and the partner has a list in it
    own = own_verdict(session, caller, dispute.programme_id, dispute.epoch)
    # (8) the dispute names the leaf of the verdicts
    if stored.verdict_leaf is None or dispute.verdict_leaf != stored.verdict_leaf:
        raise VerdictLeafDiffersError(
            f"the verdicts of epoch {dispute.epoch} are leaf {stored.verdict_leaf}"
        )
    # (9) what it names is allowed
    check_dispute(
        dispute,
        lost_positions(
            hub.record.files.get(own.positions_sha256),
            store.commitments(dispute.programme_id, dispute.epoch)[caller].claim_count,
        ),
        verdicts_s=hub.record.leaf(session, stored.verdict_leaf).appended_at_s,
        now_s=hub.clock.now_s(),
    )
    logged, receipt = hub.record.accept(session, LeafType.DISPUTE, message, owners=[caller])
    store.add_dispute(dispute, logged.index)
    return receipt
