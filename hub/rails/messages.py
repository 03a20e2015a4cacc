"""What a hub and a rail operator write to each other, as signed statements.

Every message begins with a letterhead that says who writes to whom and when, and which request it
answers: an answer holds the digest of the exact bytes of its request, so that it is an answer to
nothing else. `hub.rails.letters` signs and opens them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, ProgrammeId, checked_name
from fedcarbon.redemption.rail import (
    PAYOUT_ID_BYTES,
    REASON_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    Payout,
    RailAnswer,
    RailStatus,
)
from fedcarbon.redemption.rail_day import FloatMovement, RailLine
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.redemption.wallet import WalletId, wallet_id
from fedcarbon.units import Fen

PAY_PATH: Final = "/v1/pay"
QUERY_PATH: Final = "/v1/query"
SETTLEMENT_PATH: Final = "/v1/settlement"
STATEMENT_PATH: Final = "/v1/statement"
NOTICES_PATH: Final = "/v1/notices"
"""At the hub; the others are at the rail."""

LETTER_ID_BYTES: Final = 16
PAGE_LINES_MAX: Final = 5_000
"""Lines of a settlement file or entries of a statement in one answer."""
CODE_LENGTH_MAX: Final = 60
_SAYS_NOTHING: Final = frozenset({RailStatus.NOT_FOUND, RailStatus.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """Who writes to whom, when, and in answer to what."""

    letter_id: bytes
    """16 fresh random bytes."""
    sender: PartyId
    receiver: PartyId
    sent_s: int
    """Protocol time of the sender."""
    answers: bytes | None
    """`letter_digest` of the request's exact bytes; None in a request."""

    def __post_init__(self) -> None:
        """Check sizes and names."""
        checked_name(self.sender)
        checked_name(self.receiver)
        if len(self.letter_id) != LETTER_ID_BYTES:
            raise MalformedError(f"a letter's id has {LETTER_ID_BYTES} bytes")
        if self.answers is not None and len(self.answers) != DIGEST_BYTES:
            raise MalformedError(f"an answer names its request by {DIGEST_BYTES} bytes")


