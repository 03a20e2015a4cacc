"""A transfer: one amount of one unit from a debit account to a credit account, for ever.

A transfer is a value without a time: the same id with the same content is the same transfer, no
matter when it is asked for again. A reservation is a transfer into a holding account (`reserved`,
`payout_in_flight`); exactly one later transfer resolves it, forward (post) or back (void).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fedcarbon.canonical.hashing import digest
from fedcarbon.canonical.statement import INTEGER_MAX
from fedcarbon.errors import MalformedError
from fedcarbon.ledger.account import HOLDER_KINDS, LOT_KINDS, MASS_KINDS, Account, AccountKind
from fedcarbon.ledger.unit import MassUnit, Unit
from fedcarbon.units import MASS_UG_MAX, Seconds

TRANSFER_ID_BYTES: Final = 16
AMOUNT_MAX: Final = MASS_UG_MAX
"""Of one transfer, ug or fen."""


class Phase(StrEnum):
    """What a transfer does to a reservation."""

    SINGLE = "single"
    """Complete in itself."""
    RESERVE = "reserve"
    """Sets an amount aside until it is posted or voided."""
    POST = "post"
    """Completes the reservation that it resolves."""
    VOID = "void"
    """Gives back what the reservation that it resolves had set aside."""


RESOLVING: Final = frozenset({Phase.POST, Phase.VOID})

# The only ways that anything moves. Holding accounts are filled by RESERVE and emptied by POST and
# VOID alone, so a holding account's balance is the sum of its open reservations.
MOVES: Final = frozenset(
    {
        (Phase.SINGLE, AccountKind.ISSUANCE, AccountKind.SPENDABLE),
        (Phase.RESERVE, AccountKind.SPENDABLE, AccountKind.RESERVED),
        (Phase.POST, AccountKind.RESERVED, AccountKind.REDEEMED),
        (Phase.VOID, AccountKind.RESERVED, AccountKind.SPENDABLE),
        (Phase.SINGLE, AccountKind.REDEEMED, AccountKind.SPENDABLE),
        # other uses of grams
        (Phase.SINGLE, AccountKind.SPENDABLE, AccountKind.DONATED),
        (Phase.POST, AccountKind.RESERVED, AccountKind.EXCHANGED),
        (Phase.SINGLE, AccountKind.SPENDABLE, AccountKind.EXPIRED),
        (Phase.SINGLE, AccountKind.SPENDABLE, AccountKind.PLEDGED),
        (Phase.SINGLE, AccountKind.PLEDGED, AccountKind.SPENDABLE),
        (Phase.SINGLE, AccountKind.PLEDGED, AccountKind.POOLED),
        (Phase.SINGLE, AccountKind.POOLED, AccountKind.PLEDGED),
        (Phase.SINGLE, AccountKind.POOLED, AccountKind.RETIRED),
        (Phase.SINGLE, AccountKind.SPENDABLE, AccountKind.OFFSET),
        (Phase.SINGLE, AccountKind.SPENDABLE, AccountKind.MARKET),
        (Phase.SINGLE, AccountKind.MARKET, AccountKind.SPENDABLE),
        # money
        (Phase.SINGLE, AccountKind.FUNDING, AccountKind.FLOAT),
        (Phase.RESERVE, AccountKind.FLOAT, AccountKind.PAYOUT_IN_FLIGHT),
        (Phase.POST, AccountKind.PAYOUT_IN_FLIGHT, AccountKind.PAID_OUT),
        (Phase.VOID, AccountKind.PAYOUT_IN_FLIGHT, AccountKind.FLOAT),
        (Phase.SINGLE, AccountKind.PAID_OUT, AccountKind.FLOAT),
        # what buyers of lots have paid
        (Phase.SINGLE, AccountKind.SALES, AccountKind.PROCEEDS),
        (Phase.SINGLE, AccountKind.SALES, AccountKind.FLOAT),
        (Phase.RESERVE, AccountKind.PROCEEDS, AccountKind.PAYOUT_IN_FLIGHT),
        (Phase.VOID, AccountKind.PAYOUT_IN_FLIGHT, AccountKind.PROCEEDS),
        (Phase.SINGLE, AccountKind.PAID_OUT, AccountKind.PROCEEDS),
        # red packets of campaigns
        (Phase.SINGLE, AccountKind.FLOAT, AccountKind.CAMPAIGN),
        (Phase.SINGLE, AccountKind.CAMPAIGN, AccountKind.FLOAT),
        (Phase.SINGLE, AccountKind.CAMPAIGN, AccountKind.PROCEEDS),
        (Phase.RESERVE, AccountKind.CAMPAIGN, AccountKind.PAYOUT_IN_FLIGHT),
        (Phase.VOID, AccountKind.PAYOUT_IN_FLIGHT, AccountKind.CAMPAIGN),
        (Phase.SINGLE, AccountKind.PAID_OUT, AccountKind.CAMPAIGN),
        # the market
        (Phase.SINGLE, AccountKind.FLOAT, AccountKind.MARKET_PURSE),
        (Phase.SINGLE, AccountKind.MARKET_PURSE, AccountKind.FLOAT),
        (Phase.SINGLE, AccountKind.MARKET_PURSE, AccountKind.PROCEEDS),
        (Phase.SINGLE, AccountKind.PROCEEDS, AccountKind.MARKET_PURSE),
        # differences between the books, the rail and the float
        (Phase.SINGLE, AccountKind.FLOAT, AccountKind.SUSPENSE),
        (Phase.SINGLE, AccountKind.PAID_OUT, AccountKind.SUSPENSE),
        (Phase.SINGLE, AccountKind.FUNDING, AccountKind.SUSPENSE),
        (Phase.SINGLE, AccountKind.SUSPENSE, AccountKind.FLOAT),
        (Phase.SINGLE, AccountKind.SUSPENSE, AccountKind.PAID_OUT),
        (Phase.SINGLE, AccountKind.SUSPENSE, AccountKind.FUNDING),
        (Phase.SINGLE, AccountKind.SUSPENSE, AccountKind.WRITTEN_OFF),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """An entry of the ledger."""

    transfer_id: bytes
    """16 bytes, unique over the whole ledger."""
    debit: Account
    """Where the amount leaves."""
    credit: Account
    """Where the amount arrives."""
    unit: Unit
    amount: int
    """In ug or fen, 1 to `AMOUNT_MAX`."""
    phase: Phase
    resolves: bytes | None
    """Id of the reservation, for a post or a void only."""
    expires_s: Seconds | None = None
    """For a reservation: from this protocol time on it can only be voided; None for never."""

    def __post_init__(self) -> None:
        """Check sizes, that the move exists and that both sides belong together."""
        ids = (self.transfer_id,) if self.resolves is None else (self.transfer_id, self.resolves)
        if {len(item) for item in ids} != {TRANSFER_ID_BYTES}:
            raise MalformedError(f"the id of a transfer has {TRANSFER_ID_BYTES} bytes")
        if not 1 <= self.amount <= AMOUNT_MAX:
            raise MalformedError(f"the amount of a transfer is 1 to {AMOUNT_MAX}")
        if (self.resolves is not None) != (self.phase in RESOLVING):
            raise MalformedError("posts and voids, and nothing else, resolve a reservation")
        if self.expires_s is not None and (
            self.phase is not Phase.RESERVE or not 0 <= self.expires_s <= INTEGER_MAX
        ):
            raise MalformedError("a reservation, and nothing else, may have an end")
        if (self.phase, self.debit.kind, self.credit.kind) not in MOVES:
            raise MalformedError(
                f"no {self.phase} moves anything from {self.debit.kind} to {self.credit.kind}"
            )
        _check_belonging(self.debit, self.credit, self.unit)


def derived_transfer_id(label: bytes, *items: bytes) -> bytes:
    """Return the 16-byte id of the one transfer that `label` and `items` name.

    Retries of a use case derive the same ids, so that they meet the same stored transfers.
    """
    return digest(b"fedcarbon/v1/transfer-id", label, *items)[:TRANSFER_ID_BYTES]


def _check_belonging(debit: Account, credit: Account, unit: Unit) -> None:
    if isinstance(unit, MassUnit) != (debit.kind in MASS_KINDS):
        raise MalformedError(f"{debit.kind} accounts do not count {unit.text}")
    holders = {side.owner for side in (debit, credit) if side.kind in HOLDER_KINDS}
    lots = {side.owner for side in (debit, credit) if side.kind in LOT_KINDS}
    programmes = {side.programme for side in (debit, credit)} - {None}
    if isinstance(unit, MassUnit):
        programmes.add(unit.programme)
    if len(holders) > 1 or len(lots) > 1 or len(programmes) > 1:
        raise MalformedError("a transfer stays with one holder, one lot and one programme")
