"""What a person is told an amount could be used for: what the witnessed record publishes."""

from __future__ import annotations

from typing import Any

import pytest

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import SignatureInvalidError
from fedcarbon.transparency.envelope import sign
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.uses.campaign import Campaign, Occasion
from fedcarbon.uses.market import MarketPrice, MarketRules
from fedcarbon.uses.offer import ExpiryNotice, LotRules, Offer, OfferKind
from partner_node.persons.summary import Asked
from partner_node.persons.uses import UseView
from partner_node.persons.words import Language
from partner_node.record.publications import PublicationUnreadableError
from tests.partner_node.fake_hub import HUB
from tests.partner_node.world import World, at

KG = 1_000_000_000


def uses_of(world: World, language: Language = Language.EN) -> tuple[UseView, ...]:
    return world.node.summary(Asked(person_ref="rider-1", language=language)).uses


def publish(world: World, leaf_type: LeafType, statement: Statement) -> None:
    world.hub.log(leaf_type, sign(statement, world.hub.roots).to_bytes())


def published(world: World) -> None:
    """Publish one of everything, and of some what is over or of another programme."""
    head = {
        "parameter_id": world.hub.parameters.parameter_id,
        "programme_id": world.hub.programme.programme_id,
    }
    now, day = at(12), at(12) // 86_400
    offer: dict[str, Any] = {
        **head,
        "offer_id": "tree",
        "offer_kind": OfferKind.DONATION,
        "title": "a tree",
        "supplier": "forest-1",
        "price_ug": MicrogramsCO2e(5 * KG),
        "valid_from_s": now - 10,
        "valid_until_s": now + 86_400,
        "hold_s": 0,
    }
    other = offer | {"programme_id": "elsewhere", "offer_id": "far"}
    for item in (offer, offer | {"offer_id": "old", "valid_until_s": now}, other):
        publish(world, LeafType.OFFER, Offer(**item))
    campaign = Campaign(
        **head,
        campaign_id="spring",
        title="spring",
        occasion=Occasion.REDEMPTION,
        packet_fen=2,
        budget_fen=100,
        valid_from_s=now,
        valid_until_s=now + 86_400,
    )
    publish(world, LeafType.CAMPAIGN, campaign)
    market = MarketRules(
        **head,
        market_id="town",
        unit_ug=MicrogramsCO2e(KG),
        first_day=day,
        last_day=day + 1,
        first_price_fen=20,
        step_fen=5,
        floor_fen=12,
        ceiling_fen=26,
        quiet_units=1,
        endowment_fen=0,
    )
    publish(world, LeafType.MARKET_RULES, market)
    price = MarketPrice(**head, market_id="town", day=day, price_fen=20)
    world.hub.log_own(LeafType.MARKET_PRICE, price)
    rules = LotRules(**head, rules_id="lots", excluded_regimes=(), price_floor_fen=5_000)
    publish(world, LeafType.LOT_RULES, rules)
    notice = ExpiryNotice(**head, vintage=2026, expires_at_s=now + 400 * 86_400)  # type: ignore[arg-type]
    publish(world, LeafType.EXPIRY_NOTICE, notice)


def test_uses_are_read_from_the_record_once_it_is_witnessed(riders: World) -> None:
    published(riders)
    riders.settle()
    before = uses_of(riders)
    riders.hub.witness()
    riders.settle()

    uses = {item.kind: item for item in uses_of(riders)}

    assert [item.kind for item in before] == ["redemption", "retire_own"]
    assert list(uses) == [
        "redemption",
        "donation",
        "campaign",
        "market",
        "expiry",
        "pledge",
        "retire_own",
    ]
    assert [item.text for item in uses.values()][:4] == [
        "cash: 0.01 yuan for every 1,250 g",
        "a tree (forest-1): 5,000 g each, until 2026-03-03",
        (
            "spring: 0.02 yuan on top for every unit redeemed, until 2026-03-03 or the budget is "
            "used up"
        ),
        "market town: 0.20 yuan for 1,000 g today, always from 0.12 yuan to 0.26 yuan",
    ]
    assert (uses["donation"].id, uses["donation"].price_micro) == ("tree", 5 * KG)
    assert uses["market"].pays_fen == 20
    chinese = [item.text for item in uses_of(riders, Language.ZH)]
    assert chinese[0] == "兑换:每1,250克兑0.01元"


def test_a_publication_without_root_signatures_is_not_shown_but_refused(riders: World) -> None:
    published(riders)
    forged = sign(
        LotRules(
            parameter_id=riders.hub.parameters.parameter_id,
            programme_id=riders.hub.programme.programme_id,
            rules_id="false",
            excluded_regimes=(),
            price_floor_fen=1,
        ),
        {HUB: riders.hub.keys[HUB]},
    )
    riders.hub.log(LeafType.LOT_RULES, forged.to_bytes())
    riders.hub.witness()
    riders.settle()

    with pytest.raises(SignatureInvalidError):
        uses_of(riders)


def test_a_publication_under_another_type_or_parameter_set_is_refused(riders: World) -> None:
    foreign = LotRules(
        parameter_id=bytes(32),
        programme_id=riders.hub.programme.programme_id,
        rules_id="foreign",
        excluded_regimes=(),
        price_floor_fen=1,
    )
    publish(riders, LeafType.LOT_RULES, foreign)
    riders.hub.witness()
    riders.settle()

    with pytest.raises(PublicationUnreadableError, match="another parameter set"):
        uses_of(riders)
