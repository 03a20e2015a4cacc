"""Three-way reconciliation of a value day: books, settlement file, float statement.

Everything that a run does follows from its inputs alone; order and repeats change nothing. With
`at rail` for the money that the books expect in the programme's account at the rail,

    at rail = float + payout_in_flight + proceeds + campaign + market_purse
            + suspense that came from PAID_OUT or FUNDING
            = -(funding + sales + paid_out + written_off) - suspense that came from FLOAT     (E1)

    kept = settled - returned, per payout over all files                                      (E2)
    opening + movements = closing                                                             (E3)
    opening = closing of the day before                                                       (E4)
    movements of a payout = lines of the payout, on the day                                   (E5)
    other money in = top-ups, on the day                                                      (E6)
    closing = at rail, by value day, once every difference is in suspense                     (E7)

(E2) brings the books to the file, (E5) and (E6) the file to the entries of the statement, (E3) and
(E4) the entries to its ends. So, where the day before ended with (E7), so does this one, and
FLOAT_DIFFERS says that days were left out or the books were changed behind the reconciliation.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.redemption.differences import (
    STATEMENT_REASONS,
    Difference,
    Explainer,
    Reason,
    SuspenseItem,
    item_id_of,
)
from fedcarbon.redemption.payout_matching import (
    BookedPayout,
    DatedLine,
    distinct,
    is_returned,
    judge_payout,
)
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import RailAnswer, RailStatus
from fedcarbon.redemption.rail_day import RailDay
from fedcarbon.redemption.statement_matching import BookedReceipt, statement_differences
from fedcarbon.redemption.value_day import ValueDay, day_text
from fedcarbon.units import Fen

_OVERTAKEN_SOURCE: Final = {
    AccountKind.FLOAT: AccountKind.FLOAT,
    AccountKind.PAID_OUT: AccountKind.PAID_OUT,
    AccountKind.WRITTEN_OFF: AccountKind.FUNDING,
}
"""Where persons have sent an item to what undoes it, once a file says that they were wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedDay:
    """What the books say of a programme before a day is reconciled."""

    payouts: Sequence[BookedPayout]
    """Those that the day's file, an item or a booking for this day or a later one speaks of."""
    receipts: Sequence[BookedReceipt]
    """What was paid in on the day."""
    earlier_lines: Sequence[DatedLine]
    """What files of earlier days have had of those payouts."""
    items: Sequence[SuspenseItem]
    at_rail_fen: int
    """E1 by the books as they stand, without top-ups, items and releases of later value days."""
    previous_closing_fen: int | None
    """What the statement of the day before ended with; None if that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutAnswer:
    """An answer that the file has and the books do not."""

    payout_id: bytes
    answer: RailAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An open item that this day's file explains; it goes back to where it came from."""

    item: SuspenseItem
    day: ValueDay

    @property
    def text(self) -> str:
        """The reason of its release."""
        return f"explained by file of {day_text(self.day)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFigure:
    """How many lines of an outcome the file has, and over how much."""

    outcome: PayoutOutcome
    lines: int
    amount_fen: Fen
    matched: int
    """Lines of payouts that books and files agree on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What is to be said and done about a day."""

    programme: ProgrammeId
    day: ValueDay
    outcomes: tuple[OutcomeFigure, ...]
    answers: tuple[PayoutAnswer, ...]
    """To be entered after `explained` has been released and before `new` is booked."""
    differences: tuple[Difference, ...]
    """All that stand on this day, also those of earlier days that still stand."""
    new: tuple[SuspenseItem, ...]
    """Items that are to be booked."""
    standing: tuple[SuspenseItem, ...]
    """Items that hold differences of this day already, open or not."""
    explained: tuple[Explained, ...]
    opening_fen: int | None
    """Of the statement; None if the rail gives none."""
    closing_fen: int | None
    at_rail_fen: int
    """E1 by value day, when everything here is booked: equal to `closing_fen`."""


def reconcile(books: BookedDay, rail: RailDay) -> Reconciliation:
    """Return what the files of a day make of the books.

    Args:
        books: before anything of this run is booked.
        rail: the files of the day; they replace earlier ones of the same day.
    """
    run = _Run(books=books, rail=rail)
    run.judge_payouts()
    run.judge_statement()
    run.explain_the_rest()
    run.judge_float()
    return run.result()


