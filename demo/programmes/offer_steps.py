"""Steps of published offers: causes that are given to, goods that are exchanged for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Final

from typing_extensions import override

from demo.programmes.hands import Figures, Hands
from demo.programmes.steps import Order, Step
from fedcarbon.cli.use_orders import Wish
from fedcarbon.units import SECONDS_PER_DAY, MicrogramsCO2e
from fedcarbon.uses.offer import Offer, OfferKind
from fedcarbon.uses.order import UseKind
from fedcarbon.v1 import use_pb2

OFFER_DAYS: Final = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOffer(Step):
    """Root keys publish a cause or goods at a price."""

    KIND: ClassVar[str] = "offer"
    id: str
    kind: str
    title: str
    supplier: str
    price: int
    hold_days: int = 0

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Sign and log it."""
        now_s = hands.now_s()
        hands.publish(
            Offer(
                parameter_id=hands.parameter_id,
                programme_id=self.programme,
                offer_id=self.id,
                offer_kind=OfferKind(self.kind),
                title=self.title,
                supplier=self.supplier,
                price_ug=MicrogramsCO2e(self.price),
                valid_from_s=now_s,
                valid_until_s=now_s + OFFER_DAYS * SECONDS_PER_DAY,
                hold_s=self.hold_days * SECONDS_PER_DAY,
            )
        )
        figures.add(self.programme, "offers", 1)
        return f"root keys publish: {self.title}, by {self.supplier}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Donate(Order):
    """Holders give to a published cause."""

    KIND: ClassVar[str] = "donate"
    offer: str
    pieces: int = 1

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Order the pieces."""
        wish = Wish(use=UseKind.DONATE, offer_id=self.offer, pieces=self.pieces)
        uses = self.place(hands, lambda _: wish)
        pieces = len(uses) * self.pieces
        figures.add(self.programme, "donated", sum(use.mass_ug for use in uses))
        figures.add(self.programme, "given_pieces", pieces)
        return f"{len(uses)} holders give {pieces} pieces to {self.offer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(Order):
    """Holders exchange for goods; the supplier hands out a voucher or turns the order down."""

    KIND: ClassVar[str] = "exchange"
    offer: str
    pieces: int = 1
    cancelled: str = ""
    """The supplier's reason for turning the orders down; empty if it delivers."""

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Order, then end each order as its supplier does."""
        wish = Wish(use=UseKind.GOODS, offer_id=self.offer, pieces=self.pieces)
        uses = self.place(hands, lambda _: wish)
        for use in uses:
            voucher = hashlib.sha256(use.use_id + b"voucher").digest()
            hands.hub().end_goods(
                use_pb2.EndGoodsRequest(
                    use_id=use.use_id,
                    voucher_sha256=b"" if self.cancelled else voucher,
                    reason=self.cancelled,
                )
            )
        if self.cancelled:
            figures.add(self.programme, "cancelled_orders", len(uses))
            return f"{len(uses)} orders of {self.offer} are turned down: {self.cancelled}"
        figures.add(self.programme, "vouchers", len(uses))
        figures.add(self.programme, "exchanged", sum(use.mass_ug for use in uses))
        return f"{len(uses)} holders get {self.pieces} of {self.offer} each"
