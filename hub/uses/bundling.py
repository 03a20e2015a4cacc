"""Use cases of credit lots in the books: form, refuse, sell, retire.

What is signed about a lot is logged by `hub.uses.operating` and `hub.uses.publishing`.
"""

from __future__ import annotations

from typing import Final

from sqlmodel import Session

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from fedcarbon.uses.lot import (
    CONTRIBUTIONS_MAX,
    TONNE_UG,
    CreditLot,
    LotRetirement,
    LotSale,
    LotVerification,
    Obligation,
    bundled,
    contributions_of,
)
from fedcarbon.uses.offer import LotRules
from fedcarbon.uses.postings import pooling, retiring, returning, selling
from fedcarbon.uses.states import LotEvent
from hub.clearing.freezing import frozen_among
from hub.clearing.storage.ledger_store import LedgerStore
from hub.uses.errors import LotIdReusedError, LotPriceBelowFloorError, LotUnknownError
from hub.uses.storage.lot_store import Lot, LotStore
from hub.uses.storage.publication_store import Published
from hub.uses.storage.use_store import PledgeStore

QUEUE_MAX: Final = CONTRIBUTIONS_MAX + 1
"""Pledges that are looked at for one lot: one more than it may have."""


def create_lot(
    session: Session,
    *,
    parameter_id: bytes,
    lot_id: bytes,
    programme: ProgrammeId,
    vintage: Vintage,
    tonnes: int,
    rules: Published[LotRules],
    now_s: Seconds,
) -> CreditLot:
    """Bundle the oldest pledges into whole tonnes; the last one gives a part.

    Args:
        session: a writing session; the caller commits.
        parameter_id: bound by what is signed.
        lot_id: 16 bytes, made by the operator; the same id and figures get the stored lot.
        programme: whose grams.
        vintage: of which year.
        tonnes: how many.
        rules: the rules in force.
        now_s: protocol time.

    Raises:
        LotIdReusedError: the id came before with other figures.
        LotShortError, LotTooWideError: see `fedcarbon.uses.lot.bundled`.
    """
    lots, unit = LotStore(session), MassUnit(programme=programme, vintage=vintage)
    stored = lots.find(lot_id)
    if stored is not None:
        lot = stored.lot
        if (lot.unit, lot.tonnes) != (unit, tonnes):
            raise LotIdReusedError(f"lot {lot_id.hex()} exists with other figures; make a new id")
        return lot
    pledges = PledgeStore(session)
    queue = pledges.queue(unit, QUEUE_MAX)
    # A frozen account gives nothing out; its pledges keep their place.
    frozen = frozen_among(session, [(programme, pledge.account_token) for pledge in queue])
    free = [item for item in queue if (programme, item.account_token) not in frozen]
    taken = bundled(free, MicrogramsCO2e(tonnes * TONNE_UG))
    lot = CreditLot(
        parameter_id=parameter_id,
        programme_id=programme,
        lot_id=lot_id,
        vintage=vintage,
        tonnes=tonnes,
        rules_leaf=rules.leaf_index,
        excluded_regimes=rules.statement.excluded_regimes,
        contributions=contributions_of(taken),
    )
    with session.begin_nested():
        LedgerStore(session).post_linked(pooling(lot), now_s)
        lots.add(lot, taken)
        pledges.take(vintage, taken)
    return lot


def find_lot(session: Session, lot_id: bytes) -> Lot:
    """Return a lot as it stands.

    Raises:
        LotUnknownError: there is none with this id.
    """
    lot = LotStore(session).find(lot_id)
    if lot is None:
        raise LotUnknownError(f"there is no credit lot {lot_id.hex()[:64]}")
    return lot


def judge_lot(session: Session, verification: LotVerification, now_s: Seconds) -> None:
    """Enter a verifier's word; what is refused is pledged again, in its old place.

    Raises:
        LotUnknownError: there is no lot with this id in the programme that root keys signed for.
        LotStateError: it was verified or refused before.
    """
    accepted = verification.accepted
    lot, lots = find_lot(session, verification.lot_id), LotStore(session)
    if lot.lot.programme_id != verification.programme_id:
        raise LotUnknownError(f"{verification.programme_id} has no such credit lot")
    with session.begin_nested():
        lots.advance(lot, LotEvent.ACCEPT if accepted else LotEvent.REFUSE)
        if not accepted:
            LedgerStore(session).post_linked(returning(lot.lot), now_s)
            PledgeStore(session).take(lot.lot.vintage, lots.parts(lot.lot), sign=-1)


def sell(session: Session, sale: LotSale, floor_fen: Fen, now_s: Seconds) -> bool:
    """Enter what a buyer has paid for a lot and share it out.

    Args:
        session: a writing session; the caller commits.
        sale: which lot, to whom, for how much.
        floor_fen: the least that a tonne may be sold for.
        now_s: protocol time.

    Returns:
        Whether this call entered it; False if exactly this sale was entered before.

    Raises:
        LotUnknownError: there is no lot with this id.
        LotPriceBelowFloorError: it is too cheap.
        LotStateError: it is not verified, or was sold otherwise.
    """
    lot = find_lot(session, sale.lot_id)
    if lot.sale == sale:
        return False
    if sale.price_fen < floor_fen * lot.lot.tonnes:
        raise LotPriceBelowFloorError(f"a tonne is sold for at least {floor_fen} fen")
    with session.begin_nested():
        LotStore(session).advance(lot, LotEvent.SELL, sale)
        LedgerStore(session).post_linked(selling(lot.lot, sale), now_s)
    return True


def retire(
    session: Session,
    lot_id: bytes,
    beneficiary: str,
    now_s: Seconds,
    obligation: Obligation | None = None,
) -> tuple[LotRetirement, bool]:
    """Retire a sold lot for its beneficiary; return what is to be signed, and whether it is new.

    Raises:
        LotUnknownError: there is no lot with this id.
        LotStateError: it is not sold, or was retired for somebody else.
    """
    lot, lots = find_lot(session, lot_id), LotStore(session)
    done = lot.retirement
    if done is not None and (done.beneficiary, done.obligation) == (beneficiary, obligation):
        return done, False
    first = lots.last_serial(lot.lot.programme_id) + 1
    retirement = LotRetirement(
        parameter_id=lot.lot.parameter_id,
        programme_id=lot.lot.programme_id,
        lot_id=lot_id,
        beneficiary=beneficiary,
        serial_first=first,
        serial_last=first + lot.lot.tonnes - 1,
        obligation=obligation,
    )
    with session.begin_nested():
        lots.advance(lot, LotEvent.RETIRE, retirement)
        LedgerStore(session).post_linked(retiring(lot.lot), now_s)
    return retirement, True
