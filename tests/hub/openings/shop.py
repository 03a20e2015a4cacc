"""A shop: a world whose first account is opened, with offers, asked through the servicer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from fedcarbon.canonical.statement import Statement
from fedcarbon.clock import SystemClock
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.redemption.wallet import WalletClass
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.uses.offer import Offer, OfferKind
from fedcarbon.uses.order import UseKind, UseOrder
from fedcarbon.v1 import use_pb2
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority
from fedcarbon.wire.hub_client import HubClient
from hub.servicers.use import UseServicer
from tests.hub.federation import HUB, PROGRAMME, root_signed, signed
from tests.hub.openings.world import GRAM, PURSE, World
from tests.loop_thread import LoopThread
from tests.simulation.local_hub import FaultPlan, local_client

HOLD_S = 3_600


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


def code_of(act: Any) -> str:
    """Return the code with which something is refused."""
    with pytest.raises(FedcarbonError) as caught:
        act()
    return caught.value.code
