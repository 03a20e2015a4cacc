"""UseService: what grams are good for besides cash.

Publications are believed for their root signatures, so anybody with a certificate may bring them.
Lots and the outcome of goods are the hub's own word: only the hub's certificate may ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from typing_extensions import override

from fedcarbon.ids import Role, programme_id
from fedcarbon.ledger.unit import Vintage
from fedcarbon.units import Fen
from fedcarbon.uses.campaign import Campaign
from fedcarbon.uses.lot import Obligation
from fedcarbon.uses.offer import Offer
from fedcarbon.uses.order import Use
from fedcarbon.uses.ranking import RankingRules
from fedcarbon.uses.states import UseState
from fedcarbon.v1 import use_pb2, use_pb2_grpc
from fedcarbon.wire.tls import Authenticated, party_of, require_role
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.uses.listing import Market, published
from hub.uses.operating import conclude_goods, form_lot, retire_lot, sell_lot
from hub.uses.ordering import order_use, use_of
from hub.uses.publishing import publish
from hub.uses.ranking import choose, publish_lists, ranking_of

STATES: Final[Mapping[UseState, use_pb2.UseState]] = {
    UseState.DONE: use_pb2.USE_STATE_DONE,
    UseState.RESERVED: use_pb2.USE_STATE_RESERVED,
    UseState.FULFILLED: use_pb2.USE_STATE_FULFILLED,
    UseState.CANCELLED: use_pb2.USE_STATE_CANCELLED,
    UseState.OVERDUE: use_pb2.USE_STATE_OVERDUE,
}


class UseServicer(use_pb2_grpc.UseServiceServicer):
    """Serves uses."""

    def __init__(self, hub: Hub, folded: FoldedRecord) -> None:
        """Take the hub and the record as trustees see it."""
        self._hub = hub
        self._folded = folded

    @override
    async def Publish(
        self, request: use_pb2.PublishRequest, context: Authenticated
    ) -> use_pb2.PublishResponse:
        """Log what root keys have signed."""
        party_of(context)
        receipt = await self._hub.write(
            lambda session: publish(session, self._hub, request.signed_statement)
        )
        return use_pb2.PublishResponse(receipt=receipt)

    @override
    async def ListOffers(
        self, request: use_pb2.ListOffersRequest, context: Authenticated
    ) -> use_pb2.ListOffersResponse:
        """List what a programme offers, pays on top, trades and ranks."""
        party_of(context)
        programme = programme_id(request.programme_id)
        found = await self._hub.read(lambda session: published(session, programme))
        return use_pb2.ListOffersResponse(
            offers=[_offer(*item) for item in found.offers],
            campaigns=[_campaign(*item) for item in found.campaigns],
            market=None if found.market is None else _market(found.market),
            rankings=[_ranking_rules(item) for item in found.rankings],
        )

    @override
    async def PlaceUseOrder(
        self, request: use_pb2.PlaceUseOrderRequest, context: Authenticated
    ) -> use_pb2.PlaceUseOrderResponse:
        """Do what an order asks for, durably."""
        caller = require_role(context, Role.WALLET_OPERATOR).party_id
        taken = await self._hub.write(
            lambda session: order_use(
                session, self._hub, self._folded, caller, request.signed_order
            )
        )
        return use_pb2.PlaceUseOrderResponse(use=_use(taken.use), receipt=taken.receipt)

    @override
    async def GetUse(
        self, request: use_pb2.GetUseRequest, context: Authenticated
    ) -> use_pb2.GetUseResponse:
        """Say how a use of the caller's stands."""
        caller = require_role(context, Role.WALLET_OPERATOR).party_id
        use = await self._hub.read(lambda session: use_of(session, caller, request.use_id))
        return use_pb2.GetUseResponse(use=_use(use))

    @override
    async def PlaceRankingChoice(
        self, request: use_pb2.PlaceRankingChoiceRequest, context: Authenticated
    ) -> use_pb2.PlaceRankingChoiceResponse:
        """Take a holder's word on taking part in a ranking."""
        caller = require_role(context, Role.WALLET_OPERATOR).party_id
        receipt = await self._hub.write(
            lambda session: choose(session, self._hub, self._folded, caller, request.signed_choice)
        )
        return use_pb2.PlaceRankingChoiceResponse(receipt=receipt)

    @override
    async def GetRanking(
        self, request: use_pb2.GetRankingRequest, context: Authenticated
    ) -> use_pb2.GetRankingResponse:
        """Return the published list of a period."""
        caller = party_of(context).party_id
        if request.account_token:
            require_role(context, Role.WALLET_OPERATOR)
        seen = await self._hub.read(
            lambda session: ranking_of(
                session,
                caller,
                programme=programme_id(request.programme_id),
                ranking_id=request.ranking_id,
                period=request.period,
                account_token=request.account_token or None,
            )
        )
        return use_pb2.GetRankingResponse(
            lines=[
                use_pb2.RankedLine(band=line.band, pseudonym=line.pseudonym)
                for line in seen.ranking.lines
            ],
            own_pseudonym=seen.own_pseudonym or b"",
        )

    @override
    async def PublishRankings(
        self, request: use_pb2.PublishRankingsRequest, context: Authenticated
    ) -> use_pb2.PublishRankingsResponse:
        """Make the lists that are due."""
        require_role(context, Role.HUB)
        rankings = await self._hub.write(lambda session: publish_lists(session, self._hub))
        return use_pb2.PublishRankingsResponse(lists=len(rankings))

    @override
    async def EndGoods(
        self, request: use_pb2.EndGoodsRequest, context: Authenticated
    ) -> use_pb2.EndGoodsResponse:
        """Enter what a supplier said of goods."""
        require_role(context, Role.HUB)
        use = await self._hub.write(
            lambda session: conclude_goods(
                session,
                self._hub,
                use_id=request.use_id,
                voucher_sha256=request.voucher_sha256 or None,
                reason=request.reason,
            )
        )
        return use_pb2.EndGoodsResponse(use=_use(use))

    @override
    async def FormLot(
        self, request: use_pb2.FormLotRequest, context: Authenticated
    ) -> use_pb2.FormLotResponse:
        """Bundle the oldest pledges into a lot."""
        require_role(context, Role.HUB)
        lot = await self._hub.write(
            lambda session: form_lot(
                session,
                self._hub,
                lot_id=request.lot_id,
                programme=programme_id(request.programme_id),
                vintage=Vintage(request.vintage),
                tonnes=request.tonnes,
            )
        )
        return use_pb2.FormLotResponse(contributors=len(lot.contributions))

    @override
    async def SellLot(
        self, request: use_pb2.SellLotRequest, context: Authenticated
    ) -> use_pb2.SellLotResponse:
        """Enter the sale of a lot."""
        require_role(context, Role.HUB)
        sale = await self._hub.write(
            lambda session: sell_lot(
                session,
                self._hub,
                lot_id=request.lot_id,
                buyer=request.buyer,
                price_fen=Fen(request.price_fen),
                retained_fen=Fen(request.retained_fen),
            )
        )
        return use_pb2.SellLotResponse(proceeds_fen=sale.proceeds_fen)

    @override
    async def RetireLot(
        self, request: use_pb2.RetireLotRequest, context: Authenticated
    ) -> use_pb2.RetireLotResponse:
        """Retire a lot."""
        require_role(context, Role.HUB)
        retirement = await self._hub.write(
            lambda session: retire_lot(
                session,
                self._hub,
                lot_id=request.lot_id,
                beneficiary=request.beneficiary,
                obligation=_obligation(request),
            )
        )
        return use_pb2.RetireLotResponse(
            serial_first=retirement.serial_first, serial_last=retirement.serial_last
        )


