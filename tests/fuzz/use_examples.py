"""A valid example of every statement about uses of grams."""

from __future__ import annotations

from typing import Any, Final

from fedcarbon.canonical.statement import Statement
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import Fen, MicrogramsCO2e
from fedcarbon.uses.campaign import Campaign, Occasion
from fedcarbon.uses.lot import (
    TONNE_UG,
    Contribution,
    CreditLot,
    LotRetirement,
    LotSale,
    LotVerification,
)
from fedcarbon.uses.market import MarketPrice, MarketRules
from fedcarbon.uses.offer import ExpiryNotice, LotRules, Offer, OfferKind
from fedcarbon.uses.order import GoodsOutcome, UseKind, UseOrder
from fedcarbon.uses.ranking import RankedLine, Ranking, RankingChoice, RankingRules, RankingSalt
from tests.house.examples import parties

HEAD: Final[dict[str, Any]] = {
    "parameter_id": b"p" * 32,
    "programme_id": parties.PROGRAMME_ID,
}
LOT: Final[dict[str, Any]] = {**HEAD, "lot_id": b"l" * 16}

USES: Final[tuple[Statement, ...]] = (
    Offer(
        **HEAD,
        offer_id="one-bread",
        offer_kind=OfferKind.GOODS,
        title="A loaf of bread",
        supplier="the baker",
        price_ug=MicrogramsCO2e(2_500_000_000),
        valid_from_s=1_793_000_000,
        valid_until_s=1_794_000_000,
        hold_s=3_600,
    ),
    UseOrder(
        **HEAD,
        use_id=b"u" * 16,
        account_token=b"t" * 32,
        wallet_id=sandbox_wallet_id(1),
        wallet_class=WalletClass.CLASS_2,
        binding_leaf=b"b" * 34,
        operator_id=parties.BANK,
        use=UseKind.PLEDGE,
        offer_id=None,
        pieces=None,
        mass_ug=MicrogramsCO2e(7),
        vintage=Vintage(2026),
        may_be_claimed=True,
    ),
    GoodsOutcome(**HEAD, use_id=b"u" * 16, fulfilled=True, voucher_sha256=b"v" * 32, reason=""),
    LotRules(
        **HEAD,
        rules_id="first",
        excluded_regimes=("ccer", "cea"),
        price_floor_fen=5_000,
        methodologies=(b"m" * 32,),
        vintage_first=2025,
        tonnes_min=10,
        offset_parts=1,
        offset_of=20,
    ),
    Campaign(
        **HEAD,
        campaign_id="spring",
        title="Two fen on top",
        occasion=Occasion.DONATION,
        offer_id="one-tree",
        packet_fen=2,
        budget_fen=1_000,
        valid_from_s=1_793_000_000,
        valid_until_s=1_794_000_000,
    ),
    MarketRules(
        **HEAD,
        market_id="town",
        unit_ug=MicrogramsCO2e(1_000_000_000),
        first_day=20_700,
        last_day=20_730,
        first_price_fen=20,
        step_fen=5,
        floor_fen=12,
        ceiling_fen=26,
        quiet_units=1,
        endowment_fen=200,
    ),
    MarketPrice(**HEAD, market_id="town", day=20_701, price_fen=25),
    CreditLot(
        **LOT,
        vintage=Vintage(2026),
        tonnes=1,
        rules_leaf=9,
        excluded_regimes=("ccer", "cea"),
        contributions=(Contribution(account_token=b"t" * 32, mass_ug=TONNE_UG),),
    ),
    LotVerification(**LOT, verifier="a verifier", report_sha256=b"r" * 32, accepted=True),
    LotSale(**LOT, buyer="a buyer", price_fen=Fen(6_000), retained_fen=Fen(100)),
    LotRetirement(**LOT, beneficiary="a buyer", serial_first=1, serial_last=1),
    ExpiryNotice(**HEAD, vintage=Vintage(2026), expires_at_s=1_800_000_000),
    RankingRules(
        **HEAD,
        ranking_id="forest",
        first_day=20_700,
        period_days=7,
        periods=52,
        people_min=20,
        bands=10,
    ),
    RankingChoice(
        **HEAD,
        ranking_id="forest",
        choice_id=b"c" * 16,
        account_token=b"t" * 32,
        wallet_id=sandbox_wallet_id(1),
        wallet_class=WalletClass.CLASS_2,
        binding_leaf=b"b" * 34,
        operator_id=parties.BANK,
        takes_part=True,
        from_period=1,
    ),
    RankingSalt(**HEAD, ranking_id="forest", period=1, salt=b"s" * 32),
    Ranking(
        **HEAD,
        ranking_id="forest",
        period=1,
        rules_leaf=9,
        salt_leaf=30,
        lines=(RankedLine(band=1, pseudonym=b"n" * 16), RankedLine(band=10, pseudonym=b"m" * 16)),
    ),
)
