from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EvaluateRequest(_message.Message):
    __slots__ = ("signed_request", "blinded_elements", "excluded_trustee_ids")
    SIGNED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    BLINDED_ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_TRUSTEE_IDS_FIELD_NUMBER: _ClassVar[int]
    signed_request: bytes
    blinded_elements: _containers.RepeatedScalarFieldContainer[bytes]
    excluded_trustee_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, signed_request: _Optional[bytes] = ..., blinded_elements: _Optional[_Iterable[bytes]] = ..., excluded_trustee_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class EvaluateResponse(_message.Message):
    __slots__ = ("partials",)
    PARTIALS_FIELD_NUMBER: _ClassVar[int]
    partials: _containers.RepeatedCompositeFieldContainer[PartialEvaluation]
    def __init__(self, partials: _Optional[_Iterable[_Union[PartialEvaluation, _Mapping]]] = ...) -> None: ...

class PartialEvaluation(_message.Message):
    __slots__ = ("trustee_id", "elements", "proof")
    TRUSTEE_ID_FIELD_NUMBER: _ClassVar[int]
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    trustee_id: str
    elements: _containers.RepeatedScalarFieldContainer[bytes]
    proof: bytes
    def __init__(self, trustee_id: _Optional[str] = ..., elements: _Optional[_Iterable[bytes]] = ..., proof: _Optional[bytes] = ...) -> None: ...
