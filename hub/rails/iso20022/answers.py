"""What all files of a bank together say: a state that no order and no repetition changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import (
    Payout,
    RailAmountDiffersError,
    RailAnswer,
    RailContradictionError,
    RailStatus,
)
from fedcarbon.redemption.rail_day import FloatStatement, RailLine
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.units import Fen
from hub.rails.iso20022.bank_file import AccountDay, PayoutReport

_OUTCOMES: Final = {
    RailStatus.SETTLED: PayoutOutcome.SETTLED,
    RailStatus.REJECTED: PayoutOutcome.REJECTED,
    RailStatus.RETURNED: PayoutOutcome.REVERSED,
}


class BankAnswers:
    """Reports and statements, collected."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._reports: defaultdict[bytes, set[PayoutReport]] = defaultdict(set)
        self._by_day: defaultdict[ValueDay, set[PayoutReport]] = defaultdict(set)
        self._statements: defaultdict[tuple[str, ValueDay], set[FloatStatement]] = defaultdict(set)

    def add(self, reports: Iterable[PayoutReport], statements: Iterable[AccountDay]) -> None:
        """Add what a file says; what was said before changes nothing."""
        for report in reports:
            self._reports[report.payout_id].add(report)
            self._by_day[report.day].add(report)
        for item in statements:
            self._statements[item.account, item.day].add(item.statement)

    def answer(self, payout: Payout, account: str | None) -> RailAnswer:
        """Return what became of a payout that was taken in.

        Args:
            payout: which.
            account: of its programme. What is booked on another one says nothing of the payout:
                it is a difference of that other programme's day.

        Raises:
            RailContradictionError: files say that it was rejected and that it was paid, or that
                more came back than was paid.
            RailAmountDiffersError: another amount was booked.
        """
        said = self._reports.get(payout.payout_id, ())
        reports = sorted((item for item in said if item.account in {"", account}), key=_rank)
        by_status = {status: _of(reports, status) for status in _OUTCOMES}
        settled, rejected = by_status[RailStatus.SETTLED], by_status[RailStatus.REJECTED]
        returned = by_status[RailStatus.RETURNED]
        if rejected and (settled or returned):
            raise RailContradictionError("files say of a payout that it was rejected and paid")
        for report in settled:
            if report.amount_fen not in {None, payout.amount_fen}:
                raise RailAmountDiffersError("the bank has booked a payout with another amount")
        came_back = _came_back_fen(returned)
        if came_back > payout.amount_fen:
            raise RailContradictionError("more came back of a payout than was paid")
        if came_back == payout.amount_fen:
            return _answer(returned[0])
        # What came back in part stays settled here: the movement is reconciliation's.
        final = settled or rejected
        return _answer(final[0]) if final else RailAnswer(status=RailStatus.ACCEPTED)

    def reports_of(self, day: ValueDay) -> list[PayoutReport]:
        """Return everything that files say of one value day."""
        return sorted(self._by_day.get(day, ()), key=_rank)

    def statement(self, account: str, day: ValueDay) -> FloatStatement | None:
        """Return the statement of an account and day.

        Raises:
            RailContradictionError: there are two, and they differ.
        """
        found = self._statements.get((account, day), set())
        if len(found) > 1:
            raise RailContradictionError("the bank has sent two different statements of one day")
        return next(iter(found), None)


def lines(reports: Iterable[PayoutReport], amounts_fen: dict[bytes, int]) -> tuple[RailLine, ...]:
    """Return reports of one day as the lines of a settlement file.

    An entry of the account stands before a status that says the same. A return that is announced
    (pacs.004) and booked (camt.054) is one line.

    Args:
        reports: of one programme and day, final or not.
        amounts_fen: what was told to be paid, for reports that name no amount.

    Raises:
        RailContradictionError: two files give one movement two amounts.
    """
    found: dict[tuple[bytes, PayoutOutcome, str], RailLine] = {}
    final = [report for report in reports if report.status in _OUTCOMES]
    booked_returns = {
        report.payout_id
        for report in final
        if report.status is RailStatus.RETURNED and report.account
    }
    for report in final:
        announced = report.status is RailStatus.RETURNED and not report.account
        if announced and report.payout_id in booked_returns:
            continue
        amount_fen = report.amount_fen or amounts_fen.get(report.payout_id)
        if amount_fen is None:
            continue
        key = (report.payout_id, _OUTCOMES[report.status], report.reference)
        if key in found and report.amount_fen not in {None, found[key].amount_fen}:
            raise RailContradictionError("two files give one movement two amounts")
        found.setdefault(
            key,
            RailLine(
                payout_id=report.payout_id,
                amount_fen=Fen(amount_fen),
                outcome=_OUTCOMES[report.status],
                reference=report.reference,
                reason=report.reason,
            ),
        )
    return tuple(found.values())


def _came_back_fen(returned: list[PayoutReport]) -> int:
    announced = {item.reference: item.amount_fen or 0 for item in returned if not item.account}
    booked = {item.reference: item.amount_fen or 0 for item in returned if item.account}
    return max(sum(announced.values()), sum(booked.values()))


def _of(reports: list[PayoutReport], status: RailStatus) -> list[PayoutReport]:
    return [report for report in reports if report.status is status]


def _rank(report: PayoutReport) -> tuple[bool, ValueDay, str, str, int, bytes]:
    """Order reports so that every reader takes the same one first: what is booked, then by day."""
    return (
        not report.account,
        report.day,
        report.reference,
        report.reason,
        report.amount_fen or 0,
        report.payout_id,
    )


def _answer(report: PayoutReport) -> RailAnswer:
    return RailAnswer(
        status=report.status,
        reason=report.reason,
        reference=report.reference,
        value_day=report.day,
    )
