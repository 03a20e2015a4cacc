from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Activity(_message.Message):
    __slots__ = ("activity_id", "person_ref", "started_at", "ended_at", "evidence", "methodology", "object_ref", "values")
    ACTIVITY_ID_FIELD_NUMBER: _ClassVar[int]
    PERSON_REF_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    METHODOLOGY_FIELD_NUMBER: _ClassVar[int]
    OBJECT_REF_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    activity_id: str
    person_ref: str
    started_at: str
    ended_at: str
    evidence: int
    methodology: str
    object_ref: str
    values: _containers.RepeatedCompositeFieldContainer[FieldValue]
    def __init__(self, activity_id: _Optional[str] = ..., person_ref: _Optional[str] = ..., started_at: _Optional[str] = ..., ended_at: _Optional[str] = ..., evidence: _Optional[int] = ..., methodology: _Optional[str] = ..., object_ref: _Optional[str] = ..., values: _Optional[_Iterable[_Union[FieldValue, _Mapping]]] = ...) -> None: ...

class FieldValue(_message.Message):
    __slots__ = ("field", "integer", "word", "truth")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    INTEGER_FIELD_NUMBER: _ClassVar[int]
    WORD_FIELD_NUMBER: _ClassVar[int]
    TRUTH_FIELD_NUMBER: _ClassVar[int]
    field: str
    integer: int
    word: str
    truth: bool
    def __init__(self, field: _Optional[str] = ..., integer: _Optional[int] = ..., word: _Optional[str] = ..., truth: _Optional[bool] = ...) -> None: ...

class CreateActivitiesRequest(_message.Message):
    __slots__ = ("activities",)
    ACTIVITIES_FIELD_NUMBER: _ClassVar[int]
    activities: _containers.RepeatedCompositeFieldContainer[Activity]
    def __init__(self, activities: _Optional[_Iterable[_Union[Activity, _Mapping]]] = ...) -> None: ...

class CreateActivitiesResponse(_message.Message):
    __slots__ = ("accepted", "rejected")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    accepted: int
    rejected: _containers.RepeatedCompositeFieldContainer[RejectedActivity]
    def __init__(self, accepted: _Optional[int] = ..., rejected: _Optional[_Iterable[_Union[RejectedActivity, _Mapping]]] = ...) -> None: ...

