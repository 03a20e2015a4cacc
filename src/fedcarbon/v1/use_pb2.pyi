from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UseState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    USE_STATE_UNSPECIFIED: _ClassVar[UseState]
    USE_STATE_DONE: _ClassVar[UseState]
    USE_STATE_RESERVED: _ClassVar[UseState]
    USE_STATE_FULFILLED: _ClassVar[UseState]
    USE_STATE_CANCELLED: _ClassVar[UseState]
    USE_STATE_OVERDUE: _ClassVar[UseState]
USE_STATE_UNSPECIFIED: UseState
USE_STATE_DONE: UseState
USE_STATE_RESERVED: UseState
USE_STATE_FULFILLED: UseState
USE_STATE_CANCELLED: UseState
USE_STATE_OVERDUE: UseState

class PublishRequest(_message.Message):
    __slots__ = ("signed_statement",)
    SIGNED_STATEMENT_FIELD_NUMBER: _ClassVar[int]
    signed_statement: bytes
    def __init__(self, signed_statement: _Optional[bytes] = ...) -> None: ...

class PublishResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class ListOffersRequest(_message.Message):
    __slots__ = ("programme_id",)
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    programme_id: str
    def __init__(self, programme_id: _Optional[str] = ...) -> None: ...

class ListOffersResponse(_message.Message):
    __slots__ = ("offers", "campaigns", "market", "rankings")
    OFFERS_FIELD_NUMBER: _ClassVar[int]
    CAMPAIGNS_FIELD_NUMBER: _ClassVar[int]
    MARKET_FIELD_NUMBER: _ClassVar[int]
    RANKINGS_FIELD_NUMBER: _ClassVar[int]
    offers: _containers.RepeatedCompositeFieldContainer[Offer]
    campaigns: _containers.RepeatedCompositeFieldContainer[Campaign]
    market: Market
    rankings: _containers.RepeatedCompositeFieldContainer[RankingRules]
    def __init__(self, offers: _Optional[_Iterable[_Union[Offer, _Mapping]]] = ..., campaigns: _Optional[_Iterable[_Union[Campaign, _Mapping]]] = ..., market: _Optional[_Union[Market, _Mapping]] = ..., rankings: _Optional[_Iterable[_Union[RankingRules, _Mapping]]] = ...) -> None: ...

class RankingRules(_message.Message):
    __slots__ = ("ranking_id", "first_day", "period_days", "periods", "people_min", "bands")
    RANKING_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    PERIOD_DAYS_FIELD_NUMBER: _ClassVar[int]
    PERIODS_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_MIN_FIELD_NUMBER: _ClassVar[int]
    BANDS_FIELD_NUMBER: _ClassVar[int]
    ranking_id: str
    first_day: int
    period_days: int
    periods: int
    people_min: int
    bands: int
    def __init__(self, ranking_id: _Optional[str] = ..., first_day: _Optional[int] = ..., period_days: _Optional[int] = ..., periods: _Optional[int] = ..., people_min: _Optional[int] = ..., bands: _Optional[int] = ...) -> None: ...

class PlaceRankingChoiceRequest(_message.Message):
    __slots__ = ("signed_choice",)
    SIGNED_CHOICE_FIELD_NUMBER: _ClassVar[int]
    signed_choice: bytes
    def __init__(self, signed_choice: _Optional[bytes] = ...) -> None: ...

class PlaceRankingChoiceResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class GetRankingRequest(_message.Message):
    __slots__ = ("programme_id", "ranking_id", "period", "account_token")
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    RANKING_ID_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    programme_id: str
    ranking_id: str
    period: int
    account_token: bytes
    def __init__(self, programme_id: _Optional[str] = ..., ranking_id: _Optional[str] = ..., period: _Optional[int] = ..., account_token: _Optional[bytes] = ...) -> None: ...

class GetRankingResponse(_message.Message):
    __slots__ = ("lines", "own_pseudonym")
    LINES_FIELD_NUMBER: _ClassVar[int]
    OWN_PSEUDONYM_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[RankedLine]
    own_pseudonym: bytes
    def __init__(self, lines: _Optional[_Iterable[_Union[RankedLine, _Mapping]]] = ..., own_pseudonym: _Optional[bytes] = ...) -> None: ...

