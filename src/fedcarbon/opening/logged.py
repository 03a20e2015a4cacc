"""A statement together with where it stands in the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from fedcarbon.canonical.statement import Statement

S = TypeVar("S", bound=Statement)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedBody:
    """A body that its leaf commits to; nothing in it has been verified."""

    index: int
    """Position of the leaf."""
    leaf: bytes
    """The 34 bytes of the leaf."""
    body: bytes
    """The exact bytes of the envelope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged(Generic[S]):
    """A verified statement of the record."""

    index: int
    leaf: bytes
    statement: S
