"""Days of a programme at a rail, made of stories about one payout each.

A story says what the books have, what the rail's file and statement have, and which differences
there must be. A day is any list of stories; the reference answer is the sum of theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.redemption.differences import Reason
from fedcarbon.redemption.payout_matching import BookedPayout
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import RailStatus
from fedcarbon.redemption.rail_day import FloatMovement, FloatStatement, RailDay, RailLine
from fedcarbon.redemption.reconciliation import BookedDay
from fedcarbon.redemption.statement_matching import BookedReceipt
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.units import Fen

PROGRAMME: Final = ProgrammeId("ecny-shanghai")
DAY: Final = ValueDay(20_544)
OPENING: Final = 1_000_000

Wanted = tuple[Reason, int, AccountKind | None]
"""Reason, amount and source of a difference."""


@dataclass(slots=True)
class DrawnDay:
    """A day that stories write."""

    payouts: list[BookedPayout] = field(default_factory=list)
    lines: list[RailLine] = field(default_factory=list)
    movements: list[FloatMovement] = field(default_factory=list)
    receipts: list[BookedReceipt] = field(default_factory=list)
    booked_fen: int = 0
    """What the books have moved at the rail on this day, before the file came."""
    slip_fen: int = 0
    """By how much the statement's end is wrong."""
    jump_fen: int = 0
    """By how much its beginning is wrong."""
    wanted: list[Wanted] = field(default_factory=list)
    answers: dict[bytes, RailStatus] = field(default_factory=dict)
    stories: int = 0

    def next_id(self) -> bytes:
        self.stories += 1
        return self.stories.to_bytes(16, "big")

    def book(
        self,
        payout_id: bytes,
        state: RedemptionState,
        amount_fen: int,
        settled: int | None = DAY,
        reversed_: int | None = None,
    ) -> None:
        paid = state in {RedemptionState.SETTLED, RedemptionState.REVERSED}
        if paid and settled is not None:
            self.booked_fen -= amount_fen
        if state is RedemptionState.REVERSED:
            self.booked_fen += amount_fen
        self.payouts.append(
            BookedPayout(
                payout_id=payout_id,
                state=state,
                amount_fen=Fen(amount_fen),
                reference=f"ref-{payout_id.hex()[-4:]}",
                settled_day=ValueDay(settled) if paid and settled is not None else None,
                reversed_day=None if reversed_ is None else ValueDay(reversed_),
            )
        )

    def file(
        self,
        payout_id: bytes,
        amount_fen: int,
        outcome: PayoutOutcome = PayoutOutcome.SETTLED,
        suffix: str = "",
        *,
        moves: bool = True,
    ) -> None:
        reference = f"ref-{payout_id.hex()[-4:]}{suffix}"
        self.lines.append(
            RailLine(
                payout_id=payout_id,
                amount_fen=Fen(amount_fen),
                outcome=outcome,
                reference=reference,
                reason="" if outcome is PayoutOutcome.SETTLED else "the wallet is closed",
            )
        )
        sign = {PayoutOutcome.SETTLED: -1, PayoutOutcome.REVERSED: 1}.get(outcome, 0)
        if sign and moves:
            self.move(sign * amount_fen, f"m-{reference}-{outcome}", payout_id)

    def move(self, amount_fen: int, reference: str, payout_id: bytes | None = None) -> None:
        self.movements.append(
            FloatMovement(
                reference=reference, amount_fen=amount_fen, payout_id=payout_id, text="entry"
            )
        )

    def want(self, reason: Reason, amount_fen: int, source: AccountKind | None) -> None:
        self.wanted.append((reason, amount_fen, source))

    def statement(self) -> FloatStatement:
        opening_fen = OPENING + self.jump_fen
        moved_fen = sum(item.amount_fen for item in self.movements)
        return FloatStatement(
            opening_fen=opening_fen,
            closing_fen=opening_fen + moved_fen + self.slip_fen,
            movements=tuple(self.movements),
        )

    def rail(self) -> RailDay:
        return RailDay(
            programme=PROGRAMME, day=DAY, lines=tuple(self.lines), statement=self.statement()
        )

    def books(self) -> BookedDay:
        return BookedDay(
            payouts=self.payouts,
            receipts=self.receipts,
            earlier_lines=[],
            items=[],
            at_rail_fen=OPENING + self.booked_fen,
            previous_closing_fen=OPENING,
        )


