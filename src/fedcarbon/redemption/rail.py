"""The port to a payout rail: pay once per payout id, and ask what became of it.

A rail keeps the promise that makes everything else possible: a payout id is paid at most once, for
ever, however often it comes. It says REJECTED only when the payout can never happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, Protocol

from fedcarbon.errors import MalformedError, PeerError
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
    """Paid, finally."""
    REJECTED = "rejected"
    """Not paid and never will be."""
    UNKNOWN = "unknown"
    """No answer in time, or none that helps: the payout may or may not happen."""
    NOT_FOUND = "not_found"
    """The rail has never seen this payout id; an answer to a query only."""


class RailContradictionError(PeerError):
    """The rail gave two different final answers for one payout: keep both, call the operator."""

    code: ClassVar[str] = "RAIL_CONTRADICTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class RailAnswer:
    """One answer of a rail."""

    status: RailStatus
    reason: str = ""
    """Why, for REJECTED."""
    reference: str = ""
    """The rail's own name for the payout."""

    def __post_init__(self) -> None:
        """Check lengths and that a rejection says why."""
        if len(self.reason) > REASON_LENGTH_MAX or len(self.reference) > REFERENCE_LENGTH_MAX:
            raise MalformedError("the reason or reference of a rail's answer is too long")
        if self.status is RailStatus.REJECTED and not self.reason:
            raise MalformedError("a rejection by a rail needs a reason")


class Rail(Protocol):
    """A payout rail. Both calls may raise `FedcarbonError` or `OSError`: then nothing is known."""

    def pay(self, payout_id: bytes, wallet_id: WalletId, amount_fen: Fen) -> RailAnswer:
        """Pay `amount_fen` into the wallet, at most once per `payout_id` (16 bytes)."""
        ...

    def query(self, payout_id: bytes) -> RailAnswer:
        """Return what became of the payout."""
        ...
