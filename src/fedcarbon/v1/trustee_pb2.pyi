from fedcarbon.v1 import record_pb2 as _record_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WorkRequest(_message.Message):
    __slots__ = ("order_id", "cosign", "evaluate", "beacon", "mask", "sign_start", "reveal_mask", "share", "refused", "noise", "sign_release", "release_share")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    COSIGN_FIELD_NUMBER: _ClassVar[int]
    EVALUATE_FIELD_NUMBER: _ClassVar[int]
    BEACON_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    SIGN_START_FIELD_NUMBER: _ClassVar[int]
    REVEAL_MASK_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    SIGN_RELEASE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_SHARE_FIELD_NUMBER: _ClassVar[int]
    order_id: bytes
    cosign: CosignAnswer
    evaluate: EvaluateAnswer
    beacon: BeaconAnswer
    mask: MaskAnswer
    sign_start: SignStartAnswer
    reveal_mask: RevealMaskAnswer
    share: ShareAnswer
    refused: RefusedAnswer
    noise: NoiseAnswer
    sign_release: SignReleaseAnswer
    release_share: ReleaseShareAnswer
    def __init__(self, order_id: _Optional[bytes] = ..., cosign: _Optional[_Union[CosignAnswer, _Mapping]] = ..., evaluate: _Optional[_Union[EvaluateAnswer, _Mapping]] = ..., beacon: _Optional[_Union[BeaconAnswer, _Mapping]] = ..., mask: _Optional[_Union[MaskAnswer, _Mapping]] = ..., sign_start: _Optional[_Union[SignStartAnswer, _Mapping]] = ..., reveal_mask: _Optional[_Union[RevealMaskAnswer, _Mapping]] = ..., share: _Optional[_Union[ShareAnswer, _Mapping]] = ..., refused: _Optional[_Union[RefusedAnswer, _Mapping]] = ..., noise: _Optional[_Union[NoiseAnswer, _Mapping]] = ..., sign_release: _Optional[_Union[SignReleaseAnswer, _Mapping]] = ..., release_share: _Optional[_Union[ReleaseShareAnswer, _Mapping]] = ...) -> None: ...

class WorkResponse(_message.Message):
    __slots__ = ("order_id", "record_size", "checkpoint", "cosign", "evaluate", "beacon", "mask", "sign_start", "reveal_mask", "share", "noise", "sign_release", "release_share", "partner_checkpoint")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    RECORD_SIZE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    COSIGN_FIELD_NUMBER: _ClassVar[int]
    EVALUATE_FIELD_NUMBER: _ClassVar[int]
    BEACON_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    SIGN_START_FIELD_NUMBER: _ClassVar[int]
    REVEAL_MASK_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    SIGN_RELEASE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_SHARE_FIELD_NUMBER: _ClassVar[int]
    PARTNER_CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    order_id: bytes
    record_size: int
    checkpoint: _record_pb2.WitnessedCheckpoint
    cosign: CosignOrder
    evaluate: EvaluateOrder
    beacon: BeaconOrder
    mask: MaskOrder
    sign_start: SignStartOrder
    reveal_mask: RevealMaskOrder
    share: ShareOrder
    noise: NoiseOrder
    sign_release: SignReleaseOrder
    release_share: ReleaseShareOrder
    partner_checkpoint: _record_pb2.WitnessedCheckpoint
    def __init__(self, order_id: _Optional[bytes] = ..., record_size: _Optional[int] = ..., checkpoint: _Optional[_Union[_record_pb2.WitnessedCheckpoint, _Mapping]] = ..., cosign: _Optional[_Union[CosignOrder, _Mapping]] = ..., evaluate: _Optional[_Union[EvaluateOrder, _Mapping]] = ..., beacon: _Optional[_Union[BeaconOrder, _Mapping]] = ..., mask: _Optional[_Union[MaskOrder, _Mapping]] = ..., sign_start: _Optional[_Union[SignStartOrder, _Mapping]] = ..., reveal_mask: _Optional[_Union[RevealMaskOrder, _Mapping]] = ..., share: _Optional[_Union[ShareOrder, _Mapping]] = ..., noise: _Optional[_Union[NoiseOrder, _Mapping]] = ..., sign_release: _Optional[_Union[SignReleaseOrder, _Mapping]] = ..., release_share: _Optional[_Union[ReleaseShareOrder, _Mapping]] = ..., partner_checkpoint: _Optional[_Union[_record_pb2.WitnessedCheckpoint, _Mapping]] = ...) -> None: ...

class CosignOrder(_message.Message):
    __slots__ = ("root",)
    ROOT_FIELD_NUMBER: _ClassVar[int]
    root: bytes
    def __init__(self, root: _Optional[bytes] = ...) -> None: ...

class CosignAnswer(_message.Message):
    __slots__ = ("note",)
    NOTE_FIELD_NUMBER: _ClassVar[int]
    note: bytes
    def __init__(self, note: _Optional[bytes] = ...) -> None: ...

class EvaluateOrder(_message.Message):
    __slots__ = ("signed_request", "blinded_elements")
    SIGNED_REQUEST_FIELD_NUMBER: _ClassVar[int]
    BLINDED_ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    signed_request: bytes
    blinded_elements: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, signed_request: _Optional[bytes] = ..., blinded_elements: _Optional[_Iterable[bytes]] = ...) -> None: ...