Story = Callable[[DrawnDay, int], None]
"""Writes what happens to one payout of an amount of at least 10 fen."""

SETTLED, REJECTED = RedemptionState.SETTLED, RedemptionState.REJECTED
FLOAT, PAID_OUT, FUNDING = AccountKind.FLOAT, AccountKind.PAID_OUT, AccountKind.FUNDING


def _paid(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, SETTLED, fen)
    day.file(one, fen)


def _rejected(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, REJECTED, fen)
    day.file(one, fen, PayoutOutcome.REJECTED)


def _sent_and_settled(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, RedemptionState.SENT, fen)
    day.file(one, fen)
    day.answers[one] = RailStatus.SETTLED


def _unknown_and_rejected(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, RedemptionState.UNKNOWN, fen)
    day.file(one, fen, PayoutOutcome.REJECTED)
    day.answers[one] = RailStatus.REJECTED


def _settled_and_returned(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, SETTLED, fen)
    day.file(one, fen)
    day.file(one, fen, PayoutOutcome.REVERSED, "-back")
    day.answers[one] = RailStatus.RETURNED


def _sent_and_returned(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, RedemptionState.SENT, fen)
    day.file(one, fen, PayoutOutcome.REVERSED, "-back")
    day.file(one, fen)
    day.answers[one] = RailStatus.RETURNED


def _waiting(day: DrawnDay, fen: int) -> None:
    day.book(day.next_id(), RedemptionState.SENT, fen)


def _returned_as_booked(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, RedemptionState.REVERSED, fen, reversed_=DAY)
    day.file(one, fen)
    day.file(one, fen, PayoutOutcome.REVERSED, "-back")


def _topped_up(day: DrawnDay, fen: int) -> None:
    mark = day.next_id().hex()
    day.receipts.append(BookedReceipt(amount_fen=Fen(fen), reference=mark))
    day.booked_fen += fen
    day.move(fen, f"in-{mark}")


def _paid_twice_and_called_back(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, SETTLED, fen)
    day.file(one, fen)
    day.file(one, fen, suffix="-again")
    day.file(one, fen, PayoutOutcome.REVERSED, "-back")


HONEST: Final[dict[str, Story]] = {
    "it is paid": _paid,
    "it is rejected": _rejected,
    "the file settles what was sent": _sent_and_settled,
    "the file rejects what was unknown": _unknown_and_rejected,
    "it is paid and comes back": _settled_and_returned,
    "it comes back before anybody knew that it was paid": _sent_and_returned,
    "it waits": _waiting,
    "it was returned, as booked": _returned_as_booked,
    "the float is topped up": _topped_up,
    "the rail paid it twice and took one back": _paid_twice_and_called_back,
}


def _rejected_but_paid(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, REJECTED, fen)
    day.file(one, fen)
    day.want(Reason.PAID_NOT_BOOKED, fen, FLOAT)


def _paid_to_nobody(day: DrawnDay, fen: int) -> None:
    day.file(day.next_id(), fen)
    day.want(Reason.PAID_NOT_BOOKED, fen, FLOAT)


def _paid_though_never_sent(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, RedemptionState.RESERVED, fen)
    day.file(one, fen)
    day.want(Reason.PAID_NOT_BOOKED, fen, FLOAT)


def _paid_twice(day: DrawnDay, fen: int) -> None:
    _paid(day, fen)
    day.file(day.payouts[-1].payout_id, fen, suffix="-again")
    day.want(Reason.PAID_TWICE, fen, FLOAT)


