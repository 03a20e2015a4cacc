"""Uses through the servicer: who may ask for what, and that each is done once."""

from __future__ import annotations

from typing import Any

import pytest

from fedcarbon.ids import ProgrammeId, Role
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.registry.measure import Measure
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.uses.lot import LotVerification
from fedcarbon.uses.offer import NOTICE_MIN_S, ExpiryNotice, LotRules, OfferKind
from fedcarbon.uses.order import UseKind
from fedcarbon.v1 import use_pb2
from hub.registry.programmes import start_programme
from hub.uses_component import Ending
from tests.hub.federation import METRO, PROGRAMME, TAXIS, programme, root_signed, signed, token
from tests.hub.openings.shop import HOLD_S, Shop, code_of
from tests.hub.openings.world import GRAM, GRAMS, OTHER_PURSE, PURSE, run

POINTS = ProgrammeId("points")


def test_offers_are_listed_with_their_price(shop: Shop) -> None:
    listed = shop.client(METRO, Role.PARTNER).list_offers(
        use_pb2.ListOffersRequest(programme_id=PROGRAMME)
    )

    assert [(item.offer_id, item.price_ug) for item in listed.offers] == [
        ("some-donation", 100 * GRAM),
        ("some-goods", 100 * GRAM),
    ]


def test_a_gift_is_a_leaf_and_counts_once(shop: Shop) -> None:
    order = shop.order(pieces=2)

    first = shop.place(order)

    assert shop.place(order) == first
    assert (first.use.state, first.use.mass_ug) == (use_pb2.USE_STATE_DONE, 200 * GRAM)
    assert shop.world.statement(1).used_ug == {AccountKind.DONATED: 200 * GRAM}
    assert shop.leaves(LeafType.USE_ORDER) == 1


def test_goods_are_concluded_by_the_hubs_operator_only(shop: Shop) -> None:
    use_id = shop.place(shop.order(UseKind.GOODS)).use.use_id
    request = use_pb2.EndGoodsRequest(use_id=use_id, voucher_sha256=b"v" * 32)
    assert code_of(lambda: shop.client().end_goods(request)) == "ROLE_NOT_ALLOWED"

    for _ in range(2):
        answer = shop.operator.end_goods(request)
        assert answer.use.state == use_pb2.USE_STATE_FULFILLED

    shown = shop.client().get_use(use_pb2.GetUseRequest(use_id=use_id))
    assert shown.use.state == use_pb2.USE_STATE_FULFILLED
    assert shop.leaves(LeafType.GOODS_OUTCOME) == 1
    other = use_pb2.EndGoodsRequest(use_id=use_id, reason="sold out")
    assert code_of(lambda: shop.operator.end_goods(other)) == "USE_STATE"


def test_goods_that_nobody_ends_come_back_by_themselves(shop: Shop) -> None:
    before = shop.world.statement(1).spendable_ug
    use_id = shop.place(shop.order(UseKind.GOODS)).use.use_id
    shop.world.wait(HOLD_S)

    run(Ending(shop.world.hub, shop.world.folded).advance())

    shown = shop.client().get_use(use_pb2.GetUseRequest(use_id=use_id))
    assert shown.use.state == use_pb2.USE_STATE_OVERDUE
    assert shop.world.statement(1).spendable_ug == before


SWAPS: dict[str, tuple[str, dict[str, Any]]] = {
    "another wallet": ("WALLET_SWAPPED", {"wallet_id": sandbox_wallet_id(666)}),
    "another class": ("WALLET_SWAPPED", {"wallet_class": WalletClass.CLASS_1}),
    "another account": ("WALLET_SWAPPED", {"account_token": token(2)}),
    "no binding": ("BINDING_UNKNOWN", {"binding_leaf": bytes(34)}),
    "another operator": ("SENDER_DIFFERS", {"operator_id": OTHER_PURSE}),
    "no programme": ("UNKNOWN_PROGRAMME", {"programme_id": "another"}),
    "no offer": ("UNKNOWN_OFFER", {"offer_id": "another"}),
    "too much": ("INSUFFICIENT_BALANCE", {"pieces": 31}),
}


@pytest.mark.parametrize("what", SWAPS)
def test_an_order_that_is_refused_leaves_nothing(shop: Shop, what: str) -> None:
    code, changes = SWAPS[what]

    assert code_of(lambda: shop.place(shop.order(**changes))) == code

    assert shop.leaves(LeafType.USE_ORDER) == 0
    assert sum(shop.world.statement(1).spendable_ug.values()) == 3 * GRAMS[1] * GRAM


def test_a_frozen_binding_gives_nothing(shop: Shop) -> None:
    shop.world.object(shop.world.bound(1), TAXIS)

    assert code_of(lambda: shop.place(shop.order())) == "BINDING_FROZEN"


