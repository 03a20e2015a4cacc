"""Steps: what holders, suppliers, verifiers and buyers do once accounts are opened.

A step is one `[[step]]` of a programme file; `do` names its class. A step with `refused` must be
refused with that code: it shows what is not possible. Amounts are in millionths of the
programme's measure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from demo.programmes.hands import Figures, Hands, Holder, Range, holders
from fedcarbon.cli.use_orders import Wish, place_use
from fedcarbon.errors import FedcarbonError, PeerError
from fedcarbon.ids import ProgrammeId
from fedcarbon.units import SECONDS_PER_DAY
from fedcarbon.v1 import use_pb2


class StepNotRefusedError(PeerError):
    """Something went through that must not."""

    code: ClassVar[str] = "STEP_NOT_REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(ABC):
    """One step."""

    KIND: ClassVar[str]
    programme: ProgrammeId
    early: bool = False
    """Whether it is taken as soon as wallets are bound, before anything is counted."""
    refused: str = ""
    """Code with which it must be refused; empty if it goes through."""

    @abstractmethod
    def act(self, hands: Hands, figures: Figures) -> str:
        """Do it, count what came out, and return a sentence about it."""

    def run(self, hands: Hands, figures: Figures) -> str:
        """Do it, and hold a refusal against what the file says.

        Raises:
            StepNotRefusedError: it went through and must not.
            FedcarbonError: it was refused and must not be, or with another code.
        """
        if not self.refused:
            return self.act(hands, figures)
        try:
            said = self.act(hands, figures)
        except FedcarbonError as error:
            if error.code != self.refused:
                raise
            figures.add(self.programme, "refusals", 1)
            return f"{self.KIND} is refused, as it must be: {error} [{error.code}]"
        raise StepNotRefusedError(f"{self.KIND} must be refused with {self.refused}: {said}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfHolders(Step):
    """A step that is done for holders."""

    who: Range

    def holders_of(self, hands: Hands) -> list[Holder]:
        """Return the bound holders that are meant."""
        return list(holders(hands, self.programme, self.who))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(OfHolders):
    """An order for uses of what holders have."""

    label: str = ""
    """Names the order among others of a holder; made of the step by default."""

    def place(self, hands: Hands, wish_of: Callable[[Holder], Wish | None]) -> list[use_pb2.Use]:
        """Order for each holder what `wish_of` says; return the uses."""
        uses = []
        for holder in self.holders_of(hands):
            wish = wish_of(holder)
            if wish is None:
                continue
            label = self.label or f"{self.KIND} {wish.offer_id or ''}".strip()
            used = place_use(
                holder.operator, holder.customer, holder.binding, wish, run_label=label
            )
            uses.append(used.use)
        return uses


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Step):
    """Time passes."""

    KIND: ClassVar[str] = "wait"
    days: int

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Let it pass."""
        hands.wait(self.days * SECONDS_PER_DAY)
        figures.add(self.programme, "waited_days", self.days)
        return f"{self.days} days pass"
