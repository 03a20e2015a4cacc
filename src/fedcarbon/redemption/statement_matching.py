"""One day's float statement: against itself, the one before it, the file and the top-ups.

opening + movements = closing             else STATEMENT_BROKEN
opening = closing of the day before       else STATEMENT_BROKEN
movements of a payout = its lines today   else MOVEMENT_UNKNOWN or MOVEMENT_MISSING
other money in = top-ups of the day       else MOVEMENT_UNKNOWN or TOP_UP_MISSING
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from fedcarbon.ledger.account import AccountKind
from fedcarbon.redemption.differences import Difference, Reason
from fedcarbon.redemption.payout_matching import DatedLine
from fedcarbon.redemption.rail_day import FloatMovement, FloatStatement
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.units import Fen


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedReceipt:
    """Money that the books have as paid into the float on a day."""

    amount_fen: Fen
    reference: str
    """What tells it from its like: the id of its transfer, for example."""


def statement_differences(
    statement: FloatStatement,
    day: ValueDay,
    previous_closing_fen: int | None,
    lines: Iterable[DatedLine],
    receipts: Iterable[BookedReceipt],
) -> list[Difference]:
    """Return what a statement has that the file and the books have not, and the reverse.

    Args:
        statement: of the day.
        day: which.
        previous_closing_fen: what the statement before it ended with; None if that is not known.
        lines: the movements that the file of this day, and none before it, has.
        receipts: what was paid in on the day, by the books.
    """
    matcher = _Matcher(day)
    movements = _distinct(statement.movements)
    closing_fen = statement.opening_fen + sum(item.amount_fen for item in movements)
    matcher.differs(
        Reason.STATEMENT_BROKEN,
        statement.closing_fen - closing_fen,
        "closing",
        f"its entries lead to {closing_fen} fen, it closes with {statement.closing_fen}",
    )
    if previous_closing_fen is not None:
        matcher.differs(
            Reason.STATEMENT_BROKEN,
            statement.opening_fen - previous_closing_fen,
            "opening",
            f"it opens with {statement.opening_fen} fen, the one before closed with "
            f"{previous_closing_fen}",
        )
    matcher.match_payouts([item for item in movements if item.payout_id is not None], lines)
    matcher.match_receipts([item for item in movements if item.payout_id is None], receipts)
    return matcher.found


def _distinct(movements: Iterable[FloatMovement]) -> list[FloatMovement]:
    """Return each movement once, in an order of its own."""
    first = {
        (item.reference, item.amount_fen, item.payout_id or b""): item
        for item in sorted(movements, key=lambda item: item.text)
    }
    return [first[key] for key in sorted(first)]


class _Matcher:
    def __init__(self, day: ValueDay) -> None:
        self.day = day
        self.found: list[Difference] = []

    def differs(
        self, reason: Reason, gap_fen: int, reference: str, text: str, payout: bytes | None = None
    ) -> None:
        """Note that the rail has `gap_fen` more than it should, less if it is below zero."""
        if gap_fen:
            self.found.append(
                Difference(
                    reason=reason,
                    day=self.day,
                    amount_fen=Fen(abs(gap_fen)),
                    source=AccountKind.FUNDING if gap_fen > 0 else AccountKind.FLOAT,
                    payout_id=payout,
                    reference=reference,
                    text=text,
                )
            )

    def unknown(self, movement: FloatMovement) -> None:
        text = f"entry {movement.reference} ({movement.text}) belongs to nothing"
        payout, reference = movement.payout_id, movement.reference
        self.differs(Reason.MOVEMENT_UNKNOWN, movement.amount_fen, reference, text, payout)

    def match_payouts(self, movements: Iterable[FloatMovement], lines: Iterable[DatedLine]) -> None:
        moved: defaultdict[bytes, list[FloatMovement]] = defaultdict(list)
        for movement in movements:
            moved[movement.payout_id or b""].append(movement)
        wanted: Counter[bytes] = Counter()
        for item in lines:
            if item.sign:
                wanted[item.line.payout_id] += item.sign * item.line.amount_fen
        for payout_id in sorted(moved.keys() | wanted.keys()):
            if payout_id not in wanted:
                for movement in moved[payout_id]:
                    self.unknown(movement)
                continue
            has_fen = sum(item.amount_fen for item in moved[payout_id])
            text = f"the file moves {wanted[payout_id]} fen, the statement {has_fen}"
            gap_fen = has_fen - wanted[payout_id]
            self.differs(Reason.MOVEMENT_MISSING, gap_fen, "", text, payout_id)

    def match_receipts(
        self, movements: Iterable[FloatMovement], receipts: Iterable[BookedReceipt]
    ) -> None:
        waiting: defaultdict[int, list[BookedReceipt]] = defaultdict(list)
        for receipt in sorted(receipts, key=lambda item: item.reference):
            waiting[receipt.amount_fen].append(receipt)
        for movement in movements:
            if waiting[movement.amount_fen]:
                waiting[movement.amount_fen].pop()
            else:
                self.unknown(movement)
        for amount_fen in sorted(waiting):
            for receipt in waiting[amount_fen]:
                text = "the books have it paid in on this day, the statement has no such entry"
                self.differs(Reason.TOP_UP_MISSING, -amount_fen, receipt.reference, text)
