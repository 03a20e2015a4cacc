"""`fedcarbon stats list|get|explain|report`: released tables of statistics, for regulators."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fedcarbon.cli.stats_files import Format, stored_releases, write_releases
from fedcarbon.cli.stats_reader import (
    ListedTable,
    NothingReleasedError,
    StatsConfigError,
    TableReader,
    connected,
    load_config,
)
from fedcarbon.cli.stats_words import STATES, budget_text, explained, year_budgets
from fedcarbon.disclosure.release import Release
from fedcarbon.disclosure.report_view import View
from fedcarbon.disclosure.report_words import Language, Phrase, say
from fedcarbon.parameters.roots import parse_roots
from fedcarbon.units import millionths_text

app = App(
    name="stats",
    help="""Read the statistics that a hub releases: by calendar, with noise, in the record.

Every table is checked before it is shown: root keys signed what may be counted, the hub signed
what came out, and both stand in the record under a witnessed head.

  fedcarbon stats list --config regulator.toml

  fedcarbon stats get modes-by-district --config regulator.toml --format all --out archive

  fedcarbon stats report archive --roots roots.toml --out pages
""",
)
SERIES_MAX: Final = 60
"""Periods that one report shows."""
Tongue = Annotated[Literal["zh", "en"], Parameter(name="--language")]


@app.command(name="list")
def list_tables(*, config: Path, programme: str | None = None) -> None:
    """List the tables with their periods: days, states, what happens next; and the budgets.

    Args:
        config: the regulator's regulator.toml.
        programme: only this one's.
    """
    with connected(load_config(config)) as reader:
        tables = reader.tables(programme)
    console = Console()
    periods = Table("table", "period", "days", "state", "partners", "next")
    for table in tables:
        for item in table.periods:
            first, last = table.days(item.period)
            name = f"{table.shell.programme_id}/{table.shell.shell_id}"
            periods.add_row(
                Text(name),
                f"{item.period} of {table.shell.periods}",
                f"{first} to {last}",
                STATES.get(item.state, "unknown"),
                str(item.contributions),
                Text(item.detail),
            )
    console.print(periods)
    budgets = Table("programme", "year", "spent", "planned", "at most")
    for name, year, *sums in year_budgets(tables):
        spent, planned, limit = map(millionths_text, sums)
        budgets.add_row(name, str(year), spent, planned, limit)
    console.print("Budgets in rho (zCDP); spent is from the start of a release on")
    console.print(budgets)


@app.command
def get(
    name: str,
    /,
    *,
    config: Path,
    period: int | None = None,
    series: int = 1,
    programme: str | None = None,
    form: Annotated[Format | None, Parameter(name="--format")] = None,
    out: Path = Path(),
    language: Tongue = "en",
) -> None:
    """Fetch a released table of NAME, check it, and print it or write it to files.

    Args:
        name: of the table, as `list` shows it, without its programme.
        config: the regulator's regulator.toml.
        period: which one; the newest that is released by default.
        series: how many released periods, this one included, are fetched for time series.
        programme: only needed if two programmes have a table of this name.
        form: what is written: csv, json (with everything that signatures need), html, or all;
            without it the table is printed.
        out: the folder to write to.
        language: of what is printed, and which one the page shows first.
    """
    if not 1 <= series <= SERIES_MAX:
        raise StatsConfigError(f"--series is 1 to {SERIES_MAX} periods")
    with connected(load_config(config)) as reader:
        table = reader.table(name, programme)
        releases = [reader.release(table, item) for item in _wanted(table, period, series)]
    if form is None:
        for release in releases:
            print_release(Console(), release, Language(language))
        return
    for path in write_releases(out, releases, form, Language(language)):
        Console(stderr=True).print(Text(f"wrote {path}"), soft_wrap=True)


@app.command
def explain(
    name: str,
    /,
    *,
    config: Path,
    programme: str | None = None,
    language: Tongue = "en",
) -> None:
    """Say in words what table NAME counts, what protects people in it, and who acts if it waits.

    Args:
        name: of the table, as `list` shows it, without its programme.
        config: the regulator's regulator.toml.
        programme: only needed if two programmes have a table of this name.
        language: of its labels and of the statement of what it tells about a person.
    """
    with connected(load_config(config)) as reader:
        table = reader.table(name, programme)
        print_explained(Console(highlight=False), table, reader, Language(language))


@app.command
def report(
    *files: Path,
    roots: Path,
    out: Path = Path(),
    form: Annotated[Format, Parameter(name="--format")] = "html",
    language: Tongue = "en",
) -> None:
    """Check stored release FILES (or folders of them) offline, and write their report again.

    All are periods of one table; the report is of the last. Whether they stand in the record is
    for `get` and `fedcarbon audit verify` to say.

    Args:
        files: release files that `get --format json` has written, or folders of them.
        roots: roots.toml, which you have by a way that you trust.
        out: the folder to write to.
        form: csv, json, html or all.
        language: which one the page shows first.
    """
    try:
        trusted = parse_roots(roots.read_bytes())
    except OSError as error:
        raise StatsConfigError(f"cannot read {roots.name}: {error.strerror}") from error
    releases = stored_releases(files, trusted)
    for path in write_releases(out, releases, form, Language(language)):
        Console(stderr=True).print(Text(f"wrote {path}"), soft_wrap=True)


def print_release(console: Console, release: Release, language: Language) -> None:
    """Print the rows of a table, their margins of error and what was spent."""
    view, table = View(release, language), release.table
    columns = [
        [view.value("", row, at) for row in table.rows] for at in range(len(table.quantities))
    ]
    scales = [view.scale(at, column) for at, column in enumerate(columns)]
    shown = Table(title=Text(language.of(release.shell.label)))
    for axis in release.shell.dimensions:
        shown.add_column(Text(language.of(axis.label)))
    for quantity, scale in zip(release.shell.quantities, scales, strict=True):
        unit = language.of(scale.unit)
        shown.add_column(Text(f"{language.of(quantity.label)} ({unit})"), justify="right")
    for place, row in enumerate(table.rows):
        values = [column[place] for column in columns]
        cells = [
            say(language, Phrase.HIDDEN)
            if value.estimate is None
            else f"{scale.number(value.estimate)} ± {scale.margin(value.margin)}"
            for value, scale in zip(values, scales, strict=True)
        ]
        shown.add_row(*(Text(text) for text in (*view.labels_of(row), *cells)))
    console.print(shown)
    console.print(
        Text(
            f"period {table.period}, {table.first_day} to {table.last_day}, {table.partners} "
            f"partners, noise of {table.trustees} trustees; ± is the margin of error (95%)\n"
            f"spends {budget_text(table.budget.rho_millionths)}\n"
            f"shell in leaf {release.parts.shell.index}, release in leaf "
            f"{release.parts.release.index}, SHA-256 {release.statement.table_sha256.hex()}"
        ),
        soft_wrap=True,
    )


def print_explained(
    console: Console, table: ListedTable, reader: TableReader, language: Language
) -> None:
    """Print a table in words, and where its periods stand."""
    for line in explained(table, reader.threshold, language):
        console.print(Text(line, style="" if line.startswith(" ") else "bold"), soft_wrap=True)
    for item in table.periods:
        state = STATES.get(item.state, "unknown")
        console.print(Text(f"  period {item.period} is {state}: {item.detail}"), soft_wrap=True)


def _wanted(table: ListedTable, period: int | None, series: int) -> list[int]:
    """Return the released periods to fetch, the one asked for last."""
    released = table.released()
    if not released or (period is not None and period not in released):
        found = ", ".join(map(str, released)) or "none"
        raise NothingReleasedError(
            f"of {table.shell.shell_id!r} these periods are released: {found}"
        )
    last = released[-1] if period is None else period
    return [item for item in released if item <= last][-series:]
