from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Activity(_message.Message):
    __slots__ = ("activity_id", "person_ref", "started_at", "ended_at", "evidence", "methodology", "object_ref", "values", "place")
    ACTIVITY_ID_FIELD_NUMBER: _ClassVar[int]
    PERSON_REF_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    METHODOLOGY_FIELD_NUMBER: _ClassVar[int]
    OBJECT_REF_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    activity_id: str
    person_ref: str
    started_at: str
    ended_at: str
    evidence: int
    methodology: str
    object_ref: str
    values: _containers.RepeatedCompositeFieldContainer[FieldValue]
    place: str
    def __init__(self, activity_id: _Optional[str] = ..., person_ref: _Optional[str] = ..., started_at: _Optional[str] = ..., ended_at: _Optional[str] = ..., evidence: _Optional[int] = ..., methodology: _Optional[str] = ..., object_ref: _Optional[str] = ..., values: _Optional[_Iterable[_Union[FieldValue, _Mapping]]] = ..., place: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("person_ref", "language", "from_day", "until_day")
    PERSON_REF_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    FROM_DAY_FIELD_NUMBER: _ClassVar[int]
    UNTIL_DAY_FIELD_NUMBER: _ClassVar[int]
    person_ref: str
    language: str
    from_day: str
    until_day: str
    def __init__(self, person_ref: _Optional[str] = ..., language: _Optional[str] = ..., from_day: _Optional[str] = ..., until_day: _Optional[str] = ...) -> None: ...

class GetSummaryResponse(_message.Message):
    __slots__ = ("consented", "schema", "language", "person_ref", "as_of_s", "programme_id", "measure", "unit", "parts_per_unit", "consents", "totals", "days", "uses", "unknown", "app")
    CONSENTED_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    PERSON_REF_FIELD_NUMBER: _ClassVar[int]
    AS_OF_S_FIELD_NUMBER: _ClassVar[int]
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    PARTS_PER_UNIT_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    APP_FIELD_NUMBER: _ClassVar[int]
    consented: bool
    schema: str
    language: str
    person_ref: str
    as_of_s: int
    programme_id: str
    measure: str
    unit: str
    parts_per_unit: int
    consents: _containers.RepeatedCompositeFieldContainer[ConsentPeriod]
    totals: PersonAmounts
    days: _containers.RepeatedCompositeFieldContainer[PersonDay]
    uses: _containers.RepeatedCompositeFieldContainer[AmountUse]
    unknown: _containers.RepeatedCompositeFieldContainer[PersonText]
    app: str
    def __init__(self, consented: _Optional[bool] = ..., schema: _Optional[str] = ..., language: _Optional[str] = ..., person_ref: _Optional[str] = ..., as_of_s: _Optional[int] = ..., programme_id: _Optional[str] = ..., measure: _Optional[str] = ..., unit: _Optional[str] = ..., parts_per_unit: _Optional[int] = ..., consents: _Optional[_Iterable[_Union[ConsentPeriod, _Mapping]]] = ..., totals: _Optional[_Union[PersonAmounts, _Mapping]] = ..., days: _Optional[_Iterable[_Union[PersonDay, _Mapping]]] = ..., uses: _Optional[_Iterable[_Union[AmountUse, _Mapping]]] = ..., unknown: _Optional[_Iterable[_Union[PersonText, _Mapping]]] = ..., app: _Optional[str] = ...) -> None: ...

class ConsentPeriod(_message.Message):
    __slots__ = ("since_s", "withdrawn_at_s", "first_epoch_without")
    SINCE_S_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_AT_S_FIELD_NUMBER: _ClassVar[int]
    FIRST_EPOCH_WITHOUT_FIELD_NUMBER: _ClassVar[int]
    since_s: int
    withdrawn_at_s: int
    first_epoch_without: int
    def __init__(self, since_s: _Optional[int] = ..., withdrawn_at_s: _Optional[int] = ..., first_epoch_without: _Optional[int] = ...) -> None: ...

class PersonAmounts(_message.Message):
    __slots__ = ("before_claims_micro", "submitted_micro", "lost_micro", "half_lost_micro", "above_cap_micro", "missed_micro", "waiting_micro", "over_limits_micro", "expected_micro", "lost_slots")
    BEFORE_CLAIMS_MICRO_FIELD_NUMBER: _ClassVar[int]
    SUBMITTED_MICRO_FIELD_NUMBER: _ClassVar[int]
    LOST_MICRO_FIELD_NUMBER: _ClassVar[int]
    HALF_LOST_MICRO_FIELD_NUMBER: _ClassVar[int]
    ABOVE_CAP_MICRO_FIELD_NUMBER: _ClassVar[int]
    MISSED_MICRO_FIELD_NUMBER: _ClassVar[int]
    WAITING_MICRO_FIELD_NUMBER: _ClassVar[int]
    OVER_LIMITS_MICRO_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_MICRO_FIELD_NUMBER: _ClassVar[int]
    LOST_SLOTS_FIELD_NUMBER: _ClassVar[int]
    before_claims_micro: int
    submitted_micro: int
    lost_micro: int
    half_lost_micro: int
    above_cap_micro: int
    missed_micro: int
    waiting_micro: int
    over_limits_micro: int
    expected_micro: int
    lost_slots: int
    def __init__(self, before_claims_micro: _Optional[int] = ..., submitted_micro: _Optional[int] = ..., lost_micro: _Optional[int] = ..., half_lost_micro: _Optional[int] = ..., above_cap_micro: _Optional[int] = ..., missed_micro: _Optional[int] = ..., waiting_micro: _Optional[int] = ..., over_limits_micro: _Optional[int] = ..., expected_micro: _Optional[int] = ..., lost_slots: _Optional[int] = ...) -> None: ...

class PersonDay(_message.Message):
    __slots__ = ("day", "epoch", "amounts", "methodologies", "text")
    DAY_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    METHODOLOGIES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    day: str
    epoch: int
    amounts: PersonAmounts
    methodologies: _containers.RepeatedCompositeFieldContainer[PersonMethodology]
    text: str
    def __init__(self, day: _Optional[str] = ..., epoch: _Optional[int] = ..., amounts: _Optional[_Union[PersonAmounts, _Mapping]] = ..., methodologies: _Optional[_Iterable[_Union[PersonMethodology, _Mapping]]] = ..., text: _Optional[str] = ...) -> None: ...

class PersonMethodology(_message.Message):
    __slots__ = ("methodology_id", "title", "amounts", "activities")
    METHODOLOGY_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    ACTIVITIES_FIELD_NUMBER: _ClassVar[int]
    methodology_id: str
    title: str
    amounts: PersonAmounts
    activities: _containers.RepeatedCompositeFieldContainer[PersonActivity]
    def __init__(self, methodology_id: _Optional[str] = ..., title: _Optional[str] = ..., amounts: _Optional[_Union[PersonAmounts, _Mapping]] = ..., activities: _Optional[_Iterable[_Union[PersonActivity, _Mapping]]] = ...) -> None: ...

class PersonActivity(_message.Message):
    __slots__ = ("activity_id", "started_at_s", "ended_at_s", "state", "amounts", "reasons")
    ACTIVITY_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_S_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_S_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    activity_id: str
    started_at_s: int
    ended_at_s: int
    state: str
    amounts: PersonAmounts
    reasons: _containers.RepeatedCompositeFieldContainer[PersonText]
    def __init__(self, activity_id: _Optional[str] = ..., started_at_s: _Optional[int] = ..., ended_at_s: _Optional[int] = ..., state: _Optional[str] = ..., amounts: _Optional[_Union[PersonAmounts, _Mapping]] = ..., reasons: _Optional[_Iterable[_Union[PersonText, _Mapping]]] = ...) -> None: ...

class PersonText(_message.Message):
    __slots__ = ("id", "text")
    ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    id: str
    text: str
    def __init__(self, id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class AmountUse(_message.Message):
    __slots__ = ("kind", "id", "title", "price_micro", "pays_fen", "from_s", "until_s", "text")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PRICE_MICRO_FIELD_NUMBER: _ClassVar[int]
    PAYS_FEN_FIELD_NUMBER: _ClassVar[int]
    FROM_S_FIELD_NUMBER: _ClassVar[int]
    UNTIL_S_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    title: str
    price_micro: int
    pays_fen: int
    from_s: int
    until_s: int
    text: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., title: _Optional[str] = ..., price_micro: _Optional[int] = ..., pays_fen: _Optional[int] = ..., from_s: _Optional[int] = ..., until_s: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("enrolled", "enrolling", "epochs", "last_error", "alarms", "tables")
    ENROLLED_FIELD_NUMBER: _ClassVar[int]
    ENROLLING_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    TABLES_FIELD_NUMBER: _ClassVar[int]
    enrolled: int
    enrolling: int
    epochs: _containers.RepeatedCompositeFieldContainer[EpochStatus]
    last_error: str
    alarms: _containers.RepeatedScalarFieldContainer[str]
    tables: _containers.RepeatedCompositeFieldContainer[TableStatus]
    def __init__(self, enrolled: _Optional[int] = ..., enrolling: _Optional[int] = ..., epochs: _Optional[_Iterable[_Union[EpochStatus, _Mapping]]] = ..., last_error: _Optional[str] = ..., alarms: _Optional[_Iterable[str]] = ..., tables: _Optional[_Iterable[_Union[TableStatus, _Mapping]]] = ...) -> None: ...

class TableStatus(_message.Message):
    __slots__ = ("shell_leaf", "period", "state", "detail")
    SHELL_LEAF_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    shell_leaf: int
    period: int
    state: str
    detail: str
    def __init__(self, shell_leaf: _Optional[int] = ..., period: _Optional[int] = ..., state: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("epoch", "stage", "claims_sent", "claims_lost", "chunks_sent", "work", "parts_done", "parts", "remaining_s", "parts_per_s")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_SENT_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_LOST_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_SENT_FIELD_NUMBER: _ClassVar[int]
    WORK_FIELD_NUMBER: _ClassVar[int]
    PARTS_DONE_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    REMAINING_S_FIELD_NUMBER: _ClassVar[int]
    PARTS_PER_S_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    stage: str
    claims_sent: int
    claims_lost: int
    chunks_sent: int
    work: str
    parts_done: int
    parts: int
    remaining_s: int
    parts_per_s: float
    def __init__(self, epoch: _Optional[int] = ..., stage: _Optional[str] = ..., claims_sent: _Optional[int] = ..., claims_lost: _Optional[int] = ..., chunks_sent: _Optional[int] = ..., work: _Optional[str] = ..., parts_done: _Optional[int] = ..., parts: _Optional[int] = ..., remaining_s: _Optional[int] = ..., parts_per_s: _Optional[float] = ...) -> None: ...
