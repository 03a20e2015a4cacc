"""The outbox: from reserved to paid, exactly once, whatever breaks in between.

Each payout goes through three steps, each complete before the next begins:

1. `claim_due`: one transaction claims tasks: redemptions become SENT, and a query is planned for
   the case that nobody comes back;
2. `asked`: the rail is called, outside any transaction;
3. `enter_answers`: one transaction enters what was answered: posts or voids the reservations, or
   plans the next step.

A crash before (1) has committed leaves RESERVED: nothing was sent. A crash after it leaves SENT
with a query planned: the rail says what happened. Only if it says that it never saw the payout id
is the payout sent again, under that same id. Any number of workers may do this at once: a task that
one has claimed is not due for another until its lease is over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from sqlalchemy import Engine
from sqlmodel import Session

from fedcarbon.clock import Clock
from fedcarbon.errors import StateError
from fedcarbon.ledger.transfer import Transfer
from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.postings import posts, reversals, voids
from fedcarbon.redemption.rail import (
    Rail,
    RailAmountDiffersError,
    RailAnswer,
    RailContradictionError,
    RailStatus,
)
from fedcarbon.redemption.states import (
    FINAL_STATES,
    RedemptionEvent,
    RedemptionState,
    event_of,
    is_stale,
    send_event,
)
from fedcarbon.redemption.value_day import VALUE_DAYS_AHEAD_MAX, ValueDay, value_day
from fedcarbon.units import Seconds
from fedcarbon.wire.logs import logger
from hub.clearing.redemptions import RedemptionUnknownError
from hub.clearing.storage.ledger_store import LedgerStore
from hub.clearing.storage.outbox_store import AHEAD_MAX_S, OutboxStore, OutboxTask
from hub.clearing.storage.redemption_rows import OutboxStep
from hub.clearing.storage.redemption_store import RedemptionStore, Step
from hub.clearing.storage.suspense_store import SuspenseStore
from hub.storage.engine import writing

LEASE_S: Final = 60
"""How long a worker has for one call to the rail before another one may ask what became of it."""
RETRY_MIN_S: Final = 2
RETRY_MAX_S: Final = AHEAD_MAX_S
_DOUBLINGS_MAX: Final = 12
STEPS_MAX: Final = 10_000
"""Calls to the rail in one run; what is left is due in the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A task that this worker has, and the redemption as it was sent."""

    task: OutboxTask
    """As it was due: the call that is made now is not counted in it."""
    redemption: Redemption


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the rail said to a claim."""

    claim: Claim
    answer: RailAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """One call to the rail and where it left the redemption."""

    redemption_id: bytes
    step: OutboxStep
    state: RedemptionState


def process_outbox(engine: Engine, rail: Rail, clock: Clock) -> tuple[StepTaken, ...]:
    """Take every step that is due, one after the other, at most `STEPS_MAX`; return them in order.

    It is safe to call this at any time, from several processes, and again after any crash.

    Raises:
        RailContradictionError: the rail gave two different final answers for one payout. The
            payout keeps its first one; the operator must clear it with the rail.
    """
    taken: list[StepTaken] = []
    while len(taken) < STEPS_MAX:
        with writing(engine) as session:
            claims = claim_due(session, clock.now_s(), 1)
        if not claims:
            break
        answered = [Answered(claim=claim, answer=asked(rail, claim)) for claim in claims]
        with writing(engine) as session:
            entered = enter_answers(session, answered, clock.now_s())
        if entered.contradiction is not None:
            raise entered.contradiction
        taken += entered.taken
    return tuple(taken)


def retry_delay_s(calls: int) -> int:
    """Return how long to wait after the `calls`-th call to the rail gave no final answer.

    The first query follows at once; then the wait doubles from `RETRY_MIN_S` to `RETRY_MAX_S`.
    """
    if calls <= 1:
        return 0
    return min(RETRY_MIN_S << min(calls - 2, _DOUBLINGS_MAX), RETRY_MAX_S)