def test_a_use_is_nobody_elses_business(shop: Shop) -> None:
    use_id = shop.place(shop.order()).use.use_id
    asked = use_pb2.GetUseRequest(use_id=use_id)

    assert code_of(lambda: shop.client(OTHER_PURSE).get_use(asked)) == "USE_UNKNOWN"
    assert (
        code_of(lambda: shop.place(shop.order(), sender=OTHER_PURSE, signer=OTHER_PURSE))
        == "SENDER_DIFFERS"
    )
    assert code_of(lambda: shop.place(shop.order(), signer=OTHER_PURSE)) == "SIGNATURE_INVALID"


def test_nothing_that_is_published_ever_changes(shop: Shop) -> None:
    offer = shop.offer(OfferKind.DONATION, price_ug=MicrogramsCO2e(1))

    assert code_of(lambda: shop.publish(offer)) == "PUBLICATION_CONFLICT"
    unsigned = use_pb2.PublishRequest(signed_statement=signed(offer, PURSE))
    assert code_of(lambda: shop.client().publish(unsigned)) == "SIGNATURE_INVALID"
    order = use_pb2.PublishRequest(signed_statement=signed(shop.order(), PURSE))
    assert code_of(lambda: shop.client().publish(order)) == "MALFORMED"


def test_points_are_neither_pledged_nor_bundled_into_tonnes(shop: Shop) -> None:
    hub = shop.world.hub
    points = programme(programme_id=POINTS, exclusivity_domain="points", measure=Measure.POINTS)
    hub.write_now(lambda session: start_programme(session, hub, root_signed(points)))
    rules = LotRules(
        parameter_id=hub.parameters.parameter_id,
        programme_id=POINTS,
        rules_id="first",
        excluded_regimes=(),
        price_floor_fen=1,
    )
    pledge = shop.order(UseKind.PLEDGE, programme_id=POINTS)
    lot = use_pb2.FormLotRequest(lot_id=bytes(16), programme_id=POINTS, vintage=2026, tonnes=1)

    assert code_of(lambda: shop.publish(rules)) == "NOT_GRAMS"
    assert code_of(lambda: shop.place(pledge)) == "NOT_GRAMS"
    assert code_of(lambda: shop.operator.form_lot(lot)) == "NOT_GRAMS"
    assert shop.publish(shop.offer(OfferKind.DONATION, programme_id=POINTS))


def notice(shop: Shop, wait_s: int) -> ExpiryNotice:
    return ExpiryNotice(
        parameter_id=shop.world.hub.parameters.parameter_id,
        programme_id=PROGRAMME,
        vintage=next(iter(shop.world.statement(1).spendable_ug)),
        expires_at_s=shop.world.clock.now_s() + wait_s,
    )


def test_a_vintage_ends_after_its_notice_only(shop: Shop) -> None:
    world = shop.world
    ending = Ending(world.hub, world.folded)
    assert code_of(lambda: shop.publish(notice(shop, NOTICE_MIN_S - 1))) == "NOTICE_TOO_SHORT"
    receipt = shop.publish(said := notice(shop, NOTICE_MIN_S))
    assert shop.publish(said) == receipt
    world.wait(NOTICE_MIN_S)
    run(ending.advance())
    assert world.statement(1).used_ug == {}  # no head covers the notice yet

    world.witness()
    world.wait(NOTICE_MIN_S)
    run(ending.advance())

    assert world.statement(1).spendable_ug == {}
    assert world.statement(1).used_ug == {AccountKind.EXPIRED: 3 * GRAMS[1] * GRAM}


def test_lots_need_rules_pledges_and_the_hubs_operator(shop: Shop) -> None:
    asked = use_pb2.FormLotRequest(lot_id=bytes(16), programme_id=PROGRAMME, vintage=2026, tonnes=1)
    assert code_of(lambda: shop.client().form_lot(asked)) == "ROLE_NOT_ALLOWED"
    assert code_of(lambda: shop.operator.form_lot(asked)) == "LOT_RULES_MISSING"
    parameter_id = shop.world.hub.parameters.parameter_id
    shop.publish(
        LotRules(
            parameter_id=parameter_id,
            programme_id=PROGRAMME,
            rules_id="first",
            excluded_regimes=(),
            price_floor_fen=1,
        )
    )
    shop.place(shop.order(UseKind.PLEDGE))
    assert code_of(lambda: shop.operator.form_lot(asked)) == "LOT_SHORT"
    verification = LotVerification(
        parameter_id=parameter_id,
        programme_id=PROGRAMME,
        lot_id=bytes(16),
        verifier="a verifier",
        report_sha256=bytes(32),
        accepted=True,
    )
    assert code_of(lambda: shop.publish(verification)) == "LOT_UNKNOWN"
    for call in (
        lambda: shop.operator.sell_lot(use_pb2.SellLotRequest(lot_id=bytes(16), buyer="b")),
        lambda: shop.operator.retire_lot(
            use_pb2.RetireLotRequest(lot_id=bytes(16), beneficiary="b")
        ),
    ):
        assert code_of(call) == "LOT_UNKNOWN"
    assert shop.world.statement(1).pledged_ug == {Vintage(_year(shop)): GRAM}


def _year(shop: Shop) -> int:
    return next(iter(shop.world.statement(1).spendable_ug))
