"""The real use cases over a real store, each with its answer as text, and what is stored after."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import singledispatchmethod
from typing import Any, Final

from sqlalchemy import Engine
from sqlmodel import Session, select

from fedcarbon.clock import SteppedClock
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.ledger.credit import OpeningCredit
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.limits import Limits
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.rail import Rail, RailAnswer
from fedcarbon.redemption.rail_day import RailDay
from fedcarbon.redemption.settlement import ECNY_RULE
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import Fen, MicrogramsCO2e
from fedcarbon.uses.offer import Offer, OfferKind
from fedcarbon.uses.order import UseKind, UseOrder
from hub.clearing.batches import daily_batch
from hub.clearing.closing import due_day, request_close
from hub.clearing.credits import credit_opening, top_up_float
from hub.clearing.freezing import freeze, unfreeze
from hub.clearing.outbox import enter_answer, process_outbox
from hub.clearing.positions import checked_trial_balance, grams_in_books
from hub.clearing.reconciling import ReconciledDay, reconcile_day
from hub.clearing.redemptions import cancel_redemption, create_redemption, reverse_redemption
from hub.clearing.storage.redemption_rows import RedemptionDrawRow, RedemptionRow
from hub.clearing.storage.suspense_store import SuspenseStore
from hub.storage.engine import reading, transact
from hub.storage.faults import StoreUnavailableError
from hub.uses.taking import create_use
from hub.uses.terms import Terms
from tests.simulation.clearing import operations as ops
from tests.simulation.clearing.model import GRAM_UG, Balances, token
from tests.simulation.clearing.rail import Died
from tests.unlimited import unlimited

PROGRAMME: Final = ProgrammeId("ecny-shanghai")
PARAMETER_ID: Final = bytes(32)
FAILED: Final = "failed"
"""The answer of whoever got none."""
_REASON: Final = "the rail gave it back"
_OFFER: Final = Offer(
    parameter_id=PARAMETER_ID,
    programme_id=PROGRAMME,
    offer_id="trees",
    offer_kind=OfferKind.DONATION,
    title="A tree",
    supplier="Foresters",
    price_ug=MicrogramsCO2e(ops.PRICE_GRAMS * GRAM_UG),
    valid_from_s=0,
    valid_until_s=1 << 50,
    hold_s=0,
)


class Tested:
    """The hub of a world; its engine is replaced at each restart."""

    def __init__(
        self,
        engine: Engine,
        port: Rail,
        clock: SteppedClock,
        opened_ug: Callable[[int], int],
    ) -> None:
        self.engine = engine
        self._opened_ug = opened_ug
        self._port = port
        self._clock = clock
        self._openings = 0
        self.limits = unlimited(PROGRAMME)

    def write(self, use_case: Callable[[Session], Any]) -> Any:
        """Do a writing use case as the hub does it."""
        return transact(self.engine, use_case)

    # --- use cases ----------------------------------------------------------------------------

    @singledispatchmethod
    def done(self, act: Any) -> str:
        """Do an act and return its answer."""
        raise NotImplementedError(act)

    @done.register(ops.Credit)
    def _(self, act: ops.Credit) -> str:
        held = self._opened_ug(act.holder)
        self._openings += 1
        credit = OpeningCredit(
            programme=PROGRAMME,
            vintage=Vintage(act.vintage),
            account_token=token(act.holder),
            opening_id=self._openings.to_bytes(32, "big"),
            previous_opened_ug=MicrogramsCO2e(held),
            opened_ug=MicrogramsCO2e(held + act.grams * GRAM_UG),
        )
        now_s = self._clock.now_s()
        return "new" if self.write(lambda s: credit_opening(s, credit, now_s)) else "same"

    @done.register(ops.TopUp)
    def _(self, act: ops.TopUp) -> str:
        now_s, top_up_id = self._clock.now_s(), act.number.to_bytes(16, "big")
        is_new = self.write(lambda s: top_up_float(s, PROGRAMME, Fen(act.fen), top_up_id, now_s))
        return "new" if is_new else "same"

    @done.register(ops.Redeem)
    def _(self, act: ops.Redeem) -> str:
        now_s, order = self._clock.now_s(), order_of(act)
        redemption = self.write(
            lambda s: create_redemption(s, order, ECNY_RULE, now_s, limits=self.limits)
        )
        return f"units {redemption.units}"

    @done.register(ops.Cancel)
    def _(self, act: ops.Cancel) -> str:
        now_s, number = self._clock.now_s(), act.number.to_bytes(16, "big")
        found = self.write(lambda s: cancel_redemption(s, number, "by mistake", now_s))
        return str(found.state.value)

    @done.register(ops.Return)
    def _(self, act: ops.Return) -> str:
        now_s, number = self._clock.now_s(), act.number.to_bytes(16, "big")
        found = self.write(lambda s: reverse_redemption(s, number, _REASON, now_s))
        return str(found.state.value)

    @done.register(ops.Freeze)
    def _(self, act: ops.Freeze) -> str:
        now_s, use_case = self._clock.now_s(), freeze if act.frozen else unfreeze
        changed = self.write(
            lambda s: use_case(
                s, PROGRAMME, token(act.holder), reason="asked", operator="ann", now_s=now_s
            )
        )
        return "new" if changed else "same"

    @done.register(ops.Limit)
    def _(self, act: ops.Limit) -> str:
        self.limits = _limits(act)
        return "set"

    @done.register(ops.Donate)
    def _(self, act: ops.Donate) -> str:
        now_s, order = self._clock.now_s(), _use_of(act)
        use = self.write(lambda s: create_use(s, order, Terms(offer=_OFFER), now_s))
        return f"done {use.mass_ug // GRAM_UG}"

    @done.register(ops.RunOutbox)
    def _(self, _act: ops.RunOutbox) -> str:
        process_outbox(self.engine, self._port, self._clock)
        return "run"

    @done.register(ops.Close)
    def _(self, _act: ops.Close) -> str:
        self.write(lambda session: request_close(session, self._clock.now_s()))
        while self.write(self._close_day):
            pass
        return "closed"

    def _close_day(self, session: Session) -> bool:
        day = due_day(session, self._clock.now_s())
        if day is not None:
            daily_batch(session, PARAMETER_ID, day)
        return day is not None

    def notified(self, payout_id: bytes, answer: RailAnswer) -> str:
        """Enter what the rail says by itself."""
        now_s = self._clock.now_s()
        return str(self.write(lambda s: enter_answer(s, payout_id, answer, now_s)).value)

    def reconciled(self, rail_day: RailDay) -> ReconciledDay:
        """Reconcile a day with these files."""
        now_s = self._clock.now_s()
        found = self.write(lambda s: reconcile_day(s, PROGRAMME, rail_day, now_s))
        assert isinstance(found, ReconciledDay)
        return found

    # --- what is stored -----------------------------------------------------------------------

    def states(self) -> dict[int, str]:
        """Return the state of each redemption, by number."""
        with reading(self.engine) as session:
            rows = session.exec(select(RedemptionRow.redemption_id, RedemptionRow.state)).all()
        return {int.from_bytes(redemption_id, "big"): state for redemption_id, state in rows}

    def draws(self) -> dict[int, dict[int, int]]:
        """Return out of which vintages each redemption is, by number."""
        found: dict[int, dict[int, int]] = {}
        with reading(self.engine) as session:
            for row in session.exec(select(RedemptionDrawRow)).all():
                number = int.from_bytes(row.redemption_id, "big")
                found.setdefault(number, {})[row.vintage] = row.mass_ug
        return found

    def suspended(self) -> dict[str, int]:
        """Return what lies in suspense, by the account that it came from."""
        found: dict[str, int] = {}
        with reading(self.engine) as session:
            for item in SuspenseStore(session).of_programme(PROGRAMME):
                if item.is_open:
                    amount = item.difference.amount_fen
                    found[item.source.value] = found.get(item.source.value, 0) + amount
        return found

    def balances(self) -> Balances:
        """Return every balance that is not zero, after checking the books against themselves."""
        with reading(self.engine) as session:
            items = checked_trial_balance(session)
            grams_in_books(session)
        return {(acc.name, unit.text): value for (acc, unit), value in items.items() if value}


def answered(act: Callable[[], str]) -> str:
    """Do something; an error's answer is its code, or that there is none."""
    try:
        return act()
    except (StoreUnavailableError, Died):
        return FAILED
    except FedcarbonError as error:
        return error.code


