"""Limits as dated data: what is in force, what is left, and what the file must say."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.redemption.limits import (
    LimitNotSetError,
    LimitPerAccountError,
    LimitPerDayError,
    LimitPerExchangeError,
    LimitPerYearError,
    Limits,
    LimitsInvalidError,
    Spending,
    Spent,
    check_limits,
    parse_limits,
)
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.value_day import ValueDay, day_from_text, first_second
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import Fen, Seconds

SHANGHAI = ProgrammeId("ecny-shanghai")
EXAMPLE = Path(__file__).parents[2] / "deploy" / "limits.example.toml"
FILE = """
[[wallet_class]]
class = 2
valid_from = "2026-01-01"
per_exchange_fen = 100
per_day_fen = 150
per_year_fen = 400
balance_fen = 90
source = "a test"

[[wallet_class]]
class = 2
valid_from = "2026-07-01"
per_exchange_fen = 200
per_day_fen = "none"
per_year_fen = "none"
balance_fen = "none"
source = "a test, later"

[[programme]]
programme = "ecny-shanghai"
valid_from = "2026-01-01"
units_per_exchange = 60
account_per_day_fen = 120
source = "a test"
"""
LIMITS = parse_limits(FILE.encode())
NOTHING = Spent(wallet_day_fen=Fen(0), wallet_year_fen=Fen(0), account_day_fen=Fen(0))


def order(**changes: object) -> RedemptionOrder:
    fields: dict[str, object] = {
        "parameter_id": bytes(32),
        "programme_id": SHANGHAI,
        "redemption_id": bytes(16),
        "account_token": bytes(32),
        "wallet_id": sandbox_wallet_id(1),
        "wallet_class": WalletClass.CLASS_2,
        "binding_leaf": bytes(34),
        "operator_id": PartyId("wallet-operator"),
        "units": None,
    }
    return RedemptionOrder(**fields | changes)  # type: ignore[arg-type]


def at(day: str) -> Seconds:
    return first_second(day_from_text(day))


def spent(wallet_day: int = 0, wallet_year: int = 0, account_day: int = 0) -> Spent:
    return Spent(
        wallet_day_fen=Fen(wallet_day),
        wallet_year_fen=Fen(wallet_year),
        account_day_fen=Fen(account_day),
    )


# amount, units, spent before -> refused one step further
EXACTLY_AT = {
    "units at once": (60, 60, NOTHING, LimitPerExchangeError),
    "what the wallet may hold": (90, 1, NOTHING, LimitPerExchangeError),
    "a wallet's day": (50, 1, spent(wallet_day=100), LimitPerDayError),
    "a wallet's year": (50, 1, spent(wallet_year=350), LimitPerYearError),
    "an account's day": (50, 1, spent(account_day=70), LimitPerAccountError),
}


@pytest.mark.parametrize("what", EXACTLY_AT)
def test_a_limit_holds_exactly_and_not_one_step_further(what: str) -> None:
    amount, units, before, error = EXACTLY_AT[what]
    more_units = 1 if what == "units at once" else 0

    check_limits(LIMITS, order(), Fen(amount), before, at("2026-03-31"), units=units)
    with pytest.raises(error):
        check_limits(
            LIMITS,
            order(),
            Fen(amount + 1 - more_units),
            before,
            at("2026-03-31"),
            units=units + more_units,
        )


def test_a_limit_at_once_holds_where_the_balance_is_free() -> None:
    free = parse_limits(FILE.replace("balance_fen = 90", 'balance_fen = "none"').encode())

    check_limits(free, order(), Fen(100), NOTHING, at("2026-03-31"), units=1)
    with pytest.raises(LimitPerExchangeError, match=r"at most 1\.00 yuan at once"):
        check_limits(free, order(), Fen(101), NOTHING, at("2026-03-31"), units=1)


def test_a_refusal_says_what_is_left_and_when_the_limit_starts_anew() -> None:
    with pytest.raises(LimitPerDayError, match=r"0\.50 yuan is left until 2026-04-01 00:00"):
        check_limits(LIMITS, order(), Fen(51), spent(wallet_day=100), at("2026-03-31"), units=1)
    with pytest.raises(LimitPerYearError, match=r"0\.00 yuan is left until 2027-01-01 00:00"):
        check_limits(LIMITS, order(), Fen(1), spent(wallet_year=401), at("2026-03-31"), units=1)


def test_a_later_row_holds_from_its_first_second_on() -> None:
    first = at("2026-07-01")
    with pytest.raises(LimitPerExchangeError):
        check_limits(LIMITS, order(), Fen(110), NOTHING, Seconds(first - 1), units=1)

    check_limits(LIMITS, order(), Fen(110), NOTHING, first, units=1)


UNSET = {
    "before the first row": (order(), "2025-12-31"),
    "a class without a row": (order(wallet_class=WalletClass.CLASS_3), "2026-03-31"),
    "a programme without a row": (order(programme_id=ProgrammeId("other")), "2026-03-31"),
}


@pytest.mark.parametrize("what", UNSET)
def test_what_the_operator_has_not_set_is_refused(what: str) -> None:
    asked, day = UNSET[what]

    with pytest.raises(LimitNotSetError, match="the operator of the hub must set them"):
        check_limits(LIMITS, asked, Fen(1), NOTHING, at(day), units=1)


def test_what_is_missing_is_told_by_name() -> None:
    day = day_from_text("2026-03-31")

    assert LIMITS.missing([SHANGHAI, ProgrammeId("other")], day) == ("WL01", "WL03", "other")
    assert Limits().missing([], ValueDay(0)) == ("WL01", "WL02", "WL03")


def test_orders_of_one_transaction_count_for_each_other() -> None:
    spending = Spending()

    spending.add(order(), Fen(5))
    spending.add(order(account_token=bytes([1]) * 32), Fen(7))

    assert spending.of(order()) == spent(12, 12, 5)
    assert spending.of(order(wallet_id=sandbox_wallet_id(2))) == spent(0, 0, 5)


BAD_FILES = {
    "a key is missing": FILE.replace("per_year_fen = 400\n", ""),
    "a key is not known": FILE.replace("source", 'why = "so"\nsource', 1),
    "a table is not known": FILE + "[[wallets]]\nclass = 1\n",
    "a figure is text": FILE.replace("= 400", '= "lots"'),
    "a figure is a truth value": FILE.replace("= 400", "= true"),
    "a figure is a fraction": FILE.replace("= 400", "= 4.5"),
    "a figure is zero": FILE.replace("= 400", "= 0"),
    "no limit is said by leaving the figure empty": FILE.replace("= 400", '= ""'),
    "a class that may not redeem": FILE.replace("class = 2", "class = 4", 1),
    "no class": FILE.replace("class = 2", "class = 7", 1),
    "no day": FILE.replace("2026-07-01", "soon"),
    "two rows from one day on": FILE.replace("2026-07-01", "2026-01-01"),
    "no source": FILE.replace('"a test, later"', '" "'),
    "a programme with a bad name": FILE.replace("ecny-shanghai", "Ecny Shanghai"),
    "no table at all": "wallet_class = 3",
    "no TOML": "[[wallet_class",
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_file_that_says_less_or_something_else_is_refused(what: str) -> None:
    with pytest.raises(LimitsInvalidError):
        parse_limits(BAD_FILES[what].encode())


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(LimitsInvalidError):
        parse_limits(b"\xff\xfe")


def test_the_example_sets_nothing_that_nobody_has_checked() -> None:
    limits = parse_limits(EXAMPLE.read_bytes())

    day = day_from_text("2026-03-31")
    assert limits.missing([SHANGHAI], day) == ("WL03", SHANGHAI)
    assert all("[M]" not in row.source for row in limits.wallet_classes)
    assert limits.of_class(WalletClass.CLASS_2, day).per_exchange_fen == 5_000_000


def test_every_commented_row_of_the_example_is_a_row_once_the_marks_are_off() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    head, _, rest = text.partition("# Class 1 (WL01)")
    bare = [line.removeprefix("# ") for line in rest.splitlines() if _is_row(line)]

    limits = parse_limits("\n".join(bare).encode())

    assert head
    assert limits.missing([SHANGHAI], day_from_text("2026-03-31")) == ()


def _is_row(line: str) -> bool:
    bare = line.removeprefix("# ")
    return bare.startswith("[[") or " = " in bare
