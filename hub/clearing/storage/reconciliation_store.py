"""What reconciliation reads and writes in the database, besides suspense and the ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import insert, or_
from sqlmodel import Session, col, select

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.unit import FEN
from fedcarbon.redemption.payout_matching import BookedPayout, DatedLine
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail_day import RailLine
from fedcarbon.redemption.states import RedemptionEvent, RedemptionState
from fedcarbon.redemption.value_day import VALUE_DAYS_AHEAD_MAX, ValueDay, first_second, value_day
from fedcarbon.units import Fen, Seconds
from hub.clearing.storage.ledger_rows import TransferRow
from hub.clearing.storage.reconciliation_rows import RailLineRow, ReconciliationRow
from hub.clearing.storage.redemption_rows import RedemptionEventRow, RedemptionRow

T = TypeVar("T")

_AT_ONCE: Final = 500
"""Ids in one query."""
_BOOKINGS: Final = (RedemptionEvent.RAIL_SETTLED.value, RedemptionEvent.REVERSE.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run over a day."""

    day: ValueDay
    number: int
    """From 1, per programme and day."""
    files_hash: bytes
    report_hash: bytes
    opening_fen: int | None
    closing_fen: int | None
    differences: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Money that came into a programme's books from outside."""

    transfer_id: bytes
    source: AccountKind
    amount_fen: Fen
    day: ValueDay