class EvaluateAnswer(_message.Message):
    __slots__ = ("elements", "proof")
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    elements: _containers.RepeatedScalarFieldContainer[bytes]
    proof: bytes
    def __init__(self, elements: _Optional[_Iterable[bytes]] = ..., proof: _Optional[bytes] = ...) -> None: ...

class BeaconOrder(_message.Message):
    __slots__ = ("label", "leaf_index")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    label: str
    leaf_index: int
    def __init__(self, label: _Optional[str] = ..., leaf_index: _Optional[int] = ...) -> None: ...

class BeaconAnswer(_message.Message):
    __slots__ = ("element", "proof")
    ELEMENT_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    element: bytes
    proof: bytes
    def __init__(self, element: _Optional[bytes] = ..., proof: _Optional[bytes] = ...) -> None: ...

class MaskOrder(_message.Message):
    __slots__ = ("draft_starts",)
    DRAFT_STARTS_FIELD_NUMBER: _ClassVar[int]
    draft_starts: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, draft_starts: _Optional[_Iterable[bytes]] = ...) -> None: ...

class MaskAnswer(_message.Message):
    __slots__ = ("mask_hashes",)
    MASK_HASHES_FIELD_NUMBER: _ClassVar[int]
    mask_hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, mask_hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SignStartOrder(_message.Message):
    __slots__ = ("starts",)
    STARTS_FIELD_NUMBER: _ClassVar[int]
    starts: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, starts: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SignStartAnswer(_message.Message):
    __slots__ = ("signatures",)
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    signatures: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, signatures: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RevealMaskOrder(_message.Message):
    __slots__ = ("start_leaves",)
    START_LEAVES_FIELD_NUMBER: _ClassVar[int]
    start_leaves: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, start_leaves: _Optional[_Iterable[int]] = ...) -> None: ...

class RevealMaskAnswer(_message.Message):
    __slots__ = ("masks",)
    MASKS_FIELD_NUMBER: _ClassVar[int]
    masks: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, masks: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ShareOrder(_message.Message):
    __slots__ = ("starts",)
    STARTS_FIELD_NUMBER: _ClassVar[int]
    starts: _containers.RepeatedCompositeFieldContainer[MaskedStart]
    def __init__(self, starts: _Optional[_Iterable[_Union[MaskedStart, _Mapping]]] = ...) -> None: ...

class MaskedStart(_message.Message):
    __slots__ = ("start_leaf", "masks")
    START_LEAF_FIELD_NUMBER: _ClassVar[int]
    MASKS_FIELD_NUMBER: _ClassVar[int]
    start_leaf: int
    masks: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, start_leaf: _Optional[int] = ..., masks: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ShareAnswer(_message.Message):
    __slots__ = ("shares", "proof")
    SHARES_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    shares: _containers.RepeatedScalarFieldContainer[bytes]
    proof: bytes
    def __init__(self, shares: _Optional[_Iterable[bytes]] = ..., proof: _Optional[bytes] = ...) -> None: ...

class RefusedAnswer(_message.Message):
    __slots__ = ("code", "detail", "signed_refusal", "positions")
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SIGNED_REFUSAL_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    code: str
    detail: str
    signed_refusal: bytes
    positions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, code: _Optional[str] = ..., detail: _Optional[str] = ..., signed_refusal: _Optional[bytes] = ..., positions: _Optional[_Iterable[int]] = ...) -> None: ...

class NoiseOrder(_message.Message):
    __slots__ = ("programme_id", "shell_leaf", "period")
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    SHELL_LEAF_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    programme_id: str
    shell_leaf: int
    period: int
    def __init__(self, programme_id: _Optional[str] = ..., shell_leaf: _Optional[int] = ..., period: _Optional[int] = ...) -> None: ...

class NoiseAnswer(_message.Message):
    __slots__ = ("file",)
    FILE_FIELD_NUMBER: _ClassVar[int]
    file: bytes
    def __init__(self, file: _Optional[bytes] = ...) -> None: ...

class SignReleaseOrder(_message.Message):
    __slots__ = ("start",)
    START_FIELD_NUMBER: _ClassVar[int]
    start: bytes
    def __init__(self, start: _Optional[bytes] = ...) -> None: ...

class SignReleaseAnswer(_message.Message):
    __slots__ = ("signature",)
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    signature: bytes
    def __init__(self, signature: _Optional[bytes] = ...) -> None: ...

class ReleaseShareOrder(_message.Message):
    __slots__ = ("start_leaf",)
    START_LEAF_FIELD_NUMBER: _ClassVar[int]
    start_leaf: int
    def __init__(self, start_leaf: _Optional[int] = ...) -> None: ...

class ReleaseShareAnswer(_message.Message):
    __slots__ = ("shares", "proof")
    SHARES_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    shares: _containers.RepeatedScalarFieldContainer[bytes]
    proof: bytes
    def __init__(self, shares: _Optional[_Iterable[bytes]] = ..., proof: _Optional[bytes] = ...) -> None: ...
