"""A programme's market: whole units of grams at a price that a published rule moves day by day.

The rule looks at what holders did at the last price: when they bought more than they sold the price
goes up by a step, when they sold more it goes down, and it never leaves its bounds. Everything is
an integer, and the orders between two prices are in the record, so that anybody who has them
computes the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId, checked_name
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.transfer import AMOUNT_MAX, Phase, Transfer, derived_transfer_id
from fedcarbon.ledger.unit import FEN
from fedcarbon.registry.programme import Programme
from fedcarbon.units import MASS_UG_MAX, SECONDS_PER_DAY, Fen, MicrogramsCO2e, Seconds
from fedcarbon.uses.offer import check_head
from fedcarbon.uses.order import PIECES_MAX, UseKind, UseOrder

_MARKET: Final = b"market"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules(Statement):
    """A market and how its price moves; signed by t root keys."""

    KIND: ClassVar[str] = "market_rules"

    parameter_id: bytes
    programme_id: ProgrammeId
    market_id: str
    """A name; it never changes."""
    unit_ug: MicrogramsCO2e
    """What is bought and sold."""
    first_day: int
    """UTC days since 1970-01-01, the first and the last on which it is open."""
    last_day: int
    first_price_fen: int
    """Of a unit, on the first day."""
    step_fen: int
    """By which the price moves."""
    floor_fen: int
    """It never falls below this."""
    ceiling_fen: int
    """It never rises above this."""
    quiet_units: int
    """It stays where it is if so many units more were bought than sold, or fewer; likewise down."""
    endowment_fen: int
    """Set aside from the programme's float to buy with when the rules are published."""

    def __post_init__(self) -> None:
        """Check names and ranges."""
        check_head(self.parameter_id, self.programme_id)
        checked_name(self.market_id)
        if not 1 <= self.unit_ug <= MASS_UG_MAX:
            raise MalformedError("a market trades some grams")
        if self.first_day > self.last_day:
            raise MalformedError("a market is open for some time")
        if not 1 <= self.floor_fen <= self.first_price_fen <= self.ceiling_fen:
            raise MalformedError("a price lies between its floor and its ceiling")
        if self.ceiling_fen * PIECES_MAX > AMOUNT_MAX or self.endowment_fen > AMOUNT_MAX:
            raise MalformedError("the ledger cannot count what the market would pay")

    def overlaps(self, other: MarketRules) -> bool:
        """Tell whether both would be open on the same day."""
        apart = self.last_day < other.first_day or other.last_day < self.first_day
        return self.programme_id == other.programme_id and not apart

    def is_open(self, day: int) -> bool:
        """Tell whether anything can be traded on `day`."""
        return self.first_day <= day <= self.last_day

    def is_above_rate(self, programme: Programme) -> bool:
        """Tell whether nobody gains by buying grams here and redeeming them from the float."""
        return self.floor_fen * programme.unit_ug >= programme.unit_fen * self.unit_ug

    def next_price_fen(self, price_fen: int, net_units: int) -> Fen:
        """Return the price after a day.

        Args:
            price_fen: of that day.
            net_units: units bought less units sold at that price.
        """
        if abs(net_units) <= self.quiet_units:
            return Fen(price_fen)
        moved = price_fen + (self.step_fen if net_units > 0 else -self.step_fen)
        return Fen(min(max(moved, self.floor_fen), self.ceiling_fen))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketPrice(Statement):
    """The price of a day; signed by the hub before anything is traded at it."""

    KIND: ClassVar[str] = "market_price"

    parameter_id: bytes
    programme_id: ProgrammeId
    market_id: str
    day: int
    """UTC days since 1970-01-01."""
    price_fen: int
    """Of a unit."""

    def __post_init__(self) -> None:
        """Check names."""
        check_head(self.parameter_id, self.programme_id)
        checked_name(self.market_id)


def day_of(at_s: Seconds) -> int:
    """Return the UTC day of an instant."""
    return at_s // SECONDS_PER_DAY


def units_of(order: UseOrder) -> int:
    """Return what an order adds to net demand: units bought, or minus units sold."""
    sign = {UseKind.BUY: 1, UseKind.SELL: -1}.get(order.use, 0)
    return sign * (order.pieces or 0)


def endowing(rules: MarketRules) -> tuple[Transfer, ...]:
    """Return the transfer that gives a market its money, if it gets any."""
    if not rules.endowment_fen:
        return ()
    names = (rules.programme_id.encode(), rules.market_id.encode())
    transfer_id = derived_transfer_id(_MARKET, *names, b"endow")
    return (_money(transfer_id, rules.programme_id, Fen(rules.endowment_fen)),)


def closing(rules: MarketRules, left_fen: Fen) -> Transfer:
    """Return the transfer that gives a closed market's money back to the float; grams stay."""
    names = (rules.programme_id.encode(), rules.market_id.encode())
    transfer_id = derived_transfer_id(_MARKET, *names, b"close")
    return _money(transfer_id, rules.programme_id, left_fen, back=True)


def market_on(rules: Iterable[MarketRules], programme: ProgrammeId, day: int) -> MarketRules | None:
    """Return the market of a programme that is open on a day, of which there is one at most."""
    for item in rules:
        if item.programme_id == programme and item.is_open(day):
            return item
    return None


def _money(
    transfer_id: bytes, programme: ProgrammeId, amount: Fen, *, back: bool = False
) -> Transfer:
    sides = [
        programme_account(kind, programme) for kind in (AccountKind.FLOAT, AccountKind.MARKET_PURSE)
    ]
    debit, credit = reversed(sides) if back else sides
    return Transfer(
        transfer_id=transfer_id,
        debit=debit,
        credit=credit,
        unit=FEN,
        amount=amount,
        phase=Phase.SINGLE,
        resolves=None,
    )
