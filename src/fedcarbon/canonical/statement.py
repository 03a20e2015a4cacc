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
from functools import cache
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
    return {
        name: _encode(hint, getattr(value, name)) for name, hint in _hints(value.__class__).items()
    }


def _encode(hint: Any, value: Any) -> Any:  # noqa: ANN401, PLR0911 - one arm per encoding rule
    if hint is MicrogramsCO2e or hint is Amount:
        return str(value)
    if hint is Natural:
        return f"{value:x}"
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        inner = next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)
        return None if value is None else _encode(inner, value)
    if origin is tuple:
        item_hint = typing.get_args(hint)[0]
        return [_encode(item_hint, item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        return _encode_fields(value)
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, int) and 0 <= value <= INTEGER_MAX:
        return value
    raise MalformedError(f"{type(value).__name__} cannot stand in a statement")


def _decode_dataclass(cls: Any, tree: Any) -> Any:  # noqa: ANN401 - driven by annotations
    hints = _hints(cls)
    if not isinstance(tree, dict) or tree.keys() != hints.keys():
        found = sorted(tree) if isinstance(tree, dict) else type(tree).__name__
        raise MalformedError(
            f"{cls.__name__} needs exactly {sorted(hints)}, got {str(found)[:200]}"
        )
    return cls(**{name: _decode(hint, tree[name]) for name, hint in hints.items()})


def _decode(hint: Any, tree: Any) -> Any:  # noqa: ANN401, C901, PLR0911 - one arm per encoding rule
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        inner = next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)
        return None if tree is None else _decode(inner, tree)
    if origin is tuple:
        item_hint = typing.get_args(hint)[0]
        return tuple(_decode(item_hint, item) for item in _expect(list, tree))
    if hint is MicrogramsCO2e:
        return _digits(_expect(str, tree), base=10)
    if hint is Amount:
        text = _expect(str, tree)
        return -_digits(text[1:], base=10) if text.startswith("-") else _digits(text, base=10)
    if hint is Natural:
        return _digits(_expect(str, tree), base=16)
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    if hint is bytes:
        return bytes.fromhex(_expect(str, tree))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(tree)
    if dataclasses.is_dataclass(hint):
        return _decode_dataclass(hint, tree)
    if hint is int:
        number = _expect(int, tree)
        if not 0 <= number <= INTEGER_MAX:
            raise MalformedError("integer out of range")
        return number
    return _expect(hint, tree)


def _expect(cls: type, tree: Any) -> Any:  # noqa: ANN401 - driven by annotations
    if type(tree) is not cls:  # exact: JSON true must not pass for 1
        raise MalformedError(f"expected {cls.__name__}, got {type(tree).__name__}")
    return tree


def _digits(text: str, *, base: int) -> int:
    if not text.isascii() or not text.isalnum():
        raise MalformedError("expected digits")
    return int(text, base)
