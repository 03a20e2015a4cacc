"""`fedcarbon wallet statement`: what the hub has taken from this operator in a day or month."""

from __future__ import annotations

import json as json_format
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fedcarbon.cli.wallet import connected, load_config
from fedcarbon.redemption.csv_rows import csv_text
from fedcarbon.redemption.operator_statement import COLUMNS, period_from_text
from fedcarbon.units import Fen, MicrogramsCO2e, grams_text, yuan_text
from fedcarbon.v1 import redemption_pb2


def statement(period: str, /, *, config: Path, out: Path | None = None, json: bool = False) -> None:
    """Show what this operator has ordered in a day or month: counts and sums by state.

    An order stands in the day in which the hub took it, by value days (UTC+8).

    Args:
        period: a value day (2026-03-31) or a month of them (2026-03).
        config: the operator's wallet.toml.
        out: a CSV file to write, with a line per redemption and wallets in full.
        json: print one JSON document with a line per redemption.
    """
    days = period_from_text(period)
    with connected(load_config(config)) as (operator, _):
        pages = list(operator.statement(days))
    lines = [line_of_message(line) for page in pages for line in page.lines]
    totals = pages[-1].totals  # of the whole period, as it stood at the last page
    if out is not None:
        with out.open("w", encoding="utf-8", newline="") as file:
            file.write(csv_text(COLUMNS, lines))
    if json:
        tree = {
            "operator_id": operator.operator_id,
            "period": days.text,
            "totals": [
                {
                    "state": state_text(row.state),
                    "count": row.count,
                    "mass_ug": row.mass_ug,
                    "payout_fen": row.payout_fen,
                }
                for row in totals
            ],
            "lines": lines,
        }
        sys.stdout.write(json_format.dumps(tree, ensure_ascii=False, indent=2) + "\n")
        return
    table = Table("state", "redemptions", "mass", "payout", title=f"Orders of {days.text}")
    for row in totals:
        mass_ug, paid_fen = MicrogramsCO2e(row.mass_ug), Fen(row.payout_fen)
        table.add_row(
            state_text(row.state), str(row.count), grams_text(mass_ug), yuan_text(paid_fen)
        )
    Console().print(table)


def line_of_message(line: redemption_pb2.StatementLine) -> dict[str, str | int]:
    """Return a line as it came over the wire, with a value per column of `COLUMNS`."""
    redemption = line.redemption
    return {
        "redemption_id": redemption.redemption_id.hex(),
        "payout_id": line.payout_id.hex(),
        "programme_id": line.programme_id,
        "wallet_id": line.wallet_id,
        "state": state_text(redemption.state),
        "units": redemption.units,
        "mass_ug": redemption.mass_ug,
        "payout_fen": redemption.payout_fen,
        "created_s": line.created_s,
        "rail_reference": line.rail_reference,
        "reason": redemption.reason,
    }


def state_text(state: redemption_pb2.RedemptionState) -> str:
    """Return a state as the hub's own books call it: `settled`."""
    name = redemption_pb2.RedemptionState.Name(state)
    return name.removeprefix("REDEMPTION_STATE_").lower()
