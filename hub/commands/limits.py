"""`fedcarbon-hub limits`."""

from __future__ import annotations

import sys
from pathlib import Path

from fedcarbon.redemption.limits import NONE, Limits, ProgrammeLimit, WalletClassLimit
from fedcarbon.redemption.value_day import ValueDay, day_text, value_day
from fedcarbon.units import Fen, yuan_text
from hub.clearing.limits_file import load_limits, missing_limits
from hub.commands.beside import beside
from hub.commands.printing import print_json, print_table


def limits(*, config: Path, json: bool = False) -> None:
    """Show the limits of redemptions that are set, which of them hold today, and what is missing.

    They are dated rows in the file that the configuration names as `limits`; a running hub reads it
    when it starts. What has no row is refused (LIMIT_NOT_SET): there are no defaults.

    Args:
        config: the configuration file (TOML).
        json: print one JSON document; money in fen, null where there is no limit.
    """
    with beside(config) as hub:
        found = load_limits(hub.config.limits)
        now_s = hub.now_s()
        missing = hub.read(lambda session: missing_limits(session, found, now_s))
    today = value_day(now_s)
    if json:
        print_json({"missing": list(missing), **_tree(found, today)})
        return
    print_table(
        "Per wallet class",
        ("class", "from", "holds", "#at once", "#a day", "#a year", "#balance", "source"),
        (
            (
                row.wallet_class.level,
                day_text(row.valid_from),
                _mark(found, row, today),
                _yuan(row.per_exchange_fen),
                _yuan(row.per_day_fen),
                _yuan(row.per_year_fen),
                _yuan(row.balance_fen),
                row.source,
            )
            for row in sorted(
                found.wallet_classes, key=lambda row: (row.wallet_class, row.valid_from)
            )
        ),
    )
    print_table(
        "Per programme",
        ("programme", "from", "holds", "#units at once", "#account a day", "source"),
        (
            (
                row.programme,
                day_text(row.valid_from),
                _mark(found, row, today),
                NONE if row.units_per_exchange is None else str(row.units_per_exchange),
                _yuan(row.account_per_day_fen),
                row.source,
            )
            for row in sorted(found.programmes, key=lambda row: (row.programme, row.valid_from))
        ),
    )
    said = ", ".join(missing)
    sys.stdout.write(
        f"not set, and therefore refused: {said}\n" if said else "nothing is missing\n"
    )


def _mark(found: Limits, row: WalletClassLimit | ProgrammeLimit, today: ValueDay) -> str:
    """Return whether a row holds today."""
    if row.valid_from > today:
        return "later"
    if isinstance(row, WalletClassLimit):
        holds: object = found.of_class(row.wallet_class, today)
    else:
        holds = found.of_programme(row.programme, today)
    return "today" if holds is row else "no more"


def _tree(found: Limits, today: ValueDay) -> dict[str, object]:
    return {
        "wallet_classes": [
            {
                "class": row.wallet_class.value,
                "valid_from": day_text(row.valid_from),
                "holds": _mark(found, row, today),
                "per_exchange_fen": row.per_exchange_fen,
                "per_day_fen": row.per_day_fen,
                "per_year_fen": row.per_year_fen,
                "balance_fen": row.balance_fen,
                "source": row.source,
            }
            for row in found.wallet_classes
        ],
        "programmes": [
            {
                "programme": row.programme,
                "valid_from": day_text(row.valid_from),
                "holds": _mark(found, row, today),
                "units_per_exchange": row.units_per_exchange,
                "account_per_day_fen": row.account_per_day_fen,
                "source": row.source,
            }
            for row in found.programmes
        ],
    }


def _yuan(limit_fen: Fen | None) -> str:
    return NONE if limit_fen is None else yuan_text(limit_fen)
