"""Use cases of the hub's own operator: lots and the outcome of goods, each with its leaf."""

from __future__ import annotations

from contextlib import suppress

from sqlmodel import Session

from fedcarbon.errors import CallerError
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.ledger.unit import Vintage
from fedcarbon.opening.epoch_checks import vintage as vintage_of
from fedcarbon.registry.measure import require_grams
from fedcarbon.registry.programme import Programme
from fedcarbon.units import Fen
from fedcarbon.uses.lot import CreditLot, LotRetirement, LotSale, Obligation, Offsets
from fedcarbon.uses.offer import LotRules
from fedcarbon.uses.order import GoodsOutcome, Use
from fedcarbon.uses.states import UseState
from hub.context import Hub
from hub.registry.programmes import require_programme
from hub.storage.registry_store import MethodologyStore
from hub.uses.bundling import create_lot, find_lot, retire, sell
from hub.uses.errors import LotRulesMissingError
from hub.uses.storage.lot_store import LotStore
from hub.uses.storage.publication_store import PublicationStore
from hub.uses.taking import end_goods, find_use


def form_lot(
    session: Session,
    hub: Hub,
    *,
    lot_id: bytes,
    programme: ProgrammeId,
    vintage: Vintage,
    tonnes: int,
) -> CreditLot:
    """Bundle the oldest pledges into a lot and log it; the same id and figures, the same lot.

    Raises:
        UnknownProgrammeError: there is no such programme.
        NotGramsError: it counts something else.
        LotRulesMissingError: it has published no rules for lots.
        LotIdReusedError, LotShortError, LotTooWideError: see `create_lot`.
        LotVintageExcludedError, LotTooSmallError, LotMethodologyExcludedError: the rules do not
            allow it.
    """
    found = require_programme(session, programme)
    require_grams(found.measure, "credit lots")
    rules = PublicationStore(session).all(LotRules, programme)
    if not rules:
        raise LotRulesMissingError(f"{programme} has published no rules for credit lots")
    is_new = LotStore(session).find(lot_id) is None
    if is_new:
        admitted = _admitted_for(session, found, vintage)
        rules[-1].statement.check_lot(vintage, tonnes, admitted)
    lot = create_lot(
        session,
        parameter_id=hub.parameters.parameter_id,
        lot_id=lot_id,
        programme=programme,
        vintage=vintage,
        tonnes=tonnes,
        rules=rules[-1],
        now_s=hub.clock.now_s(),
    )
    if is_new:
        hub.record.append_own(session, lot)
    return lot


def sell_lot(
    session: Session,
    hub: Hub,
    *,
    lot_id: bytes,
    buyer: str,
    price_fen: Fen,
    retained_fen: Fen,
) -> LotSale:
    """Enter the sale of a verified lot, share the proceeds and log it; once per lot.

    Raises:
        LotUnknownError, LotPriceBelowFloorError, LotStateError: see `sell`.
    """
    lot = find_lot(session, lot_id).lot
    sale = LotSale(
        parameter_id=lot.parameter_id,
        programme_id=lot.programme_id,
        lot_id=lot_id,
        buyer=buyer,
        price_fen=price_fen,
        retained_fen=retained_fen,
    )
    rules = PublicationStore(session).all(LotRules, lot.programme_id)
    floor_fen = next(
        item.statement.price_floor_fen for item in rules if item.leaf_index == lot.rules_leaf
    )
    if sell(session, sale, Fen(floor_fen), hub.clock.now_s()):
        hub.record.append_own(session, sale)
    return sale


def _admitted_for(session: Session, programme: Programme, year: Vintage) -> frozenset[bytes]:
    """Return what a programme has admitted for any epoch of a vintage."""
    epochs = (EpochIndex(number) for number in range(1, programme.epochs + 1))
    own = [epoch for epoch in epochs if vintage_of(programme, epoch) == year]
    if not own:
        return frozenset()
    return MethodologyStore(session).hashes_between(programme.programme_id, own[0], own[-1])


def retire_lot(
    session: Session,
    hub: Hub,
    *,
    lot_id: bytes,
    beneficiary: str,
    obligation: Obligation | None = None,
) -> LotRetirement:
    """Retire a sold lot for its beneficiary and log it; once per lot.

    Raises:
        LotUnknownError, LotStateError: see `retire`.
        ObligationDiffersError, OffsetLimitError: see `fedcarbon.uses.lot.Offsets`.
    """
    now_s = hub.clock.now_s()
    retirement, is_new = retire(session, lot_id, beneficiary, now_s, obligation)
    if is_new:
        rules = PublicationStore(session).all(LotRules, retirement.programme_id)
        offsets = Offsets()
        for earlier in LotStore(session).retirements():
            if earlier != retirement:
                with suppress(CallerError):  # it was judged by the rules of its own time
                    offsets.take(earlier, rules[-1].statement)
        offsets.take(retirement, rules[-1].statement)
        hub.record.append_own(session, retirement)
    return retirement


def conclude_goods(
    session: Session, hub: Hub, *, use_id: bytes, voucher_sha256: bytes | None, reason: str
) -> Use:
    """Enter what the supplier said of ordered goods and log it; the same word counts once.

    Args:
        session: a writing session.
        hub: where to.
        use_id: of goods.
        voucher_sha256: hash of the voucher's code if they were handed out, None if not.
        reason: why not; empty if they were.

    Raises:
        UseUnknownError, UseStateError, ReservationTimedOutError: see `end_goods`.
    """
    use = find_use(session, use_id)
    fulfilled = voucher_sha256 is not None
    outcome = GoodsOutcome(
        parameter_id=hub.parameters.parameter_id,
        programme_id=use.order.programme_id,
        use_id=use_id,
        fulfilled=fulfilled,
        voucher_sha256=voucher_sha256,
        reason=reason,
    )
    if use.state is (UseState.FULFILLED if fulfilled else UseState.CANCELLED):
        return use
    ended = end_goods(session, use_id, fulfilled=fulfilled, now_s=hub.clock.now_s())
    hub.record.append_own(session, outcome, owners=[use.order.operator_id])
    return ended
