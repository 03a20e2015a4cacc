from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PeriodState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PERIOD_STATE_UNSPECIFIED: _ClassVar[PeriodState]
    PERIOD_STATE_NOT_OVER: _ClassVar[PeriodState]
    PERIOD_STATE_CONTRIBUTING: _ClassVar[PeriodState]
    PERIOD_STATE_STARTED: _ClassVar[PeriodState]
    PERIOD_STATE_RELEASED: _ClassVar[PeriodState]
    PERIOD_STATE_WITHHELD: _ClassVar[PeriodState]
PERIOD_STATE_UNSPECIFIED: PeriodState
PERIOD_STATE_NOT_OVER: PeriodState
PERIOD_STATE_CONTRIBUTING: PeriodState
PERIOD_STATE_STARTED: PeriodState
PERIOD_STATE_RELEASED: PeriodState
PERIOD_STATE_WITHHELD: PeriodState

class CreateTableShellRequest(_message.Message):
    __slots__ = ("signed_shell",)
    SIGNED_SHELL_FIELD_NUMBER: _ClassVar[int]
    signed_shell: bytes
    def __init__(self, signed_shell: _Optional[bytes] = ...) -> None: ...

class CreateTableShellResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class SubmitContributionRequest(_message.Message):
    __slots__ = ("signed_contribution", "file")
    SIGNED_CONTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    signed_contribution: bytes
    file: bytes
    def __init__(self, signed_contribution: _Optional[bytes] = ..., file: _Optional[bytes] = ...) -> None: ...

class SubmitContributionResponse(_message.Message):
    __slots__ = ("receipt",)
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    def __init__(self, receipt: _Optional[bytes] = ...) -> None: ...

class ListTablesRequest(_message.Message):
    __slots__ = ("programme_id",)
    PROGRAMME_ID_FIELD_NUMBER: _ClassVar[int]
    programme_id: str
    def __init__(self, programme_id: _Optional[str] = ...) -> None: ...

class ListTablesResponse(_message.Message):
    __slots__ = ("tables",)
    TABLES_FIELD_NUMBER: _ClassVar[int]
    tables: _containers.RepeatedCompositeFieldContainer[TableCalendar]
    def __init__(self, tables: _Optional[_Iterable[_Union[TableCalendar, _Mapping]]] = ...) -> None: ...

class TableCalendar(_message.Message):
    __slots__ = ("signed_shell", "shell_leaf", "periods")
    SIGNED_SHELL_FIELD_NUMBER: _ClassVar[int]
    SHELL_LEAF_FIELD_NUMBER: _ClassVar[int]
    PERIODS_FIELD_NUMBER: _ClassVar[int]
    signed_shell: bytes
    shell_leaf: int
    periods: _containers.RepeatedCompositeFieldContainer[TablePeriod]
    def __init__(self, signed_shell: _Optional[bytes] = ..., shell_leaf: _Optional[int] = ..., periods: _Optional[_Iterable[_Union[TablePeriod, _Mapping]]] = ...) -> None: ...

class TablePeriod(_message.Message):
    __slots__ = ("period", "state", "detail", "contributions")
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTIONS_FIELD_NUMBER: _ClassVar[int]
    period: int
    state: PeriodState
    detail: str
    contributions: int
    def __init__(self, period: _Optional[int] = ..., state: _Optional[_Union[PeriodState, str]] = ..., detail: _Optional[str] = ..., contributions: _Optional[int] = ...) -> None: ...

class GetTableRequest(_message.Message):
    __slots__ = ("shell_leaf", "period")
    SHELL_LEAF_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    shell_leaf: int
    period: int
    def __init__(self, shell_leaf: _Optional[int] = ..., period: _Optional[int] = ...) -> None: ...

class GetTableResponse(_message.Message):
    __slots__ = ("signed_shell", "signed_release", "release_leaf", "table")
    SIGNED_SHELL_FIELD_NUMBER: _ClassVar[int]
    SIGNED_RELEASE_FIELD_NUMBER: _ClassVar[int]
    RELEASE_LEAF_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    signed_shell: bytes
    signed_release: bytes
    release_leaf: int
    table: bytes
    def __init__(self, signed_shell: _Optional[bytes] = ..., signed_release: _Optional[bytes] = ..., release_leaf: _Optional[int] = ..., table: _Optional[bytes] = ...) -> None: ...
