"""Statements: what parties sign, as one canonical JSON text per value.

A statement is a frozen dataclass with a `KIND`. Its bytes are JSON with sorted keys, no spaces and
UTF-8, so that an auditor can read it with any tool; there is exactly one accepted text per value:
decoding re-encodes and compares. Who verifies a signature does so over the stored bytes, before
anything is decoded.

Encoding of fields: `bytes` lower-case hexadecimal; `MicrogramsCO2e` and `Amount` a decimal string
(an `Amount` below zero begins with `-`) and `Natural` a hexadecimal string, as all three outgrow
the integers that JSON readers agree on; every other integer a JSON number below 2^53; enums their
value; tuples lists; nested dataclasses objects.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import types
import typing
from collections.abc import Callable
from functools import cache, partial
from typing import Any, ClassVar, Final, TypeVar

from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.units import Amount, MicrogramsCO2e, Natural

PROTOCOL_VERSION: Final = 4
"""There is no reader of an earlier version."""
INTEGER_MAX: Final = (1 << 53) - 1
MESSAGE_LENGTH_MAX: Final = 300
"""Characters of foreign origin in an error's message."""


class Statement:
    """Base of everything that is signed; subclasses are frozen dataclasses."""

    __slots__ = ()
    KIND: ClassVar[str]
    """Name of the statement in lower snake case; it stands inside the signed bytes."""


S = TypeVar("S", bound=Statement)
_Rule = Callable[[Any], Any]
"""Between a value and what stands for it in the JSON tree."""


def encode(statement: Statement) -> bytes:
    """Return the canonical bytes of `statement`.

    Raises:
        MalformedError: a field holds what cannot be written down.
    """
    fields = _encode_fields(statement)
    return _dump({"fedcarbon": PROTOCOL_VERSION, "statement": statement.KIND, **fields})


def decode(cls: type[S], data: bytes) -> S:
    """Return the statement of class `cls` that `data` encodes.

    Raises:
        MalformedError: `data` is not the canonical encoding of a valid `cls`.
    """
    try:
        tree = json.loads(data)
        if not isinstance(tree, dict):
            raise MalformedError(f"a {cls.KIND} statement must be a JSON object")
        version, kind = tree.pop("fedcarbon", None), tree.pop("statement", None)
        if version != PROTOCOL_VERSION or kind != cls.KIND:
            # `repr`, because foreign text may hold what no log or message can carry.
            raise MalformedError(
                f"expected statement {cls.KIND} of version {PROTOCOL_VERSION}, "
                f"got {str(kind)[:40]!r} of version {str(version)[:10]!r}"
            )
        value: S = _decode_dataclass(cls, tree)
        again = encode(value)
    except FedcarbonError as error:
        raise MalformedError(f"{cls.KIND}: {_shortened(error)}") from error
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise MalformedError(f"{cls.KIND}: {type(error).__name__}: {_shortened(error)}") from error
    if again != data:
        raise MalformedError(f"{cls.KIND}: not the canonical encoding")
    return value


