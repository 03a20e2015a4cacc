"""Credit lots: whole tonnes of what was pledged, verified, sold and retired once each (V26)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from fedcarbon.audit.books import Books
from fedcarbon.audit.findings import Finding
from fedcarbon.audit.ledger_replay import ReplayedLedger
from fedcarbon.audit.use_findings import JudgedUses, found, stated
from fedcarbon.errors import CallerError
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.ledger.transfer import Transfer
from fedcarbon.opening.epoch_checks import vintage
from fedcarbon.uses.errors import LotStateError
from fedcarbon.uses.lot import CreditLot, LotRetirement, LotSale, LotVerification, Offsets
from fedcarbon.uses.offer import LotRules
from fedcarbon.uses.postings import pooling, retiring, returning, selling
from fedcarbon.uses.states import LotEvent, LotState, next_lot_state

Step = LotVerification | LotSale | LotRetirement


@dataclass(slots=True)
class _Lot:
    lot: CreditLot
    floor_fen: int
    state: LotState = LotState.FORMED


def check_lots(
    books: Books, ledger: ReplayedLedger, judged: JudgedUses, findings: list[Finding]
) -> None:
    """Judge all credit lots: what is signed about them, in its order, and what is booked."""
    check = _LotCheck(books, ledger, judged, findings)
    for leaf, lot in stated(CreditLot, books, findings):
        check.form(leaf, lot)
    steps: list[tuple[int, Step]] = [
        *stated(LotVerification, books, findings),
        *stated(LotSale, books, findings),
        *stated(LotRetirement, books, findings),
    ]
    for leaf, step in sorted(steps, key=lambda item: item[0]):
        check.take(leaf, step)


class _LotCheck:
    """Follows every lot through its states."""

    def __init__(
        self,
        books: Books,
        ledger: ReplayedLedger,
        judged: JudgedUses,
        findings: list[Finding],
    ) -> None:
        self._books: Final = books
        self._ledger: Final = ledger
        self._judged: Final = judged
        self._findings: Final = findings
        self._rules: Final = list(stated(LotRules, books, findings))
        self._offsets: Final = Offsets()
        self._lots: Final[dict[bytes, tuple[int, _Lot]]] = {}
        self._serials: Final[dict[ProgrammeId, int]] = {}

    def form(self, leaf: int, lot: CreditLot) -> None:
        """Judge a lot by itself, and what was put into it."""
        if lot.lot_id in self._lots:
            self._find("LOT_ID_REUSED", lot.lot_id, leaf, "a lot of this id was formed before")
            return
        in_force = self._rules_before(leaf, lot.programme_id)
        floor_fen = 0 if in_force is None else in_force[1].price_floor_fen
        self._lots[lot.lot_id] = (leaf, _Lot(lot=lot, floor_fen=floor_fen))
        if in_force is not None:
            self._check_rules(leaf, lot, in_force[1])
        if in_force is None or (lot.rules_leaf, lot.excluded_regimes) != (
            in_force[0],
            in_force[1].excluded_regimes,
        ):
            text = "the lot names other rules than those in force at its leaf"
            self._find("LOT_RULES_DIFFER", lot.lot_id, leaf, text)
        mass_ug = sum(item.mass_ug for item in lot.contributions)
        if mass_ug != lot.mass_ug:
            text = f"contributions of {mass_ug} ug are not {lot.tonnes} whole tonnes"
            self._find("LOT_NOT_WHOLE", lot.lot_id, leaf, text)
        self._expect("LOT_CONTRIBUTIONS_DIFFER", lot, leaf, pooling(lot))

    def _rules_before(self, leaf: int, programme: ProgrammeId) -> tuple[int, LotRules] | None:
        own = (item for item in reversed(self._rules) if item[1].programme_id == programme)
        return next((item for item in own if item[0] < leaf), None)

    def _check_rules(self, leaf: int, lot: CreditLot, rules: LotRules) -> None:
        programme = self._books.programmes.get(lot.programme_id)
        if programme is None:
            return  # found when it was read
        epochs = range(1, programme.epochs + 1)
        own = [number for number in epochs if vintage(programme, EpochIndex(number)) == lot.vintage]
        admitted = frozenset(
            item.statement.content_hash
            for item in self._books.methodologies.get(lot.programme_id, ())
            if item.index < leaf
            and any(item.statement.covers(EpochIndex(number)) for number in own)
        )
        try:
            rules.check_lot(lot.vintage, lot.tonnes, admitted)
        except CallerError as error:
            self._find(error.code, lot.lot_id, leaf, str(error))

    def take(self, leaf: int, step: Step) -> None:
        """Judge what was signed about a lot later, and what was booked for it."""
        known = self._lots.get(step.lot_id)
        if known is None or known[0] > leaf or known[1].lot.programme_id != step.programme_id:
            self._find("LOT_UNKNOWN", step.lot_id, leaf, "no such lot had been formed")
            return
        held = known[1]
        try:
            held.state = next_lot_state(held.state, _event(step))
        except LotStateError as error:
            self._find(error.code, step.lot_id, leaf, str(error))
            return
        lot = held.lot
        if isinstance(step, LotVerification):
            if not step.accepted:
                self._expect("LOT_RETURN_DIFFERS", lot, leaf, returning(lot))
        elif isinstance(step, LotSale):
            if step.price_fen < held.floor_fen * lot.tonnes:
                text = f"a tonne is sold for at least {held.floor_fen} fen"
                self._find("LOT_PRICE_BELOW_FLOOR", lot.lot_id, leaf, text)
            self._expect("LOT_SHARES_DIFFER", lot, leaf, selling(lot, step))
        else:
            first = self._serials.get(lot.programme_id, 0) + 1
            last = first + lot.tonnes - 1
            if (step.serial_first, step.serial_last) != (first, last):
                text = f"its tonnes are numbered {first} to {last}"
                self._find("LOT_SERIALS_DIFFER", lot.lot_id, leaf, text)
            self._serials[lot.programme_id] = last
            self._check_offset(leaf, step)
            self._expect("LOT_RETIREMENT_DIFFERS", lot, leaf, retiring(lot))

    def _check_offset(self, leaf: int, retirement: LotRetirement) -> None:
        in_force = self._rules_before(leaf, retirement.programme_id)
        if in_force is None:
            return  # its lot was found to be without rules
        try:
            self._offsets.take(retirement, in_force[1])
        except CallerError as error:
            self._find(error.code, retirement.lot_id, leaf, str(error))

    def _expect(self, code: str, lot: CreditLot, leaf: int, expected: Iterable[Transfer]) -> None:
        """Hold what is booked for a step against what follows from what was signed."""
        differing = 0
        for transfer in expected:
            booked = self._ledger.booked.get(transfer.transfer_id)
            if booked is None:
                differing += leaf < self._ledger.last_leaf
                continue
            self._judged.explained.add(transfer.transfer_id)
            differing += booked.transfer != transfer or booked.batch_leaf < leaf
        if differing:
            text = f"{differing} transfers are not what follows from the lot; the hub must explain"
            self._find(code, lot.lot_id, leaf, text)

    def _find(self, code: str, lot_id: bytes, leaf: int, text: str) -> None:
        self._findings.append(found(code, f"credit lot {lot_id.hex()}", text, leaf))


def _event(step: Step) -> LotEvent:
    if isinstance(step, LotVerification):
        return LotEvent.ACCEPT if step.accepted else LotEvent.REFUSE
    return LotEvent.SELL if isinstance(step, LotSale) else LotEvent.RETIRE