@dataclass(slots=True)
class _Run:
    books: BookedDay
    rail: RailDay
    lines: list[DatedLine] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    answers: list[PayoutAnswer] = field(default_factory=list)
    explained: dict[bytes, SuspenseItem] = field(default_factory=dict)
    new: list[SuspenseItem] = field(default_factory=list)
    standing: dict[bytes, SuspenseItem] = field(default_factory=dict)
    wrong: set[bytes] = field(default_factory=set)
    """Payouts with a difference."""
    at_rail_fen: int = 0

    @property
    def day(self) -> ValueDay:
        return self.rail.day

    def judge_payouts(self) -> None:
        """Hold every payout against all files up to the day (E2)."""
        self.at_rail_fen = self.books.at_rail_fen
        dated = [DatedLine(day=self.day, line=line) for line in self.rail.lines]
        self.lines = distinct([*self.books.earlier_lines, *dated])
        by_payout: defaultdict[bytes, list[DatedLine]] = defaultdict(list)
        for item in self.lines:
            by_payout[item.line.payout_id].append(item)
        booked = {item.payout_id: item for item in self.books.payouts}
        for payout_id in sorted(by_payout.keys() | booked.keys()):
            payout = booked.get(payout_id)
            judged = judge_payout(payout_id, payout, by_payout[payout_id], self.day)
            if payout is not None:
                self.at_rail_fen += _booked_later(payout, by_payout[payout_id], self.day)
                if judged.answer is not None:
                    self.answers.append(PayoutAnswer(payout_id=payout_id, answer=judged.answer))
                    self.at_rail_fen += _effect_of_answer(judged.answer, payout)
            for difference in judged.differences:
                self.wrong.add(payout_id)
                self.note(difference)

    def judge_statement(self) -> None:
        """Hold the statement against file, top-ups and the one before it (E3 to E6)."""
        statement = self.rail.statement
        if statement is None:
            return
        found = statement_differences(
            statement,
            self.day,
            self.books.previous_closing_fen,
            [item for item in self.lines if item.day == self.day],
            self.books.receipts,
        )
        for difference in found:
            self.note_or_net(difference)

    def explain_the_rest(self) -> None:
        """Release what does not differ any more; what persons moved meanwhile is a difference."""
        # What undoes a decision comes last: it stands as long as what it undoes.
        items = sorted(
            self.books.items, key=lambda item: item.difference.reason is Reason.DECISION_OVERTAKEN
        )
        decided = [item for item in items if item.explainer is Explainer.PERSONS]
        for item in decided:
            if self.is_gone(item) and item.released_to is not item.source:
                self.note(self.overtaken(item))
        for item in items:
            if item.is_open and self.is_gone(item):
                self.explain(item)

    def is_gone(self, item: SuspenseItem) -> bool:
        """Tell whether an item is of this day's concern and nothing differs by it any more."""
        difference = item.difference
        if item.item_id in self.standing or difference.reason is Reason.FLOAT_DIFFERS:
            return False
        of_statement = difference.reason in STATEMENT_REASONS
        if item.item_id in self.explained:
            return False
        return difference.day == self.day if of_statement else difference.day <= self.day

    def judge_float(self) -> None:
        """Compare the end of the statement with the books (E7)."""
        statement = self.rail.statement
        if statement is None:
            return
        own = [
            item
            for item in self.books.items
            if item.difference.reason is Reason.FLOAT_DIFFERS
            and item.difference.day == self.day
            and _stands(item, self.day)
        ]
        before_fen = self.at_rail_fen - sum(_effect_on(item, self.day) for item in own)
        gap_fen = statement.closing_fen - before_fen
        if gap_fen:
            self.note_or_net(
                Difference(
                    reason=Reason.FLOAT_DIFFERS,
                    day=self.day,
                    amount_fen=Fen(abs(gap_fen)),
                    source=AccountKind.FUNDING if gap_fen > 0 else AccountKind.FLOAT,
                    payout_id=None,
                    reference="",
                    text=f"it closes with {statement.closing_fen} fen, the books have {before_fen}",
                )
            )
        for item in own:
            if item.is_open and item.item_id not in self.standing:
                self.explain(item)

    def note(self, difference: Difference) -> None:
        """Note a difference: it has its item already, or gets one."""
        self.differences.append(difference)
        if difference.source is None:
            return
        same = [item for item in self.books.items if item.difference.key == difference.key]
        last = max(same, key=lambda item: item.occurrence, default=None)
        if last is not None and _stands(last, self.day):
            self.standing[last.item_id] = last
            booked_later = last.difference.day > self.day
        else:
            occurrence = 1 if last is None else last.occurrence + 1
            self.new.append(
                SuspenseItem(
                    item_id=item_id_of(self.rail.programme, difference, occurrence),
                    # Its money counts from the day on which it was found.
                    difference=replace(difference, day=self.day),
                    occurrence=occurrence,
                )
            )
            booked_later = True
        self.at_rail_fen += difference.effect_fen if booked_later else 0

    def note_or_net(self, difference: Difference) -> None:
        """Note a difference of the statement, unless it is the other half of an earlier one.

        What one statement lacks, the next one often has.
        """
        for item in self.books.items:
            other = item.difference
            is_half = (
                other.reason in STATEMENT_REASONS
                and (other.amount_fen, other.payout_id)
                == (difference.amount_fen, difference.payout_id)
                and other.effect_fen == -difference.effect_fen
                and other.day < difference.day
                and item.item_id not in self.explained
            )
            again = item.explainer is Explainer.FILE and item.released_day == self.day
            if is_half and (item.is_open or again):
                self.explain(item)
                return
        self.note(difference)

    def explain(self, item: SuspenseItem) -> None:
        """Have an item go back to where it came from, if it has not gone there before."""
        self.explained[item.item_id] = item
        if item.is_open:
            self.at_rail_fen -= item.difference.effect_fen

    def overtaken(self, item: SuspenseItem) -> Difference:
        """Return the difference that undoes a decision."""
        difference = item.difference
        assert item.released_to is not None
        return Difference(
            reason=Reason.DECISION_OVERTAKEN,
            day=self.day,
            amount_fen=difference.amount_fen,
            source=_OVERTAKEN_SOURCE[item.released_to],
            payout_id=difference.payout_id,
            reference=item.item_id.hex(),
            text=f"{difference.reason} was released to {item.released_to}; the files explain it",
        )

    def result(self) -> Reconciliation:
        statement = self.rail.statement
        return Reconciliation(
            programme=self.rail.programme,
            day=self.day,
            outcomes=_figures([item for item in self.lines if item.day == self.day], self.wrong),
            answers=tuple(self.answers),
            differences=tuple(self.differences),
            new=tuple(self.new),
            standing=tuple(self.standing.values()),
            explained=tuple(
                Explained(item=item, day=self.day)
                for item in self.explained.values()
                if item.is_open
            ),
            opening_fen=None if statement is None else statement.opening_fen,
            closing_fen=None if statement is None else statement.closing_fen,
            at_rail_fen=self.at_rail_fen,
        )