def kind_of(data: bytes) -> str:
    """Return the kind that a statement's bytes name, without checking the rest.

    Raises:
        MalformedError: the bytes are no statement at all.
    """
    try:
        tree = json.loads(data)
        kind = tree["statement"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedError("bytes are not a statement") from error
    if not isinstance(kind, str):
        raise MalformedError("a statement's kind must be text")
    return kind


def _shortened(error: Exception) -> str:
    """Return what an error says, cut: some errors repeat the whole of a foreign value."""
    return str(error)[:MESSAGE_LENGTH_MAX]


def _dump(tree: dict[str, Any]) -> bytes:
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MalformedError("a text in a statement holds a lone surrogate") from error


@cache
def _hints(cls: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _encode_fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    return {name: write(getattr(value, name)) for name, write in _writers(value.__class__)}


def _decode_dataclass(cls: Any, tree: Any) -> Any:  # noqa: ANN401 - driven by annotations
    readers = _readers(cls)
    if not isinstance(tree, dict) or tree.keys() != readers.keys():
        found = sorted(tree) if isinstance(tree, dict) else type(tree).__name__
        raise MalformedError(
            f"{cls.__name__} needs exactly {sorted(readers)}, got {str(found)[:200]}"
        )
    return cls(**{name: read(tree[name]) for name, read in readers.items()})


@cache
def _writers(cls: Any) -> tuple[tuple[str, _Rule], ...]:  # noqa: ANN401 - a dataclass
    return tuple((name, _writer(hint)) for name, hint in _hints(cls).items())


@cache
def _readers(cls: Any) -> dict[str, _Rule]:  # noqa: ANN401 - a dataclass
    return {name: _reader(hint) for name, hint in _hints(cls).items()}


@cache
def _writer(hint: Any) -> _Rule:  # noqa: ANN401 - an annotation
    """Return how a value is written down: annotations are looked at once, not for every entry."""
    if hint is MicrogramsCO2e or hint is Amount:
        return str
    if hint is Natural:
        return lambda value: f"{value:x}"
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        write_arm = _writer(_arm_of(hint))
        return lambda value: None if value is None else write_arm(value)
    if origin is tuple:
        write_item = _writer(typing.get_args(hint)[0])
        return lambda value: [write_item(item) for item in value]
    return _written


def _written(value: Any) -> Any:  # noqa: ANN401, PLR0911 - one arm per encoding rule
    kind = type(value)
    if kind is bytes:
        return value.hex()
    if kind is str or kind is bool:
        return value
    if kind is int and 0 <= value <= INTEGER_MAX:
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return _encode_fields(value)
    if isinstance(value, str):
        return value
    if isinstance(value, int) and 0 <= value <= INTEGER_MAX:
        return value
    raise MalformedError(f"{kind.__name__} cannot stand in a statement")


@cache
def _reader(hint: Any) -> _Rule:  # noqa: ANN401, C901, PLR0911 - one arm per encoding rule
    """Return how a value is read; see `_writer`."""
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        read_arm = _reader(_arm_of(hint))
        return lambda tree: None if tree is None else read_arm(tree)
    if origin is tuple:
        read_item = _reader(typing.get_args(hint)[0])
        return lambda tree: tuple(read_item(item) for item in _expect(list, tree))
    if hint is MicrogramsCO2e:
        return lambda tree: _digits(_expect(str, tree), base=10)
    if hint is Amount:
        return _amount
    if hint is Natural:
        return lambda tree: _digits(_expect(str, tree), base=16)
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    if hint is bytes:
        return lambda tree: bytes.fromhex(_expect(str, tree))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint
    if dataclasses.is_dataclass(hint):
        return partial(_decode_dataclass, hint)
    if hint is int:
        return _integer
    return partial(_expect, hint)


def _arm_of(hint: Any) -> Any:  # noqa: ANN401 - annotations
    """Return what an optional field holds if it holds something."""
    return next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)


def _integer(tree: Any) -> int:  # noqa: ANN401 - driven by annotations
    number: int = _expect(int, tree)
    if not 0 <= number <= INTEGER_MAX:
        raise MalformedError("integer out of range")
    return number


def _amount(tree: Any) -> int:  # noqa: ANN401 - driven by annotations
    text = _expect(str, tree)
    return -_digits(text[1:], base=10) if text.startswith("-") else _digits(text, base=10)


def _expect(cls: type, tree: Any) -> Any:  # noqa: ANN401 - driven by annotations
    if type(tree) is not cls:  # exact: JSON true must not pass for 1
        raise MalformedError(f"expected {cls.__name__}, got {type(tree).__name__}")
    return tree


def _digits(text: str, *, base: int) -> int:
    if not text.isascii() or not text.isalnum():
        raise MalformedError("expected digits")
    return int(text, base)
