"""The real use cases over a real store, a virtual clock and the simulated rail, beside the model.

After every operation the model has said what the answer must be, and every state and balance of the
hub equals the model's.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from functools import singledispatchmethod
from typing import Any, Final

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from fedcarbon.clock import SteppedClock
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.ledger.batch import replay
from fedcarbon.ledger.credit import OpeningCredit
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.rail import Rail
from fedcarbon.redemption.settlement import ECNY_RULE
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from hub.clearing.batches import daily_batch
from hub.clearing.closing import closed_sequence, due_day, request_close
from hub.clearing.credits import credit_opening, top_up_float
from hub.clearing.outbox import process_outbox
from hub.clearing.positions import account_statement, checked_trial_balance, grams_in_books
from hub.clearing.redemptions import create_redemption, reverse_redemption
from hub.clearing.storage.batch_store import BatchStore
from hub.clearing.storage.ledger_rows import LedgerBatchRow
from hub.clearing.storage.redemption_rows import RedemptionDrawRow, RedemptionRow
from hub.storage.engine import reading, transact
from hub.storage.faults import StoreUnavailableError
from tests.simulation.clearing import operations as ops
from tests.simulation.clearing.model import (
    GRAM_UG,
    OPEN,
    Balances,
    Model,
    WrongError,
    explanations,
    token,
)
from tests.simulation.clearing.rail import Died, SimulatedRail
from tests.simulation.clearing.store import CommitTrap, Store, trapped
from tests.unlimited import unlimited

PROGRAMME: Final = ProgrammeId("ecny-shanghai")
START_S: Final = Seconds(1_775_000_000)
PARAMETER_ID: Final = bytes(32)
ENDING_ROUNDS: Final = 15
"""Hours after which nothing may be open any more, once nothing goes wrong."""
YEARS_MAX: Final = 16
_REASON: Final = "the rail gave it back"
_FAILED: Final = "failed"
_LIMITS: Final = unlimited(PROGRAMME)
_SOURCES: Final = (":issuance", ":funding", ":sales")
_ENDS: Final = {
    "settled": {"settled"},
    "rejected": {"rejected"},
    "returned": {"rejected", "reversed"},
}
"""What the rail says at the end, and what the hub may say then."""


class World:
    """One hub, one rail, one clock, one model."""

    def __init__(
        self, store: Store, *, over_rail: Callable[[Rail], Rail] = lambda rail: rail
    ) -> None:
        self._store = store
        self.clock = SteppedClock(START_S)
        self.model = Model()
        self.rail = SimulatedRail(self.clock)
        self.rail.other_worker = self._outbox_run
        self._port = over_rail(self.rail)
        self._openings = 0
        self._batches: list[bytes] = []
        """Canonical bytes of the closed days, as they were handed out."""
        self.engine: Engine = store.open()

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
        raise NotImplementedError(operation)

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
        before = self._states()
        answers = _at_once([self._doing(act) for act in operation.acts])
        redeems = [
            ((act.number, act.holder, act.units, act.wallet_class), answer)
            for act, answer in zip(operation.acts, answers, strict=True)
            if isinstance(act, ops.Redeem)
        ]
        states = self._states()
        back = [
            number
            for number, state in states.items()
            if state == "rejected" and before.get(number) != state
        ]
        draws = self._draws()
        for model in explanations(self.model, redeems, back, self.clock.now_s()):
            self.model = model
            # An order may come after the worker's last look, so not all need have been sent.
            self._adopt(whole=False)
            # Two orders may give the same answers out of different vintages.
            if {number: entry.draws for number, entry in model.entries.items()} == draws:
                self._check_came_back(back)
                return
        raise WrongError(f"no order of {operation} gives {answers}, drawn from {draws}")

    def _check_came_back(self, numbers: Sequence[int]) -> None:
        booked = self._booked()
        for number in numbers:
            if booked.get(number) not in {"rejected", "returned"}:
                raise WrongError(f"redemption {number} came back, but the rail did not reject it")

    def _register_acts(self, act: ops.Act) -> None:
        self._act(act, None)

    for _kind in (
        ops.Credit, ops.TopUp, ops.Redeem, ops.RunOutbox, ops.Return, ops.Close, ops.Read,
    ):  # fmt: skip
        do.register(_kind)(_register_acts)

    def _act(self, act: ops.Act, trap: CommitTrap | None) -> None:
        if isinstance(act, ops.RunOutbox):
            self._run(act, trap)
        elif isinstance(act, ops.Return):
            self._give_back(act, trap)
        elif isinstance(act, ops.Close):
            self._close_days()
        elif isinstance(act, ops.Read):
            self._read(act.holder)
        else:
            now_s = self.clock.now_s()
            answer = self._answered(self._doing(act))
            expected_model = copy.deepcopy(self.model)
            expected = _expected(expected_model, act, now_s)
            self._compare(act, answer, expected, expected_model, trap)

    def _compare(
        self,
        act: ops.Act,
        answer: str,
        expected: str,
        after: Model,
        trap: CommitTrap | None,
    ) -> None:
        """Take over the model after the act, unless its commit failed without effect."""
        failed = answer == _FAILED
        if failed and not (trap and trap.sprung):
            raise WrongError(f"{act} failed for no reason")
        if not failed and answer != expected:
            raise WrongError(f"{act} gave {answer} and not {expected}")
        if not failed or (trap and trap.persisted):
            self.model = after

    def _run(self, act: ops.RunOutbox, trap: CommitTrap | None) -> None:
        self.rail.expect(act.faults)
        answer = self._answered(self._doing(act))
        if answer == _FAILED and not (trap and trap.sprung) and not self.rail.killed:
            raise WrongError(f"{act} failed for no reason")
        if self.rail.killed:
            self._restart()
        self._adopt(whole=answer != _FAILED)

    def _adopt(self, *, whole: bool) -> None:
        numbers = {self._order(number).payout_id: number for number in self.model.entries}
        told = {numbers[key]: status.value for key, status in self.rail.told.items()}
        self.model.adopt(
            self._states(), self._booked(), told, whole=whole, now_s=self.clock.now_s()
        )

    def _give_back(self, act: ops.Return, trap: CommitTrap | None) -> None:
        entry = self.model.entries.get(act.number)
        if entry is not None and not self.rail.give_back(self._order(act.number).payout_id):
            booked = self._booked().get(act.number)
            if booked != "returned":
                return
        for _ in range(act.told):
            after = copy.deepcopy(self.model)
            expected = after.reverse(act.number)
            answer = self._answered(lambda: self._reversed(act.number))
            self._compare(act, answer, expected, after, trap)

    def _close_days(self) -> None:
        """Close all that was booked; whatever breaks, the next look closes it."""
        self._answered(self._closing)

    def _closing(self) -> str:
        self._write(lambda session: request_close(session, self.clock.now_s()))
        while self._write(self._close_day):
            pass
        return "closed"

    def _close_day(self, session: Session) -> bool:
        day = due_day(session, self.clock.now_s())
        if day is not None:
            daily_batch(session, PARAMETER_ID, day)
        return day is not None

    def _read(self, holder: int) -> None:
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

    # --- the real use cases -------------------------------------------------------------------

    def _doing(self, act: ops.Act) -> Callable[[], str]:
        if isinstance(act, ops.Credit):
            return lambda: self._credited(act)
        if isinstance(act, ops.TopUp):
            return lambda: self._topped_up(act)
        if isinstance(act, ops.Redeem):
            return lambda: self._redeemed(act)
        return self._outbox_run

    def _write(self, use_case: Callable[[Session], Any]) -> Any:
        return transact(self.engine, use_case)

    def _credited(self, act: ops.Credit) -> str:
        before_ug = self.model.opened.get(act.holder, 0)
        self._openings += 1
        credit = OpeningCredit(
            programme=PROGRAMME,
            vintage=Vintage(act.vintage),
            account_token=token(act.holder),
            opening_id=self._openings.to_bytes(32, "big"),
            previous_opened_ug=MicrogramsCO2e(before_ug),
            opened_ug=MicrogramsCO2e(before_ug + act.grams * GRAM_UG),
        )
        now_s = self.clock.now_s()
        return "new" if self._write(lambda s: credit_opening(s, credit, now_s)) else "same"

    def _topped_up(self, act: ops.TopUp) -> str:
        now_s, top_up_id = self.clock.now_s(), act.number.to_bytes(16, "big")
        is_new = self._write(lambda s: top_up_float(s, PROGRAMME, Fen(act.fen), top_up_id, now_s))
        return "new" if is_new else "same"

    def _redeemed(self, act: ops.Redeem) -> str:
        now_s, order = self.clock.now_s(), _order_of(act)
        redemption = self._write(
            lambda s: create_redemption(s, order, ECNY_RULE, now_s, limits=_LIMITS)
        )
        return f"units {redemption.units}"

    def _reversed(self, number: int) -> str:
        now_s, redemption_id = self.clock.now_s(), number.to_bytes(16, "big")
        redemption = self._write(lambda s: reverse_redemption(s, redemption_id, _REASON, now_s))
        return str(redemption.state.value)

    def _outbox_run(self) -> str:
        process_outbox(self.engine, self._port, self.clock)
        return "run"

    def _answered(self, act: Callable[[], str]) -> str:
        try:
            return act()
        except StoreUnavailableError:
            return _FAILED
        except FedcarbonError as error:
            return error.code
        except Died:
            return _FAILED

    # --- checks -------------------------------------------------------------------------------

    def check(self) -> None:
        """Compare every state and balance with the model, and the rail's book with both."""
        states = self._states()
        expected = {number: entry.state for number, entry in self.model.entries.items()}
        if {number: state in OPEN or state for number, state in states.items()} != {
            number: state in OPEN or state for number, state in expected.items()
        }:
            raise WrongError(f"the states are {states} and not {expected}")
        found = self._balances()
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

    def _balances(self) -> Balances:
        """Return every balance that is not zero, after checking the books against themselves."""
        with reading(self.engine) as session:
            items = checked_trial_balance(session)
            grams_in_books(session)
        return {(acc.name, unit.text): value for (acc, unit), value in items.items() if value}

    def _check_batches(self) -> None:
        """What was handed out as a closed day never changes; all of it replays."""
        with reading(self.engine) as session:
            days = session.exec(select(LedgerBatchRow.day).order_by(col(LedgerBatchRow.day))).all()
        if len(days) == len(self._batches):
            return
        batches = [
            self._write(lambda s, day=day: daily_batch(s, PARAMETER_ID, day)) for day in days
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
        for number in list(self.model.entries):
            if self._booked().get(number) == "returned":
                self._ended(number)
        self._close_all()
        self.check()
        booked = self._booked()
        for number, entry in self.model.entries.items():
            if entry.state not in _ENDS.get(booked.get(number, ""), set()):
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

    def _ended(self, number: int) -> None:
        if self.model.entries[number].state == "settled":
            self.do(ops.Return(number))

    def _states(self) -> dict[int, str]:
        with reading(self.engine) as session:
            rows = session.exec(select(RedemptionRow.redemption_id, RedemptionRow.state)).all()
        return {int.from_bytes(redemption_id, "big"): state for redemption_id, state in rows}

    def _draws(self) -> dict[int, dict[int, int]]:
        """Return out of which vintages each redemption is, by number."""
        found: dict[int, dict[int, int]] = {}
        with reading(self.engine) as session:
            for row in session.exec(select(RedemptionDrawRow)).all():
                number = int.from_bytes(row.redemption_id, "big")
                found.setdefault(number, {})[row.vintage] = row.mass_ug
        return found

    def _booked(self) -> dict[int, str]:
        numbers = {self._order(number).payout_id: number for number in self.model.entries}
        return {
            numbers[key]: status.value
            for key, (_, status) in self.rail.book.items()
            if key in numbers
        }

    def _order(self, number: int) -> RedemptionOrder:
        entry = self.model.entries[number]
        return _order_of(ops.Redeem(number, entry.holder, entry.asked, entry.wallet_class))

    def _restart(self) -> None:
        self.engine.dispose()
        self.engine = self._store.open()


def _expected(model: Model, act: ops.Act, now_s: int) -> str:
    if isinstance(act, ops.Credit):
        return model.credit(act.holder, act.grams * GRAM_UG, act.vintage)
    if isinstance(act, ops.TopUp):
        return model.top_up(act.number, act.fen)
    assert isinstance(act, ops.Redeem)
    return model.redeem(act.number, act.holder, act.units, act.wallet_class, now_s)


def _order_of(act: ops.Redeem) -> RedemptionOrder:
    return RedemptionOrder(
        parameter_id=PARAMETER_ID,
        programme_id=PROGRAMME,
        redemption_id=act.number.to_bytes(16, "big"),
        account_token=token(act.holder),
        wallet_id=sandbox_wallet_id(act.holder),
        wallet_class=WalletClass(act.wallet_class),
        binding_leaf=bytes(34),
        operator_id=PartyId("wallet-operator"),
        units=act.units,
    )


def _at_once(acts: Sequence[Callable[[], str]]) -> list[str]:
    """Do everything at once, each in its thread; return the answers in the given order."""
    gate, answers = threading.Barrier(len(acts)), [""] * len(acts)
    broken: list[BaseException] = []

    def one(place: int, act: Callable[[], str]) -> None:
        gate.wait()
        try:
            answers[place] = act()
        except FedcarbonError as error:
            answers[place] = error.code
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            broken.append(error)

    threads = [threading.Thread(target=one, args=item) for item in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return answers
