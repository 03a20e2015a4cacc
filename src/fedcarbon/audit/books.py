"""What the checks of the books need to know of a record, and nothing else.

Whoever replays a record fills this in. Signatures are checked there: here each leaf about money
only says whether its own held. Payloads of money leaves are foreign bytes until they are decoded
here; openings, bindings and programmes come as the replay has verified them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.opening.bindings import Binding
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.statements import OpeningResult, OpeningStart
from fedcarbon.registry.methodology import MethodologyAdmission
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Seconds

S = TypeVar("S", bound=Statement)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyLeaf:
    """A leaf of type ledger batch, payout batch, redemption order, or one about another use."""

    index: int
    """Position of the leaf."""
    payload: bytes
    """The exact bytes of the statement inside its envelope."""
    is_signed: bool
    """Whether exactly the right party has signed those bytes: for batches the hub, for an order the
    operator that it names, each with the key that was admitted for its role before this leaf; root
    keys for what is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Everything that the record says about grams and money."""

    parameter_id: bytes
    programmes: Mapping[ProgrammeId, Programme]
    starts: Mapping[int, Logged[OpeningStart]]
    """By the index of their leaf."""
    results: Iterable[Logged[OpeningResult]]
    bindings: Iterable[Binding]
    orders: Sequence[MoneyLeaf]
    """All `REDEMPTION_ORDER` leaves in the order of the record; likewise below."""
    ledger_batches: Sequence[MoneyLeaf]
    payout_batches: Sequence[MoneyLeaf]
    binding_refusals: Mapping[int, str] = field(default_factory=dict)
    """Leaf of an order to why its binding's partners did not make it valid then, code first."""
    uses: Mapping[LeafType, Sequence[MoneyLeaf]] = field(default_factory=dict)
    """All leaves of `USE_TYPES`, by type."""
    waits_s: Mapping[int, Seconds] = field(default_factory=dict)
    """Leaf about money to the time of the first witnessed head over it."""
    after_s: Mapping[int, Seconds] = field(default_factory=dict)
    """Leaf about money to a time at which it was not logged yet, as witnessed heads show."""
    methodologies: Mapping[ProgrammeId, Sequence[Logged[MethodologyAdmission]]] = field(
        default_factory=dict
    )
    """What each programme has admitted, in the order of the record."""
    overdue_before: int = 0
    """Results in leaves below this one must be credited even if no ledger batch comes after."""


def decoded(
    cls: type[S], leaf: MoneyLeaf, books: Books, check: CheckId, findings: list[Finding]
) -> S | None:
    """Return the statement of a leaf, or None with a finding if there is none that could count.

    A statement that its signer did not sign is returned all the same: what else is wrong with it
    must be found too.

    Args:
        cls: what the leaf's type promises.
        leaf: the leaf.
        books: whose parameter set it must bind.
        check: the line of the checklist.
        findings: where findings go.
    """
    subject = f"leaf {leaf.index}"

    def found(code: str, text: str) -> None:
        findings.append(
            Finding(check=check, code=code, subject=subject, text=text, leaf=leaf.index)
        )

    if not leaf.is_signed:
        found(
            f"{cls.KIND.upper()}_UNSIGNED",
            f"the {cls.KIND} is not signed by the party that must sign it",
        )
    try:
        statement = statements.decode(cls, leaf.payload)
    except MalformedError as error:
        found(
            f"{cls.KIND.upper()}_MALFORMED",
            f"no {cls.KIND} can be read: {error}; the hub must explain",
        )
        return None
    if getattr(statement, "parameter_id", None) != books.parameter_id:
        found("PARAMETERS_DIFFER", f"the {cls.KIND} binds another parameter set")
    return statement
