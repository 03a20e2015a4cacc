"""Uses through the servicer: who may ask for what, and that each is done once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fedcarbon.canonical.statement import Statement
from fedcarbon.clock import SystemClock
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.registry.measure import Measure
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.uses.lot import LotVerification
from fedcarbon.uses.offer import NOTICE_MIN_S, ExpiryNotice, LotRules, Offer, OfferKind
from fedcarbon.uses.order import UseKind, UseOrder
from fedcarbon.v1 import use_pb2
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority
from fedcarbon.wire.hub_client import HubClient
from hub.registry.programmes import start_programme
from hub.servicers.use import UseServicer
from hub.uses_component import Ending
from tests.hub.federation import HUB, METRO, PROGRAMME, TAXIS, programme, root_signed, signed, token
from tests.hub.openings.world import GRAM, GRAMS, OTHER_PURSE, PURSE, World, run
from tests.simulation.local_hub import FaultPlan, LoopThread, local_client

HOLD_S = 3_600
POINTS = ProgrammeId("points")


@dataclass
class Shop:
    """A world whose first account is opened, and two offers."""

    world: World
    loop: LoopThread
    authority: Authority

    def client(self, name: PartyId = PURSE, role: Role = Role.WALLET_OPERATOR) -> HubClient:
        """Return a party's connection."""
        servicers = [UseServicer(self.world.hub, self.world.folded)]
        party = PartyName(party_id=name, role=role)
        certificate = self.authority.issue(party, SystemClock().now_s()).certificate_pem
        return local_client(servicers, certificate, name, self.loop, FaultPlan())

    @property
    def operator(self) -> HubClient:
        """The hub's own operator."""
        return self.client(HUB, Role.HUB)

    def publish(self, statement: Statement) -> bytes:
        request = use_pb2.PublishRequest(signed_statement=root_signed(statement))
        return self.client().publish(request).receipt

    def offer(self, kind: OfferKind, **changes: Any) -> Offer:
        now_s = self.world.clock.now_s()
        fields: dict[str, Any] = {
            "parameter_id": self.world.hub.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "offer_id": f"some-{kind}",
            "offer_kind": kind,
            "title": "something",
            "supplier": "somebody",
            "price_ug": MicrogramsCO2e(100 * GRAM),
            "valid_from_s": now_s,
            "valid_until_s": now_s + 10**6,
            "hold_s": HOLD_S if kind is OfferKind.GOODS else 0,
        }
        return Offer(**{**fields, **changes})

    def order(self, use: UseKind = UseKind.DONATE, **changes: Any) -> UseOrder:
        binding = self.world.binding(self.world.bound(1))
        offered = use in {UseKind.DONATE, UseKind.GOODS}
        kind = OfferKind.GOODS if use is UseKind.GOODS else OfferKind.DONATION
        fields: dict[str, Any] = {
            "parameter_id": self.world.hub.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "use_id": self.world.chance.randbytes(16),
            "account_token": binding.account_token,
            "wallet_id": binding.wallet_id,
            "wallet_class": WalletClass(binding.wallet_class),
            "binding_leaf": binding.leaf,
            "operator_id": binding.operator_id,
            "use": use,
            "offer_id": f"some-{kind}" if offered else None,
            "pieces": 1 if offered else None,
            "mass_ug": None if offered else MicrogramsCO2e(GRAM),
            "vintage": None,
            "may_be_claimed": use is UseKind.PLEDGE,
        }
        return UseOrder(**{**fields, **changes})

    def place(
        self, order: UseOrder, sender: PartyId = PURSE, signer: PartyId = PURSE
    ) -> use_pb2.PlaceUseOrderResponse:
        request = use_pb2.PlaceUseOrderRequest(signed_order=signed(order, signer))
        return self.client(sender).place_use_order(request)

    def leaves(self, leaf_type: LeafType) -> int:
        hub = self.world.hub
        return hub.read_now(lambda session: len(hub.record.bodies_of_type(session, leaf_type)))


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.create(SystemClock().now_s())


@pytest.fixture
def shop(opened_world: World, authority: Authority) -> Iterator[Shop]:
    loop = LoopThread()
    shop = Shop(opened_world, loop, authority)
    shop.publish(shop.offer(OfferKind.DONATION))
    shop.publish(shop.offer(OfferKind.GOODS))
    yield shop
    loop.close()


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


def code_of(act: Any) -> str:
    """Return the code with which something is refused."""
    with pytest.raises(FedcarbonError) as caught:
        act()
    return caught.value.code