class RejectedActivity(_message.Message):
    __slots__ = ("activity_id", "reason", "detail")
    ACTIVITY_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    activity_id: str
    reason: str
    detail: str
    def __init__(self, activity_id: _Optional[str] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class Person(_message.Message):
    __slots__ = ("person_ref", "id_type", "id_number", "issuing_country", "consent_data", "consent_claim")
    PERSON_REF_FIELD_NUMBER: _ClassVar[int]
    ID_TYPE_FIELD_NUMBER: _ClassVar[int]
    ID_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ISSUING_COUNTRY_FIELD_NUMBER: _ClassVar[int]
    CONSENT_DATA_FIELD_NUMBER: _ClassVar[int]
    CONSENT_CLAIM_FIELD_NUMBER: _ClassVar[int]
    person_ref: str
    id_type: str
    id_number: str
    issuing_country: str
    consent_data: str
    consent_claim: str
    def __init__(self, person_ref: _Optional[str] = ..., id_type: _Optional[str] = ..., id_number: _Optional[str] = ..., issuing_country: _Optional[str] = ..., consent_data: _Optional[str] = ..., consent_claim: _Optional[str] = ...) -> None: ...

class LinkPersonsRequest(_message.Message):
    __slots__ = ("persons",)
    PERSONS_FIELD_NUMBER: _ClassVar[int]
    persons: _containers.RepeatedCompositeFieldContainer[Person]
    def __init__(self, persons: _Optional[_Iterable[_Union[Person, _Mapping]]] = ...) -> None: ...

class LinkPersonsResponse(_message.Message):
    __slots__ = ("linked", "rejected")
    LINKED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    linked: int
    rejected: _containers.RepeatedCompositeFieldContainer[RejectedPerson]
    def __init__(self, linked: _Optional[int] = ..., rejected: _Optional[_Iterable[_Union[RejectedPerson, _Mapping]]] = ...) -> None: ...

class RejectedPerson(_message.Message):
    __slots__ = ("person_ref", "reason", "detail")
    PERSON_REF_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    person_ref: str
    reason: str
    detail: str
    def __init__(self, person_ref: _Optional[str] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class WithdrawConsentRequest(_message.Message):
    __slots__ = ("person_ref",)
    PERSON_REF_FIELD_NUMBER: _ClassVar[int]
    person_ref: str
    def __init__(self, person_ref: _Optional[str] = ...) -> None: ...

class WithdrawConsentResponse(_message.Message):
    __slots__ = ("from_epoch",)
    FROM_EPOCH_FIELD_NUMBER: _ClassVar[int]
    from_epoch: int
    def __init__(self, from_epoch: _Optional[int] = ...) -> None: ...

class GetSummaryRequest(_message.Message):
    __slots__ = ("person_ref",)
    PERSON_REF_FIELD_NUMBER: _ClassVar[int]
    person_ref: str
    def __init__(self, person_ref: _Optional[str] = ...) -> None: ...

class GetSummaryResponse(_message.Message):
    __slots__ = ("epochs", "consented")
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    CONSENTED_FIELD_NUMBER: _ClassVar[int]
    epochs: _containers.RepeatedCompositeFieldContainer[EpochSummary]
    consented: bool
    def __init__(self, epochs: _Optional[_Iterable[_Union[EpochSummary, _Mapping]]] = ..., consented: _Optional[bool] = ...) -> None: ...

class EpochSummary(_message.Message):
    __slots__ = ("epoch", "reduction_ug", "submitted_ug", "lost_slots")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_UG_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_UG_FIELD_NUMBER: _ClassVar[int]
    LOST_SLOTS_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    reduction_ug: int
    submitted_ug: int
    lost_slots: int
    def __init__(self, epoch: _Optional[int] = ..., reduction_ug: _Optional[int] = ..., submitted_ug: _Optional[int] = ..., lost_slots: _Optional[int] = ...) -> None: ...

class ListPendingBindingsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPendingBindingsResponse(_message.Message):
    __slots__ = ("bindings",)
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    bindings: _containers.RepeatedCompositeFieldContainer[PendingBinding]
    def __init__(self, bindings: _Optional[_Iterable[_Union[PendingBinding, _Mapping]]] = ...) -> None: ...

class PendingBinding(_message.Message):
    __slots__ = ("binding_id", "person_ref", "operator_id", "wallet_hint")
    BINDING_ID_FIELD_NUMBER: _ClassVar[int]
    PERSON_REF_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_ID_FIELD_NUMBER: _ClassVar[int]
    WALLET_HINT_FIELD_NUMBER: _ClassVar[int]
    binding_id: bytes
    person_ref: str
    operator_id: str
    wallet_hint: str
    def __init__(self, binding_id: _Optional[bytes] = ..., person_ref: _Optional[str] = ..., operator_id: _Optional[str] = ..., wallet_hint: _Optional[str] = ...) -> None: ...

class AnswerBindingRequest(_message.Message):
    __slots__ = ("binding_id", "confirm", "member_ref")
    BINDING_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIRM_FIELD_NUMBER: _ClassVar[int]
    MEMBER_REF_FIELD_NUMBER: _ClassVar[int]
    binding_id: bytes
    confirm: bool
    member_ref: str
    def __init__(self, binding_id: _Optional[bytes] = ..., confirm: _Optional[bool] = ..., member_ref: _Optional[str] = ...) -> None: ...

class AnswerBindingResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class AttestMemberRequest(_message.Message):
    __slots__ = ("account_ref", "member_ref")
    ACCOUNT_REF_FIELD_NUMBER: _ClassVar[int]
    MEMBER_REF_FIELD_NUMBER: _ClassVar[int]
    account_ref: str
    member_ref: str
    def __init__(self, account_ref: _Optional[str] = ..., member_ref: _Optional[str] = ...) -> None: ...

class AttestMemberResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListMembersRequest(_message.Message):
    __slots__ = ("account_ref",)
    ACCOUNT_REF_FIELD_NUMBER: _ClassVar[int]
    account_ref: str
    def __init__(self, account_ref: _Optional[str] = ...) -> None: ...

class ListMembersResponse(_message.Message):
    __slots__ = ("member_refs",)
    MEMBER_REFS_FIELD_NUMBER: _ClassVar[int]
    member_refs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, member_refs: _Optional[_Iterable[str]] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("enrolled", "enrolling", "epochs", "last_error", "alarms")
    ENROLLED_FIELD_NUMBER: _ClassVar[int]
    ENROLLING_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    enrolled: int
    enrolling: int
    epochs: _containers.RepeatedCompositeFieldContainer[EpochStatus]
    last_error: str
    alarms: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, enrolled: _Optional[int] = ..., enrolling: _Optional[int] = ..., epochs: _Optional[_Iterable[_Union[EpochStatus, _Mapping]]] = ..., last_error: _Optional[str] = ..., alarms: _Optional[_Iterable[str]] = ...) -> None: ...

class CompareCheckpointRequest(_message.Message):
    __slots__ = ("note",)
    NOTE_FIELD_NUMBER: _ClassVar[int]
    note: bytes
    def __init__(self, note: _Optional[bytes] = ...) -> None: ...

class CompareCheckpointResponse(_message.Message):
    __slots__ = ("size",)
    SIZE_FIELD_NUMBER: _ClassVar[int]
    size: int
    def __init__(self, size: _Optional[int] = ...) -> None: ...

class EpochStatus(_message.Message):
    __slots__ = ("epoch", "stage", "claims_sent", "claims_lost", "chunks_sent")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_SENT_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_LOST_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_SENT_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    stage: str
    claims_sent: int
    claims_lost: int
    chunks_sent: int
    def __init__(self, epoch: _Optional[int] = ..., stage: _Optional[str] = ..., claims_sent: _Optional[int] = ..., claims_lost: _Optional[int] = ..., chunks_sent: _Optional[int] = ...) -> None: ...
