"""Payout batches: what the rail has said about payouts, in step with the ledger.

The hub logs one beside every ledger batch, also an empty one. It holds a line per final answer
whose transfers stand in that ledger batch, so that orders, grams, money and answers can be held
against each other at any batch (DESIGN section 12).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.redemption.rail import (
    PAYOUT_ID_BYTES,
    REASON_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
)
from fedcarbon.redemption.wallet import WalletId, wallet_id
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES
from fedcarbon.units import Fen


class PayoutOutcome(StrEnum):
    """What became of a payout."""

    SETTLED = "settled"
    """Paid; the reservations are posted."""
    REJECTED = "rejected"
    """Not paid and never will be; the reservations are void."""
    REVERSED = "reversed"
    """Paid, and returned by the rail; new transfers give everything back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutLine:
    """One final answer of the rail."""

    payout_id: bytes
    redemption_id: bytes
    wallet_id: WalletId
    amount_fen: Fen
    outcome: PayoutOutcome
    answered_s: int
    """Protocol time at which the hub entered the answer, as in the lines of the ledger."""
    reference: str
    """The rail's own name for the payout: what its settlement file is matched by."""
    reason: str
    """Why it was rejected or reversed; else empty."""

    def __post_init__(self) -> None:
        """Check sizes and that money is meant."""
        wallet_id(self.wallet_id)
        if (len(self.payout_id), len(self.redemption_id)) != (PAYOUT_ID_BYTES, MESSAGE_ID_BYTES):
            raise MalformedError("the ids of a payout and a redemption have 16 bytes")
        if self.amount_fen < 1:
            raise MalformedError("a payout is of at least one fen")
        if len(self.reference) > REFERENCE_LENGTH_MAX or len(self.reason) > REASON_LENGTH_MAX:
            raise MalformedError("the reference or reason of a payout is too long")


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutBatch(Statement):
    """The final answers that are booked in one ledger batch, in the order of its lines."""

    KIND: ClassVar[str] = "payout_batch"

    parameter_id: bytes
    day: int
    """The `LedgerDay` of the ledger batch."""
    ledger_batch: bytes
    """`batch_hash` of the ledger batch."""
    lines: tuple[PayoutLine, ...]

    def __post_init__(self) -> None:
        """Check sizes and ranges."""
        if {len(self.parameter_id), len(self.ledger_batch)} != {DIGEST_BYTES}:
            raise MalformedError(f"parameter id and batch hash have {DIGEST_BYTES} bytes")
        if self.day < 0:
            raise MalformedError("days count from 0")
