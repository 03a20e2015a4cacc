"""The rail of the simulation: another organisation, which no crash of the hub touches.

It keeps its promise (a payout id is paid at most once) and checks that the hub keeps its own: the
same payout under the same id, and no payout sent again unless the rail has said that it does not
know it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, NoReturn

from typing_extensions import override

from fedcarbon.clock import SteppedClock
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import Payout, Rail, RailAnswer, RailStatus
from fedcarbon.redemption.rail_day import FloatMovement, FloatStatement, RailDay, RailLine
from fedcarbon.redemption.value_day import ValueDay, value_day
from fedcarbon.units import Fen, Seconds
from tests.simulation.clearing.model import WrongError
from tests.simulation.clearing.operations import Fault, FileFault

SLOW_S: Final = 200
"""Longer than any lease."""
_ACCEPTED: Final = frozenset({Fault.ACCEPT, Fault.LATE_FAILURE})
_FINAL: Final = frozenset({RailStatus.SETTLED, RailStatus.REJECTED, RailStatus.RETURNED})
_OUTCOMES: Final = {
    RailStatus.SETTLED: (PayoutOutcome.SETTLED, -1),
    RailStatus.REJECTED: (PayoutOutcome.REJECTED, 0),
    RailStatus.RETURNED: (PayoutOutcome.REVERSED, 1),
}
"""What stands in the file, and how its amount counts."""
_UNKNOWN: Final = RailAnswer(status=RailStatus.UNKNOWN)


class Died(BaseException):
    """The hub's process is gone."""


