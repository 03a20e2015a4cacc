"""Errors of the use cases of uses; each says who must act."""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.errors import CallerError, StateError


class UseIdReusedError(CallerError):
    """A use id came again with another order: the caller must make a new id."""

    code: ClassVar[str] = "USE_ID_REUSED"


class UseUnknownError(CallerError):
    """There is no use with this id."""

    code: ClassVar[str] = "USE_UNKNOWN"


class UnknownOfferError(CallerError):
    """The programme has published no such offer: the caller must look at the list."""

    code: ClassVar[str] = "UNKNOWN_OFFER"


class OfferKindDiffersError(CallerError):
    """Goods were ordered of a cause, or a gift of goods."""

    code: ClassVar[str] = "OFFER_KIND_DIFFERS"


class OfferNotValidError(StateError):
    """The offer is not valid yet, or no longer."""

    code: ClassVar[str] = "OFFER_NOT_VALID"


class OfferSoldOutError(StateError):
    """Fewer pieces of the offer are left than were ordered: order fewer, or wait."""

    code: ClassVar[str] = "OFFER_SOLD_OUT"


class CampaignOverlapsError(CallerError):
    """Another campaign pays for the same thing in that time: root keys must sign another time."""

    code: ClassVar[str] = "CAMPAIGN_OVERLAPS"


class MarketOverlapsError(CallerError):
    """The programme has another market in that time: root keys must sign other days."""

    code: ClassVar[str] = "MARKET_OVERLAPS"


class MarketBelowRateError(CallerError):
    """Grams would be bought for less than they are redeemed for: root keys must raise the floor."""

    code: ClassVar[str] = "MARKET_BELOW_RATE"


class MarketClosedError(StateError):
    """No market of this name has a price for today: try again later, or ask what there is."""

    code: ClassVar[str] = "MARKET_CLOSED"


class MarketPriceMovedError(CallerError):
    """The holder agreed to another price than today's: the caller must ask again."""

    code: ClassVar[str] = "MARKET_PRICE_MOVED"


class PledgeNotAuthorisedError(CallerError):
    """The holder has not agreed that others claim the reduction: the operator must ask."""

    code: ClassVar[str] = "PLEDGE_NOT_AUTHORISED"


class PublicationConflictError(CallerError):
    """Something else was published under this name; nothing that is published ever changes."""

    code: ClassVar[str] = "PUBLICATION_CONFLICT"


class NoticeTooShortError(CallerError):
    """The vintage would end too soon after its notice: root keys must sign a later end."""

    code: ClassVar[str] = "NOTICE_TOO_SHORT"


class LotUnknownError(CallerError):
    """There is no credit lot with this id."""

    code: ClassVar[str] = "LOT_UNKNOWN"


class LotIdReusedError(CallerError):
    """A lot id came again with other figures: the operator must make a new id."""

    code: ClassVar[str] = "LOT_ID_REUSED"


class LotRulesMissingError(StateError):
    """No rules for lots are published: root keys must sign them first."""

    code: ClassVar[str] = "LOT_RULES_MISSING"


class LotPriceBelowFloorError(CallerError):
    """The lot would be sold below the published floor."""

    code: ClassVar[str] = "LOT_PRICE_BELOW_FLOOR"


class UnknownRankingError(CallerError):
    """The programme has no ranking of this name with such a period: look at the list."""

    code: ClassVar[str] = "UNKNOWN_RANKING"


class RankingBegunError(CallerError):
    """The period has begun, and who is ranked in it stays: the caller must name a later one."""

    code: ClassVar[str] = "RANKING_BEGUN"


class RankingOverlapsError(CallerError):
    """The programme has another ranking of such days: root keys must sign other days."""

    code: ClassVar[str] = "RANKING_OVERLAPS"


class RankingChoiceReusedError(CallerError):
    """A choice id came again with another choice: the caller must make a new id."""

    code: ClassVar[str] = "RANKING_CHOICE_REUSED"


class RankingNotPublishedError(StateError):
    """The list of this period is not published yet: try again when the period is closed."""

    code: ClassVar[str] = "RANKING_NOT_PUBLISHED"
