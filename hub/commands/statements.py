"""`fedcarbon-hub statement`."""

from __future__ import annotations

import sys
from pathlib import Path

from sqlmodel import Session

from fedcarbon.ids import party_id
from fedcarbon.redemption.csv_rows import csv_text
from fedcarbon.redemption.operator_statement import (
    COLUMNS,
    StateTotal,
    line_of,
    period_from_text,
    total_of,
)
from fedcarbon.redemption.order import Redemption
from fedcarbon.units import grams_text, yuan_text
from hub.clearing.operator_statements import statement_lines, statement_page
from hub.commands.beside import beside
from hub.commands.printing import print_json, print_table


def statement(
    operator: str, period: str, /, *, config: Path, out: Path | None = None, json: bool = False
) -> None:
    """Show what a wallet operator has ordered in a day or month: counts and sums by state.

    It names wallets of the operator's customers: it is for that operator and the hub's own people.
    The operator can have the same from the hub itself (`fedcarbon wallet statement`).

    Args:
        operator: the wallet operator's party id.
        period: a value day (2026-03-31) or a month of them (2026-03), UTC+8.
        config: the configuration file (TOML).
        out: a CSV file to write, with a line per redemption.
        json: print one JSON document with a line per redemption.
    """
    name, days = party_id(operator), period_from_text(period)

    def read(session: Session) -> tuple[tuple[StateTotal, ...], list[Redemption]]:
        # one snapshot: the lines are the sums
        totals = statement_page(session, name, days, limit=1).statement.totals
        return totals, list(statement_lines(session, name, days)) if json or out else []

    with beside(config) as hub:
        totals, redemptions = hub.read(read)
    lines = [line_of(redemption) for redemption in redemptions]
    if out is not None:
        with out.open("w", encoding="utf-8", newline="") as file:
            file.write(csv_text(COLUMNS, lines))
        sys.stderr.write(f"{len(lines)} lines written to {out}\n")
    if json:
        print_json(
            {
                "operator_id": name,
                "period": days.text,
                "totals": [
                    {
                        "state": row.state.value,
                        "count": row.count,
                        "mass_ug": row.mass_ug,
                        "payout_fen": row.amount_fen,
                    }
                    for row in totals
                ],
                "lines": lines,
            }
        )
        return
    count, mass_ug, amount_fen = total_of(totals)
    print_table(
        f"Orders of {name}, {days.text}",
        ("state", "#redemptions", "#mass", "#payout"),
        [
            *(
                (
                    row.state.value,
                    str(row.count),
                    grams_text(row.mass_ug),
                    yuan_text(row.amount_fen),
                )
                for row in totals
            ),
            ("all", str(count), grams_text(mass_ug), yuan_text(amount_fen)),
        ],
    )
