"""The quota of claims: whoever comes last by start and id is above it."""

from __future__ import annotations

from fedcarbon.ids import EpochIndex
from fedcarbon.methodology.reject_reason import RejectReason
from partner_node.epochs.collecting import DETAILS
from partner_node.storage.activities import StoredReject
from partner_node.storage.claim_work import ClaimWork
from partner_node.storage.database import Row


def above_quota(work: ClaimWork, epoch: EpochIndex, quota: int) -> list[StoredReject]:
    """Return the activities whose slots do not fit the quota any more, with the reason.

    An activity whose slots all have claims already costs nothing, so it is taken after one that was
    too large.

    Args:
        work: everything that counts in the epoch.
        epoch: which one.
        quota: how many claims, before padding, the admission allows.
    """
    if work.piece_count(epoch) <= quota or work.slot_count(epoch) <= quota:
        return []
    taken: set[Row] = set()
    claims, rejects = 0, []
    for activity_id, alone, shared in work.slots_of_activities(epoch):
        fresh = set(shared) - taken
        if claims + alone + len(fresh) > quota:
            reason = RejectReason.ABOVE_CLAIM_QUOTA
            rejects.append(
                StoredReject(
                    subject=activity_id, reason=reason.value, detail=DETAILS[reason], epoch=epoch
                )
            )
            continue
        claims += alone + len(fresh)
        taken |= fresh
    return rejects