def _use(use: Use) -> use_pb2.Use:
    return use_pb2.Use(
        use_id=use.order.use_id,
        state=STATES[use.state],
        mass_ug=use.mass_ug,
        expires_s=use.expires_s or 0,
    )


def _obligation(request: use_pb2.RetireLotRequest) -> Obligation | None:
    if not request.obligation_id and not request.obligation_kg:
        return None
    return Obligation(obligation_id=request.obligation_id, amount_kg=request.obligation_kg)


def _market(market: Market) -> use_pb2.Market:
    return use_pb2.Market(
        market_id=market.rules.market_id,
        unit_ug=market.rules.unit_ug,
        day=market.price.day,
        price_fen=market.price.price_fen,
        stock_ug=market.stock_ug,
        purse_fen=market.purse_fen,
    )


def _ranking_rules(rules: RankingRules) -> use_pb2.RankingRules:
    return use_pb2.RankingRules(
        ranking_id=rules.ranking_id,
        first_day=rules.first_day,
        period_days=rules.period_days,
        periods=rules.periods,
        people_min=rules.people_min,
        bands=rules.bands,
    )


def _campaign(campaign: Campaign, left_fen: int) -> use_pb2.Campaign:
    return use_pb2.Campaign(
        campaign_id=campaign.campaign_id,
        title=campaign.title,
        occasion=campaign.occasion.value,
        offer_id=campaign.offer_id or "",
        packet_fen=campaign.packet_fen,
        budget_fen=campaign.budget_fen,
        left_fen=left_fen,
        valid_from_s=campaign.valid_from_s,
        valid_until_s=campaign.valid_until_s,
    )


def _offer(offer: Offer, left_pieces: int | None) -> use_pb2.Offer:
    return use_pb2.Offer(
        offer_id=offer.offer_id,
        offer_kind=offer.offer_kind.value,
        title=offer.title,
        supplier=offer.supplier,
        price_ug=offer.price_ug,
        valid_from_s=offer.valid_from_s,
        valid_until_s=offer.valid_until_s,
        left_pieces=left_pieces,
    )
