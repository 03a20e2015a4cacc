"""The port to a payout rail: pay once per payout id, and ask what became of it.

A rail keeps the promise that makes everything else possible: a payout id is paid at most once, for
ever, however often it comes. It says REJECTED only when the payout can never happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, Protocol

from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.value_day import VALUE_DAY_MAX, ValueDay
from fedcarbon.redemption.wallet import WalletId
from fedcarbon.units import Fen

PAYOUT_ID_BYTES: Final = 16
REASON_LENGTH_MAX: Final = 200
REFERENCE_LENGTH_MAX: Final = 80


class RailStatus(StrEnum):
    """What a rail says of a payout."""

    ACCEPTED = "accepted"
    """Taken in; the result comes later."""
    SETTLED = "settled"
    """Paid."""
    REJECTED = "rejected"
    """Not paid and never will be."""
    RETURNED = "returned"
    """Paid, and the whole amount came back."""
    UNKNOWN = "unknown"
    """No answer in time, or none that helps: the payout may or may not happen."""
    NOT_FOUND = "not_found"
    """The rail has never seen this payout id; an answer to a query only."""


class RailContradictionError(PeerError):
    """The rail gave two different final answers for one payout: keep both, call the operator."""

    code: ClassVar[str] = "RAIL_CONTRADICTION"


class RailAmountDiffersError(PeerError):
    """The rail has booked another amount than it was told to pay."""

    code: ClassVar[str] = "RAIL_AMOUNT_DIFFERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class RailAnswer:
    """One answer of a rail."""

    status: RailStatus
    reason: str = ""
    """Why, for REJECTED and RETURNED."""
    reference: str = ""
    """The rail's own name for the payout."""
    value_day: ValueDay | None = None
    """In which day's settlement file the rail will have it, where it says so."""
    amount_fen: Fen | None = None
    """What the rail has in its books for the payout, where it says so."""

    def __post_init__(self) -> None:
        """Check lengths and that a rejection says why."""
        if len(self.reason) > REASON_LENGTH_MAX or len(self.reference) > REFERENCE_LENGTH_MAX:
            raise MalformedError("the reason or reference of a rail's answer is too long")
        if not (self.reason + self.reference).isprintable():
            raise MalformedError("the reason or reference of a rail's answer is no text")
        if self.value_day is not None and not 0 <= self.value_day <= VALUE_DAY_MAX:
            raise MalformedError("the value day of a rail's answer is no day of the calendar")
        if self.status in {RailStatus.REJECTED, RailStatus.RETURNED} and not self.reason:
            raise MalformedError("a rejection or return by a rail needs a reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """What a rail is told to pay."""

    payout_id: bytes
    """16 bytes; the rail pays it at most once, for ever."""
    programme: ProgrammeId
    """Out of whose float; each programme has an account of its own at the rail."""
    wallet_id: WalletId
    amount_fen: Fen

    def __post_init__(self) -> None:
        """Check sizes and that money is meant."""
        if len(self.payout_id) != PAYOUT_ID_BYTES or self.amount_fen < 1:
            raise MalformedError("a payout has an id of 16 bytes and at least one fen")


class Rail(Protocol):
    """A payout rail. Both calls may raise `FedcarbonError` or `OSError`: then nothing is known.

    Several workers call it at once, each for another payout.
    """

    def pay(self, payout: Payout) -> RailAnswer:
        """Pay, at most once per `payout_id`."""
        ...

    def query(self, payout_id: bytes) -> RailAnswer:
        """Return what became of the payout."""
        ...
