"""The real use cases over a real store, a virtual clock and the simulated rail, beside the model.

After every operation the model has said what the answer must be, and every state and balance of the
hub equals the model's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import singledispatchmethod
from typing import Any, Final

from sqlalchemy import Engine
from sqlmodel import col, select

from fedcarbon.clock import SteppedClock
from fedcarbon.errors import FedcarbonError
from fedcarbon.ledger.batch import replay
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import Rail, RailAnswer, RailStatus
from fedcarbon.redemption.rail_day import RailDay
from fedcarbon.redemption.value_day import ValueDay, value_day
from fedcarbon.units import Seconds
from hub.clearing.batches import daily_batch
from hub.clearing.closing import closed_sequence
from hub.clearing.positions import account_statement
from hub.clearing.storage.batch_store import BatchStore
from hub.clearing.storage.ledger_rows import LedgerBatchRow
from hub.storage.engine import reading
from tests.simulation.clearing import operations as ops
from tests.simulation.clearing.model import (
    GRAM_UG,
    LIMIT_CODES,
    OPEN,
    Event,
    Model,
    WrongError,
    came_back,
    explanations,
    token,
)
from tests.simulation.clearing.rail import SimulatedRail
from tests.simulation.clearing.store import CommitTrap, Store, trapped
from tests.simulation.clearing.tested import (
    FAILED,
    PARAMETER_ID,
    PROGRAMME,
    Tested,
    answered,
    at_once,
    payout_id_of,
)

START_S: Final = Seconds(1_775_000_000)
ENDING_ROUNDS: Final = 15
"""Hours after which nothing may be open any more, once nothing goes wrong."""
YEARS_MAX: Final = 16
_SOURCES: Final = (":issuance", ":funding", ":sales")
_BACK: Final = frozenset({"rejected", "reversed"})
_ENDS: Final = {
    "settled": {"settled"},
    "rejected": {"rejected"},
    "returned": {"rejected", "reversed"},
}
"""What the rail says at the end, and what the hub may say then."""
_STRANGE: Final = RailAnswer(status=RailStatus.SETTLED)
"""Of a payout that nobody has ordered."""


class World:
    """One hub, one rail, one clock, one model."""

    def __init__(
        self, store: Store, *, over_rail: Callable[[Rail], Rail] = lambda rail: rail
    ) -> None:
        self._store = store
        self.clock = SteppedClock(START_S)
        self.model = Model()
        self.rail = SimulatedRail(self.clock)
        self.hub = Tested(
            store.open(),
            over_rail(self.rail),
            self.clock,
            lambda holder: self.model.opened.get(holder, 0),
        )
        self.rail.other_worker = lambda: self.hub.done(ops.RunOutbox())
        self.rail.notifier = self._told
        self._batches: list[bytes] = []
        """Canonical bytes of the closed days, as they were handed out."""
        self._reconciled: set[ValueDay] = set()

    @property
    def engine(self) -> Engine:
        """The engine until the next restart."""
        return self.hub.engine

    def close(self) -> None:
        """Let go of the store."""
        self.engine.dispose()

    def play(self, operations: Sequence[ops.Operation]) -> None:
        """Do everything in order, with all checks after each, and bring it to an end."""
        for operation in operations:
            self.do(operation)
            self.check()
        self.end()

    # --- operations ---------------------------------------------------------------------------

    @singledispatchmethod
    def do(self, operation: Any) -> None:
        """Do one operation in the hub and in the model; their answers are equal."""
        self._act(operation, None)

    @do.register(ops.Jump)
    def _(self, operation: ops.Jump) -> None:
        self.clock.at_s = Seconds(self.clock.at_s + operation.seconds)

    @do.register(ops.Restart)
    def _(self, _operation: ops.Restart) -> None:
        self._restart()

    @do.register(ops.Dies)
    @do.register(ops.Fails)
    def _(self, operation: ops.Dies | ops.Fails) -> None:
        dies = isinstance(operation, ops.Dies)
        trap = CommitTrap(operation.commit, persisted=operation.persisted, dies=dies)
        with trapped(self.engine, trap):
            self._act(operation.act, trap)
        if dies:
            self._restart()

    @do.register(ops.Together)
    def _(self, operation: ops.Together) -> None:
        runs = [act for act in operation.acts if isinstance(act, ops.RunOutbox)]
        self.rail.expect(fault for run in runs for fault in run.faults)
        before = self.hub.states()
        answers = at_once([self._doing(act) for act in operation.acts])
        events: list[Event] = []
        cancelled: set[int] = set()
        for act, answer in zip(operation.acts, answers, strict=True):
            if not isinstance(act, ops.RunOutbox):
                events.append(self._answers(act, answer))
            elif answer != "run":
                raise WrongError(f"{act} gave {answer}")
            if isinstance(act, ops.Cancel) and answer == "rejected":
                cancelled.add(act.number)
        states = self.hub.states()
        back = {
            number: state
            for number, state in states.items()
            if state in _BACK and before.get(number) != state and number not in cancelled
        }
        events += [came_back(number, state) for number, state in back.items()]
        draws = self.hub.draws()
        for model in explanations(self.model, events):
            self.model = model
            # An order may come after the worker's last look, so not all need have been sent.
            self._adopt(whole=False)
            # Two orders may give the same answers out of different vintages.
            if {number: entry.draws for number, entry in model.entries.items()} == draws:
                self._check_came_back(back)
                return
        raise WrongError(f"no order of {operation} gives {answers}, drawn from {draws}")

    def _answers(self, act: ops.Act, answer: str) -> Event:
        now_s = self.clock.now_s()
        if isinstance(act, ops.Cancel):
            return lambda model: _cancelled_as(model, act, answer)
        return lambda model: _expected(model, act, now_s) == answer

    def _check_came_back(self, states: Mapping[int, str]) -> None:
        booked = self._booked()
        for number, state in states.items():
            if booked.get(number) not in {"returned", state}:
                raise WrongError(f"redemption {number} came back, but not by the rail's word")

    @do.register(ops.Settle)
    def _(self, _operation: ops.Settle) -> None:
        """Reconcile every day with the right files: then all is explained, and again the same."""
        days = sorted(self.rail.days() | self._reconciled)
        for day in days:
            self._reconcile(self.rail.files(PROGRAMME, day), None)
        for day in days:
            again = self.hub.reconciled(self.rail.files(PROGRAMME, day))
            if not again.is_closed or again.changed:
                raise WrongError(f"right files leave {again} of {day}")
        if self.model.suspended:
            raise WrongError(f"right files leave {self.model.suspended} in suspense")

    @singledispatchmethod
    def _act(self, act: Any, trap: CommitTrap | None) -> None:
        now_s = self.clock.now_s()
        answer = answered(self._doing(act))
        after = copy.deepcopy(self.model)
        self._compare(act, answer, _expected(after, act, now_s), after, trap)

    def _compare(
        self, act: ops.Act, answer: str, expected: str, after: Model, trap: CommitTrap | None
    ) -> None:
        """Take over the model after the act, unless its commit failed without effect."""
        self._check_answered(act, answer, trap)
        if answer not in {FAILED, expected}:
            raise WrongError(f"{act} gave {answer} and not {expected}")
        if answer == FAILED and not (trap and trap.persisted):
            return
        for number in after.top_ups.keys() - self.model.top_ups.keys():
            self.rail.paid_in(after.top_ups[number], f"in-{number}")
        self.model = after

    def _check_answered(self, act: ops.Act, answer: str, trap: CommitTrap | None) -> None:
        if answer == FAILED and not (trap and trap.sprung) and not self.rail.killed:
            raise WrongError(f"{act} failed for no reason")

    @_act.register(ops.RunOutbox)
    def _(self, act: ops.RunOutbox, trap: CommitTrap | None) -> None:
        self.rail.expect(act.faults)
        answer = answered(self._doing(act))
        self._check_answered(act, answer, trap)
        if answer not in {"run", FAILED}:
            raise WrongError(f"{act} gave {answer}")
        if self.rail.killed:
            self._restart()
        self._adopt(whole=answer != FAILED)

    def _adopt(self, *, whole: bool) -> None:
        numbers = self._numbers()
        told = {numbers[key]: status.value for key, status in self.rail.told.items()}
        self.model.adopt(
            self.hub.states(), self._booked(), told, whole=whole, now_s=self.clock.now_s()
        )

    def _told(self, payout_id: bytes, answer: RailAnswer) -> None:
        try:
            self.hub.notified(payout_id, answer)
        except FedcarbonError as error:
            if error.code == "RAIL_CONTRADICTION":
                raise WrongError(f"{answer} of a rail that never contradicts itself") from error

    @_act.register(ops.Notify)
    def _(self, act: ops.Notify, trap: CommitTrap | None) -> None:
        payout_id = payout_id_of(act.number)
        said = self.rail.said.get(payout_id, [])
        if act.number in self.model.entries and not said:
            return
        answer = said[max(0, len(said) - 1 - act.said)] if said else _STRANGE
        for _ in range(act.told):
            after = copy.deepcopy(self.model)
            expected = after.notify(act.number, answer.status.value)
            found = answered(lambda: self.hub.notified(payout_id, answer))
            self._compare(act, found, expected, after, trap)

    @_act.register(ops.Return)
    def _(self, act: ops.Return, trap: CommitTrap | None) -> None:
        entry = self.model.entries.get(act.number)
        if entry is not None and not self.rail.give_back(payout_id_of(act.number)):
            booked = self._booked().get(act.number)
            if booked != "returned":
                return
        for _ in range(act.told):
            after = copy.deepcopy(self.model)
            expected = after.reverse(act.number)
            self._compare(act, answered(self._doing(act)), expected, after, trap)

    @_act.register(ops.Reconcile)
    def _(self, act: ops.Reconcile, trap: CommitTrap | None) -> None:
        day = ValueDay(value_day(self.clock.now_s()) - act.days_ago)
        self._reconcile(self.rail.files(PROGRAMME, day, act.fault, act.line), trap)

    def _reconcile(self, files: RailDay, trap: CommitTrap | None) -> None:
        before = (self.hub.states(), self.hub.suspended())
        self._reconciled.add(files.day)
        answer = answered(lambda: self._reconciled_twice(files))
        self.rail.told = {}
        if answer != FAILED:
            self._adopt(whole=False)
            said = {item.payout_id for item in files.lines if item.outcome is PayoutOutcome.SETTLED}
            waiting = [
                number
                for number, entry in self.model.entries.items()
                if entry.state in OPEN and payout_id_of(number) in said
            ]
            if answer != "same" or waiting:
                raise WrongError(f"reconciling {files} gave {answer} and left {waiting} open")
        elif not (trap and trap.sprung):
            raise WrongError(f"reconciling {files} failed for no reason")
        elif not trap.persisted and not trap.passed and before != self._stored():
            raise WrongError(f"reconciling {files} failed, and did half of it")
        self._adopt(whole=False)
        self.model.suspended = self.hub.suspended()

    def _stored(self) -> tuple[dict[int, str], dict[str, int]]:
        return self.hub.states(), self.hub.suspended()

    def _reconciled_twice(self, files: RailDay) -> str:
        first, second = self.hub.reconciled(files), self.hub.reconciled(files)
        # What a run has done is in its own report only.
        undone = replace(first.report, answers=0, released=())
        same = not second.changed and second.report == undone
        return "same" if same else f"first {first}, then {second}"

    @_act.register(ops.Close)
    def _(self, act: ops.Close, _trap: CommitTrap | None) -> None:
        """Close all that was booked; whatever breaks, the next look closes it."""
        answered(self._doing(act))

    @_act.register(ops.Read)
    def _(self, act: ops.Read, _trap: CommitTrap | None) -> None:
        holder = act.holder
        with reading(self.engine) as session:
            statement = account_statement(session, PROGRAMME, token(holder))
        entries = [entry for entry in self.model.entries.values() if entry.holder == holder]
        settled = [entry for entry in entries if entry.state == "settled"]
        held = self.model.spendable.get(holder, {})
        expected = (
            self.model.opened.get(holder, 0),
            {vintage: ug for vintage, ug in held.items() if ug},
            sum(sum(entry.draws.values()) for entry in settled),
            sum(entry.fen for entry in settled),
            sorted(entry.state for entry in entries),
        )
        found = (
            statement.opened_ug,
            dict(statement.spendable_ug),
            statement.redeemed_ug,
            statement.paid_fen,
            sorted(item.state.value for item in statement.redemptions),
        )
        if found != expected:
            raise WrongError(f"the statement of holder {holder} says {found} and not {expected}")

    def _doing(self, act: ops.Act) -> Callable[[], str]:
        return lambda: self.hub.done(act)

    # --- checks -------------------------------------------------------------------------------

    def check(self) -> None:
        """Compare every state and balance with the model, and the rail's book with both."""
        states = self.hub.states()
        expected = {number: entry.state for number, entry in self.model.entries.items()}
        if {number: state in OPEN or state for number, state in states.items()} != {
            number: state in OPEN or state for number, state in expected.items()
        }:
            raise WrongError(f"the states are {states} and not {expected}")
        found = self.hub.balances()
        balances = self.model.balances(PROGRAMME)
        if found != balances:
            wrong = {
                key: (found.get(key, 0), balances.get(key, 0))
                for key in found | balances
                if found.get(key) != balances.get(key)
            }
            raise WrongError(f"balances differ (hub, model): {wrong}")
        if any(value < 0 and not name.endswith(_SOURCES) for (name, _), value in found.items()):
            raise WrongError("a balance is negative")
        if any(times > 1 for times in self.rail.paid.values()):
            raise WrongError("the rail paid twice")
        self._check_batches()

    def _check_batches(self) -> None:
        """What was handed out as a closed day never changes; all of it replays."""
        with reading(self.engine) as session:
            days = session.exec(select(LedgerBatchRow.day).order_by(col(LedgerBatchRow.day))).all()
        if len(days) == len(self._batches):
            return
        batches = [
            self.hub.write(lambda s, day=day: daily_batch(s, PARAMETER_ID, day)) for day in days
        ]
        if batches[: len(self._batches)] != self._batches:
            raise WrongError("a closed day has changed")
        self._batches = batches
        replay(batches, PARAMETER_ID)

    def end(self) -> None:
        """Let nothing go wrong any more: everything gets its final answer."""
        for _ in range(ENDING_ROUNDS):
            self.do(ops.RunOutbox())
            if not any(entry.state in OPEN for entry in self.model.entries.values()):
                break
            self.do(ops.Jump(3_601))
        self.do(ops.Settle())
        self._close_all()
        self.check()
        booked = self._booked()
        for number, entry in self.model.entries.items():
            may = {"rejected"} if entry.cancelled else _ENDS.get(booked.get(number, ""), set())
            if entry.state not in may or (entry.cancelled and number in booked):
                raise WrongError(
                    f"redemption {number} ended {entry.state}; rail: {booked.get(number)}"
                )
        ends = replay(self._batches, PARAMETER_ID)
        replayed = {(acc.name, unit.text): value for acc, unit, value in ends.items() if value}
        if replayed != self.model.balances(PROGRAMME):
            raise WrongError("the closed days do not replay to the balances")

    def _close_all(self) -> None:
        """Let the clock pass every day that is booked on; a day is closed once, and a wrong clock
        may have opened one that is far ahead.
        """
        for _ in range(YEARS_MAX):
            self.do(ops.Close())
            with reading(self.engine) as session:
                if closed_sequence(session) == BatchStore(session).last_sequence():
                    return
            self.do(ops.Jump(ops.YEAR_S))
        raise WrongError("not all that was booked can be closed")

    def _booked(self) -> dict[int, str]:
        numbers = self._numbers()
        return {
            numbers[key]: status.value
            for key, (_, status) in self.rail.book.items()
            if key in numbers
        }

    def _numbers(self) -> dict[bytes, int]:
        return {payout_id_of(number): number for number in self.model.entries}

    def _restart(self) -> None:
        self.engine.dispose()
        self.hub.engine = self._store.open()