class Letter(Protocol):
    """Every message of this module."""

    @property
    def head(self) -> Letterhead:
        """The letterhead."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PayRequest(Statement):
    """Hub to rail: pay, at most once per payout id for ever."""

    KIND: ClassVar[str] = "rail_pay_request"

    head: Letterhead
    payout_id: bytes
    programme: ProgrammeId
    """Out of whose float."""
    wallet_id: WalletId
    amount_fen: Fen

    def __post_init__(self) -> None:
        """Check the name, the wallet id, and what a payout checks."""
        checked_name(self.programme)
        wallet_id(self.wallet_id)
        _ = self.payout

    @property
    def payout(self) -> Payout:
        """What is to be paid."""
        return Payout(
            payout_id=self.payout_id,
            programme=self.programme,
            wallet_id=self.wallet_id,
            amount_fen=self.amount_fen,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest(Statement):
    """Hub to rail: what became of this payout?"""

    KIND: ClassVar[str] = "rail_query_request"

    head: Letterhead
    payout_id: bytes

    def __post_init__(self) -> None:
        """Check the id's size."""
        _check_payout_id(self.payout_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutAnswer(Statement):
    """Rail to hub: what is known of a payout; the answer to both requests."""

    KIND: ClassVar[str] = "rail_payout_answer"

    head: Letterhead
    payout_id: bytes
    amount_fen: Fen | None
    """What the rail has in its books under this id; None if it has nothing."""
    status: RailStatus
    reason: str
    reference: str
    value_day: ValueDay | None

    def __post_init__(self) -> None:
        """Check the id's size, and what an answer checks."""
        _check_payout_id(self.payout_id)
        nothing = self.status in _SAYS_NOTHING
        if (self.amount_fen is None) != nothing:
            raise MalformedError("an answer holds the amount exactly if the rail has the payout")
        _ = self.answer

    @property
    def answer(self) -> RailAnswer:
        """The same for the port."""
        return RailAnswer(
            status=self.status,
            reason=self.reason,
            reference=self.reference,
            value_day=self.value_day,
            amount_fen=self.amount_fen,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutNotice(Statement):
    """Rail to hub, unasked: this is what became of a payout."""

    KIND: ClassVar[str] = "rail_payout_notice"

    head: Letterhead
    payout_id: bytes
    amount_fen: Fen
    """What the rail has in its books under this id."""
    status: RailStatus
    reason: str
    reference: str
    value_day: ValueDay | None

    def __post_init__(self) -> None:
        """Check the id's size, that there is something to tell, and what an answer checks."""
        _check_payout_id(self.payout_id)
        if self.status in _SAYS_NOTHING:
            raise MalformedError("a notice says what became of a payout")
        _ = self.answer

    @property
    def answer(self) -> RailAnswer:
        """The same for the port."""
        return RailAnswer(
            status=self.status,
            reason=self.reason,
            reference=self.reference,
            value_day=self.value_day,
            amount_fen=self.amount_fen,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement(Statement):
    """The receiver has done what the letter asked; it need not come again."""

    KIND: ClassVar[str] = "rail_acknowledgement"

    head: Letterhead


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Statement):
    """The receiver did nothing; the same letter will be refused again."""

    KIND: ClassVar[str] = "rail_refusal"

    head: Letterhead
    code: str
    """The code of the error, for example `PAYOUT_ID_REUSED`."""
    sentence: str

    def __post_init__(self) -> None:
        """Check lengths."""
        if len(self.code) > CODE_LENGTH_MAX or len(self.sentence) > REASON_LENGTH_MAX:
            raise MalformedError("the code or sentence of a refusal is too long")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementRequest(Statement):
    """Hub to rail: a page of the settlement file of a programme and day."""

    KIND: ClassVar[str] = "rail_settlement_request"

    head: Letterhead
    programme: ProgrammeId
    day: ValueDay
    page: int
    """From 0."""

    def __post_init__(self) -> None:
        """Check the name."""
        checked_name(self.programme)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementAnswer(Statement):
    """Rail to hub: a page of a settlement file."""

    KIND: ClassVar[str] = "rail_settlement_answer"

    head: Letterhead
    programme: ProgrammeId
    day: ValueDay
    page: int
    pages: int
    """How many there are, at least 1; 0 while the day has no file yet."""
    lines: tuple[RailLine, ...]

    def __post_init__(self) -> None:
        """Check the name and limits."""
        checked_name(self.programme)
        _check_page(self.page, self.pages, len(self.lines))
        for line in self.lines:
            _check_texts(line.reference, line.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRequest(Statement):
    """Hub to rail: a page of the float's statement of a programme and day."""

    KIND: ClassVar[str] = "rail_statement_request"

    head: Letterhead
    programme: ProgrammeId
    day: ValueDay
    page: int
    """From 0."""

    def __post_init__(self) -> None:
        """Check the name."""
        checked_name(self.programme)


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount with its side: statements hold no negative numbers."""

    amount_fen: int
    is_debit: bool
    """True: below zero, or going out."""

    @classmethod
    def of(cls, signed_fen: int) -> Money:
        """Return `signed_fen` in this form."""
        return cls(amount_fen=abs(signed_fen), is_debit=signed_fen < 0)

    @property
    def signed_fen(self) -> int:
        """The amount as an integer that may be negative."""
        return -self.amount_fen if self.is_debit else self.amount_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementEntry:
    """One entry of a float's statement."""

    reference: str
    money: Money
    payout_id: bytes | None
    text: str

    def __post_init__(self) -> None:
        """Check the id's size and lengths."""
        if self.payout_id is not None:
            _check_payout_id(self.payout_id)
        _check_texts(self.reference, self.text)

    @property
    def movement(self) -> FloatMovement:
        """The same for reconciliation."""
        return FloatMovement(
            reference=self.reference,
            amount_fen=self.money.signed_fen,
            payout_id=self.payout_id,
            text=self.text,
        )

    @classmethod
    def of(cls, movement: FloatMovement) -> StatementEntry:
        """Return a movement in this form."""
        return cls(
            reference=movement.reference,
            money=Money.of(movement.amount_fen),
            payout_id=movement.payout_id,
            text=movement.text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementAnswer(Statement):
    """Rail to hub: a page of a float's statement."""

    KIND: ClassVar[str] = "rail_statement_answer"

    head: Letterhead
    programme: ProgrammeId
    day: ValueDay
    page: int
    pages: int
    """How many there are, at least 1; 0 while the day has no statement yet."""
    opening: Money
    closing: Money
    entries: tuple[StatementEntry, ...]

    def __post_init__(self) -> None:
        """Check the name and limits."""
        checked_name(self.programme)
        _check_page(self.page, self.pages, len(self.entries))
        for entry in self.entries:
            _ = entry.movement


def _check_payout_id(payout_id: bytes) -> None:
    if len(payout_id) != PAYOUT_ID_BYTES:
        raise MalformedError(f"a payout id has {PAYOUT_ID_BYTES} bytes")


def _check_page(page: int, pages: int, lines: int) -> None:
    if page >= max(pages, 1) or lines > (PAGE_LINES_MAX if pages else 0):
        raise MalformedError("a page lies beyond the file, or has more lines than it may have")


def _check_texts(reference: str, text: str) -> None:
    if len(reference) > REFERENCE_LENGTH_MAX or len(text) > REASON_LENGTH_MAX:
        raise MalformedError("a reference or text of a line is too long")
