"""Use case of phase 1a: a partner commits to its claim list and its evidence.

(1) the caller is an admitted partner                               NOT_ADMITTED
(2) its admitted key signed the exact bytes                         SIGNATURE_INVALID
(3) the commitment names the caller                                 SENDER_DIFFERS
(4) and this parameter set                                          PARAMETERS_DIFFER
(5) the epoch's plan is logged                                      WRONG_EPOCH
(6) a commitment of this partner came with the same bytes or never  CLAIM_COMMITMENT_DIFFERS
(7) the epoch takes commitments                                     EPOCH_STATE
(8) the partner has an account in the enrolment snapshot            NOT_IN_SNAPSHOT
(9) the count is a padded size                                      LIST_NOT_PADDED
(10) within the quota                                               CLAIM_QUOTA_EXCEEDED
(11) there is evidence for every claim, account and day             EVIDENCE_COUNT_DIFFERS
(12) the programme has admitted each methodology for the epoch      METHODOLOGY_NOT_ADMITTED
"""

from __future__ import annotations

from typing import ClassVar

from sqlmodel import Session

from fedcarbon.epoch.lifecycle import EpochState, EpochStateError
from fedcarbon.epoch.snapshot import PartnerSnapshot
from fedcarbon.epoch.statements import ClaimCommitment, evidence_leaves
from fedcarbon.errors import CallerError
from fedcarbon.identity.claims import (
    ClaimQuotaExceededError,
    ListNotPaddedError,
    claim_quota,
    padded_size,
)
from fedcarbon.ids import PartyId, Role
from fedcarbon.registry.methodology import require_admitted
from fedcarbon.submission.intake import NotInSnapshotError
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.epochs.lookup import BegunEpoch, require_epoch
from hub.registry.parties import require_party, signing_keys
from hub.storage.epoch_store import EpochStore
from hub.storage.registry_store import MethodologyStore


class ClaimCommitmentDiffersError(CallerError):
    """The partner has committed to another list; a commitment is never amended."""

    code: ClassVar[str] = "CLAIM_COMMITMENT_DIFFERS"


class EvidenceCountDiffersError(CallerError):
    """The evidence does not have a leaf per claim, and one per account and day."""

    code: ClassVar[str] = "EVIDENCE_COUNT_DIFFERS"


def commit_claims(session: Session, hub: Hub, caller: PartyId, message: bytes) -> bytes:
    """Log a commitment and return its receipt; the same bytes get the same receipt.

    Args:
        session: a writing session.
        hub: where to.
        caller: the party that sent it, by its certificate.
        message: the exact bytes of the signed commitment.

    Raises:
        MalformedError: not the envelope of a commitment.
        NotAdmittedError, SignatureInvalidError, SenderDiffersError, ParametersDifferError,
        WrongEpochError, ClaimCommitmentDiffersError, EpochStateError, NotInSnapshotError,
        ListNotPaddedError, ClaimQuotaExceededError, EvidenceCountDiffersError,
        MethodologyNotAdmittedError: the first rule that fails.
    """
    # (1) to (4)
    commitment = open_message(
        ClaimCommitment,
        message,
        sender=caller,
        keys=signing_keys(session, Role.PARTNER),
        named_in=lambda statement: statement.partner_id,
        parameter_id=hub.parameters.parameter_id,
    )
    # (5) the epoch's plan is logged
    found = require_epoch(session, commitment.programme_id, commitment.epoch)
    store = EpochStore(session)
    # (6) a commitment of this partner came with the same bytes, or never
    if caller in store.commitments(commitment.programme_id, commitment.epoch):
        given = hub.record.receipt_of_message(session, LeafType.CLAIM_COMMITMENT, message)
        if given is None:
            raise ClaimCommitmentDiffersError(
                f"{caller} has committed to another list for epoch {commitment.epoch}"
            )
        return given
    # (7) the epoch takes commitments
    if found.stored.state is not EpochState.COMMITTING:
        raise EpochStateError(
            f"epoch {commitment.epoch} is {found.stored.state} and takes no commitments"
        )
    # (8) the partner has an account in the enrolment snapshot
    quota = quota_of(session, hub, found, caller)
    # (9) the count is a padded size
    if padded_size(commitment.count) != commitment.count:
        raise ListNotPaddedError(f"{commitment.count} claims are no padded size")
    # (10) within the quota
    if commitment.count > quota:
        raise ClaimQuotaExceededError(f"{commitment.count} claims exceed the quota of {quota}")
    # (11) there is evidence for every claim, account and day
    own = own_snapshot(session, hub, found, caller)
    leaves = evidence_leaves(commitment.count, own.accounts, found.programme.epoch_days)
    if commitment.evidence_count != leaves:
        raise EvidenceCountDiffersError(
            f"{commitment.evidence_count} leaves of evidence instead of {leaves}"
        )
    # (12) the programme has admitted each methodology for the epoch
    admitted = MethodologyStore(session).hashes_for(commitment.programme_id, commitment.epoch)
    require_admitted(commitment.methodologies, admitted, commitment.epoch)
    logged, receipt = hub.record.accept(
        session, LeafType.CLAIM_COMMITMENT, message, owners=[caller]
    )
    store.add_commitment(commitment, logged.index)
    return receipt


def quota_of(session: Session, hub: Hub, found: BegunEpoch, partner_id: PartyId) -> int:
    """Return how many claims a partner's list of an epoch may hold.

    Raises:
        NotInSnapshotError: it has no enrolled account in the epoch.
    """
    own = own_snapshot(session, hub, found, partner_id)
    admission = require_party(session, partner_id, Role.PARTNER)
    return claim_quota(
        admission.claim_slots_per_account_day, own.accounts, found.programme.epoch_days
    )


def own_snapshot(
    session: Session, hub: Hub, found: BegunEpoch, partner_id: PartyId
) -> PartnerSnapshot:
    """Return a partner's accounts in an epoch.

    Raises:
        NotInSnapshotError: it has none.
    """
    own = hub.snapshots.of(session, found.programme, found.stored).partners.get(partner_id)
    if own is None:
        raise NotInSnapshotError(
            f"{partner_id} has no enrolled account in epoch {found.stored.epoch}"
        )
    return own
