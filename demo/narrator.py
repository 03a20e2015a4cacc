"""What the demo says while it runs: the life of a gram, one line per step, tables at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from demo.programmes.document import ProgrammeFile
from demo.tables import Compared
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.table import ReleasedTable
from fedcarbon.units import (
    UG_PER_GRAM,
    UG_PER_KILOGRAM,
    Fen,
    MicrogramsCO2e,
    grams_text,
    yuan_text,
)

ACCOUNTS_SHOWN = 8
METRES_PER_KILOMETRE: Final = 1_000


class Narrator:
    """Prints, and keeps how long every step took."""

    def __init__(self, console: Console) -> None:
        """Speak on `console`."""
        self.console = console
        self.timings_ms: dict[str, int] = {}
        self._number = 0

    def title(self, text: str) -> None:
        """Print what the demo runs on."""
        self.console.rule(f"[bold]{text}")

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        """Announce a step and keep its duration under `name`."""
        self._number += 1
        self.console.print(f"[bold]{self._number:>2}[/bold] {text}")
        started = time.monotonic_ns()
        yield
        elapsed_ms = (time.monotonic_ns() - started) // 1_000_000
        self.timings_ms[name] = self.timings_ms.get(name, 0) + elapsed_ms

    def say(self, text: str) -> None:
        """Print one line under the present step."""
        self.console.print(f"   {text}", highlight=False)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Give progress bars for long steps."""
        columns = (
            TextColumn("  "),
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            yield progress

    def programmes(self, files: Sequence[ProgrammeFile]) -> None:
        """Print one row per programme file."""
        table = Table("PROGRAMME", "名称", "what it is")
        for file in files:
            table.add_row(file.name, file.title.zh, file.title.en)
        self.console.print(table)

    def beginning(self, file: ProgrammeFile) -> None:
        """Print what a programme follows and what in it is invented."""
        self.title(f"{file.title.zh} / {file.title.en}")
        self.say(f"the original: {file.original}")
        self.say(f"its numbers: {file.evidence}")
        for text in file.hypothetical:
            self.say(f"hypothetical: {text}")

    def sources(self, sources: Mapping[str, Mapping[str, object]]) -> None:
        """Print what adapters made of published files: every row is used or counted."""
        for name, item in sources.items():
            rejected = item["rejected"]
            assert isinstance(rejected, dict)  # noqa: S101 - written by the demo itself
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in rejected.items())
            self.say(
                f"{name}: {item['rows_read']:,} published rows, "
                f"{item['activities_written']:,} activities; rejected: {reasons}"
            )

    def partners(self, summaries: Mapping[str, Mapping[str, Any]]) -> None:
        """Print one row per partner."""
        table = Table("partner", "read", "rejected", "reduction", "claims", "lost", "submitted")
        for name, item in summaries.items():
            table.add_row(
                name,
                f"{item['activities_read']:,}",
                f"{sum(item['rejected'].values()):,}",
                whole(item["reduction_ug"], item["measure"]),
                f"{item['claims_sent']:,}",
                f"{item['claims_lost']:,}",
                whole(item["submitted_ug"], item["measure"]),
            )
        self.console.print(table)

    def accounts(self, rows: Sequence[Mapping[str, Any]], measures: Mapping[str, str]) -> None:
        """Print a few accounts, the largest first."""
        table = Table("account (TEST id)", "opened", "redeemed", "left")
        largest = sorted(rows, key=lambda row: -int(row["opened_ug"]))[:ACCOUNTS_SHOWN]
        for row in largest:
            table.add_row(
                str(row["id_number"]),
                exact(int(row["opened_ug"]), measures[row["programme"]]),
                yuan_text(Fen(int(row["redeemed_fen"]))),
                exact(int(row["remaining_ug"]), measures[row["programme"]]),
            )
        self.console.print(table)
        if len(rows) > len(largest):
            self.console.print(f"   and {len(rows) - len(largest)} more accounts in accounts.csv")

    def table(
        self, shell: TableShell, released: ReleasedTable, compared: Sequence[Compared]
    ) -> None:
        """Print the margins of a released table beside the truth, which only the demo knows."""
        last_day = released.last_day
        title = f"{shell.label.en}, {released.first_day} to {last_day}: released, and exact"
        table = Table("", *(item.name for item in shell.quantities), title=title)
        rows: dict[tuple[str, ...], list[str]] = {}
        for item in compared:
            noisy, margin, exact = (
                _figure(value, item.quantity.unit)
                for value in (item.noisy, item.margin_95, item.truth.exact)
            )
            rows.setdefault(item.codes, []).append(f"{noisy} ± {margin} [{exact}]")
        for codes, cells in rows.items():
            if "" in codes:
                table.add_row(" / ".join(filter(None, codes)) or "all", *map(escape, cells))
        self.console.print(table)
        hidden = sum(not row.shown for row in released.rows)
        self.say(
            f"{len(released.rows)} rows, {hidden} hidden; the leakage statement is in its page"
        )

    def redemptions(self, rows: Sequence[Mapping[str, Any]], measures: Mapping[str, str]) -> None:
        """Print a few redemptions."""
        table = Table("wallet", "state", "took", "paid")
        for row in rows[:ACCOUNTS_SHOWN]:
            table.add_row(
                f"...{str(row['wallet_id'])[-4:]}",
                str(row["state"]),
                exact(int(row["mass_ug"]), measures[row["programme"]]),
                yuan_text(Fen(int(row["payout_fen"]))),
            )
        self.console.print(table)
        if len(rows) > ACCOUNTS_SHOWN:
            self.console.print(
                f"   and {len(rows) - ACCOUNTS_SHOWN} more redemptions in redemptions.csv"
            )


_UNITS: Final = {"grams": "g", "points": "points", "money": "coins"}


def whole(amount: int, measure: str) -> str:
    """Return an amount in whole units of its measure, rounded down: for tables only."""
    return f"{amount // UG_PER_GRAM:,} {_UNITS[measure]}"


def _figure(value: int, unit: str) -> str:
    """Return a figure of a table for people: mass in kilograms, distance in kilometres."""
    if unit == "ug":
        return f"{Decimal(value) / UG_PER_KILOGRAM:,.1f} kg"
    if unit == "m":
        return f"{Decimal(value) / METRES_PER_KILOMETRE:,.1f} km"
    return f"{value:,}"


def exact(amount: int, measure: str) -> str:
    """Return an amount with all its digits."""
    if measure == "grams":
        return grams_text(MicrogramsCO2e(amount))
    return f"{Decimal(amount) / UG_PER_GRAM:,} {_UNITS[measure]}"
