"""Payouts of proceeds and of red packets, summed out of the ledger: no grams pay for this money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from fedcarbon.audit.ledger_replay import ReplayedLedger
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.transfer import Phase, Transfer

_WITHOUT_GRAMS: Final = frozenset({AccountKind.PROCEEDS, AccountKind.CAMPAIGN})
_HELD: Final = (AccountKind.PAYOUT_IN_FLIGHT, AccountKind.PAID_OUT)


def proceeds_flows(ledger: ReplayedLedger) -> Counter[tuple[ProgrammeId, AccountKind]]:
    """Return, per programme, the fen in `PAYOUT_IN_FLIGHT` and `PAID_OUT` that no grams pay for.

    What a post moves is what its reservation had taken, so that one tells whose it is.
    """
    sums: Counter[tuple[ProgrammeId, AccountKind]] = Counter()
    for transfer in _of_proceeds(ledger):
        for side, sign in ((transfer.debit, -1), (transfer.credit, 1)):
            if side.kind in _HELD:
                sums[ProgrammeId(side.owner), side.kind] += sign * transfer.amount
    return sums


def _of_proceeds(ledger: ReplayedLedger) -> Iterable[Transfer]:
    """Yield the transfers into, on and out of such payouts."""
    for booked in ledger.booked.values():
        transfer = booked.transfer
        if transfer.phase is Phase.POST:
            reservation = ledger.transfer(transfer.resolves or b"")
            if reservation is not None and reservation.debit.kind in _WITHOUT_GRAMS:
                yield transfer
        elif _WITHOUT_GRAMS & {transfer.debit.kind, transfer.credit.kind}:
            yield transfer