def _too_much(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, SETTLED, fen)
    day.file(one, fen + 7)
    day.want(Reason.AMOUNT_HIGHER, 7, FLOAT)


def _too_little(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, RedemptionState.UNKNOWN, fen)
    day.file(one, fen - 3)
    day.answers[one] = RailStatus.SETTLED
    day.want(Reason.AMOUNT_LOWER, 3, PAID_OUT)


def _not_in_the_file(day: DrawnDay, fen: int) -> None:
    day.book(day.next_id(), SETTLED, fen)
    day.want(Reason.BOOKED_NOT_PAID, fen, PAID_OUT)


def _rejected_after_paid(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, SETTLED, fen)
    day.file(one, fen, PayoutOutcome.REJECTED)
    day.want(Reason.REJECTED_AFTER_PAID, fen, PAID_OUT)


def _part_came_back(day: DrawnDay, fen: int) -> None:
    _paid(day, fen)
    day.file(day.payouts[-1].payout_id, 4, PayoutOutcome.REVERSED, "-back")
    day.want(Reason.PARTIAL_RETURN, 4, PAID_OUT)


def _more_came_back(day: DrawnDay, fen: int) -> None:
    _settled_and_returned(day, fen)
    day.file(day.payouts[-1].payout_id, 5, PayoutOutcome.REVERSED, "-more")
    day.want(Reason.RETURN_ABOVE_PAID, 5, FUNDING)


def _came_back_though_rejected(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, REJECTED, fen)
    day.file(one, fen, PayoutOutcome.REVERSED)
    day.want(Reason.RETURN_ABOVE_PAID, fen, FUNDING)


def _return_is_missing(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, RedemptionState.REVERSED, fen, reversed_=DAY)
    day.file(one, fen)
    day.want(Reason.BOOKED_NOT_RETURNED, fen, FLOAT)


def _money_left(day: DrawnDay, fen: int) -> None:
    day.move(-fen, f"fee-{day.next_id().hex()}")
    day.want(Reason.MOVEMENT_UNKNOWN, fen, FLOAT)


def _money_came(day: DrawnDay, fen: int) -> None:
    day.move(fen, f"gift-{day.next_id().hex()}")
    day.want(Reason.MOVEMENT_UNKNOWN, fen, FUNDING)


def _moved_without_a_line(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.move(-fen, f"m-{one.hex()}", one)
    day.want(Reason.MOVEMENT_UNKNOWN, fen, FLOAT)


def _line_without_movement(day: DrawnDay, fen: int) -> None:
    one = day.next_id()
    day.book(one, SETTLED, fen)
    day.file(one, fen, moves=False)
    day.want(Reason.MOVEMENT_MISSING, fen, FUNDING)


def _top_up_is_missing(day: DrawnDay, fen: int) -> None:
    day.receipts.append(BookedReceipt(amount_fen=Fen(fen), reference=day.next_id().hex()))
    day.booked_fen += fen
    day.want(Reason.TOP_UP_MISSING, fen, FLOAT)


FAULTS: Final[dict[str, Story]] = {
    "the books have it rejected and the file pays it": _rejected_but_paid,
    "nobody ordered it": _paid_to_nobody,
    "it was never sent": _paid_though_never_sent,
    "it is paid twice": _paid_twice,
    "more is paid": _too_much,
    "less is paid": _too_little,
    "the file lacks it": _not_in_the_file,
    "the file rejects what was paid": _rejected_after_paid,
    "a part comes back": _part_came_back,
    "more comes back than was paid": _more_came_back,
    "what was rejected comes back": _came_back_though_rejected,
    "the file lacks its return": _return_is_missing,
    "money leaves for nothing": _money_left,
    "money comes for nothing": _money_came,
    "an entry names a payout that the file lacks": _moved_without_a_line,
    "the statement lacks a line": _line_without_movement,
    "the statement lacks a top-up": _top_up_is_missing,
}
