"""Campaigns and markets as tests publish them."""

from __future__ import annotations

from typing import Any, Final

from fedcarbon.units import SECONDS_PER_DAY, MicrogramsCO2e
from fedcarbon.uses.campaign import Campaign, Occasion
from fedcarbon.uses.market import MarketRules
from tests.hub.clearing.conftest import GRAM, SHANGHAI, START_S

WEEK_S: Final = 7 * SECONDS_PER_DAY
FIRST_DAY: Final = START_S // SECONDS_PER_DAY
UNIT_UG: Final = MicrogramsCO2e(1_000 * GRAM)


def campaign(**changes: Any) -> Campaign:
    """Return a campaign of two fen per unit for a week, up to seven fen."""
    fields: dict[str, Any] = {
        "parameter_id": bytes(32),
        "programme_id": SHANGHAI,
        "campaign_id": "spring",
        "title": "Two fen on top",
        "occasion": Occasion.REDEMPTION,
        "packet_fen": 2,
        "budget_fen": 7,
        "valid_from_s": START_S,
        "valid_until_s": START_S + WEEK_S,
    }
    return Campaign(**{**fields, **changes})


def market(**changes: Any) -> MarketRules:
    """Return a market that is open for a week, whose price moves by five fen."""
    fields: dict[str, Any] = {
        "parameter_id": bytes(32),
        "programme_id": SHANGHAI,
        "market_id": "town",
        "unit_ug": UNIT_UG,
        "first_day": FIRST_DAY,
        "last_day": FIRST_DAY + 6,
        "first_price_fen": 20,
        "step_fen": 5,
        "floor_fen": 12,
        "ceiling_fen": 26,
        "quiet_units": 1,
        "endowment_fen": 200,
    }
    return MarketRules(**{**fields, **changes})