def _expected(model: Model, act: Any, now_s: int) -> str:
    if isinstance(act, ops.Credit):
        answer = model.credit(act.holder, act.grams * GRAM_UG, act.vintage)
    elif isinstance(act, ops.TopUp):
        answer = model.top_up(act.number, act.fen)
    elif isinstance(act, ops.Cancel):
        answer = model.cancel(act.number)
    elif isinstance(act, ops.Freeze):
        answer = model.freeze(act.holder, frozen=act.frozen)
    elif isinstance(act, ops.Donate):
        answer = model.donate(act.number, act.holder, act.pieces, ops.PRICE_GRAMS * GRAM_UG)
    elif isinstance(act, ops.Limit):
        figures = (act.exchange_fen, act.day_fen, act.year_fen, act.account_fen)
        model.limits = dict(zip(LIMIT_CODES, figures, strict=True))
        answer = "set"
    else:
        assert isinstance(act, ops.Redeem)
        answer = model.redeem(act.number, act.holder, act.units, act.wallet_class, now_s)
    return answer


def _cancelled_as(model: Model, act: ops.Cancel, answer: str) -> bool:
    """Tell whether cancelling may give `answer` while workers send: the worker may be first."""
    entry = model.entries.get(act.number)
    if entry is not None and entry.state == "reserved" and answer == "REDEMPTION_STATE":
        return True
    return model.cancel(act.number) == answer
