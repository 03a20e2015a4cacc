"""Limits of redemptions as dated data: what the operator of the hub must have set, and the check.

Nothing here is a default. A wallet class or a programme without limits in force is refused until
the operator has written them down, and "no limit" is written as well. Days and years are those of
value days (UTC+8). The published facts and how sure they are: METHODOLOGIES section 13.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import ClassVar, Final, Protocol, TypeVar

from fedcarbon.canonical.statement import INTEGER_MAX
from fedcarbon.errors import CallerError, ConfigurationError, FedcarbonError, StateError
from fedcarbon.ids import ProgrammeId, programme_id
from fedcarbon.redemption.order import RedemptionOrder, Source
from fedcarbon.redemption.value_day import (
    ValueDay,
    day_from_text,
    day_text,
    value_day,
)
from fedcarbon.redemption.wallet import WalletClass, WalletId, wallet_class
from fedcarbon.units import Fen, Seconds, yuan_text

NONE: Final = "none"
"""What stands in the file where there is no limit."""
_EPOCH: Final = date(1970, 1, 1)


class LimitsInvalidError(ConfigurationError):
    """The file of limits is not of its form: the operator of the hub must correct it."""

    code: ClassVar[str] = "LIMITS_INVALID"


class LimitNotSetError(StateError):
    """No limit is in force for a class or programme: the operator of the hub must set one."""

    code: ClassVar[str] = "LIMIT_NOT_SET"


class LimitPerExchangeError(CallerError):
    """One redemption may not be so large: ask for fewer units."""

    code: ClassVar[str] = "LIMIT_PER_EXCHANGE"


class LimitPerDayError(StateError):
    """The wallet has had what its class may have in a day."""

    code: ClassVar[str] = "LIMIT_PER_DAY"


class LimitPerYearError(StateError):
    """The wallet has had what its class may have in a year."""

    code: ClassVar[str] = "LIMIT_PER_YEAR"


class LimitPerAccountError(StateError):
    """The account has had what its programme pays to one account in a day."""

    code: ClassVar[str] = "LIMIT_PER_ACCOUNT"


class _Dated(Protocol):
    @property
    def valid_from(self) -> ValueDay: ...


D = TypeVar("D", bound=_Dated)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletClassLimit:
    """What wallets of one class may receive from a value day on; None is no limit."""

    wallet_class: WalletClass
    valid_from: ValueDay
    per_exchange_fen: Fen | None
    per_day_fen: Fen | None
    per_year_fen: Fen | None
    balance_fen: Fen | None
    """What the wallet may hold. The hub sees no wallet's balance: one payout is held against it."""
    source: str
    """Where the figures come from, for people."""

    def __post_init__(self) -> None:
        """Check ranges, that the class may redeem and that a source is named."""
        _check_range(self.per_exchange_fen, self.per_day_fen, self.per_year_fen, self.balance_fen)
        if not self.wallet_class.is_real_name:
            raise LimitsInvalidError(
                f"class {self.wallet_class.value} may not redeem: it has no limits"
            )
        _check_source(self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeLimit:
    """What one programme pays from a value day on; None is no limit."""

    programme: ProgrammeId
    valid_from: ValueDay
    units_per_exchange: int | None
    account_per_day_fen: Fen | None
    source: str
    """Where the figures come from, for people."""

    def __post_init__(self) -> None:
        """Check ranges and that a source is named."""
        _check_range(self.units_per_exchange, self.account_per_day_fen)
        _check_source(self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every limit that the operator has set."""

    wallet_classes: tuple[WalletClassLimit, ...] = ()
    programmes: tuple[ProgrammeLimit, ...] = ()

    def __post_init__(self) -> None:
        """Check that nothing has two limits from one day on."""
        dated = [
            *((row.wallet_class, row.valid_from) for row in self.wallet_classes),
            *((row.programme, row.valid_from) for row in self.programmes),
        ]
        if len(set(dated)) < len(dated):
            raise LimitsInvalidError("a class or programme has two limits from the same day on")

    def of_class(self, wanted: WalletClass, day: ValueDay) -> WalletClassLimit:
        """Return what holds for a wallet class on `day`.

        Raises:
            LimitNotSetError: nothing does.
        """
        rows = (row for row in self.wallet_classes if row.wallet_class is wanted)
        return _in_force(rows, day, f"wallets of class {wanted.value} ({wanted.level})")

    def of_programme(self, programme: ProgrammeId, day: ValueDay) -> ProgrammeLimit:
        """Return what holds for a programme on `day`.

        Raises:
            LimitNotSetError: nothing does.
        """
        rows = (row for row in self.programmes if row.programme == programme)
        return _in_force(rows, day, f"programme {programme}")

    def missing(self, programmes: Iterable[ProgrammeId], day: ValueDay) -> tuple[str, ...]:
        """Return what has no limits in force on `day`: levels of wallets, then programmes."""
        levels = {row.wallet_class for row in self.wallet_classes if row.valid_from <= day}
        named = {row.programme for row in self.programmes if row.valid_from <= day}
        real_name = (level for level in WalletClass if level.is_real_name)
        return (
            *(level.level for level in real_name if level not in levels),
            *sorted(set(programmes) - named),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What counts against limits before a redemption: neither rejected nor given back."""

    wallet_day_fen: Fen
    wallet_year_fen: Fen
    account_day_fen: Fen


@dataclass(slots=True)
class Spending:
    """What wallets and accounts have had in one value day and its year; grows order by order."""

    wallet_day_fen: dict[WalletId, int] = field(default_factory=dict)
    wallet_year_fen: dict[WalletId, int] = field(default_factory=dict)
    account_day_fen: dict[tuple[ProgrammeId, bytes], int] = field(default_factory=dict)

    def of(self, order: RedemptionOrder) -> Spent:
        """Return what counts against `order`."""
        account = (order.programme_id, order.account_token)
        return Spent(
            wallet_day_fen=Fen(self.wallet_day_fen.get(order.wallet_id, 0)),
            wallet_year_fen=Fen(self.wallet_year_fen.get(order.wallet_id, 0)),
            account_day_fen=Fen(self.account_day_fen.get(account, 0)),
        )

    def add(self, order: RedemptionOrder, amount_fen: Fen) -> None:
        """Count what `order` pays, for those that come after it in the same transaction."""
        spent, account = self.of(order), (order.programme_id, order.account_token)
        self.wallet_day_fen[order.wallet_id] = spent.wallet_day_fen + amount_fen
        self.wallet_year_fen[order.wallet_id] = spent.wallet_year_fen + amount_fen
        self.account_day_fen[account] = spent.account_day_fen + amount_fen


def check_limits(
    limits: Limits,
    order: RedemptionOrder,
    amount_fen: Fen,
    spent: Spent,
    now_s: Seconds,
    *,
    units: int,
) -> None:
    """Refuse a redemption that goes beyond a limit.

    Args:
        limits: what the operator has set.
        order: what is asked for.
        amount_fen: what it would pay.
        spent: what its wallet and account have had before it.
        now_s: protocol time: its value day decides which limits hold.
        units: how many units it would take.

    Raises:
        LimitNotSetError: nothing is in force for the wallet's class or the programme.
        LimitPerExchangeError: it is too large by itself.
        LimitPerDayError, LimitPerYearError: with what the wallet has had, it is too large.
        LimitPerAccountError: with what the account has had, it is too large.
    """
    day = value_day(now_s)
    of_class = limits.of_class(order.wallet_class, day)
    of_programme = limits.of_programme(order.programme_id, day)
    level = f"a wallet of class {order.wallet_class.value}"
    # (1) by itself
    unit_limit = of_programme.units_per_exchange
    of_grams = order.source is Source.GRAMS
    if of_grams and unit_limit is not None and units > unit_limit:
        raise LimitPerExchangeError(
            f"programme {order.programme_id} redeems at most {unit_limit} units at once, "
            f"this would be {units}: ask for fewer"
        )
    for limit_fen, what in (
        (of_class.per_exchange_fen, "may receive at most {} at once"),
        (of_class.balance_fen, "may hold at most {}"),
    ):
        if limit_fen is not None and amount_fen > limit_fen:
            raise LimitPerExchangeError(
                f"{level} {what.format(yuan_text(limit_fen))}, this would be "
                f"{yuan_text(amount_fen)}: ask for fewer units"
            )
    # (2) with what went before
    tomorrow, next_year = ValueDay(day + 1), first_day_of_next_year(day)
    account = f"an account of programme {order.programme_id}"
    for limit_fen, spent_fen, error, who, span, reset in (
        (of_class.per_day_fen, spent.wallet_day_fen, LimitPerDayError, level, "day", tomorrow),
        (of_class.per_year_fen, spent.wallet_year_fen, LimitPerYearError, level, "year", next_year),
        (
            of_programme.account_per_day_fen,
            spent.account_day_fen,
            LimitPerAccountError,
            account,
            "day",
            tomorrow,
        ),
    ):
        if limit_fen is not None and spent_fen + amount_fen > limit_fen:
            raise _beyond(
                error,
                f"{who} may receive {yuan_text(limit_fen)} a {span}",
                Fen(max(limit_fen - spent_fen, 0)),
                reset,
            )


def first_day_of_year(day: ValueDay) -> ValueDay:
    """Return the first value day of the calendar year that holds `day`."""
    return ValueDay((_date(day).replace(month=1, day=1) - _EPOCH).days)


def first_day_of_next_year(day: ValueDay) -> ValueDay:
    """Return the first value day of the calendar year after the one that holds `day`."""
    return ValueDay((date(_date(day).year + 1, 1, 1) - _EPOCH).days)


def parse_limits(data: bytes) -> Limits:
    """Return the limits in the bytes of `limits.toml`.

    Raises:
        LimitsInvalidError: the file is not of its form; every key must be written.
    """
    try:
        return _limits(tomllib.loads(data.decode()))
    except LimitsInvalidError:
        raise
    except (FedcarbonError, ValueError, TypeError, AttributeError) as error:
        raise LimitsInvalidError(f"limits: {error}") from error


def _limits(tree: Mapping[str, Iterable[Mapping[str, object]]]) -> Limits:
    if not set(tree) <= {"wallet_class", "programme"}:
        raise LimitsInvalidError("limits: only [[wallet_class]] and [[programme]] are known")
    return Limits(
        wallet_classes=tuple(_class_row(row) for row in tree.get("wallet_class", ())),
        programmes=tuple(_programme_row(row) for row in tree.get("programme", ())),
    )


def _class_row(row: Mapping[str, object]) -> WalletClassLimit:
    figures = ("per_exchange_fen", "per_day_fen", "per_year_fen", "balance_fen")
    _check_keys(row, {"class", "valid_from", "source", *figures})
    per_exchange, per_day, per_year, balance = (_figure(row, name) for name in figures)
    return WalletClassLimit(
        wallet_class=wallet_class(str(row["class"])),
        valid_from=day_from_text(str(row["valid_from"])),
        per_exchange_fen=per_exchange,
        per_day_fen=per_day,
        per_year_fen=per_year,
        balance_fen=balance,
        source=str(row["source"]),
    )


def _programme_row(row: Mapping[str, object]) -> ProgrammeLimit:
    figures = ("units_per_exchange", "account_per_day_fen")
    _check_keys(row, {"programme", "valid_from", "source", *figures})
    units, account_per_day = (_figure(row, name) for name in figures)
    return ProgrammeLimit(
        programme=programme_id(str(row["programme"])),
        valid_from=day_from_text(str(row["valid_from"])),
        units_per_exchange=units,
        account_per_day_fen=account_per_day,
        source=str(row["source"]),
    )


def _check_keys(row: Mapping[str, object], expected: set[str]) -> None:
    if set(row) != expected:
        wrong = ", ".join(sorted(set(row) ^ expected))
        raise LimitsInvalidError(
            f"limits: every row has exactly the keys {', '.join(sorted(expected))}; "
            f"missing or not known: {wrong}"
        )


def _figure(row: Mapping[str, object], name: str) -> Fen | None:
    """Return a figure of the file; no limit must be said in words."""
    value = row[name]
    if value == NONE:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise LimitsInvalidError(f'limits: {name} is a whole number, or "{NONE}" for no limit')
    return Fen(value)


def _check_range(*figures: int | None) -> None:
    if not all(figure is None or 1 <= figure <= INTEGER_MAX for figure in figures):
        raise LimitsInvalidError(f'a limit is a whole number from 1, or "{NONE}"')


def _check_source(source: str) -> None:
    if not source.strip():
        raise LimitsInvalidError("every limit names the source of its figures")


def _in_force(rows: Iterable[D], day: ValueDay, whose: str) -> D:
    begun = [row for row in rows if row.valid_from <= day]
    if not begun:
        raise LimitNotSetError(
            f"no limits are in force for {whose} on {day_text(day)}; "
            "the operator of the hub must set them"
        )
    return max(begun, key=lambda row: row.valid_from)


def _beyond(error: type[StateError], rule: str, left_fen: Fen, reset: ValueDay) -> StateError:
    return error(
        f"{rule}; {yuan_text(left_fen)} is left until {day_text(reset)} 00:00 (UTC+8): "
        "ask for fewer units or wait"
    )


def _date(day: ValueDay) -> date:
    return _EPOCH + timedelta(days=day)