class RankedLine(_message.Message):
    __slots__ = ("band", "pseudonym")
    BAND_FIELD_NUMBER: _ClassVar[int]
    PSEUDONYM_FIELD_NUMBER: _ClassVar[int]
    band: int
    pseudonym: bytes
    def __init__(self, band: _Optional[int] = ..., pseudonym: _Optional[bytes] = ...) -> None: ...

class PublishRankingsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PublishRankingsResponse(_message.Message):
    __slots__ = ("lists",)
    LISTS_FIELD_NUMBER: _ClassVar[int]
    lists: int
    def __init__(self, lists: _Optional[int] = ...) -> None: ...

class Offer(_message.Message):
    __slots__ = ("offer_id", "offer_kind", "title", "supplier", "price_ug", "valid_from_s", "valid_until_s", "left_pieces")
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    OFFER_KIND_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SUPPLIER_FIELD_NUMBER: _ClassVar[int]
    PRICE_UG_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_S_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_S_FIELD_NUMBER: _ClassVar[int]
    LEFT_PIECES_FIELD_NUMBER: _ClassVar[int]
    offer_id: str
    offer_kind: str
    title: str
    supplier: str
    price_ug: int
    valid_from_s: int
    valid_until_s: int
    left_pieces: int
    def __init__(self, offer_id: _Optional[str] = ..., offer_kind: _Optional[str] = ..., title: _Optional[str] = ..., supplier: _Optional[str] = ..., price_ug: _Optional[int] = ..., valid_from_s: _Optional[int] = ..., valid_until_s: _Optional[int] = ..., left_pieces: _Optional[int] = ...) -> None: ...

class Campaign(_message.Message):
    __slots__ = ("campaign_id", "title", "occasion", "offer_id", "packet_fen", "budget_fen", "left_fen", "valid_from_s", "valid_until_s")
    CAMPAIGN_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    OCCASION_FIELD_NUMBER: _ClassVar[int]
    OFFER_ID_FIELD_NUMBER: _ClassVar[int]
    PACKET_FEN_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FEN_FIELD_NUMBER: _ClassVar[int]
    LEFT_FEN_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_S_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_S_FIELD_NUMBER: _ClassVar[int]
    campaign_id: str
    title: str
    occasion: str
    offer_id: str
    packet_fen: int
    budget_fen: int
    left_fen: int
    valid_from_s: int
    valid_until_s: int
    def __init__(self, campaign_id: _Optional[str] = ..., title: _Optional[str] = ..., occasion: _Optional[str] = ..., offer_id: _Optional[str] = ..., packet_fen: _Optional[int] = ..., budget_fen: _Optional[int] = ..., left_fen: _Optional[int] = ..., valid_from_s: _Optional[int] = ..., valid_until_s: _Optional[int] = ...) -> None: ...

class Market(_message.Message):
    __slots__ = ("market_id", "unit_ug", "day", "price_fen", "stock_ug", "purse_fen")
    MARKET_ID_FIELD_NUMBER: _ClassVar[int]
    UNIT_UG_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    PRICE_FEN_FIELD_NUMBER: _ClassVar[int]
    STOCK_UG_FIELD_NUMBER: _ClassVar[int]
    PURSE_FEN_FIELD_NUMBER: _ClassVar[int]
    market_id: str
    unit_ug: int
    day: int
    price_fen: int
    stock_ug: int
    purse_fen: int
    def __init__(self, market_id: _Optional[str] = ..., unit_ug: _Optional[int] = ..., day: _Optional[int] = ..., price_fen: _Optional[int] = ..., stock_ug: _Optional[int] = ..., purse_fen: _Optional[int] = ...) -> None: ...

class PlaceUseOrderRequest(_message.Message):
    __slots__ = ("signed_order",)
    SIGNED_ORDER_FIELD_NUMBER: _ClassVar[int]
    signed_order: bytes
    def __init__(self, signed_order: _Optional[bytes] = ...) -> None: ...

class PlaceUseOrderResponse(_message.Message):
    __slots__ = ("use", "receipt")
    USE_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    use: Use
    receipt: bytes
    def __init__(self, use: _Optional[_Union[Use, _Mapping]] = ..., receipt: _Optional[bytes] = ...) -> None: ...

class GetUseRequest(_message.Message):
    __slots__ = ("use_id",)
    USE_ID_FIELD_NUMBER: _ClassVar[int]
    use_id: bytes
    def __init__(self, use_id: _Optional[bytes] = ...) -> None: ...