def at_once(acts: Sequence[Callable[[], str]]) -> list[str]:
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


def order_of(act: ops.Redeem) -> RedemptionOrder:
    """Return the order of an act."""
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


@functools.cache
def payout_id_of(number: int) -> bytes:
    """Return under which id a redemption is paid; who orders does not matter."""
    return order_of(ops.Redeem(number, 1, 1)).payout_id


def _use_of(act: ops.Donate) -> UseOrder:
    return UseOrder(
        parameter_id=PARAMETER_ID,
        programme_id=PROGRAMME,
        use_id=act.number.to_bytes(16, "big"),
        account_token=token(act.holder),
        wallet_id=sandbox_wallet_id(act.holder),
        wallet_class=WalletClass(2),
        binding_leaf=bytes(34),
        operator_id=PartyId("wallet-operator"),
        use=UseKind.DONATE,
        offer_id=_OFFER.offer_id,
        pieces=act.pieces,
        mass_ug=None,
        vintage=None,
        may_be_claimed=False,
    )


def _limits(act: ops.Limit) -> Limits:
    free = unlimited(PROGRAMME)
    (programme,) = free.programmes
    return Limits(
        wallet_classes=tuple(
            replace(
                row,
                per_exchange_fen=_fen(act.exchange_fen),
                per_day_fen=_fen(act.day_fen),
                per_year_fen=_fen(act.year_fen),
            )
            for row in free.wallet_classes
        ),
        programmes=(replace(programme, account_per_day_fen=_fen(act.account_fen)),),
    )


def _fen(limit: int | None) -> Fen | None:
    return None if limit is None else Fen(limit)