def claim_due(session: Session, now_s: Seconds, limit: int) -> list[Claim]:
    """Take the tasks that have been due for longest, at most `limit`, for one call each.

    Args:
        session: a writing or claiming session; the caller commits before it calls the rail.
        now_s: protocol time.
        limit: so many calls will be made at once.
    """
    outbox, store = OutboxStore(session), RedemptionStore(session)
    tasks = outbox.due(now_s, limit)
    redemptions = store.find_many([task.redemption_id for task in tasks])
    sent = store.advance_many(
        [
            Step(
                redemption=redemptions[task.redemption_id],
                event=send_event(redemptions[task.redemption_id].state),
            )
            for task in tasks
            if task.step is OutboxStep.PAY
        ],
        now_s,
    )
    redemptions |= {redemption.order.redemption_id: redemption for redemption in sent}
    lease = Seconds(now_s + LEASE_S)
    outbox.plan_many(
        [replace(task, step=OutboxStep.QUERY, due_s=lease, calls=task.calls + 1) for task in tasks]
    )
    return [Claim(task=task, redemption=redemptions[task.redemption_id]) for task in tasks]


def asked(rail: Rail, claim: Claim) -> RailAnswer:
    """Call the rail as the claim's step wants; an error on the way is an UNKNOWN answer."""
    redemption = claim.redemption
    try:
        if claim.task.step is OutboxStep.PAY:
            return rail.pay(redemption.payout)
        return rail.query(redemption.order.payout_id)
    except AssertionError:
        raise  # our own mistake
    except Exception:  # noqa: BLE001 - the payout may have happened, whatever went wrong on the way
        return RailAnswer(status=RailStatus.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What answers have done."""

    taken: tuple[StepTaken, ...]
    contradiction: RailContradictionError | None
    """The first of the rail's contradictions, if there is one; its payout keeps its state."""


def enter_answers(session: Session, answered: Sequence[Answered], now_s: Seconds) -> Entered:
    """Enter what the rail said to claims, each for another redemption.

    Args:
        session: a writing session; the caller commits.
        answered: claims and answers.
        now_s: protocol time.
    """
    by_id = _one_each(answered)
    redemptions = RedemptionStore(session).find_many(list(by_id))
    stored = OutboxStore(session).of(list(by_id))
    entering = _Entering(session, now_s)
    for redemption_id, item in by_id.items():
        task = item.claim.task
        # After its lease another worker may have asked, and sent, since: then "never seen" is old
        # news, and only a final answer still counts.
        is_ours = redemption_id in stored and stored[redemption_id].calls == task.calls + 1
        entering.add(redemptions[redemption_id], item.answer, task if is_ours else None)
    moved = entering.write()
    return Entered(
        taken=tuple(
            StepTaken(
                redemption_id=redemption_id,
                step=item.claim.task.step,
                state=moved.get(redemption_id, redemptions[redemption_id]).state,
            )
            for redemption_id, item in by_id.items()
        ),
        contradiction=entering.contradiction,
    )


def enter_answer(
    session: Session, payout_id: bytes, answer: RailAnswer, now_s: Seconds
) -> RedemptionState:
    """Enter what the rail says of a payout by itself: a notification, or its settlement file.

    Args:
        session: a writing session; the caller commits.
        payout_id: 16 bytes.
        answer: what it says; one that says less than is known changes nothing.
        now_s: protocol time.

    Returns:
        The state of the redemption after it.

    Raises:
        RedemptionUnknownError: nothing was ever paid under this id.
        RailContradictionError: it contradicts the rail's first final answer.
    """
    found = RedemptionStore(session).of_payouts([payout_id])
    if not found:
        raise RedemptionUnknownError(f"no redemption is paid under {payout_id.hex()[:64]}")
    redemption = found[0]
    entering = _Entering(session, now_s)
    entering.add(redemption, answer, None)
    if entering.contradiction is not None:
        raise entering.contradiction
    moved = entering.write()
    return moved.get(redemption.order.redemption_id, redemption).state


def enter_notice(
    session: Session, payout_id: bytes, answer: RailAnswer, now_s: Seconds
) -> RedemptionState:
    """Enter what the rail tells by itself; see `enter_answer`.

    What comes back of a payout with money in suspense is left to its settlement file: the
    difference has to be explained first, or the same money would be given back twice.

    Raises:
        PayoutInSuspenseError: settle the day when its file has come.
        FedcarbonError: see `enter_answer`.
    """
    if answer.status is RailStatus.RETURNED and SuspenseStore(session).knows_payout(payout_id):
        raise PayoutInSuspenseError("money of this payout is or was in suspense: settle the day")
    return enter_answer(session, payout_id, answer, now_s)


class PayoutInSuspenseError(StateError):
    """A payout of which reconciliation found a difference came back: the next file enters it."""

    code: ClassVar[str] = "PAYOUT_IN_SUSPENSE"


class _Entering:
    """Collects what answers do, and writes it with a handful of queries."""

    def __init__(self, session: Session, now_s: Seconds) -> None:
        self._session = session
        self._now_s = now_s
        self._steps: list[Step] = []
        self._transfers: list[Transfer] = []
        self._done: list[bytes] = []
        self._tasks: list[OutboxTask] = []
        self.contradiction: RailContradictionError | None = None

    def add(self, redemption: Redemption, answer: RailAnswer, task: OutboxTask | None) -> None:
        """Decide what `answer` does to `redemption`; `task` is None if nobody waits for it."""
        if answer.amount_fen not in {None, redemption.payout.amount_fen}:
            # What was paid is not what was ordered: people and the settlement file must say.
            logger().error("rail_answer_refused", code=RailAmountDiffersError.code)
            answer = RailAnswer(status=RailStatus.UNKNOWN)
        try:
            if is_stale(redemption.state, answer.status) or redemption.state in _UNSENT:
                return
        except RailContradictionError as error:
            if not self._is_overtaken(redemption, answer):
                self.contradiction = self.contradiction or error
            return
        if task is None and answer.status not in _SAYS_MORE:
            return
        step = Step(
            redemption=redemption,
            event=event_of(redemption.state, answer.status),
            reason=answer.reason,
            # What it was paid under stays: a return has a name of its own in the files.
            rail_reference="" if answer.status is RailStatus.RETURNED else answer.reference,
            value_day=_near(answer.value_day, self._now_s),
        )
        self._steps.append(step)
        state = step.moved().state
        if state in FINAL_STATES:
            self._transfers += _ENDS[state](redemption)
            self._done.append(redemption.order.redemption_id)
        elif task is not None:
            self._tasks.append(_next_task(task, answer.status, self._now_s))

    def _is_overtaken(self, redemption: Redemption, answer: RailAnswer) -> bool:
        """Tell whether "paid" comes after the news that it was paid and came back."""
        history = RedemptionStore(self._session).history(redemption.order.redemption_id)
        returned = history[-1][0] is RedemptionEvent.RAIL_RETURNED
        return returned and answer.status is RailStatus.SETTLED

    def write(self) -> dict[bytes, Redemption]:
        """Write everything; return what moved, by redemption id."""
        session = self._session
        moved = RedemptionStore(session).advance_many(self._steps, self._now_s)
        LedgerStore(session).post_linked(self._transfers, self._now_s)
        outbox = OutboxStore(session)
        outbox.remove_many(self._done)
        outbox.plan_many(self._tasks)
        return {redemption.order.redemption_id: redemption for redemption in moved}


def _one_each(answered: Sequence[Answered]) -> dict[bytes, Answered]:
    """Return one answer per redemption: a final one, if two calls were out for it."""
    found: dict[bytes, Answered] = {}
    for item in answered:
        redemption_id = item.claim.task.redemption_id
        if redemption_id not in found or found[redemption_id].answer.status not in _SAYS_MORE:
            found[redemption_id] = item
    return found


def _near(day: ValueDay | None, now_s: Seconds) -> ValueDay | None:
    """Return the day for which a rail dates a payment, unless no honest rail would.

    A payment that is dated far ahead would be looked for in no file.
    """
    today = value_day(now_s)
    near = day is not None and today - VALUE_DAYS_AHEAD_MAX <= day <= today + VALUE_DAYS_AHEAD_MAX
    return day if near else None


_UNSENT: Final = frozenset({RedemptionState.CREATED, RedemptionState.RESERVED})
"""The rail cannot know of it: what it says is about something else."""

_SAYS_MORE: Final = frozenset({RailStatus.SETTLED, RailStatus.REJECTED, RailStatus.RETURNED})
"""What moves a redemption although nobody had asked."""

_ENDS: Final[Mapping[RedemptionState, Callable[[Redemption], tuple[Transfer, ...]]]] = {
    RedemptionState.SETTLED: posts,
    RedemptionState.REJECTED: voids,
    RedemptionState.REVERSED: reversals,
}


def _next_task(task: OutboxTask, status: RailStatus, now_s: Seconds) -> OutboxTask:
    # Not found is the one answer after which a payout is sent again.
    unseen = status is RailStatus.NOT_FOUND and task.step is OutboxStep.QUERY
    calls = task.calls + 1
    return replace(
        task,
        step=OutboxStep.PAY if unseen else OutboxStep.QUERY,
        due_s=Seconds(now_s + retry_delay_s(calls)),
        calls=calls,
    )
