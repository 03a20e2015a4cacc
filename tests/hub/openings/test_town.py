"""Campaigns, markets, stocks and own retirement through the servicer and the record."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest
from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import Role
from fedcarbon.ledger.account import AccountKind
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.receipt import Receipt
from fedcarbon.units import SECONDS_PER_DAY, MicrogramsCO2e
from fedcarbon.uses.campaign import Campaign, Occasion
from fedcarbon.uses.certificate import Certificate
from fedcarbon.uses.market import MarketRules
from fedcarbon.uses.offer import OfferKind
from fedcarbon.uses.order import UseKind, UseOrder
from fedcarbon.v1 import use_pb2
from hub.clearing.positions import checked_trial_balance
from hub.uses_component import Ending
from tests.hub.federation import HUB, PROGRAMME, signed
from tests.hub.openings.shop import HOLD_S, Shop, code_of
from tests.hub.openings.world import GRAM, PURSE, run
from tests.hub.uses.published import campaign, market

UNIT_UG = MicrogramsCO2e(1_250 * GRAM)


def spring(shop: Shop, **changes: Any) -> Campaign:
    now_s = shop.world.clock.now_s()
    fields: dict[str, Any] = {
        "parameter_id": shop.world.hub.parameters.parameter_id,
        "programme_id": PROGRAMME,
        "valid_from_s": now_s,
        "valid_until_s": now_s + 10**6,
    }
    return campaign(**{**fields, **changes})


def town(shop: Shop, **changes: Any) -> MarketRules:
    today = shop.world.clock.now_s() // SECONDS_PER_DAY
    fields: dict[str, Any] = {
        "parameter_id": shop.world.hub.parameters.parameter_id,
        "programme_id": PROGRAMME,
        "unit_ug": MicrogramsCO2e(100 * GRAM),
        "first_day": today,
        "last_day": today + 1,
        "endowment_fen": 100,
    }
    return market(**{**fields, **changes})


def advance(shop: Shop) -> None:
    run(Ending(shop.world.hub, shop.world.folded).advance())


def trade(shop: Shop, use: UseKind, price_fen: int, units: int = 1, **changes: Any) -> UseOrder:
    fields = {"offer_id": "town", "pieces": units, "price_fen": price_fen, "mass_ug": None}
    return shop.order(use, **{**fields, **changes})


def balance(shop: Shop, kind: AccountKind) -> int:
    items = shop.world.hub.read_now(checked_trial_balance)
    return sum(held for (account, _), held in items.items() if account.kind is kind)


def test_a_campaign_takes_its_budget_out_of_the_float_and_pays_a_gift(shop: Shop) -> None:
    planting = spring(
        shop, occasion=Occasion.DONATION, offer_id="some-donation", packet_fen=3, budget_fen=7
    )
    assert code_of(lambda: shop.publish(planting)) == "FLOAT_EXHAUSTED"
    shop.world.top_up(10)
    receipt = shop.publish(planting)
    assert shop.publish(planting) == receipt
    assert balance(shop, AccountKind.FLOAT) == 3

    for _ in range(3):
        shop.place(shop.order())

    assert shop.world.statement(1).proceeds_fen == 3 + 3 + 1
    asked = use_pb2.ListOffersRequest(programme_id=PROGRAMME)
    (listed,) = shop.client().list_offers(asked).campaigns
    assert (listed.campaign_id, listed.left_fen, listed.budget_fen) == ("spring", 0, 7)


def test_two_campaigns_never_pay_for_the_same_thing(shop: Shop) -> None:
    shop.world.top_up(100)
    shop.publish(first := spring(shop))

    end_s = first.valid_until_s
    again = dataclasses.replace(
        first, campaign_id="summer", valid_from_s=end_s - 1, valid_until_s=end_s + 1
    )
    after = dataclasses.replace(again, valid_from_s=end_s)

    assert code_of(lambda: shop.publish(again)) == "CAMPAIGN_OVERLAPS"
    assert shop.publish(after)


def test_what_a_campaign_has_left_goes_back_when_it_is_over_and_not_before(shop: Shop) -> None:
    shop.world.top_up(100)
    shop.publish(spring(shop))
    advance(shop)
    assert balance(shop, AccountKind.FLOAT) == 93

    shop.world.wait(10**6)
    advance(shop)
    advance(shop)

    assert balance(shop, AccountKind.FLOAT) == 100


def test_grams_are_traded_at_the_price_of_the_day_and_at_no_other(shop: Shop) -> None:
    shop.world.top_up(1_000)
    shop.publish(town(shop))
    early = trade(shop, UseKind.SELL, 20)
    assert code_of(lambda: shop.place(early)) == "MARKET_CLOSED"  # no price of the day yet
    advance(shop)
    advance(shop)
    assert shop.leaves(LeafType.MARKET_PRICE) == 1
    shop.place(early)
    assert shop.place(trade(shop, UseKind.SELL, 20, 3)).use.mass_ug == 300 * GRAM

    refusals = {
        "another price": (trade(shop, UseKind.SELL, 21), "MARKET_PRICE_MOVED"),
        "another market": (trade(shop, UseKind.SELL, 20, offer_id="city"), "MARKET_CLOSED"),
        "an empty purse": (trade(shop, UseKind.SELL, 20, 2), "INSUFFICIENT_BALANCE"),
        "too few proceeds": (trade(shop, UseKind.BUY, 20, 5), "INSUFFICIENT_BALANCE"),
    }
    for what, (order, code) in refusals.items():
        assert code_of(lambda order=order: shop.place(order)) == code, what

    shop.place(trade(shop, UseKind.BUY, 20))
    assert shop.world.statement(1).used_ug == {AccountKind.MARKET: 300 * GRAM}
    assert shop.world.statement(1).proceeds_fen == 60
    shop.world.wait(SECONDS_PER_DAY)
    advance(shop)
    asked = use_pb2.ListOffersRequest(programme_id=PROGRAMME)
    found = shop.client().list_offers(asked).market
    assert (found.price_fen, found.purse_fen, found.stock_ug) == (15, 40, 300 * GRAM)
    shop.world.wait(SECONDS_PER_DAY)
    advance(shop)
    assert code_of(lambda: shop.place(trade(shop, UseKind.SELL, 15))) == "MARKET_CLOSED"
    assert balance(shop, AccountKind.FLOAT) == 1_000 - 60


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"market_id": "city"}, "MARKET_OVERLAPS"),
        ({"title": "town"}, "PUBLICATION_CONFLICT"),
    ],
)
def test_a_programme_has_one_market_at_a_time(
    shop: Shop, changes: dict[str, Any], code: str
) -> None:
    shop.world.top_up(1_000)
    rules = town(shop)
    shop.publish(rules)
    other = {"step_fen": 7} if code == "PUBLICATION_CONFLICT" else changes

    assert code_of(lambda: shop.publish(dataclasses.replace(rules, **other))) == code


def test_nobody_can_buy_for_less_than_the_float_pays(shop: Shop) -> None:
    shop.world.top_up(1_000)
    rate = {"unit_ug": 12 * UNIT_UG, "floor_fen": 12}

    below = town(shop, **{**rate, "unit_ug": 12 * UNIT_UG + 1})

    assert code_of(lambda: shop.publish(below)) == "MARKET_BELOW_RATE"
    assert shop.publish(town(shop, **rate))


def test_a_stock_goes_out_comes_back_and_goes_out_again(shop: Shop) -> None:
    shop.publish(shop.offer(OfferKind.GOODS, offer_id="two-loaves", stock=2))
    order = shop.order(UseKind.GOODS, offer_id="two-loaves", pieces=2)
    use_id = shop.place(order).use.use_id
    more = shop.order(UseKind.GOODS, offer_id="two-loaves")
    assert code_of(lambda: shop.place(more)) == "OFFER_SOLD_OUT"

    shop.world.wait(HOLD_S)
    advance(shop)

    assert shop.place(order).use.use_id == use_id
    shop.place(more)
    asked = use_pb2.ListOffersRequest(programme_id=PROGRAMME)
    left = {
        item.offer_id: item.left_pieces
        for item in shop.client(HUB, Role.HUB).list_offers(asked).offers
        if item.HasField("left_pieces")
    }
    assert left == {"two-loaves": 1}


def certificate(shop: Shop, purpose: str) -> Certificate:
    """Retire a gram for a purpose and return what the holder can show of it."""
    said = hashlib.sha256(purpose.encode()).digest()
    order = shop.order(UseKind.RETIRE_OWN, purpose_sha256=said)
    answer = shop.place(order)
    receipt = statements.decode(Receipt, Envelope.from_bytes(answer.receipt).payload)
    head, record = shop.world.witness(), shop.world.hub.record
    return Certificate(
        purpose=purpose,
        order=signed(order, PURSE),
        leaf_index=receipt.leaf_index,
        salt=receipt.salt,
        head=head.note,
        hashes=tuple(
            shop.world.hub.read_now(
                lambda session: record.inclusion_proof(session, receipt.leaf_index, head.size)
            )
        ),
    )


def checked(shop: Shop, shown: Certificate) -> UseOrder:
    """Check a certificate as somebody who has read the record."""

    def check(session: Session) -> UseOrder:
        with shop.world.folded.at(session) as view:
            return shown.check(view.parties)

    return shop.world.hub.read_now(check)


def test_a_holder_shows_what_it_has_retired_and_nobody_uses_it_again(shop: Shop) -> None:
    shown = certificate(shop, "my flight of March, 200 kg; 7c1f")

    assert checked(shop, Certificate.from_json(shown.to_json())).mass_ug == GRAM
    assert shop.world.statement(1).used_ug == {AccountKind.OFFSET: GRAM}


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "another purpose": ({"purpose": "another flight"}, "CERTIFICATE_INVALID"),
    "another leaf": ({"leaf_index": 3}, "INCLUSION_PROOF_INVALID"),
    "another salt": ({"salt": bytes(32)}, "INCLUSION_PROOF_INVALID"),
    "half of the way": ({"hashes": ()}, "INCLUSION_PROOF_INVALID"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_certificate_that_was_changed_shows_nothing(shop: Shop, what: str) -> None:
    changes, code = CHANGED[what]
    shown = dataclasses.replace(certificate(shop, "my flight of March; 7c1f"), **changes)

    assert code_of(lambda: checked(shop, shown)) == code


def test_a_gift_is_no_retirement(shop: Shop) -> None:
    shown = certificate(shop, "my flight of March; 7c1f")

    gift = dataclasses.replace(shown, order=signed(shop.order(), PURSE))

    assert code_of(lambda: checked(shop, gift)) == "CERTIFICATE_INVALID"
