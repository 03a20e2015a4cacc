"""What the checks of uses share: findings, statements of a kind, and what was explained (V26)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from fedcarbon.audit.books import Books, decoded
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.canonical.statement import Statement
from fedcarbon.ids import ProgrammeId
from fedcarbon.transparency.leaf import LeafType

S = TypeVar("S", bound=Statement)
K = TypeVar("K")
T = TypeVar("T")


@dataclass(slots=True)
class JudgedUses:
    """What the checks of uses have found out so far."""

    explained: set[bytes] = field(default_factory=set)
    """Ids of transfers that rest on something."""
    rests_on: dict[bytes, int] = field(default_factory=dict)
    """Id of a transfer whose time matters to the leaf without which it could not have been."""
    held_ug: Counter[ProgrammeId] = field(default_factory=Counter)
    """Grams under goods that nobody has ended."""


def found(code: str, subject: str, text: str, leaf: int | None) -> Finding:
    """Return a finding about a use."""
    return Finding(check=CheckId.USES, code=code, subject=subject, text=text, leaf=leaf)


def stated(cls: type[S], books: Books, findings: list[Finding]) -> Iterator[tuple[int, S]]:
    """Yield leaf and statement of every leaf of a kind that can be read."""
    for leaf in books.uses.get(LeafType[cls.KIND.upper()], ()):
        statement = decoded(cls, leaf, books, CheckId.USES, findings)
        if statement is None:
            continue
        programme = getattr(statement, "programme_id", None)
        if programme not in books.programmes:
            text = f"no programme {programme} is in the record"
            findings.append(found("UNKNOWN_PROGRAMME", f"leaf {leaf.index}", text, leaf.index))
        yield leaf.index, statement


def once(
    items: Iterator[tuple[int, K, T]], code: str, findings: list[Finding]
) -> dict[K, tuple[int, T]]:
    """Return leaf and statement by key; a second one of a key is a finding and does not count."""
    book: dict[K, tuple[int, T]] = {}
    for leaf, key, item in items:
        if key in book:
            text = f"leaf {book[key][0]} says another thing already; only that counts"
            findings.append(found(code, f"leaf {leaf}", text, leaf))
        else:
            book[key] = (leaf, item)
    return book