class SimulatedRail(Rail):
    """Books of the rail, and the faults on the way to it."""

    def __init__(self, clock: SteppedClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self.book: dict[bytes, tuple[Payout, RailStatus]] = {}
        self.paid: Counter[bytes] = Counter()
        """How often money has moved for a payout."""
        self._fails_late: set[bytes] = set()
        self.said: dict[bytes, list[RailAnswer]] = {}
        """All that the rail has ever had to say of a payout, in order."""
        self.lines: list[tuple[ValueDay, RailLine]] = []
        self.movements: list[tuple[ValueDay, FloatMovement]] = []
        self.notifier: Callable[[bytes, RailAnswer], object] = lambda _payout_id, _answer: None
        """Tells the hub something that it has not asked."""
        self._held: list[Callable[[], object]] = []
        self._sent: dict[bytes, Payout] = {}
        self._may_send: set[bytes] = set()
        """Payouts of which the hub was told, after it last sent them, that they are not known."""
        self.told: dict[bytes, RailStatus] = {}
        """Final answers that reached the hub since `expect`."""
        self.other_worker: Callable[[], object] = lambda: None
        """Takes what is due while an answer is on its way."""
        self.killed = False
        """Whether the hub's process ended in a call since `expect`."""

    def expect(self, faults: Iterable[Fault]) -> None:
        """Set what will go wrong from now on, and let arrive what lay on the way."""
        self._faults = list(faults)
        self.told = {}
        self.killed = False
        self.deliver()

    def deliver(self) -> None:
        """Let everything arrive that lies on the way."""
        held, self._held = self._held, []
        for request in held:
            request()

    def give_back(self, payout_id: bytes) -> bool:
        """Return a settled payout; tell whether there was one."""
        payout, status = self.book.get(payout_id, (None, None))
        if payout is None or status is not RailStatus.SETTLED:
            return False
        self._enter(payout, RailStatus.RETURNED)
        return True

    def paid_in(self, amount_fen: int, reference: str) -> None:
        """Have money of the programme arrive."""
        movement = FloatMovement(
            reference=reference, amount_fen=amount_fen, payout_id=None, text="paid in"
        )
        self.movements.append((self._today(), movement))

    def _today(self) -> ValueDay:
        return value_day(self._clock.now_s())

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        """Pay once, as far as the next fault lets it."""
        with self._lock:
            fault = self._next()
            if fault is Fault.DIE_BEFORE:
                self._kill()
            self._check_sending(payout)
            answer = self._passed(fault, payout.payout_id, lambda: self._paid(payout, fault))
        self._overtake(fault, payout.payout_id)
        return answer

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        """Say what became of the payout, as far as the next fault lets it."""
        with self._lock:
            fault = self._next()
            if fault is Fault.DIE_BEFORE:
                self._kill()
            answer = self._passed(fault, payout_id, lambda: self._asked(payout_id))
        self._overtake(fault, payout_id)
        return answer

    def _overtake(self, fault: Fault, payout_id: bytes) -> None:
        if fault is Fault.RETURNED:
            with self._lock:
                self.give_back(payout_id)
        if fault in {Fault.NOTIFIED, Fault.RETURNED} and payout_id in self.said:
            self.notifier(payout_id, self.said[payout_id][-1])
        for _ in range(2 if fault is Fault.OVERTAKEN else 0):
            self._clock.at_s = Seconds(self._clock.at_s + SLOW_S)
            self.other_worker()

    def _kill(self) -> NoReturn:
        self.killed = True
        raise Died

    def _next(self) -> Fault:
        return self._faults.pop(0) if self._faults else Fault.NONE

    def _check_sending(self, payout: Payout) -> None:
        payout_id = payout.payout_id
        before = self._sent.setdefault(payout_id, payout)
        if before != payout:
            raise WrongError(f"payout {payout_id.hex()} was sent with other content")
        if before is not payout and payout_id not in self._may_send:
            raise WrongError(f"payout {payout_id.hex()} was sent again blindly")
        self._may_send.discard(payout_id)

    def _passed(self, fault: Fault, payout_id: bytes, act: Callable[[], RailAnswer]) -> RailAnswer:
        if fault is Fault.LOST_REQUEST:
            return _UNKNOWN
        if fault is Fault.HELD:
            self._held.append(act)
            return _UNKNOWN
        answer = act()
        if fault is Fault.DUPLICATED:
            answer = act()
        if fault is Fault.DIE_AFTER:
            self._kill()
        if fault is Fault.BROKEN:
            raise ConnectionResetError("the connection broke")
        if fault is Fault.LOST_ANSWER:
            return _UNKNOWN
        if fault is Fault.SLOW:
            self._clock.at_s = Seconds(self._clock.at_s + SLOW_S)
        if answer.status in _FINAL:
            self.told[payout_id] = answer.status
        if answer.status is RailStatus.NOT_FOUND:
            self._may_send.add(payout_id)
        return answer

    def _paid(self, payout: Payout, fault: Fault) -> RailAnswer:
        payout_id = payout.payout_id
        if payout_id not in self.book:
            status = RailStatus.SETTLED
            if fault in _ACCEPTED:
                status = RailStatus.ACCEPTED
            elif fault is Fault.REJECT:
                status = RailStatus.REJECTED
            if fault is Fault.LATE_FAILURE:
                self._fails_late.add(payout_id)
            self._enter(payout, status)
        return self._answer(payout_id)

    def _asked(self, payout_id: bytes) -> RailAnswer:
        if payout_id not in self.book:
            return RailAnswer(status=RailStatus.NOT_FOUND)
        payout, status = self.book[payout_id]
        if status is RailStatus.ACCEPTED:
            late = payout_id in self._fails_late
            self._enter(payout, RailStatus.REJECTED if late else RailStatus.SETTLED)
        return self._answer(payout_id)

    def _enter(self, payout: Payout, status: RailStatus) -> None:
        payout_id, day = payout.payout_id, self._today()
        self.book[payout_id] = (payout, status)
        said_why = {RailStatus.REJECTED, RailStatus.RETURNED}
        answer = RailAnswer(
            status=status,
            reason="the simulated rail says so" if status in said_why else "",
            reference=f"simulated-{payout_id.hex()}",
            value_day=day if status in _FINAL else None,
        )
        self.said.setdefault(payout_id, []).append(answer)
        if status not in _OUTCOMES:
            return
        outcome, sign = _OUTCOMES[status]
        reference = answer.reference + ("-back" if sign > 0 else "")
        line = RailLine(
            payout_id=payout_id,
            amount_fen=payout.amount_fen,
            outcome=outcome,
            reference=reference,
            reason=answer.reason,
        )
        self.lines.append((day, line))
        if sign:
            movement = FloatMovement(
                reference=reference,
                amount_fen=sign * payout.amount_fen,
                payout_id=payout_id,
                text="payout",
            )
            self.movements.append((day, movement))
        self.paid[payout_id] += sign < 0

    def _answer(self, payout_id: bytes) -> RailAnswer:
        return self.said[payout_id][-1]

    # --- files --------------------------------------------------------------------------------

    def days(self) -> set[ValueDay]:
        """Return the days on which anything happened."""
        return {day for day, _ in (*self.lines, *self.movements)}

    def files(
        self,
        programme: ProgrammeId,
        day: ValueDay,
        fault: FileFault = FileFault.NONE,
        number: int = 0,
    ) -> RailDay:
        """Return what is written of a day so far; `fault` befalls the line of this number."""
        lines = [line for at, line in self.lines if at == day]
        movements = [movement for at, movement in self.movements if at == day]
        opening = sum(item.amount_fen for at, item in self.movements if at < day)
        if lines:
            lines = _wrong_lines(lines, fault, number % len(lines))
        if fault is FileFault.ENTRY_MISSING and movements:
            del movements[number % len(movements)]
        closing = opening + sum(item.amount_fen for item in movements)
        statement = FloatStatement(
            opening_fen=opening,
            closing_fen=closing + (fault is FileFault.BROKEN),
            movements=tuple(movements),
        )
        return RailDay(
            programme=programme,
            day=day,
            lines=tuple(lines),
            statement=None if fault is FileFault.NO_STATEMENT else statement,
        )


def _wrong_lines(lines: list[RailLine], fault: FileFault, place: int) -> list[RailLine]:
    line = lines[place]
    instead = {
        FileFault.AMOUNT: [replace(line, amount_fen=Fen(line.amount_fen + 1))],
        FileFault.MISSING: [],
        FileFault.TWICE: [line, replace(line, reference=f"{line.reference}-again")],
    }.get(fault, [line])
    return [*lines[:place], *instead, *lines[place + 1 :]]
