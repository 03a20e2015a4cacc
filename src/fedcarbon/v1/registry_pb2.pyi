from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class CreateAdmissionRequest(_message.Message):
    __slots__ = ("signed_admission",)
    SIGNED_ADMISSION_FIELD_NUMBER: _ClassVar[int]
    signed_admission: bytes
    def __init__(self, signed_admission: _Optional[bytes] = ...) -> None: ...

class CreateAdmissionResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class CreateProgrammeRequest(_message.Message):
    __slots__ = ("signed_programme",)
    SIGNED_PROGRAMME_FIELD_NUMBER: _ClassVar[int]
    signed_programme: bytes
    def __init__(self, signed_programme: _Optional[bytes] = ...) -> None: ...

class CreateProgrammeResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class CreateMethodologyAdmissionRequest(_message.Message):
    __slots__ = ("signed_admission",)
    SIGNED_ADMISSION_FIELD_NUMBER: _ClassVar[int]
    signed_admission: bytes
    def __init__(self, signed_admission: _Optional[bytes] = ...) -> None: ...

class CreateMethodologyAdmissionResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class CreateEnrolmentBatchRequest(_message.Message):
    __slots__ = ("signed_batch",)
    SIGNED_BATCH_FIELD_NUMBER: _ClassVar[int]
    signed_batch: bytes
    def __init__(self, signed_batch: _Optional[bytes] = ...) -> None: ...

class CreateEnrolmentBatchResponse(_message.Message):
    __slots__ = ("receipt", "signed_places")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    SIGNED_PLACES_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    signed_places: bytes
    def __init__(self, receipt: _Optional[bytes] = ..., signed_places: _Optional[bytes] = ...) -> None: ...

class Place(_message.Message):
    __slots__ = ("account_token", "block", "slot")
    ACCOUNT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    account_token: bytes
    block: int
    slot: int
    def __init__(self, account_token: _Optional[bytes] = ..., block: _Optional[int] = ..., slot: _Optional[int] = ...) -> None: ...
