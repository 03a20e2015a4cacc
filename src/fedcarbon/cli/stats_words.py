"""A table of statistics in words: what is counted, what protects people, who acts if it waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from fedcarbon.cli.stats_reader import SPENDING, ListedTable
from fedcarbon.disclosure.accounting import DELTA_EXPONENT, BudgetEntry, epsilon_thousandths
from fedcarbon.disclosure.leakage import leakage_statement
from fedcarbon.disclosure.margins import margin_95
from fedcarbon.disclosure.report_numbers import scale_of
from fedcarbon.disclosure.report_words import Language
from fedcarbon.disclosure.shell import Dimension, Quantity
from fedcarbon.opening.table_refusals import (
    BudgetExceededError,
    TooFewPartnersError,
    TooManyPartnersError,
)
from fedcarbon.units import millionths_text
from fedcarbon.v1 import statistics_pb2

STATES: Final[Mapping[int, str]] = {
    statistics_pb2.PERIOD_STATE_NOT_OVER: "not over",
    statistics_pb2.PERIOD_STATE_CONTRIBUTING: "contributing",
    statistics_pb2.PERIOD_STATE_STARTED: "started",
    statistics_pb2.PERIOD_STATE_RELEASED: "released",
    statistics_pb2.PERIOD_STATE_WITHHELD: "withheld",
}
WHO_ACTS: Final[tuple[tuple[str, str], ...]] = (
    ("not over", "nobody: its epochs go on, and are sealed some days after the last one"),
    ("contributing", "partners: their nodes hand in encrypted cells; then the trustees add noise"),
    ("started", "trustees: as many as the key asks for give shares; the budget is spent already"),
    (
        f"withheld, {TooFewPartnersError.code}",
        "partners with enough accounts must join before a later period; this one is not released",
    ),
    (
        f"withheld, {TooManyPartnersError.code}",
        "root keys must sign a new shell for more partners; this period is not released",
    ),
    (
        f"withheld, {BudgetExceededError.code}",
        "nobody: the year's budget is spent and cannot be raised; the next year has its own",
    ),
)
"""State, and reason if withheld; who must do what."""
DELTA: Final = f"10^-{DELTA_EXPONENT}"


def year_budgets(tables: list[ListedTable]) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield programme, year, rho spent, rho planned and rho allowed, in millionths.

    Planned are all periods of the calendars, spent those that were started, as the hub says.
    """
    planned: dict[tuple[str, int], list[tuple[int, int, bool]]] = {}
    for table in tables:
        for item in table.periods:
            year = int(table.days(item.period)[1][:4])
            shell = table.shell
            entry = (shell.rho_millionths, shell.rho_year_millionths, item.state in SPENDING)
            planned.setdefault((shell.programme_id, year), []).append(entry)
    for (programme, year), entries in sorted(planned.items()):
        spent = sum(rho for rho, _, is_spent in entries if is_spent)
        yield programme, year, spent, sum(rho for rho, *_ in entries), min(e[1] for e in entries)


def budget_text(rho_millionths: int) -> str:
    """Return a budget with the epsilon that it means."""
    epsilon = epsilon_thousandths(rho_millionths)
    means = "no promise" if epsilon is None else f"epsilon {millionths_text(epsilon * 1_000)}"
    return f"rho {millionths_text(rho_millionths)} ({means} at delta {DELTA})"


def explained(table: ListedTable, threshold: int, language: Language) -> Iterator[str]:
    """Yield lines about a table; a line that begins with two spaces belongs to the one above.

    Args:
        table: the table.
        threshold: how many trustees add noise at least.
        language: of labels and of the statement of what leaks.
    """
    shell, programme = table.shell, table.programme
    name = f"{shell.programme_id}/{shell.shell_id}"
    yield f"{name}: {language.of(shell.label)}"
    yield f"  signed by root keys in leaf {table.leaf}; it never changes, and nothing else is asked"
    yield "What is counted"
    for axis in shell.dimensions:
        yield f"  {_dimension(axis, language)}"
    for quantity in shell.quantities:
        yield f"  {_quantity(table, quantity, language)}"
    first, last = table.days(1)[0], table.days(shell.periods)[1]
    days = shell.period_epochs * programme.epoch_days
    yield "When"
    yield f"  {shell.periods} periods of {days} days from {first} to {last}, each released once"
    yield "How much one person can move it"
    yield (
        f"  at most {shell.cells_max} cells per period at each of at most {shell.partners_max} "
        "partners, each up to the limits above; what goes beyond is not counted"
    )
    yield f"What a number is off by (95 of 100 releases, noise of {threshold} trustees)"
    for quantity in shell.quantities:
        yield f"  {_margins(table, quantity, threshold, language)}"
    yield "What it spends"
    yield f"  a release: {budget_text(shell.rho_millionths)}"
    yield f"  all releases of a year, at most: {budget_text(shell.rho_year_millionths)}"
    yield "What is not shown"
    yield f"  rows of fewer than {shell.people_min} people by the noisy count, and what tells them"
    yield (
        f"  a period with fewer than {shell.partners_min} partners of {shell.members_min} accounts"
        " or more is withheld"
    )
    yield "What it tells about a person"
    for paragraph in leakage_statement(
        shell, _first_budget(table), partners=shell.partners_min, trustees=threshold
    ):
        yield f"  {language.of(paragraph)}"
    yield "Who must act"
    for state, who in WHO_ACTS:
        yield f"  {state}: {who}"


def _first_budget(table: ListedTable) -> BudgetEntry:
    """Return the budget of the first release, before anything was spent."""
    return BudgetEntry(
        year=int(table.days(1)[1][:4]),
        rho_millionths=table.shell.rho_millionths,
        spent_millionths=0,
        limit_millionths=table.shell.rho_year_millionths,
    )


def _dimension(axis: Dimension, language: Language) -> str:
    names = ", ".join(language.of(item.label) for item in axis.categories)
    groups = f" in {len(axis.groups)} groups" if axis.groups else ""
    return (
        f"by {language.of(axis.label)}: {len(axis.categories)} categories{groups} "
        f"({axis.code_list}): {names}"
    )


def _quantity(table: ListedTable, quantity: Quantity, language: Language) -> str:
    most = quantity.per_cell_max
    scale = scale_of(quantity.unit, table.programme.measure, [most])
    return (
        f"{language.of(quantity.label)}: at most {scale.number(most)} {language.of(scale.unit)} "
        f"per person and cell, rho {millionths_text(quantity.rho_millionths)}"
    )


def _margins(table: ListedTable, quantity: Quantity, threshold: int, language: Language) -> str:
    sigma, cells = table.shell.sigma(quantity), table.shell.cell_count
    one, total = (margin_95(sigma, count, threshold) for count in (1, cells))
    scale = scale_of(quantity.unit, table.programme.measure, [one], [one])
    return (
        f"{language.of(quantity.label)}: ±{scale.margin(one)} {language.of(scale.unit)} a cell, "
        f"±{scale.margin(total)} the total of {cells} cells"
    )
