"""Statements for wallet operators: what one of them has ordered in some value days.

A statement belongs to its operator: it names the wallets of its own customers and nobody else's.
An order stands in the day in which the hub has taken it, whatever became of it later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId
from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.value_day import (
    ValueDay,
    ValueDayInvalidError,
    day_from_text,
    day_text,
    first_second,
)
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds

DAYS_MAX: Final = 366
_MONTH_LENGTH: Final = len("2026-03")


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Whole value days, from the first to the last."""

    first: ValueDay
    last: ValueDay

    def __post_init__(self) -> None:
        """Check that it has at least one day and at most a year of them."""
        if not 0 <= self.last - self.first < DAYS_MAX:
            raise MalformedError(f"a period has 1 to {DAYS_MAX} days, the first one first")

    @property
    def start_s(self) -> Seconds:
        """The first instant."""
        return first_second(self.first)

    @property
    def end_s(self) -> Seconds:
        """The first instant after it."""
        return first_second(ValueDay(self.last + 1))

    @property
    def text(self) -> str:
        """The days, for people."""
        first, last = day_text(self.first), day_text(self.last)
        return first if first == last else f"{first} to {last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTotal:
    """All orders of a statement that stand in one state."""

    state: RedemptionState
    count: int
    mass_ug: MicrogramsCO2e
    amount_fen: Fen


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorStatement:
    """What one operator has ordered in a period, or a page of it."""

    operator_id: PartyId
    period: Period
    totals: tuple[StateTotal, ...]
    """Of the whole period, in the order of the states; a state without orders is left out."""
    redemptions: tuple[Redemption, ...]
    """In the order in which they were taken."""


COLUMNS: Final = (
    "redemption_id",
    "payout_id",
    "programme_id",
    "wallet_id",
    "state",
    "units",
    "mass_ug",
    "payout_fen",
    "created_s",
    "rail_reference",
    "reason",
)
"""Of a statement as a table, on both sides of the wire."""


def line_of(redemption: Redemption) -> dict[str, str | int]:
    """Return a redemption as a line of a statement: a value per column."""
    order = redemption.order
    return {
        "redemption_id": order.redemption_id.hex(),
        "payout_id": order.payout_id.hex(),
        "programme_id": order.programme_id,
        "wallet_id": order.wallet_id,
        "state": redemption.state.value,
        "units": redemption.units,
        "mass_ug": redemption.mass_ug,
        "payout_fen": redemption.amount_fen,
        "created_s": redemption.created_s,
        "rail_reference": redemption.rail_reference,
        "reason": redemption.reason,
    }


def total_of(totals: Iterable[StateTotal]) -> tuple[int, MicrogramsCO2e, Fen]:
    """Return number, mass and money of all states together."""
    rows = tuple(totals)
    return (
        sum(row.count for row in rows),
        MicrogramsCO2e(sum(row.mass_ug for row in rows)),
        Fen(sum(row.amount_fen for row in rows)),
    )


def period_from_text(text: str) -> Period:
    """Return the day (`2026-03-31`) or the month (`2026-03`) that `text` names.

    Raises:
        ValueDayInvalidError: it names neither.
    """
    if len(text) != _MONTH_LENGTH:
        day = day_from_text(text)
        return Period(first=day, last=day)
    first = day_from_text(f"{text}-01")
    begins = date.fromisoformat(day_text(first))
    try:
        next_month = (begins + timedelta(days=31)).replace(day=1)
    except OverflowError as error:
        raise ValueDayInvalidError(f"the calendar ends before the end of {text}") from error
    return Period(first=first, last=ValueDay(first + (next_month - begins).days - 1))
