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
from fedcarbon.registry.measure import Measure, NotGramsError
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.uses.lot import CreditLot
from fedcarbon.uses.offer import LotRules
from fedcarbon.uses.order import NEED_GRAMS, UseOrder

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
        programme = books.programmes.get(getattr(statement, "programme_id", ProgrammeId("")))
        if programme is None:
            text = "its programme is not in the record"
            findings.append(found("UNKNOWN_PROGRAMME", f"leaf {leaf.index}", text, leaf.index))
        elif needs_grams(statement) and programme.measure is not Measure.GRAMS:
            text = "only grams are bundled or retired; the hub must not have taken it"
            findings.append(found(NotGramsError.code, f"leaf {leaf.index}", text, leaf.index))
        yield leaf.index, statement


def needs_grams(statement: Statement) -> bool:
    """Tell whether something is said about tonnes or footprints, which only grams have."""
    if isinstance(statement, UseOrder):
        return statement.use in NEED_GRAMS
    return isinstance(statement, (LotRules, CreditLot))


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
