"""Steps that end as money in a wallet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from typing_extensions import override

from demo.programmes.hands import Figures, Hands, Holder
from demo.programmes.steps import OfHolders
from fedcarbon.cli.wallet import state_text, until_final
from fedcarbon.errors import PeerError
from fedcarbon.redemption.order import Source
from fedcarbon.units import Fen, yuan_text
from fedcarbon.v1 import redemption_pb2

RAIL_WAIT_S: Final = 120


class PayoutUnsettledError(PeerError):
    """The rail did not pay what was ordered."""

    code: ClassVar[str] = "PAYOUT_UNSETTLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem(OfHolders):
    """Holders turn whole units into money in their wallets."""

    KIND: ClassVar[str] = "redeem"
    units: int | None = None
    """Of each; everything by default, and who has less than a unit is left alone."""
    label: str = "redeem"

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Order and wait for the rail."""
        paid, wallets = 0, 0
        for holder in self.holders_of(hands):
            least = (self.units or 1) * holder.operator.programme.unit_ug
            if holder.account().spendable_ug < least and not self.refused:
                continue
            paid += paid_fen(holder, self.units, self.label, Source.GRAMS)
            wallets += 1
        figures.add(self.programme, "paid_fen", paid)
        figures.add(self.programme, "paid_wallets", wallets)
        return f"{wallets} wallets are paid {yuan_text(Fen(paid))} in all"


@dataclass(frozen=True, slots=True, kw_only=True)
class CashProceeds(OfHolders):
    """Holders have their share of sold lots paid into their wallets."""

    KIND: ClassVar[str] = "cash-proceeds"

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Order everything of each who has something."""
        paid = sum(
            paid_fen(holder, None, "proceeds", Source.PROCEEDS)
            for holder in self.holders_of(hands)
            if holder.account().proceeds_fen
        )
        figures.add(self.programme, "returned_fen", paid)
        return f"{yuan_text(Fen(paid))} of the sale's proceeds reach the wallets"


def paid_fen(holder: Holder, units: int | None, label: str, source: Source) -> int:
    """Order a payout, wait until it is final, and return the fen."""
    order = holder.operator.redeem(
        holder.customer, holder.binding, units=units, run_label=label, source=source
    )
    done = until_final(holder.operator, order.redemption, RAIL_WAIT_S)
    if done.state != redemption_pb2.REDEMPTION_STATE_SETTLED:
        raise PayoutUnsettledError(f"a payout is {state_text(done)}: {done.reason}")
    return done.payout_fen
