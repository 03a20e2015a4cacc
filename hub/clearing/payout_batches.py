"""What the rail has answered about the payouts that one ledger batch books."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.ledger.batch import LedgerBatch, batch_hash
from fedcarbon.ledger.transfer import Transfer
from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.payouts import PayoutBatch, PayoutLine, PayoutOutcome
from fedcarbon.redemption.postings import posts, reversals, voids
from fedcarbon.redemption.rail import REASON_LENGTH_MAX
from fedcarbon.redemption.states import RedemptionEvent
from fedcarbon.units import Seconds
from hub.clearing.redemptions import find_redemption
from hub.clearing.storage.redemption_store import RecordedEvent, RedemptionStore

_FINAL: Final[
    Mapping[RedemptionEvent, tuple[PayoutOutcome, Callable[[Redemption], tuple[Transfer, ...]]]]
] = {
    RedemptionEvent.RAIL_SETTLED: (PayoutOutcome.SETTLED, posts),
    RedemptionEvent.RAIL_REJECTED: (PayoutOutcome.REJECTED, voids),
    RedemptionEvent.RAIL_RETURNED: (PayoutOutcome.REJECTED, voids),
    # The rail was never asked and never will be: nothing was paid, as after its refusal.
    RedemptionEvent.CANCEL: (PayoutOutcome.REJECTED, voids),
    RedemptionEvent.REVERSE: (PayoutOutcome.REVERSED, reversals),
}
"""Event to what it says of the payout, and to the transfers that it was booked with."""


def payout_batch(session: Session, batch: LedgerBatch) -> PayoutBatch:
    """Return the final answers whose transfers stand in `batch`, in the order of its lines.

    Args:
        session: a reading session.
        batch: a closed ledger day.
    """
    position = {line.transfer_id: number for number, line in enumerate(batch.lines)}
    lines: dict[int, PayoutLine] = {}
    for event in _events_of(session, batch):
        redemption = find_redemption(session, event.redemption_id)
        outcome, transfers_of = _FINAL[event.event]
        # Answer and transfers were entered in one transaction, so one of them tells the batch.
        booked = position.get(transfers_of(redemption)[0].transfer_id)
        if booked is not None:
            lines[booked] = _line(redemption, event, outcome)
    return PayoutBatch(
        parameter_id=batch.parameter_id,
        day=batch.day,
        ledger_batch=batch_hash(statements.encode(batch)),
        lines=tuple(lines[number] for number in sorted(lines)),
    )


def _events_of(session: Session, batch: LedgerBatch) -> list[RecordedEvent]:
    times = [line.recorded_s for line in batch.lines]
    if not times:
        return []
    first_s, last_s = Seconds(min(times)), Seconds(max(times))
    return RedemptionStore(session).events_between(_FINAL.keys(), first_s, last_s)


def _line(redemption: Redemption, event: RecordedEvent, outcome: PayoutOutcome) -> PayoutLine:
    order = redemption.order
    return PayoutLine(
        payout_id=order.payout_id,
        redemption_id=order.redemption_id,
        wallet_id=order.wallet_id,
        amount_fen=redemption.amount_fen,
        outcome=outcome,
        answered_s=event.recorded_s,
        reference=redemption.rail_reference,
        # A person may have written it, and a long text must not keep the books open.
        reason=event.detail[:REASON_LENGTH_MAX],
    )
