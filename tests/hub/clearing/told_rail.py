"""A rail that does what a test tells it, and writes down every day what it has done.

What it answers and what it writes are told apart: that is what reconciliation is about.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from typing_extensions import override

from fedcarbon.clock import SteppedClock
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import Payout, Rail, RailAnswer, RailStatus
from fedcarbon.redemption.rail_day import (
    FloatMovement,
    FloatStatement,
    RailDay,
    RailFiles,
    RailLine,
)
from fedcarbon.redemption.value_day import ValueDay, value_day
from fedcarbon.units import Fen


@dataclass(slots=True)
class ToldRail(Rail, RailFiles):
    """One programme's rail."""

    programme: ProgrammeId
    clock: SteppedClock
    answers: dict[bytes, RailStatus] = field(default_factory=dict)
    """By payout id; SETTLED if nothing is told."""
    silent: set[bytes] = field(default_factory=set)
    """Payouts that are taken in and not paid."""
    lines: defaultdict[ValueDay, list[RailLine]] = field(default_factory=lambda: defaultdict(list))
    movements: defaultdict[ValueDay, list[FloatMovement]] = field(
        default_factory=lambda: defaultdict(list)
    )
    missing: set[ValueDay] = field(default_factory=set)

    @property
    def today(self) -> ValueDay:
        return value_day(self.clock.now_s())

    def amount_of(self, payout_id: bytes) -> Fen:
        return next(
            line.amount_fen
            for lines in self.lines.values()
            for line in lines
            if line.payout_id == payout_id
        )

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        status = self.answers.get(payout.payout_id, RailStatus.SETTLED)
        if payout.payout_id not in self.silent:
            outcome = PayoutOutcome.SETTLED
            if status is RailStatus.REJECTED:
                outcome = PayoutOutcome.REJECTED
            self.write(payout.payout_id, payout.amount_fen, outcome)
        return RailAnswer(
            status=status,
            reason="closed" if status is RailStatus.REJECTED else "",
            reference=reference_of(payout.payout_id),
        )

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        return RailAnswer(status=RailStatus.UNKNOWN)

    def write(
        self,
        payout_id: bytes,
        amount_fen: int,
        outcome: PayoutOutcome = PayoutOutcome.SETTLED,
        suffix: str = "",
    ) -> None:
        """Write a line into today's file, and its movement into the statement."""
        reference = reference_of(payout_id) + suffix
        self.lines[self.today].append(
            RailLine(
                payout_id=payout_id,
                amount_fen=Fen(amount_fen),
                outcome=outcome,
                reference=reference,
                reason="" if outcome is PayoutOutcome.SETTLED else "closed",
            )
        )
        sign = {PayoutOutcome.SETTLED: -1, PayoutOutcome.REVERSED: 1}.get(outcome, 0)
        if sign:
            self.move(sign * amount_fen, f"{reference}-{outcome}", payout_id)

    def move(self, amount_fen: int, reference: str, payout_id: bytes | None = None) -> None:
        """Move money of the float today."""
        self.movements[self.today].append(
            FloatMovement(
                reference=reference, amount_fen=amount_fen, payout_id=payout_id, text="entry"
            )
        )

    @override
    def of_day(self, programme: ProgrammeId, day: ValueDay) -> RailDay | None:
        if day in self.missing or programme != self.programme:
            return None
        opening_fen = sum(
            item.amount_fen
            for earlier, items in self.movements.items()
            if earlier < day
            for item in items
        )
        own = tuple(self.movements[day])
        return RailDay(
            programme=programme,
            day=day,
            lines=tuple(self.lines[day]),
            statement=FloatStatement(
                opening_fen=opening_fen,
                closing_fen=opening_fen + sum(item.amount_fen for item in own),
                movements=own,
            ),
        )


def reference_of(payout_id: bytes) -> str:
    return f"told-{payout_id.hex()[:8]}"
