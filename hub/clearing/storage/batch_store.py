"""Closed ledger days in the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, insert
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from fedcarbon.ledger.batch import LedgerDay
from fedcarbon.units import Seconds
from hub.clearing.storage.ledger_rows import CloseRequestRow, LedgerBatchRow, TransferIdRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedDay:
    """A ledger day whose batch has been handed out; it never changes again."""

    day: LedgerDay
    first_sequence: int
    transfer_count: int
    previous_batch: bytes
    batch_hash: bytes

    @property
    def last_sequence(self) -> int:
        """Number of the last transfer of this day and all before it."""
        return self.first_sequence + self.transfer_count - 1


class BatchStore:
    """The chain of closed days, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def find(self, day: LedgerDay) -> ClosedDay | None:
        """Return the closed `day`, if it is closed."""
        return self._first(select(LedgerBatchRow).where(LedgerBatchRow.day == day))

    def last(self) -> ClosedDay | None:
        """Return the day that was closed last, if there is one."""
        return self._first(select(LedgerBatchRow).order_by(col(LedgerBatchRow.day).desc()).limit(1))

    def add(self, closed: ClosedDay) -> None:
        """Close a day."""
        self._session.exec(
            insert(LedgerBatchRow).values(
                day=closed.day,
                first_sequence=closed.first_sequence,
                transfer_count=closed.transfer_count,
                previous_batch=closed.previous_batch,
                batch_hash=closed.batch_hash,
            )
        )

    def first_open_day(self, first_sequence: int) -> LedgerDay | None:
        """Return the day of the oldest transfer from `first_sequence` on, if there is one."""
        day = self._session.exec(
            select(TransferIdRow.ledger_day)
            .where(TransferIdRow.sequence >= first_sequence)
            .order_by(col(TransferIdRow.sequence))
            .limit(1)
        ).first()
        return None if day is None else LedgerDay(day)

    def last_sequence(self) -> int:
        """Return the number of the last transfer that any day holds, 0 if there is none."""
        return self._session.exec(select(func.max(TransferIdRow.sequence))).one() or 0

    def request(self, through_sequence: int, now_s: Seconds) -> None:
        """Write down that everything up to a transfer is wanted in a closed day; once is enough."""
        known = self._session.exec(
            select(CloseRequestRow).where(CloseRequestRow.through_sequence == through_sequence)
        ).first()
        if known is None:
            self._session.exec(
                insert(CloseRequestRow).values(through_sequence=through_sequence, recorded_s=now_s)
            )

    def requested_sequence(self) -> int:
        """Return up to which transfer closed days are wanted, 0 if nobody asked."""
        return self._session.exec(select(func.max(CloseRequestRow.through_sequence))).one() or 0

    def _first(self, query: SelectOfScalar[LedgerBatchRow]) -> ClosedDay | None:
        row = self._session.exec(query).first()
        if row is None:
            return None
        return ClosedDay(
            day=LedgerDay(row.day),
            first_sequence=row.first_sequence,
            transfer_count=row.transfer_count,
            previous_batch=row.previous_batch,
            batch_hash=row.batch_hash,
        )
