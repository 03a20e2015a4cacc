"""Limits for tests that are about something else: all of them written, none of them binding."""

from __future__ import annotations

from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.limits import NONE, Limits, ProgrammeLimit, WalletClassLimit
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.redemption.wallet import WalletClass

SOURCE = "tests: no limit"


def unlimited(*programmes: ProgrammeId) -> Limits:
    """Return limits that are in force for every class and these programmes and stop nothing."""
    return Limits(
        wallet_classes=tuple(
            WalletClassLimit(
                wallet_class=level,
                valid_from=ValueDay(0),
                per_exchange_fen=None,
                per_day_fen=None,
                per_year_fen=None,
                balance_fen=None,
                source=SOURCE,
            )
            for level in WalletClass
            if level.is_real_name
        ),
        programmes=tuple(
            ProgrammeLimit(
                programme=programme,
                valid_from=ValueDay(0),
                units_per_exchange=None,
                account_per_day_fen=None,
                source=SOURCE,
            )
            for programme in programmes
        ),
    )


def unlimited_toml(programme: str) -> str:
    """Return the same as a file."""
    rows = [
        f'[[wallet_class]]\nclass = {level}\nvalid_from = "1970-01-01"\n'
        f'per_exchange_fen = "{NONE}"\nper_day_fen = "{NONE}"\nper_year_fen = "{NONE}"\n'
        f'balance_fen = "{NONE}"\nsource = "{SOURCE}"\n'
        for level in (1, 2, 3)
    ]
    rows.append(
        f'[[programme]]\nprogramme = "{programme}"\nvalid_from = "1970-01-01"\n'
        f'units_per_exchange = "{NONE}"\naccount_per_day_fen = "{NONE}"\nsource = "{SOURCE}"\n'
    )
    return "\n".join(rows)
