"""Differences between the books, the rail's file and the float: what they are and who must act.

A difference with money is booked from its source into SUSPENSE, once: the id of its item follows
from what it says. An item leaves suspense back to its source when a later file explains it, or to
where two persons have it go (`fedcarbon.redemption.suspense`).

What an item does to the money that the books expect at the rail follows from its source:

    FLOAT     minus   the money is gone from the rail, and nobody knows as what
    PAID_OUT  plus    the money is at the rail though the books had it paid
    FUNDING   plus    the money is at the rail and came from nowhere that the books know
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fedcarbon.canonical.hashing import digest, u32, u64
from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.transfer import Phase, Transfer, derived_transfer_id
from fedcarbon.ledger.unit import FEN
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.units import Fen

ITEM_ID_BYTES: Final = 16
SOURCES: Final = frozenset({AccountKind.FLOAT, AccountKind.PAID_OUT, AccountKind.FUNDING})
"""Out of which accounts money goes into suspense."""


class Reason(StrEnum):
    """Why books, file and float differ."""

    PAID_NOT_BOOKED = "PAID_NOT_BOOKED"
    """The file settles a payout that the books have as rejected, or do not know."""
    PAID_TWICE = "PAID_TWICE"
    """The file settles a payout again, under another reference."""
    AMOUNT_HIGHER = "AMOUNT_HIGHER"
    """The file settles a payout with more than was ordered."""
    AMOUNT_LOWER = "AMOUNT_LOWER"
    """The file settles a payout with less than was ordered."""
    BOOKED_NOT_PAID = "BOOKED_NOT_PAID"
    """The books have a payout settled for this day, and the day's file lacks it."""
    REJECTED_AFTER_PAID = "REJECTED_AFTER_PAID"
    """The books have a payout settled, and the file rejects it."""
    PARTIAL_RETURN = "PARTIAL_RETURN"
    """Part of what was paid came back."""
    RETURN_ABOVE_PAID = "RETURN_ABOVE_PAID"
    """More came back than was ever paid."""
    BOOKED_NOT_RETURNED = "BOOKED_NOT_RETURNED"
    """The books have a payout returned, and no file has its return."""
    DECISION_OVERTAKEN = "DECISION_OVERTAKEN"
    """A file explains an item that persons have sent elsewhere before."""
    MOVEMENT_UNKNOWN = "MOVEMENT_UNKNOWN"
    """The statement has an entry that belongs to nothing."""
    MOVEMENT_MISSING = "MOVEMENT_MISSING"
    """The statement lacks what the file says has moved, or has another amount."""
    TOP_UP_MISSING = "TOP_UP_MISSING"
    """The books have money paid in on this day, and the statement lacks it."""
    STATEMENT_BROKEN = "STATEMENT_BROKEN"
    """The statement contradicts itself or the one before it."""
    FLOAT_DIFFERS = "FLOAT_DIFFERS"
    """All else agrees, and the float still holds another sum than the books say."""
    ANSWER_REFUSED = "ANSWER_REFUSED"
    """The file has an answer that the books cannot take; no money is booked for it."""
    FILE_MISSING = "FILE_MISSING"
    """The rail's file of the day has not come."""


STATEMENT_REASONS: Final = frozenset(
    {
        Reason.MOVEMENT_UNKNOWN,
        Reason.MOVEMENT_MISSING,
        Reason.TOP_UP_MISSING,
        Reason.STATEMENT_BROKEN,
        Reason.FLOAT_DIFFERS,
    }
)
"""Found in one day's statement; all other reasons follow a payout through all files."""

