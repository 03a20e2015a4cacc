from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EpochState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EPOCH_STATE_UNSPECIFIED: _ClassVar[EpochState]
    EPOCH_STATE_PLANNED: _ClassVar[EpochState]
    EPOCH_STATE_COMMITTING: _ClassVar[EpochState]
    EPOCH_STATE_REVEALING: _ClassVar[EpochState]
    EPOCH_STATE_JUDGED: _ClassVar[EpochState]
    EPOCH_STATE_SUBMITTING: _ClassVar[EpochState]
    EPOCH_STATE_SEALED: _ClassVar[EpochState]
EPOCH_STATE_UNSPECIFIED: EpochState
EPOCH_STATE_PLANNED: EpochState
EPOCH_STATE_COMMITTING: EpochState
EPOCH_STATE_REVEALING: EpochState
EPOCH_STATE_JUDGED: EpochState
EPOCH_STATE_SUBMITTING: EpochState
EPOCH_STATE_SEALED: EpochState

class ListEpochsRequest(_message.Message):
    __slots__ = ("programme_id",)
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    programme_id: str
    def __init__(self, programme_id: _Optional[str] = ...) -> None: ...

class ListEpochsResponse(_message.Message):
    __slots__ = ("epochs",)
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    epochs: _containers.RepeatedCompositeFieldContainer[Epoch]
    def __init__(self, epochs: _Optional[_Iterable[_Union[Epoch, _Mapping]]] = ...) -> None: ...

class Epoch(_message.Message):
    __slots__ = ("epoch", "state", "plan_leaf", "closed_leaf", "seal_leaf", "committed", "revealed", "chunks_received", "missing_partner_ids", "verdict_leaf")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PLAN_LEAF_FIELD_NUMBER: _ClassVar[int]
    CLOSED_LEAF_FIELD_NUMBER: _ClassVar[int]
    SEAL_LEAF_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_FIELD_NUMBER: _ClassVar[int]
    REVEALED_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    MISSING_PARTNER_IDS_FIELD_NUMBER: _ClassVar[int]
    VERDICT_LEAF_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    state: EpochState
    plan_leaf: int
    closed_leaf: int
    seal_leaf: int
    committed: bool
    revealed: bool
    chunks_received: _containers.RepeatedScalarFieldContainer[int]
    missing_partner_ids: _containers.RepeatedScalarFieldContainer[str]
    verdict_leaf: int
    def __init__(self, epoch: _Optional[int] = ..., state: _Optional[_Union[EpochState, str]] = ..., plan_leaf: _Optional[int] = ..., closed_leaf: _Optional[int] = ..., seal_leaf: _Optional[int] = ..., committed: _Optional[bool] = ..., revealed: _Optional[bool] = ..., chunks_received: _Optional[_Iterable[int]] = ..., missing_partner_ids: _Optional[_Iterable[str]] = ..., verdict_leaf: _Optional[int] = ...) -> None: ...

class CreateClaimCommitmentRequest(_message.Message):
    __slots__ = ("signed_commitment",)
    SIGNED_COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    signed_commitment: bytes
    def __init__(self, signed_commitment: _Optional[bytes] = ...) -> None: ...

class CreateClaimCommitmentResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class CreateClaimListRequest(_message.Message):
    __slots__ = ("id", "content", "commitments")
    ID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    COMMITMENTS_FIELD_NUMBER: _ClassVar[int]
    id: ClaimListId
    content: bytes
    commitments: bytes
    def __init__(self, id: _Optional[_Union[ClaimListId, _Mapping]] = ..., content: _Optional[bytes] = ..., commitments: _Optional[bytes] = ...) -> None: ...

class ClaimListId(_message.Message):
    __slots__ = ("programme_id", "epoch")
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    programme_id: str
    epoch: int
    def __init__(self, programme_id: _Optional[str] = ..., epoch: _Optional[int] = ...) -> None: ...

class CreateClaimListResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class ListLostClaimsRequest(_message.Message):
    __slots__ = ("programme_id", "epoch", "from_index", "limit")
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FROM_INDEX_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    programme_id: str
    epoch: int
    from_index: int
    limit: int
    def __init__(self, programme_id: _Optional[str] = ..., epoch: _Optional[int] = ..., from_index: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ListLostClaimsResponse(_message.Message):
    __slots__ = ("claim_tokens", "total", "positions")
    CLAIM_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    claim_tokens: _containers.RepeatedScalarFieldContainer[bytes]
    total: int
    positions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, claim_tokens: _Optional[_Iterable[bytes]] = ..., total: _Optional[int] = ..., positions: _Optional[_Iterable[int]] = ...) -> None: ...

class CreateChunkRequest(_message.Message):
    __slots__ = ("signed_header", "content")
    SIGNED_HEADER_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    signed_header: bytes
    content: bytes
    def __init__(self, signed_header: _Optional[bytes] = ..., content: _Optional[bytes] = ...) -> None: ...

class CreateChunkResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class CreateLinkProofRequest(_message.Message):
    __slots__ = ("signed_proof",)
    SIGNED_PROOF_FIELD_NUMBER: _ClassVar[int]
    signed_proof: bytes
    def __init__(self, signed_proof: _Optional[bytes] = ...) -> None: ...

class CreateLinkProofResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class CreateDisputeRequest(_message.Message):
    __slots__ = ("signed_dispute",)
    SIGNED_DISPUTE_FIELD_NUMBER: _ClassVar[int]
    signed_dispute: bytes
    def __init__(self, signed_dispute: _Optional[bytes] = ...) -> None: ...

class CreateDisputeResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...
