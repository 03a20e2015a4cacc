"""SANDBOX: what its operator orders it to do wrong, as a signed statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.redemption.wallet import wallet_id
from hub.rails.messages import Letterhead
from hub.sandbox.faults import Fault, RailFault

CALLS_MAX: Final = 10_000
DELAY_MS_MAX: Final = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultOrder(Statement):
    """Let this go wrong."""

    KIND: ClassVar[str] = "sandbox_fault_order"

    head: Letterhead
    fault: RailFault
    calls: int
    """For how many of the next calls; 1 where a wallet is named."""
    delay_ms: int
    """For SLOW."""
    wallet_id: str
    """Instead of the next calls: for every payout to this wallet; empty for none."""
    programme: str
    """For UNKNOWN_MOVEMENT: on whose float; else empty."""
    amount_fen: int
    """For UNKNOWN_MOVEMENT: how much; else 0."""
    comes_in: bool
    """For UNKNOWN_MOVEMENT: whether it comes in or goes out."""

    def __post_init__(self) -> None:
        """Check ranges, and that a movement moves something."""
        if not 1 <= self.calls <= CALLS_MAX or self.delay_ms > DELAY_MS_MAX:
            raise MalformedError("a fault is for 1 to 10000 calls, and slow by at most 10 minutes")
        moves = self.fault is RailFault.UNKNOWN_MOVEMENT
        if moves != (self.amount_fen > 0) or moves != bool(self.programme):
            raise MalformedError("a programme and an amount belong to an unknown movement only")
        if self.wallet_id:
            wallet_id(self.wallet_id)
            if moves or self.calls != 1:
                raise MalformedError("a wallet's fault is for all of its payouts")

    @property
    def faults(self) -> list[Fault]:
        """The faults for the next calls, or the wallet's."""
        return [Fault(kind=self.fault, delay_ms=self.delay_ms)] * self.calls

    @property
    def signed_fen(self) -> int:
        """What an unknown movement moves."""
        return self.amount_fen if self.comes_in else -self.amount_fen
