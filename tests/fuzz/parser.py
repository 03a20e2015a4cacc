"""One entry of the register of parsers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fedcarbon.errors import FedcarbonError

Errors = tuple[type[FedcarbonError], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """One parser and what it promises."""

    name: str
    """`module:function` as `test_register` finds it, and a word after a space where it has more."""
    parse: Callable[[bytes], Any]
    errors: Errors
    """Nothing else may be raised."""
    examples: Callable[[], Sequence[bytes]]
    """Bytes that it takes."""


def of_text(parse: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """Return a parser of text as one of bytes; surrogates stand for bytes that are no UTF-8."""
    return lambda data: parse(data.decode(errors="surrogateescape"))


def simple(
    name: str, parse: Callable[[bytes], Any], errors: Errors, *examples: bytes | str
) -> Parser:
    """Return a parser with its examples at hand."""
    data = [item.encode() if isinstance(item, str) else item for item in examples]
    return Parser(name=name, parse=parse, errors=errors, examples=lambda: data)
