"""The outbox worker: from reserved to paid, exactly once, whatever breaks in between.

Each payout goes through three steps, each complete before the next begins:

1. one transaction claims the task: the redemption becomes SENT, and a query is planned for the
   case that nobody comes back;
2. the rail is called, outside any transaction;
3. one transaction enters the answer: posts or voids the reservations, or plans the next step.

A crash before (1) has committed leaves RESERVED: nothing was sent. A crash after it leaves SENT
with a query planned: the rail says what happened. Only if it says that it never saw the payout id
is the payout sent again, under that same id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine
from sqlmodel import Session

from fedcarbon.clock import Clock
from fedcarbon.errors import FedcarbonError
from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.postings import posts, voids
from fedcarbon.redemption.rail import Rail, RailAnswer, RailStatus
from fedcarbon.redemption.states import (
    FINAL_STATES,
    RedemptionEvent,
    RedemptionState,
    event_of,
    is_stale,
)
from fedcarbon.units import Seconds
from hub.clearing.redemptions import find_redemption
from hub.clearing.storage.ledger_store import LedgerStore
from hub.clearing.storage.outbox_store import AHEAD_MAX_S, OutboxStore, OutboxTask
from hub.clearing.storage.redemption_rows import OutboxStep
from hub.clearing.storage.redemption_store import RedemptionStore
from hub.storage.engine import writing

LEASE_S: Final = 60
"""How long a worker has for one call to the rail before another one may ask what became of it."""
RETRY_MIN_S: Final = 2
RETRY_MAX_S: Final = AHEAD_MAX_S
_DOUBLINGS_MAX: Final = 12
STEPS_MAX: Final = 10_000
"""Calls to the rail in one run; what is left is due in the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """One call to the rail and where it left the redemption."""

    redemption_id: bytes
    step: OutboxStep
    state: RedemptionState


def process_outbox(engine: Engine, rail: Rail, clock: Clock) -> tuple[StepTaken, ...]:
    """Take every step that is due, at most `STEPS_MAX`; return them in order.

    It is safe to call this at any time, from several processes, and again after any crash.

    Raises:
        RailContradictionError: the rail gave two different final answers for one payout. The
            payout keeps its first one; the operator must clear it with the rail.
    """
    taken: list[StepTaken] = []
    while len(taken) < STEPS_MAX:
        with writing(engine) as session:
            claim = _claimed(session, clock.now_s())
        if claim is None:
            break
        task, redemption = claim
        answer = _asked(rail, task.step, redemption)
        with writing(engine) as session:
            state = _entered(session, task, answer, clock.now_s())
        taken.append(StepTaken(redemption_id=task.redemption_id, step=task.step, state=state))
    return tuple(taken)


def retry_delay_s(calls: int) -> int:
    """Return how long to wait after the `calls`-th call to the rail gave no final answer.

    The first query follows at once; then the wait doubles from `RETRY_MIN_S` to `RETRY_MAX_S`.
    """
    if calls <= 1:
        return 0
    return min(RETRY_MIN_S << min(calls - 2, _DOUBLINGS_MAX), RETRY_MAX_S)


def _claimed(session: Session, now_s: Seconds) -> tuple[OutboxTask, Redemption] | None:
    outbox = OutboxStore(session)
    task = outbox.next_due(now_s)
    if task is None:
        return None
    redemption = find_redemption(session, task.redemption_id)
    if task.step is OutboxStep.PAY:
        is_first = redemption.state is RedemptionState.RESERVED
        event = RedemptionEvent.SEND if is_first else RedemptionEvent.SEND_AGAIN
        redemption = RedemptionStore(session).advance(redemption, event, now_s)
    outbox.plan(task.redemption_id, OutboxStep.QUERY, Seconds(now_s + LEASE_S), task.calls + 1)
    return task, redemption


def _asked(rail: Rail, step: OutboxStep, redemption: Redemption) -> RailAnswer:
    order = redemption.order
    try:
        if step is OutboxStep.PAY:
            return rail.pay(redemption.payout)
        return rail.query(order.payout_id)
    except (FedcarbonError, OSError):
        # Whatever went wrong on the way, the payout may have happened.
        return RailAnswer(status=RailStatus.UNKNOWN)


def _entered(
    session: Session, task: OutboxTask, answer: RailAnswer, now_s: Seconds
) -> RedemptionState:
    redemption = find_redemption(session, task.redemption_id)
    if is_stale(redemption.state, answer.status):
        return redemption.state
    moved = RedemptionStore(session).advance(
        redemption,
        event_of(redemption.state, answer.status),
        now_s,
        reason=answer.reason,
        rail_reference=answer.reference,
    )
    ledger, outbox = LedgerStore(session), OutboxStore(session)
    if moved.state in FINAL_STATES:
        settled = moved.state is RedemptionState.SETTLED
        for transfer in posts(moved) if settled else voids(moved):
            ledger.post(transfer, now_s)
        outbox.remove(task.redemption_id)
    else:
        # Not found is the one answer after which a payout is sent again.
        unseen = answer.status is RailStatus.NOT_FOUND
        step = OutboxStep.PAY if unseen and task.step is OutboxStep.QUERY else OutboxStep.QUERY
        calls = task.calls + 1
        outbox.plan(task.redemption_id, step, Seconds(now_s + retry_delay_s(calls)), calls)
    return moved.state
