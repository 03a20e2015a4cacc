"""One payout: what the books have against every line that any file has had of it.

Lines are money that moved, so they are added up over all files up to a day; the same line again,
in the same file or a later one, is the same movement. For each payout then

    kept = settled - returned                 what the wallet has, by the files
    kept - booked = sum of FLOAT-sourced differences - sum of the others

where `booked` is the payout's amount if the books have it settled, and 0 if not. The T+0 answer
only holds until the file has come: a payout without a final answer gets it here, and one that was
settled and has come back whole is returned.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fedcarbon.ledger.account import AccountKind
from fedcarbon.redemption.differences import Difference, Reason
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import (
    REASON_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    RailAnswer,
    RailStatus,
)
from fedcarbon.redemption.rail_day import RailLine
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.value_day import ValueDay, day_text
from fedcarbon.units import Fen, yuan_text

_WAITING = frozenset({RedemptionState.SENT, RedemptionState.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedPayout:
    """What the books have of a payout."""

    payout_id: bytes
    state: RedemptionState
    amount_fen: Fen
    reference: str
    """The rail's own name for it, if it has said one."""
    settled_day: ValueDay | None
    """The value day for which it was booked as settled."""
    reversed_day: ValueDay | None
    """The value day for which it was booked as returned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedLine:
    """A line of a settlement file and the day of the file."""

    day: ValueDay
    line: RailLine

    @property
    def sign(self) -> int:
        """How its amount counts in the float: 0 for a rejection."""
        return {PayoutOutcome.SETTLED: -1, PayoutOutcome.REVERSED: 1}.get(self.line.outcome, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPayout:
    """What is to be said of a payout."""

    differences: tuple[Difference, ...]
    answer: RailAnswer | None
    """What is to be entered in the books first; the differences stand after it."""


def distinct(lines: Iterable[DatedLine]) -> list[DatedLine]:
    """Return each movement once, with the first day that has it, in an order of its own."""
    first: dict[tuple[bytes, str, str, int], DatedLine] = {}
    for dated in sorted(lines, key=lambda item: (item.day, item.line.reason)):
        line = dated.line
        first.setdefault((line.payout_id, line.outcome, line.reference, line.amount_fen), dated)
    return [first[key] for key in sorted(first)]


def judge_payout(
    payout_id: bytes, booked: BookedPayout | None, lines: Iterable[DatedLine], day: ValueDay
) -> JudgedPayout:
    """Return what is to be said of a payout after the file of `day`.

    Args:
        payout_id: which.
        booked: what the books have now; None if they do not know it.
        lines: everything that files up to `day` have of it.
        day: what was booked for later days is not judged.
    """
    case = _Case(payout_id, booked, distinct(lines), day)
    answer = case.answer()
    return JudgedPayout(differences=tuple(case.differences(answer)), answer=answer)


def is_returned(booked: BookedPayout | None, lines: Iterable[DatedLine]) -> bool:
    """Tell whether everything that was paid has come back, by these lines of a payout.

    A return without a payment in any file still says that there was one, of the booked amount.
    """
    paid = back = 0
    for item in lines:
        paid += item.line.amount_fen if item.line.outcome is PayoutOutcome.SETTLED else 0
        back += item.line.amount_fen if item.line.outcome is PayoutOutcome.REVERSED else 0
    assumed = 0 if booked is None else booked.amount_fen
    return back > 0 and back >= (paid or assumed)


class _Case:
    def __init__(
        self, payout_id: bytes, booked: BookedPayout | None, lines: list[DatedLine], day: ValueDay
    ) -> None:
        self.payout_id, self.booked, self.day = payout_id, booked, day
        by_outcome = {
            outcome: [item for item in lines if item.line.outcome is outcome]
            for outcome in PayoutOutcome
        }
        self.settled = by_outcome[PayoutOutcome.SETTLED]
        self.returned = by_outcome[PayoutOutcome.REVERSED]
        self.rejected = by_outcome[PayoutOutcome.REJECTED]
        self.state = None if booked is None else booked.state
        if booked is not None and booked.state is RedemptionState.REVERSED:
            later = booked.reversed_day is not None and booked.reversed_day > day
            self.state = RedemptionState.SETTLED if later else booked.state

    def is_returned(self) -> bool:
        return is_returned(self.booked, [*self.settled, *self.returned])

    def answer(self) -> RailAnswer | None:
        """Return what the file says and the books do not know yet."""
        assert self.booked is None or self.state is not None
        waiting = self.state in _WAITING
        if self.booked is None or not (waiting or self.booked.state is RedemptionState.SETTLED):
            return None
        if self.is_returned():
            # It is back on the day on which the last part is.
            last = max(self.returned, key=lambda item: item.day)
            return _answer(RailStatus.RETURNED, last)
        if waiting and (self.settled or self.returned):
            return _answer(RailStatus.SETTLED, self._main() or self.returned[0])
        if waiting and self.rejected:
            return _answer(RailStatus.REJECTED, self.rejected[0])
        return None

    def differences(self, answer: RailAnswer | None) -> list[Difference]:
        """Return what is different once `answer` is entered."""
        settles = answer is not None and answer.status is RailStatus.SETTLED
        if (self.state is RedemptionState.SETTLED or settles) and not self.is_returned():
            return self._if_settled()
        return self._if_unpaid(comes_back=answer is not None)

    def _if_settled(self) -> list[Difference]:
        booked, main = self._booked(), self._main()
        if main is None and not self.returned:
            return self._if_no_movement(booked)
        found: list[Difference] = []
        lacking = 0 if main is None else booked.amount_fen - main.line.amount_fen
        if main is not None and lacking < 0:
            text = f"the file pays {_yuan(main)}, {yuan_text(booked.amount_fen)} were ordered"
            found.append(self._found(Reason.AMOUNT_HIGHER, AccountKind.FLOAT, main, text, -lacking))
        found += self._paid_twice(main)
        if main is not None and lacking > 0:
            # What a rail pays later under another reference is the rest of it.
            lacking = _taken_back(found, lacking)
        if main is not None and lacking > 0:
            text = f"the file pays {_yuan(main)}, {yuan_text(booked.amount_fen)} were ordered"
            source = AccountKind.PAID_OUT
            found.append(self._found(Reason.AMOUNT_LOWER, source, main, text, lacking))
        return self._less_returned(found, Reason.PARTIAL_RETURN, AccountKind.PAID_OUT)

    def _if_no_movement(self, booked: BookedPayout) -> list[Difference]:
        if self.rejected:
            line = self.rejected[0]
            text = f"the books have it paid; the file of {day_text(line.day)} rejects it"
            amount, source = booked.amount_fen, AccountKind.PAID_OUT
            return [self._found(Reason.REJECTED_AFTER_PAID, source, line, text, amount)]
        if booked.settled_day is None or booked.settled_day > self.day:
            return []
        return [
            Difference(
                reason=Reason.BOOKED_NOT_PAID,
                day=booked.settled_day,
                amount_fen=booked.amount_fen,
                source=AccountKind.PAID_OUT,
                payout_id=self.payout_id,
                reference=booked.reference,
                text=f"no file up to {day_text(self.day)} has it",
            )
        ]

    def _if_unpaid(self, *, comes_back: bool) -> list[Difference]:
        """Return the differences of a payout that the books, in the end, have as not paid."""
        was_paid = comes_back or self.state in {RedemptionState.SETTLED, RedemptionState.REVERSED}
        found: list[Difference] = []
        assumed = 0
        main = self._main()
        if not was_paid:
            text = f"the books have it as {'unknown' if self.state is None else self.state}"
            found += [
                self._found(Reason.PAID_NOT_BOOKED, AccountKind.FLOAT, item, text)
                for item in self.settled
            ]
        elif main is not None:
            text = "the books have it as returned"
            found.append(self._found(Reason.BOOKED_NOT_RETURNED, AccountKind.FLOAT, main, text))
            found += self._paid_twice(main)
        elif self.returned:
            assumed = self._booked().amount_fen
        source = AccountKind.FUNDING
        return self._less_returned(found, Reason.RETURN_ABOVE_PAID, source, assumed=assumed)

    def _paid_twice(self, main: DatedLine | None) -> list[Difference]:
        reference = "" if main is None else main.line.reference
        text = f"it was paid as {reference}"
        return [
            self._found(Reason.PAID_TWICE, AccountKind.FLOAT, item, text)
            for item in self.settled
            if item is not main
        ]

    def _less_returned(
        self, found: list[Difference], reason: Reason, source: AccountKind, *, assumed: int = 0
    ) -> list[Difference]:
        """Return `found` less what came back, and what came back beyond that.

        A return first takes back what should not have been paid: an equal amount, else the latest.
        """
        left = list(found)
        for item in self.returned:
            rest: int = item.line.amount_fen
            taken = min(rest, assumed)
            rest, assumed = rest - taken, assumed - taken
            rest = _taken_back(left, rest)
            if rest:
                text = f"{_yuan(item)} came back"
                left.append(self._found(reason, source, item, text, rest))
        return left

    def _main(self) -> DatedLine | None:
        """Return the payment that the books mean: by reference, else by amount, else the first."""
        booked = self.booked
        if booked is None or not self.settled:
            return None
        return min(
            self.settled,
            key=lambda item: (
                item.line.reference != booked.reference,
                item.line.amount_fen != booked.amount_fen,
                item.day,
                item.line.reference,
                item.line.amount_fen,
            ),
        )

    def _booked(self) -> BookedPayout:
        assert self.booked is not None
        return self.booked

    def _found(
        self,
        reason: Reason,
        source: AccountKind,
        item: DatedLine,
        text: str,
        amount: int | None = None,
    ) -> Difference:
        return Difference(
            reason=reason,
            day=item.day,
            amount_fen=item.line.amount_fen if amount is None else Fen(amount),
            source=source,
            payout_id=self.payout_id,
            reference=item.line.reference,
            text=text,
        )


def _taken_back(left: list[Difference], amount: int) -> int:
    """Take `amount` off what was paid too much, in place, and return what is left of it."""
    over = [one for one in left if one.source is AccountKind.FLOAT]
    over.sort(key=lambda one: (one.amount_fen != amount, -one.day))
    rest = amount
    for one in over:
        taken = min(rest, one.amount_fen)
        rest -= taken
        at = left.index(one)
        if taken == one.amount_fen:
            del left[at]
        elif taken:
            left[at] = replace(one, amount_fen=Fen(one.amount_fen - taken))
    return rest


def _answer(status: RailStatus, item: DatedLine) -> RailAnswer:
    said = item.line.reason or f"{status} by the settlement file of {day_text(item.day)}"
    settled = status is RailStatus.SETTLED
    return RailAnswer(
        status=status,
        reason="" if settled else said[:REASON_LENGTH_MAX],
        reference=item.line.reference[:REFERENCE_LENGTH_MAX],
        value_day=item.day,
    )


def _yuan(item: DatedLine) -> str:
    return yuan_text(item.line.amount_fen)
