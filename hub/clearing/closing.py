"""Use cases of closing the books: a ledger day becomes two leaves of the record.

The ledger batch, the payout batch beside it and the closed day are one transaction, so that a crash
leaves either all of them or none. A day is closed when it is over by protocol time, or while it
lasts if its operator has asked for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.ledger.batch import LedgerBatch, LedgerDay, ledger_day
from fedcarbon.units import Seconds
from hub.clearing.batches import daily_batch
from hub.clearing.payout_batches import payout_batch
from hub.clearing.storage.batch_store import BatchStore, ClosedDay
from hub.context import Hub


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDay:
    """A ledger day that is in the record."""

    day: LedgerDay
    transfers: int
    payouts: int
    batch_leaf: int
    """Index of the ledger batch; the payout batch is the leaf after it."""


class CloseOutcome(StrEnum):
    """What came of the wish to close the running day."""

    REQUESTED = "requested"
    """The hub closes it at its next look, because of this request."""
    AWAITED = "awaited"
    """Another request is waiting for the hub already; this one changed nothing."""
    CLOSED_BEFORE = "closed_before"
    """The day was closed before; what was booked since belongs to the next one."""
    NOTHING_BOOKED = "nothing_booked"
    """Nothing was booked since the last day was closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseRequest:
    """The answer to the wish to close the running day."""

    outcome: CloseOutcome
    day: LedgerDay
    """The day in question: the open one, else the one that was closed last, else today's."""
    through_sequence: int
    """The last transfer that is, or is to be, in a closed day; 0 if there is none."""


def request_close(session: Session, now_s: Seconds) -> CloseRequest:
    """Ask that the running day is closed; the running hub does it at its next look.

    A day is closed once. If today's was closed before, what was booked since waits for its own day
    to end: the answer says so and nothing changes. Two requests at once make one closing.

    Args:
        session: a writing session; the caller commits.
        now_s: protocol time.
    """
    batches = BatchStore(session)
    last, through = batches.last(), batches.last_sequence()
    closed = 0 if last is None else last.last_sequence
    if last is not None and last.day >= ledger_day(now_s):
        outcome, day, through = CloseOutcome.CLOSED_BEFORE, last.day, closed
    elif through == closed:
        outcome = CloseOutcome.NOTHING_BOOKED
        day = ledger_day(now_s) if last is None else last.day
    else:
        awaited = batches.requested_sequence() > closed
        outcome = CloseOutcome.AWAITED if awaited else CloseOutcome.REQUESTED
        day = batches.first_open_day(closed + 1) or ledger_day(now_s)
        if not awaited:
            batches.request(through, now_s)
    return CloseRequest(outcome=outcome, day=day, through_sequence=through)


def closed_day(session: Session, day: LedgerDay) -> ClosedDay | None:
    """Return the closed day, None while it is open."""
    return BatchStore(session).find(day)


def closed_sequence(session: Session) -> int:
    """Return the number of the last transfer in a closed day, 0 if there is none."""
    last = BatchStore(session).last()
    return 0 if last is None else last.last_sequence


def due_day(session: Session, now_s: Seconds) -> LedgerDay | None:
    """Return the open day if it is to be closed at `now_s`; a day without transfers is none."""
    batches = BatchStore(session)
    closed = closed_sequence(session)
    day = batches.first_open_day(closed + 1)
    if day is None:
        return None
    is_over = day < ledger_day(now_s)
    return day if is_over or batches.requested_sequence() > closed else None


def close_due_day(session: Session, hub: Hub) -> LoggedDay | None:
    """Close and log the open day if it is due.

    Args:
        session: a writing session.
        hub: where to.

    Returns:
        What was logged, or None if nothing was due.

    Raises:
        HubNotAdmittedError: nobody would believe the hub's signature.
        LedgerCorruptedError: see `daily_batch`.
    """
    day = due_day(session, hub.clock.now_s())
    if day is None:
        return None
    data = daily_batch(session, hub.parameters.parameter_id, day)
    batch = statements.decode(LedgerBatch, data)
    payouts = payout_batch(session, batch)
    logged = hub.record.append_own(session, batch)
    hub.record.append_own(session, payouts)
    return LoggedDay(
        day=day,
        transfers=len(batch.lines),
        payouts=len(payouts.lines),
        batch_leaf=logged.index,
    )