WHO_MUST_ACT: Final[Mapping[Reason, str]] = {
    Reason.PAID_NOT_BOOKED: "operator: have the rail call the money back, or release to PAID_OUT",
    Reason.PAID_TWICE: "operator: have the rail return the second payment",
    Reason.AMOUNT_HIGHER: "operator: have the rail return the excess",
    Reason.AMOUNT_LOWER: "rail: pay the rest; operator: release when it is decided",
    Reason.BOOKED_NOT_PAID: "rail: say where the payout is; the next file often has it",
    Reason.REJECTED_AFTER_PAID: "rail: it contradicts its own answer; operator: clear it",
    Reason.PARTIAL_RETURN: "operator: ask the rail for the rest or pay the part again",
    Reason.RETURN_ABOVE_PAID: "operator: return the excess to the rail, or release to FLOAT",
    Reason.BOOKED_NOT_RETURNED: "rail: show the return; operator: who has reversed it?",
    Reason.DECISION_OVERTAKEN: "the two persons who decided: decide again, with the new file",
    Reason.MOVEMENT_UNKNOWN: "rail: say what the entry is; operator: enter a top-up if it is one",
    Reason.MOVEMENT_MISSING: "rail: file and statement contradict each other",
    Reason.TOP_UP_MISSING: "operator: has the money been sent? the next statement often has it",
    Reason.STATEMENT_BROKEN: "rail: send a statement that adds up",
    Reason.FLOAT_DIFFERS: "operator: reconcile the days before this one, then ask the rail",
    Reason.ANSWER_REFUSED: "operator: stop and clear the payout with the rail by hand",
    Reason.FILE_MISSING: "rail: send the file; operator: run settle again when it has come",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference."""

    reason: Reason
    day: ValueDay
    """The day that it comes from; for an item, the day on which it was found."""
    amount_fen: Fen
    """How much; 0 only where no money is booked."""
    source: AccountKind | None
    """Out of which account of the programme it goes into SUSPENSE; None if nothing is booked."""
    payout_id: bytes | None
    reference: str
    """The rail's name for what it is about, or another mark that tells it from its like."""
    text: str
    """What was found, for people."""

    def __post_init__(self) -> None:
        """Check that what is booked is money, from a source that suspense has."""
        if self.source is not None and (self.source not in SOURCES or self.amount_fen < 1):
            raise MalformedError("a difference that is booked has money and a known source")

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it the same difference when the day is reconciled again, or the next one.

        A payout's difference is the same on every day; the statement's belong to their day.
        """
        day = self.day if self.reason in STATEMENT_REASONS else None
        return (self.reason, day, self.payout_id, self.reference, self.amount_fen, self.source)

    @property
    def effect_fen(self) -> int:
        """What booking it does to the money that the books expect at the rail."""
        return 0 if self.source is None else effect_of(self.source) * self.amount_fen


class Explainer(StrEnum):
    """What may take an item out of suspense."""

    NOTHING = "nothing"
    FILE = "file"
    """A later file shows that there is no difference any more."""
    PERSONS = "persons"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspenseItem:
    """A difference in suspense, and what became of it."""

    item_id: bytes
    """16 bytes."""
    difference: Difference
    occurrence: int
    """From 1; a difference that was explained and comes back is another item."""
    explainer: Explainer = Explainer.NOTHING
    released_to: AccountKind | None = None
    released_day: ValueDay | None = None
    """Of the file that explains it, or of the decision."""
    explanation: str = ""
    """Why it was released, for people."""

    @property
    def source(self) -> AccountKind:
        """Out of which account it came."""
        assert self.difference.source is not None
        return self.difference.source

    @property
    def is_open(self) -> bool:
        """Whether its money is still in suspense."""
        return self.released_to is None


def effect_of(source: AccountKind) -> int:
    """Return the sign with which money from `source` counts at the rail while in suspense."""
    return -1 if source is AccountKind.FLOAT else 1


def item_id_of(programme: ProgrammeId, difference: Difference, occurrence: int) -> bytes:
    """Return the id of a difference's item: 16 bytes, the same in every run."""
    day = difference.day if difference.reason in STATEMENT_REASONS else 0
    return digest(
        b"fedcarbon/v1/suspense-item",
        programme.encode(),
        difference.reason.encode(),
        u64(day),
        difference.payout_id or b"",
        difference.reference.encode(),
        u64(difference.amount_fen),
        ("" if difference.source is None else difference.source).encode(),
        u32(occurrence),
    )[:ITEM_ID_BYTES]


def suspension(programme: ProgrammeId, item: SuspenseItem) -> Transfer:
    """Return the transfer that takes an item's money into suspense."""
    return _transfer(programme, item, b"enter", item.source, AccountKind.SUSPENSE)


def release(programme: ProgrammeId, item: SuspenseItem, destination: AccountKind) -> Transfer:
    """Return the one transfer that takes an item's money out of suspense."""
    return _transfer(programme, item, b"release", AccountKind.SUSPENSE, destination)


def _transfer(
    programme: ProgrammeId,
    item: SuspenseItem,
    step: bytes,
    debit: AccountKind,
    credit: AccountKind,
) -> Transfer:
    return Transfer(
        transfer_id=derived_transfer_id(b"suspense", item.item_id, step),
        debit=programme_account(debit, programme),
        credit=programme_account(credit, programme),
        unit=FEN,
        amount=item.difference.amount_fen,
        phase=Phase.SINGLE,
        resolves=None,
    )
