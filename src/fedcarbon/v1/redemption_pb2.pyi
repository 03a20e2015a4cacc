from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RedemptionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REDEMPTION_STATE_UNSPECIFIED: _ClassVar[RedemptionState]
    REDEMPTION_STATE_CREATED: _ClassVar[RedemptionState]
    REDEMPTION_STATE_RESERVED: _ClassVar[RedemptionState]
    REDEMPTION_STATE_SENT: _ClassVar[RedemptionState]
    REDEMPTION_STATE_UNKNOWN: _ClassVar[RedemptionState]
    REDEMPTION_STATE_SETTLED: _ClassVar[RedemptionState]
    REDEMPTION_STATE_REJECTED: _ClassVar[RedemptionState]
    REDEMPTION_STATE_REVERSED: _ClassVar[RedemptionState]
REDEMPTION_STATE_UNSPECIFIED: RedemptionState
REDEMPTION_STATE_CREATED: RedemptionState
REDEMPTION_STATE_RESERVED: RedemptionState
REDEMPTION_STATE_SENT: RedemptionState
REDEMPTION_STATE_UNKNOWN: RedemptionState
REDEMPTION_STATE_SETTLED: RedemptionState
REDEMPTION_STATE_REJECTED: RedemptionState
REDEMPTION_STATE_REVERSED: RedemptionState

class CreateRedemptionRequest(_message.Message):
    __slots__ = ("signed_order",)
    SIGNED_ORDER_FIELD_NUMBER: _ClassVar[int]
    signed_order: bytes
    def __init__(self, signed_order: _Optional[bytes] = ...) -> None: ...

class CreateRedemptionResponse(_message.Message):
    __slots__ = ("redemption", "receipt")
    REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    redemption: Redemption
    receipt: bytes
    def __init__(self, redemption: _Optional[_Union[Redemption, _Mapping]] = ..., receipt: _Optional[bytes] = ...) -> None: ...

class GetRedemptionRequest(_message.Message):
    __slots__ = ("redemption_id",)
    REDEMPTION_ID_FIELD_NUMBER: _ClassVar[int]
    redemption_id: bytes
    def __init__(self, redemption_id: _Optional[bytes] = ...) -> None: ...

class GetRedemptionResponse(_message.Message):
    __slots__ = ("redemption",)
    REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    redemption: Redemption
    def __init__(self, redemption: _Optional[_Union[Redemption, _Mapping]] = ...) -> None: ...

class Redemption(_message.Message):
    __slots__ = ("redemption_id", "state", "units", "mass_ug", "payout_fen", "reason")
    REDEMPTION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    MASS_UG_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_FEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    redemption_id: bytes
    state: RedemptionState
    units: int
    mass_ug: int
    payout_fen: int
    reason: str
    def __init__(self, redemption_id: _Optional[bytes] = ..., state: _Optional[_Union[RedemptionState, str]] = ..., units: _Optional[int] = ..., mass_ug: _Optional[int] = ..., payout_fen: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class GetOperatorStatementRequest(_message.Message):
    __slots__ = ("first_value_day", "last_value_day", "after", "limit")
    FIRST_VALUE_DAY_FIELD_NUMBER: _ClassVar[int]
    LAST_VALUE_DAY_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    first_value_day: int
    last_value_day: int
    after: bytes
    limit: int
    def __init__(self, first_value_day: _Optional[int] = ..., last_value_day: _Optional[int] = ..., after: _Optional[bytes] = ..., limit: _Optional[int] = ...) -> None: ...

class GetOperatorStatementResponse(_message.Message):
    __slots__ = ("totals", "lines", "next_after")
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    NEXT_AFTER_FIELD_NUMBER: _ClassVar[int]
    totals: _containers.RepeatedCompositeFieldContainer[StatementTotal]
    lines: _containers.RepeatedCompositeFieldContainer[StatementLine]
    next_after: bytes
    def __init__(self, totals: _Optional[_Iterable[_Union[StatementTotal, _Mapping]]] = ..., lines: _Optional[_Iterable[_Union[StatementLine, _Mapping]]] = ..., next_after: _Optional[bytes] = ...) -> None: ...

class StatementTotal(_message.Message):
    __slots__ = ("state", "count", "mass_ug", "payout_fen")
    STATE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MASS_UG_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_FEN_FIELD_NUMBER: _ClassVar[int]
    state: RedemptionState
    count: int
    mass_ug: int
    payout_fen: int
    def __init__(self, state: _Optional[_Union[RedemptionState, str]] = ..., count: _Optional[int] = ..., mass_ug: _Optional[int] = ..., payout_fen: _Optional[int] = ...) -> None: ...

class StatementLine(_message.Message):
    __slots__ = ("redemption", "programme_id", "wallet_id", "payout_id", "created_s", "rail_reference")
    REDEMPTION_FIELD_NUMBER: _ClassVar[int]
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    PAYOUT_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_S_FIELD_NUMBER: _ClassVar[int]
    RAIL_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    redemption: Redemption
    programme_id: str
    wallet_id: str
    payout_id: bytes
    created_s: int
    rail_reference: str
    def __init__(self, redemption: _Optional[_Union[Redemption, _Mapping]] = ..., programme_id: _Optional[str] = ..., wallet_id: _Optional[str] = ..., payout_id: _Optional[bytes] = ..., created_s: _Optional[int] = ..., rail_reference: _Optional[str] = ...) -> None: ...
