"""A ledger day as a batch: its transfers as the bytes that `hub.clearing.closing` logs."""

from __future__ import annotations

from dataclasses import replace

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.ledger.batch import CHAIN_START, LedgerBatch, LedgerDay, batch_hash, line_of
from fedcarbon.ledger.errors import LedgerCorruptedError, LedgerDayOutOfOrderError
from hub.clearing.storage.batch_store import BatchStore, ClosedDay
from hub.clearing.storage.ledger_store import LedgerStore


def daily_batch(session: Session, parameter_id: bytes, day: LedgerDay) -> bytes:
    """Close `day` and return its batch; the same bytes again if it was closed before.

    A day may be closed while it lasts: what comes later is booked on the next day. A day that is
    over lasts until it is closed.

    Args:
        session: a writing session; the caller commits, together with the leaf it logs.
        parameter_id: 32 bytes, bound by the batch.
        day: a UTC day.

    Returns:
        Canonical bytes of a `LedgerBatch`.

    Raises:
        LedgerDayOutOfOrderError: an earlier day with transfers is open, or a later one is closed.
        LedgerCorruptedError: the day was closed with other transfers than are stored now.
    """
    batches = BatchStore(session)
    closed = batches.find(day)
    if closed is not None:
        data = _encoded(session, parameter_id, closed)
        if batch_hash(data) != closed.batch_hash:
            raise LedgerCorruptedError(
                f"ledger day {day} was closed with other transfers; "
                "the operator must stop and investigate"
            )
        return data
    last = batches.last()
    if last is not None and last.day > day:
        raise LedgerDayOutOfOrderError(f"ledger day {last.day} is closed, so {day} cannot be")
    first_sequence = 1 if last is None else last.last_sequence + 1
    oldest_open = batches.first_open_day(first_sequence)
    if oldest_open is not None and oldest_open < day:
        raise LedgerDayOutOfOrderError(f"ledger day {oldest_open} must be closed before {day}")
    closing = ClosedDay(
        day=day,
        first_sequence=first_sequence,
        transfer_count=len(LedgerStore(session).transfers_of_day(day)),
        previous_batch=CHAIN_START if last is None else last.batch_hash,
        batch_hash=b"",
    )
    data = _encoded(session, parameter_id, closing)
    batches.add(replace(closing, batch_hash=batch_hash(data)))
    return data


def _encoded(session: Session, parameter_id: bytes, closed: ClosedDay) -> bytes:
    recorded = LedgerStore(session).transfers_of_day(closed.day)
    return statements.encode(
        LedgerBatch(
            parameter_id=parameter_id,
            day=closed.day,
            previous_batch=closed.previous_batch,
            first_sequence=closed.first_sequence,
            lines=tuple(line_of(item.transfer, item.recorded_s) for item in recorded),
        )
    )