class ReconciliationStore:
    """Runs, lines of files and bookings by value day, in the session's transaction."""

    def __init__(self, session: Session, programme: ProgrammeId) -> None:
        """Work in `session`; its owner commits."""
        self._session = session
        self._programme = programme

    def last_run(self, day: ValueDay) -> Run | None:
        """Return the run over `day` that counts, if there was one."""
        row = self._session.exec(
            select(ReconciliationRow)
            .where(ReconciliationRow.programme_id == self._programme, ReconciliationRow.day == day)
            .order_by(col(ReconciliationRow.run).desc())
            .limit(1)
        ).first()
        return None if row is None else _run(row)

    def add_run(self, run: Run, now_s: Seconds) -> None:
        """Write a run."""
        self._session.execute(
            insert(ReconciliationRow).values(
                programme_id=self._programme,
                day=run.day,
                run=run.number,
                files_hash=run.files_hash,
                report_hash=run.report_hash,
                opening_fen=run.opening_fen,
                closing_fen=run.closing_fen,
                differences=run.differences,
                recorded_s=now_s,
            )
        )

    def add_lines(self, day: ValueDay, files_hash: bytes, lines: Sequence[RailLine]) -> None:
        """Write the lines of a version of a day's file; nothing if they are there."""
        known = self._session.exec(
            select(RailLineRow.number)
            .where(
                RailLineRow.programme_id == self._programme,
                RailLineRow.day == day,
                RailLineRow.files_hash == files_hash,
            )
            .limit(1)
        ).first()
        if known is not None or not lines:
            return
        self._session.execute(
            insert(RailLineRow),
            [
                {
                    "programme_id": self._programme,
                    "day": day,
                    "files_hash": files_hash,
                    "number": number,
                    "payout_id": line.payout_id,
                    "amount_fen": line.amount_fen,
                    "outcome": line.outcome.value,
                    "reference": line.reference,
                    "reason": line.reason,
                }
                for number, line in enumerate(lines, start=1)
            ],
        )

    def lines_before(self, day: ValueDay, payout_ids: Collection[bytes]) -> list[DatedLine]:
        """Return what files of earlier days, in the versions that count, have of payouts."""
        rows = [
            row
            for some in _parts(payout_ids)
            for row in self._session.exec(
                select(RailLineRow).where(
                    RailLineRow.programme_id == self._programme,
                    RailLineRow.day < day,
                    col(RailLineRow.payout_id).in_(some),
                )
            )
        ]
        counting: dict[ValueDay, bytes] = {}
        for found in {ValueDay(row.day) for row in rows}:
            run = self.last_run(found)
            counting[found] = b"" if run is None else run.files_hash
        return [
            DatedLine(
                day=ValueDay(row.day),
                line=RailLine(
                    payout_id=row.payout_id,
                    amount_fen=Fen(row.amount_fen),
                    outcome=PayoutOutcome(row.outcome),
                    reference=row.reference,
                    reason=row.reason,
                ),
            )
            for row in rows
            if counting[ValueDay(row.day)] == row.files_hash
        ]

    def booked_since(self, day: ValueDay) -> set[bytes]:
        """Return the payouts with a payment or return that is booked for `day` or a later one."""
        return set(
            self._session.exec(
                select(RedemptionRow.payout_id)
                .join(
                    RedemptionEventRow,
                    col(RedemptionEventRow.redemption_id) == RedemptionRow.redemption_id,
                )
                .where(
                    RedemptionRow.programme_id == self._programme,
                    col(RedemptionEventRow.event).in_(_BOOKINGS),
                    # The index finds these; the rest of the condition is for few of them.
                    col(RedemptionEventRow.recorded_s)
                    >= first_second(ValueDay(day - VALUE_DAYS_AHEAD_MAX)),
                    or_(
                        col(RedemptionEventRow.recorded_s) >= first_second(day),
                        col(RedemptionEventRow.value_day) >= day,
                    ),
                )
            )
        )

    def payouts(self, payout_ids: Collection[bytes]) -> list[BookedPayout]:
        """Return what the books have of payouts; those that they do not know are left out."""
        found: list[BookedPayout] = []
        for some in _parts(payout_ids):
            rows = self._session.exec(
                select(RedemptionRow)
                .where(
                    RedemptionRow.programme_id == self._programme,
                    col(RedemptionRow.payout_id).in_(some),
                )
                .execution_options(populate_existing=True)
            ).all()
            days = self._days_of([row.redemption_id for row in rows])
            for row in rows:
                booked = days.get(row.redemption_id, {})
                found.append(
                    BookedPayout(
                        payout_id=row.payout_id,
                        state=RedemptionState(row.state),
                        amount_fen=Fen(row.amount_fen),
                        reference=row.rail_reference,
                        settled_day=booked.get(RedemptionEvent.RAIL_SETTLED.value),
                        reversed_day=booked.get(RedemptionEvent.REVERSE.value),
                    )
                )
        return found

    def _days_of(self, redemption_ids: Sequence[bytes]) -> dict[bytes, dict[str, ValueDay]]:
        """Return for what value days payments and returns were booked, by redemption."""
        days: dict[bytes, dict[str, ValueDay]] = {}
        rows = self._session.exec(
            select(
                RedemptionEventRow.redemption_id,
                RedemptionEventRow.event,
                RedemptionEventRow.recorded_s,
                col(RedemptionEventRow.value_day),
            ).where(
                col(RedemptionEventRow.redemption_id).in_(redemption_ids),
                col(RedemptionEventRow.event).in_(_BOOKINGS),
            )
        )
        for redemption_id, event, recorded_s, said in rows:
            # The rail says for what day it books; if it does not, it is the day of its answer.
            day = value_day(Seconds(recorded_s)) if said is None else ValueDay(said)
            days.setdefault(redemption_id, {})[event] = day
        return days

    def receipts_since(self, day: ValueDay) -> list[Receipt]:
        """Return what came into the programme's books from outside on `day` or later."""
        sources = {
            programme_account(kind, self._programme).name: kind
            for kind in (AccountKind.FUNDING, AccountKind.SALES)
        }
        suspense = programme_account(AccountKind.SUSPENSE, self._programme).name
        rows = self._session.exec(
            select(
                TransferRow.transfer_id,
                TransferRow.debit,
                TransferRow.amount,
                TransferRow.recorded_s,
            ).where(
                col(TransferRow.debit).in_(sources),
                TransferRow.unit == FEN.text,
                TransferRow.credit != suspense,
                TransferRow.recorded_s >= first_second(day),
            )
        )
        return [
            Receipt(
                transfer_id=transfer_id,
                source=sources[debit],
                amount_fen=Fen(amount),
                day=value_day(Seconds(recorded_s)),
            )
            for transfer_id, debit, amount, recorded_s in rows
        ]


def _run(row: ReconciliationRow) -> Run:
    return Run(
        day=ValueDay(row.day),
        number=row.run,
        files_hash=row.files_hash,
        report_hash=row.report_hash,
        opening_fen=row.opening_fen,
        closing_fen=row.closing_fen,
        differences=row.differences,
    )


def _parts(items: Iterable[T]) -> Iterator[list[T]]:
    known = list(items)
    for start in range(0, len(known), _AT_ONCE):
        yield known[start : start + _AT_ONCE]
