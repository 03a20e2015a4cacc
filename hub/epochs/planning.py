"""PLANNED -> COMMITTING -> REVEALING: logging an epoch's plans, and closing its commitments.

A phase never ends before the programme's policy says, and never sooner after its beginning than it
would have with everyone on time: a hub that was down, or trustees that were, cost partners nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session

from fedcarbon.epoch.lifecycle import EpochEvent
from fedcarbon.epoch.statements import (
    CommitClosed,
    CommittedList,
    EpochPlan,
    MissedClaimant,
    planned_deadlines,
)
from fedcarbon.ids import EpochIndex
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S
from fedcarbon.units import Seconds
from hub.context import Hub
from hub.epochs.rounds import ClaimRound
from hub.storage.epoch_store import EpochStore


def phase_end_s(planned_s: int, begun_s: int, window_s: int) -> Seconds:
    """Return when a phase ends: as planned, unless it began late beyond the tolerance.

    Args:
        planned_s: the end by the plan.
        begun_s: when the phase could really begin.
        window_s: its length by the programme's policy.
    """
    late_s = begun_s + window_s - planned_s
    return Seconds(planned_s + late_s if late_s > TIME_TOLERANCE_S else planned_s)


def next_due(session: Session, hub: Hub, programmes: Sequence[Programme]) -> EpochIndex | None:
    """Return the first epoch without a plan if its last day is over; nothing is written."""
    first = programmes[0]
    epoch = EpochIndex(len(EpochStore(session).begun(first.programme_id)) + 1)
    is_over = epoch <= first.epochs and hub.clock.now_s() >= first.epoch_end_s(epoch)
    return epoch if is_over else None


def plan_next(session: Session, hub: Hub, programmes: Sequence[Programme]) -> EpochIndex | None:
    """Log the plans of the next epoch if its last day is over; return its number.

    Args:
        session: a writing session.
        hub: where to.
        programmes: all programmes of an exclusivity domain; they are planned at once.
    """
    store, now_s = EpochStore(session), hub.clock.now_s()
    epoch = next_due(session, hub, programmes)
    if epoch is None:
        return None
    for programme in programmes:
        commit_until_s, reveal_until_s, submit_until_s = planned_deadlines(programme, epoch)
        # All three move together, so that every phase keeps its length.
        shift_s = (
            phase_end_s(commit_until_s, now_s, programme.policy.commit_window_s) - commit_until_s
        )
        plan = EpochPlan(
            parameter_id=hub.parameters.parameter_id,
            programme_id=programme.programme_id,
            epoch=epoch,
            snapshot_size=hub.record.head(session).size,
            commit_until_s=commit_until_s + shift_s,
            reveal_until_s=reveal_until_s + shift_s,
            submit_until_s=submit_until_s + shift_s,
        )
        store.begin(plan, hub.record.append_own(session, plan).index)
    return epoch


def close_commitments(session: Session, hub: Hub, found: ClaimRound) -> bool:
    """End phase 1a if everyone has committed or its time is over; tell whether it ended.

    Args:
        session: a writing session.
        hub: where to.
        found: the round, COMMITTING.
    """
    committed = found.commitments(session)
    missed = sorted(found.enrolled(session, hub).difference(committed))
    if missed and hub.clock.now_s() <= found.commit_until_s:
        return False
    closed = CommitClosed(
        parameter_id=hub.parameters.parameter_id,
        exclusivity_domain=found.exclusivity_domain,
        epoch=found.epoch,
        lists=tuple(
            CommittedList(
                programme_id=claimant.programme_id,
                partner_id=claimant.partner_id,
                leaf_index=commitment.leaf_index,
                count=commitment.claim_count,
                list_root=commitment.list_root,
            )
            for claimant, commitment in committed.items()
        ),
        missed=tuple(MissedClaimant(programme_id=name[0], partner_id=name[1]) for name in missed),
    )
    leaf_index = hub.record.append_own(session, closed).index
    found.move(session, EpochEvent.COMMIT_CLOSED, closed_leaf=leaf_index)
    return True