class GetUseResponse(_message.Message):
    __slots__ = ("use",)
    USE_FIELD_NUMBER: _ClassVar[int]
    use: Use
    def __init__(self, use: _Optional[_Union[Use, _Mapping]] = ...) -> None: ...

class Use(_message.Message):
    __slots__ = ("use_id", "state", "mass_ug", "expires_s")
    USE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MASS_UG_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_S_FIELD_NUMBER: _ClassVar[int]
    use_id: bytes
    state: UseState
    mass_ug: int
    expires_s: int
    def __init__(self, use_id: _Optional[bytes] = ..., state: _Optional[_Union[UseState, str]] = ..., mass_ug: _Optional[int] = ..., expires_s: _Optional[int] = ...) -> None: ...

class EndGoodsRequest(_message.Message):
    __slots__ = ("use_id", "voucher_sha256", "reason")
    USE_ID_FIELD_NUMBER: _ClassVar[int]
    VOUCHER_SHA256_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    use_id: bytes
    voucher_sha256: bytes
    reason: str
    def __init__(self, use_id: _Optional[bytes] = ..., voucher_sha256: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class EndGoodsResponse(_message.Message):
    __slots__ = ("use",)
    USE_FIELD_NUMBER: _ClassVar[int]
    use: Use
    def __init__(self, use: _Optional[_Union[Use, _Mapping]] = ...) -> None: ...

class FormLotRequest(_message.Message):
    __slots__ = ("lot_id", "programme_id", "vintage", "tonnes")
    LOT_ID_FIELD_NUMBER: _ClassVar[int]
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    VINTAGE_FIELD_NUMBER: _ClassVar[int]
    TONNES_FIELD_NUMBER: _ClassVar[int]
    lot_id: bytes
    programme_id: str
    vintage: int
    tonnes: int
    def __init__(self, lot_id: _Optional[bytes] = ..., programme_id: _Optional[str] = ..., vintage: _Optional[int] = ..., tonnes: _Optional[int] = ...) -> None: ...

class FormLotResponse(_message.Message):
    __slots__ = ("contributors",)
    CONTRIBUTORS_FIELD_NUMBER: _ClassVar[int]
    contributors: int
    def __init__(self, contributors: _Optional[int] = ...) -> None: ...

class SellLotRequest(_message.Message):
    __slots__ = ("lot_id", "buyer", "price_fen", "retained_fen")
    LOT_ID_FIELD_NUMBER: _ClassVar[int]
    BUYER_FIELD_NUMBER: _ClassVar[int]
    PRICE_FEN_FIELD_NUMBER: _ClassVar[int]
    RETAINED_FEN_FIELD_NUMBER: _ClassVar[int]
    lot_id: bytes
    buyer: str
    price_fen: int
    retained_fen: int
    def __init__(self, lot_id: _Optional[bytes] = ..., buyer: _Optional[str] = ..., price_fen: _Optional[int] = ..., retained_fen: _Optional[int] = ...) -> None: ...

class SellLotResponse(_message.Message):
    __slots__ = ("proceeds_fen",)
    PROCEEDS_FEN_FIELD_NUMBER: _ClassVar[int]
    proceeds_fen: int
    def __init__(self, proceeds_fen: _Optional[int] = ...) -> None: ...

class RetireLotRequest(_message.Message):
    __slots__ = ("lot_id", "beneficiary", "obligation_id", "obligation_kg")
    LOT_ID_FIELD_NUMBER: _ClassVar[int]
    BENEFICIARY_FIELD_NUMBER: _ClassVar[int]
    OBLIGATION_ID_FIELD_NUMBER: _ClassVar[int]
    OBLIGATION_KG_FIELD_NUMBER: _ClassVar[int]
    lot_id: bytes
    beneficiary: str
    obligation_id: str
    obligation_kg: int
    def __init__(self, lot_id: _Optional[bytes] = ..., beneficiary: _Optional[str] = ..., obligation_id: _Optional[str] = ..., obligation_kg: _Optional[int] = ...) -> None: ...

class RetireLotResponse(_message.Message):
    __slots__ = ("serial_first", "serial_last")
    SERIAL_FIRST_FIELD_NUMBER: _ClassVar[int]
    SERIAL_LAST_FIELD_NUMBER: _ClassVar[int]
    serial_first: int
    serial_last: int
    def __init__(self, serial_first: _Optional[int] = ..., serial_last: _Optional[int] = ...) -> None: ...
