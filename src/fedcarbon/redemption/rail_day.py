"""What a rail writes down about one value day: its settlement file and the float's statement.

Adapters make these out of whatever form the rail uses; reconciliation reads nothing else. Lines may
stand in any order, and files of one day may come again: a line that says the same is the same line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import PAYOUT_ID_BYTES
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.units import Fen


@dataclass(frozen=True, slots=True, kw_only=True)
class RailLine:
    """One payout in a settlement file."""

    payout_id: bytes
    """16 bytes: the id that the rail was given."""
    amount_fen: Fen
    """What it moved, at least 1."""
    outcome: PayoutOutcome
    reference: str
    """The rail's own name for the movement: another one is another movement."""
    reason: str
    """Why it was rejected or reversed; else empty."""

    def __post_init__(self) -> None:
        """Check sizes and that money is meant."""
        if len(self.payout_id) != PAYOUT_ID_BYTES or self.amount_fen < 1:
            raise MalformedError("a settlement line has an id of 16 bytes and at least one fen")


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatMovement:
    """One entry of the float's statement."""

    reference: str
    """Of the rail, unique in the statement."""
    amount_fen: int
    """Positive for money that came in, negative for money that went out; never 0."""
    payout_id: bytes | None
    """The payout that it belongs to, if it belongs to one."""
    text: str
    """What the rail says it is, for people."""

    def __post_init__(self) -> None:
        """Check that money is meant."""
        if self.amount_fen == 0:
            raise MalformedError("an entry of a statement moves money")


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatStatement:
    """What the account of a programme's float did on a day."""

    opening_fen: int
    """Balance before the day; below zero if the rail lets it be overdrawn."""
    closing_fen: int
    movements: tuple[FloatMovement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RailDay:
    """Everything that a rail says about one programme and day."""

    programme: ProgrammeId
    day: ValueDay
    lines: tuple[RailLine, ...]
    statement: FloatStatement | None
    """None if the rail gives none."""


class RailFiles(Protocol):
    """Where the files of a rail are found. A call may raise `FedcarbonError` or `OSError`."""

    def of_day(self, programme: ProgrammeId, day: ValueDay) -> RailDay | None:
        """Return what the rail says of `day`, or None while its files have not come."""
        ...
