"""The desk of the person who reconciles: books, a rail that is told what to do, and the acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func
from sqlmodel import select

from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.unit import FEN
from fedcarbon.redemption.differences import Reason
from fedcarbon.redemption.rail import RailStatus
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.units import SECONDS_PER_DAY
from hub.clearing.reconciling import ReconciledDay, reconcile_day
from hub.clearing.storage.ledger_store import LedgerStore
from hub.clearing.storage.reconciliation_rows import (
    RailLineRow,
    ReconciliationRow,
    SuspenseDecisionRow,
    SuspenseItemRow,
)
from hub.storage.engine import reading, writing
from tests.hub.clearing.told_rail import ToldRail

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

GRAM: Final = 1_000_000
FLOAT_FEN: Final = 100_000


class Desk:
    """Books, a rail that is told what to do, and the acts of the person who reconciles."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.rail = ToldRail(programme=books.programme, clock=books.clock)
        self.number = 0
        for holder in (1, 2, 3):
            books.credit(holder, 1_000_000 * GRAM)
        self.top_up(FLOAT_FEN)

    @property
    def today(self) -> ValueDay:
        return self.rail.today

    def top_up(self, amount_fen: int) -> None:
        self.number += 1
        self.books.top_up(amount_fen, self.number)
        self.rail.move(amount_fen, f"in-{self.number}")

    def redeem(
        self, fen: int = 100, status: RailStatus = RailStatus.SETTLED, *, silent: bool = False
    ) -> bytes:
        """Redeem, have the rail asked once, and return the payout id."""
        self.number += 1
        order = self.books.order(self.number, holder=1 + self.number % 3, units=fen)
        self.rail.answers[order.payout_id] = status
        if silent:
            self.rail.silent.add(order.payout_id)
        self.books.redeem(order)
        self.books.run(self.rail)
        return order.payout_id

    def state(self) -> RedemptionState:
        return self.books.state(self.number)

    def next_day(self) -> None:
        self.books.wait(SECONDS_PER_DAY)

    def settle(self, day: ValueDay | None = None) -> ReconciledDay:
        """Reconcile a day, today if none is said, and check what must always hold."""
        day = self.today if day is None else day
        files = self.rail.of_day(self.books.programme, day)
        assert files is not None
        with writing(self.books.engine) as session:
            result = reconcile_day(session, self.books.programme, files, self.books.clock.now_s())
        self.books.totals()
        report = result.report
        if not any(line.item_id is None for line in report.lines):
            assert report.at_rail_fen == report.closing_fen, "E7"
        return result

    def held(self, kind: AccountKind) -> int:
        with reading(self.books.engine) as session:
            account = programme_account(kind, self.books.programme)
            return LedgerStore(session).balance(account, FEN)

    def rows(self) -> tuple[int, ...]:
        with reading(self.books.engine) as session:
            tables = (RailLineRow, ReconciliationRow, SuspenseItemRow, SuspenseDecisionRow)
            return tuple(
                session.exec(select(func.count()).select_from(table)).one() for table in tables
            )


def reasons(result: ReconciledDay) -> list[Reason]:
    """Return the reasons in a report, in its order."""
    return [line.difference.reason for line in result.report.lines]
