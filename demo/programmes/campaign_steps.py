"""Steps of campaigns: red packets on top of what grams or points earn anyway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from demo.programmes.hands import Figures, Hands
from demo.programmes.steps import Step
from fedcarbon.units import SECONDS_PER_DAY, Fen, yuan_text
from fedcarbon.uses.campaign import Campaign, Occasion


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishCampaign(Step):
    """Root keys publish a campaign; its budget is set aside from the float."""

    KIND: ClassVar[str] = "campaign"
    id: str
    title: str
    occasion: str
    offer: str | None = None
    packet_fen: int
    budget_fen: int
    days: int

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Sign and log it."""
        now_s = hands.now_s()
        hands.publish(
            Campaign(
                parameter_id=hands.parameter_id,
                programme_id=self.programme,
                campaign_id=self.id,
                title=self.title,
                occasion=Occasion(self.occasion),
                offer_id=self.offer,
                packet_fen=self.packet_fen,
                budget_fen=self.budget_fen,
                valid_from_s=now_s,
                valid_until_s=now_s + self.days * SECONDS_PER_DAY,
            )
        )
        figures.add(self.programme, "campaigns", 1)
        return (
            f"{self.title}: {yuan_text(Fen(self.packet_fen))} per {self.occasion}, "
            f"out of {yuan_text(Fen(self.budget_fen))}"
        )