def _stands(item: SuspenseItem, day: ValueDay) -> bool:
    """Tell whether an item holds its difference on `day`: files up to then have not explained it.

    What persons have decided stands; what only a later file explains stood on this day.
    """
    if item.explainer is not Explainer.FILE:
        return True
    return item.released_day is not None and item.released_day > day


def _effect_on(item: SuspenseItem, day: ValueDay) -> int:
    """Return what an item does on `day` to the money that the books expect at the rail."""
    back = item.released_to is item.source and (item.released_day or 0) <= day
    return 0 if back else item.difference.effect_fen


def _booked_later(payout: BookedPayout, lines: list[DatedLine], day: ValueDay) -> int:
    """Return what undoes the bookings of a payout that belong to a later value day."""
    effect_fen = 0
    moved = any(item.sign for item in lines)
    if payout.settled_day is not None and payout.settled_day > day and not moved:
        effect_fen += payout.amount_fen
    later = payout.reversed_day is not None and payout.reversed_day > day
    if later and not is_returned(payout, lines):
        effect_fen -= payout.amount_fen
    return effect_fen


def _effect_of_answer(answer: RailAnswer, payout: BookedPayout) -> int:
    """Return what entering an answer does to the money that the books expect at the rail."""
    if answer.status is RailStatus.SETTLED:
        return -payout.amount_fen
    was_settled = payout.settled_day is not None
    return payout.amount_fen if answer.status is RailStatus.RETURNED and was_settled else 0


def _figures(lines: Iterable[DatedLine], wrong: set[bytes]) -> tuple[OutcomeFigure, ...]:
    count: Counter[PayoutOutcome] = Counter()
    matched: Counter[PayoutOutcome] = Counter()
    amount: Counter[PayoutOutcome] = Counter()
    for item in lines:
        outcome = item.line.outcome
        count[outcome] += 1
        amount[outcome] += item.line.amount_fen
        matched[outcome] += item.line.payout_id not in wrong
    return tuple(
        OutcomeFigure(
            outcome=outcome,
            lines=count[outcome],
            amount_fen=Fen(amount[outcome]),
            matched=matched[outcome],
        )
        for outcome in PayoutOutcome
    )
