"""Checks a message against every facet that its dataclasses carry.

The dataclasses are made from the XSD files and keep their facets as metadata: required, numbers of
occurrences, lengths, patterns, digits, bounds, enumerations. A class whose name ends in `Choice` is
an `xs:choice`: exactly one of its fields is set. The XSD files themselves are not carried here.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar, get_args, get_type_hints

from fedcarbon.errors import PeerError


class IsoSchemaViolatedError(PeerError):
    """A message has what its schema does not allow; the text says where, without the value."""

    code: ClassVar[str] = "ISO_SCHEMA_VIOLATED"


def check(message: Any) -> None:  # noqa: ANN401 - any of the messages
    """Check a message and everything in it.

    Raises:
        IsoSchemaViolatedError: a facet does not hold.
    """
    waiting: list[tuple[str, Any]] = [(type(message).__name__, message)]
    while waiting:
        place, value = waiting.pop()
        fields, cls = dataclasses.fields(value), value.__class__
        if cls.__name__.endswith("Choice"):
            chosen = [
                field.name for field in fields if getattr(value, field.name) not in (None, [])
            ]
            if len(chosen) != 1:
                raise IsoSchemaViolatedError(f"{place}: exactly one alternative must be there")
        for field in fields:
            held = getattr(value, field.name)
            name = f"{place}/{field.metadata.get('name', field.name)}"
            for item in _items(name, held, field.metadata):
                if dataclasses.is_dataclass(item):
                    waiting.append((name, item))
                elif not isinstance(item, _types(cls)[field.name]):
                    # An empty element is '' to the parser, whatever it should have held.
                    raise IsoSchemaViolatedError(f"{name}: is empty, or of another type")
                else:
                    _check_simple(name, item, field.metadata)


def _items(place: str, held: Any, facets: Mapping[str, Any]) -> list[Any]:  # noqa: ANN401
    if facets.get("type") == "Wildcard" and held not in (None, []):
        raise IsoSchemaViolatedError(f"{place}: supplementary data are not accepted")
    if isinstance(held, list):
        if len(held) < facets.get("min_occurs", 0):
            raise IsoSchemaViolatedError(f"{place}: there are too few")
        if "max_occurs" in facets and len(held) > facets["max_occurs"]:
            raise IsoSchemaViolatedError(f"{place}: there are too many")
        return held
    if held is None:
        if facets.get("required"):
            raise IsoSchemaViolatedError(f"{place}: must be there")
        return []
    return [held]


def _check_simple(place: str, value: Any, facets: Mapping[str, Any]) -> None:  # noqa: ANN401
    if isinstance(value, str):
        if len(value) < facets.get("min_length", 0):
            raise IsoSchemaViolatedError(f"{place}: is too short")
        if len(value) > facets.get("max_length", len(value)):
            raise IsoSchemaViolatedError(f"{place}: is too long")
        if "pattern" in facets and _pattern(facets["pattern"]).fullmatch(value) is None:
            raise IsoSchemaViolatedError(f"{place}: does not have the form that it must have")
    elif isinstance(value, Decimal):
        _check_decimal(place, value, facets)


def _check_decimal(place: str, value: Decimal, facets: Mapping[str, Any]) -> None:
    if not value.is_finite():
        raise IsoSchemaViolatedError(f"{place}: is no number")
    _, digits, exponent = value.as_tuple()
    fraction = max(0, -int(exponent))
    whole = len(digits) + int(exponent)
    if max(whole, 0) + fraction > facets.get("total_digits", 10_000):
        raise IsoSchemaViolatedError(f"{place}: has too many digits")
    if fraction > facets.get("fraction_digits", fraction):
        raise IsoSchemaViolatedError(f"{place}: has too many decimals")
    if value < facets.get("min_inclusive", value):
        raise IsoSchemaViolatedError(f"{place}: is too small")


@cache
def _types(cls: Any) -> Mapping[str, tuple[type[Any], ...]]:  # noqa: ANN401 - a dataclass
    """Return field name to the types that one value of it may have."""
    return {name: tuple(_plain(hint)) for name, hint in get_type_hints(cls).items()}


def _plain(hint: Any) -> Iterator[type[Any]]:  # noqa: ANN401 - a type expression
    """Yield the types in `T | None`, `list[T]` and the like."""
    parts = get_args(hint)
    if not parts and isinstance(hint, type):
        yield hint
    for part in parts:
        yield from _plain(part)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)
