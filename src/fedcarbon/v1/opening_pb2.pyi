from fedcarbon.v1 import registry_pb2 as _registry_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BindingState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BINDING_STATE_UNSPECIFIED: _ClassVar[BindingState]
    BINDING_STATE_PROPOSED: _ClassVar[BindingState]
    BINDING_STATE_SIGNED: _ClassVar[BindingState]
    BINDING_STATE_FROZEN: _ClassVar[BindingState]
    BINDING_STATE_UNBOUND: _ClassVar[BindingState]

class OpeningState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPENING_STATE_UNSPECIFIED: _ClassVar[OpeningState]
    OPENING_STATE_REQUESTED: _ClassVar[OpeningState]
    OPENING_STATE_STARTED: _ClassVar[OpeningState]
    OPENING_STATE_OPENED: _ClassVar[OpeningState]
    OPENING_STATE_REFUSED: _ClassVar[OpeningState]
BINDING_STATE_UNSPECIFIED: BindingState
BINDING_STATE_PROPOSED: BindingState
BINDING_STATE_SIGNED: BindingState
BINDING_STATE_FROZEN: BindingState
BINDING_STATE_UNBOUND: BindingState
OPENING_STATE_UNSPECIFIED: OpeningState
OPENING_STATE_REQUESTED: OpeningState
OPENING_STATE_STARTED: OpeningState
OPENING_STATE_OPENED: OpeningState
OPENING_STATE_REFUSED: OpeningState

class CreateOperatorBindingRequest(_message.Message):
    __slots__ = ("signed_binding",)
    SIGNED_BINDING_FIELD_NUMBER: _ClassVar[int]
    signed_binding: bytes
    def __init__(self, signed_binding: _Optional[bytes] = ...) -> None: ...

class CreateOperatorBindingResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class CreatePartnerBindingRequest(_message.Message):
    __slots__ = ("signed_binding",)
    SIGNED_BINDING_FIELD_NUMBER: _ClassVar[int]
    signed_binding: bytes
    def __init__(self, signed_binding: _Optional[bytes] = ...) -> None: ...

class CreatePartnerBindingResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class CreateBindingObjectionRequest(_message.Message):
    __slots__ = ("signed_objection",)
    SIGNED_OBJECTION_FIELD_NUMBER: _ClassVar[int]
    signed_objection: bytes
    def __init__(self, signed_objection: _Optional[bytes] = ...) -> None: ...

class CreateBindingObjectionResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class CreateUnbindingRequest(_message.Message):
    __slots__ = ("signed_unbinding",)
    SIGNED_UNBINDING_FIELD_NUMBER: _ClassVar[int]
    signed_unbinding: bytes
    def __init__(self, signed_unbinding: _Optional[bytes] = ...) -> None: ...

class CreateUnbindingResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class ListBindingsRequest(_message.Message):
    __slots__ = ("programme_id", "from_leaf", "limit")
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_LEAF_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    programme_id: str
    from_leaf: int
    limit: int
    def __init__(self, programme_id: _Optional[str] = ..., from_leaf: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListBindingsResponse(_message.Message):
    __slots__ = ("bindings",)
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    bindings: _containers.RepeatedCompositeFieldContainer[Binding]
    def __init__(self, bindings: _Optional[_Iterable[_Union[Binding, _Mapping]]] = ...) -> None: ...

class Binding(_message.Message):
    __slots__ = ("binding_id", "account_token", "operator_id", "wallet_hint", "state", "operator_leaf", "operator_leaf_index")
    BINDING_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_HINT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_LEAF_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    binding_id: bytes
    account_token: bytes
    operator_id: str
    wallet_hint: str
    state: BindingState
    operator_leaf: bytes
    operator_leaf_index: int
    def __init__(self, binding_id: _Optional[bytes] = ..., account_token: _Optional[bytes] = ..., operator_id: _Optional[str] = ..., wallet_hint: _Optional[str] = ..., state: _Optional[_Union[BindingState, str]] = ..., operator_leaf: _Optional[bytes] = ..., operator_leaf_index: _Optional[int] = ...) -> None: ...

class GetAccountRequest(_message.Message):
    __slots__ = ("programme_id", "account_token")
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    programme_id: str
    account_token: bytes
    def __init__(self, programme_id: _Optional[str] = ..., account_token: _Optional[bytes] = ...) -> None: ...

class GetAccountResponse(_message.Message):
    __slots__ = ("place", "sealed_epoch", "opened_epoch", "opened_ug", "spendable_ug", "reserved_ug", "proceeds_fen")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    SEALED_EPOCH_FIELD_NUMBER: _ClassVar[int]
    OPENED_EPOCH_FIELD_NUMBER: _ClassVar[int]
    OPENED_UG_FIELD_NUMBER: _ClassVar[int]
    SPENDABLE_UG_FIELD_NUMBER: _ClassVar[int]
    RESERVED_UG_FIELD_NUMBER: _ClassVar[int]
    PROCEEDS_FEN_FIELD_NUMBER: _ClassVar[int]
    place: _registry_pb2.Place
    sealed_epoch: int
    opened_epoch: int
    opened_ug: int
    spendable_ug: int
    reserved_ug: int
    proceeds_fen: int
    def __init__(self, place: _Optional[_Union[_registry_pb2.Place, _Mapping]] = ..., sealed_epoch: _Optional[int] = ..., opened_epoch: _Optional[int] = ..., opened_ug: _Optional[int] = ..., spendable_ug: _Optional[int] = ..., reserved_ug: _Optional[int] = ..., proceeds_fen: _Optional[int] = ...) -> None: ...

class CreateOpeningRequestRequest(_message.Message):
    __slots__ = ("signed_request",)
    SIGNED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    signed_request: bytes
    def __init__(self, signed_request: _Optional[bytes] = ...) -> None: ...

class CreateOpeningRequestResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class GetOpeningRequest(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    def __init__(self, request_id: _Optional[bytes] = ...) -> None: ...

class GetOpeningResponse(_message.Message):
    __slots__ = ("state", "code", "detail", "opened_ug", "attempts")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    OPENED_UG_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    state: OpeningState
    code: str
    detail: str
    opened_ug: int
    attempts: int
    def __init__(self, state: _Optional[_Union[OpeningState, str]] = ..., code: _Optional[str] = ..., detail: _Optional[str] = ..., opened_ug: _Optional[int] = ..., attempts: _Optional[int] = ...) -> None: ...
