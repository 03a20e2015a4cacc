"""Campaigns, markets and rankings as tests publish them."""

from __future__ import annotations

from typing import Any, Final

from fedcarbon.ids import PartyId
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import SECONDS_PER_DAY, MicrogramsCO2e
from fedcarbon.uses.campaign import Campaign, Occasion
from fedcarbon.uses.market import MarketRules
from fedcarbon.uses.ranking import RankingChoice, RankingRules
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


def ranking(**changes: Any) -> RankingRules:
    """Return a ranking by deciles of three days, each a period, that begins tomorrow."""
    fields: dict[str, Any] = {
        "parameter_id": bytes(32),
        "programme_id": SHANGHAI,
        "ranking_id": "forest",
        "first_day": FIRST_DAY + 1,
        "period_days": 1,
        "periods": 3,
        "people_min": 20,
        "bands": 10,
    }
    return RankingRules(**{**fields, **changes})


def choice(number: int, holder: int, **changes: Any) -> RankingChoice:
    """Return a holder's wish to take part from the beginning on."""
    fields: dict[str, Any] = {
        "parameter_id": bytes(32),
        "programme_id": SHANGHAI,
        "ranking_id": "forest",
        "choice_id": number.to_bytes(16, "big"),
        "account_token": bytes([holder]) * 32,
        "wallet_id": sandbox_wallet_id(holder),
        "wallet_class": WalletClass.CLASS_2,
        "binding_leaf": bytes([holder]) * 34,
        "operator_id": PartyId("wallet-operator"),
        "takes_part": True,
        "from_period": 0,
    }
    return RankingChoice(**{**fields, **changes})
