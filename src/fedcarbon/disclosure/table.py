"""The released table: what regulators read, made from the noisy vector and nothing else.

`released_table` is a pure function of what lies in the record, so anyone who has the shares of a
release makes the same bytes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.disclosure.accounting import BudgetEntry
from fedcarbon.disclosure.consistency import adjusted_rows
from fedcarbon.disclosure.hierarchy import Hierarchy
from fedcarbon.disclosure.leakage import Paragraph, leakage_statement
from fedcarbon.disclosure.margins import margin_95
from fedcarbon.disclosure.shell import PEOPLE, Quantity, TableShell
from fedcarbon.disclosure.statements import ReleaseStart
from fedcarbon.disclosure.suppression import shown_rows
from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.ids import EpochIndex, ProgrammeId, checked_name
from fedcarbon.registry.programme import Programme
from fedcarbon.units import Amount


class TableDiffersError(PeerError):
    """A released table is not one of the shell that it came with."""

    code: ClassVar[str] = "TABLE_DIFFERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedQuantity:
    """What was counted, and how much noise lies on it."""

    name: str
    unit: str
    sigma: Amount
    """Scale of the noise that each trustee has added to each cell."""
    shift_max: Amount
    """What one trustee could have shifted a cell by at most, had it cheated."""

    def __post_init__(self) -> None:
        """Check the name and ranges."""
        checked_name(self.name)
        if not 0 < self.sigma <= self.shift_max:
            raise MalformedError("noise has a scale, and a trustee can add at least so much")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowValue:
    """One quantity in one row."""

    noisy: Amount
    """Sum of the noisy cells: unbiased, so it may be negative."""
    adjusted: Amount
    """Never negative, and all rows add up; use it for tables, and `noisy` for further sums."""
    margin_95: Amount
    """The noisy sum lies within so much of the truth, in 95 of 100 releases."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if min(self.adjusted, self.margin_95) < 0:
            raise MalformedError("what is adjusted is not negative, nor is a margin")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One cell or margin."""

    codes: tuple[str, ...]
    """Of each dimension a category, a group, or `""` for all of it."""
    cells: int
    """How many cells it adds up; 1 for a cell."""
    shown: bool
    values: tuple[RowValue, ...]
    """In the order of the quantities; none if the row is hidden."""

    def __post_init__(self) -> None:
        """Check that there is something to show exactly if it is shown."""
        if self.cells < 1 or self.shown != bool(self.values):
            raise MalformedError("a row has cells, and values exactly if it is shown")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedTable(Statement):
    """One period of a shell, as it is released."""

    KIND: ClassVar[str] = "released_table"

    parameter_id: bytes
    programme_id: ProgrammeId
    shell_leaf: int
    """Index of the shell's leaf."""
    shell_id: str
    period: int
    first_day: str
    """ISO 8601 date of the first local day that is counted."""
    last_day: str
    partners: int
    """How many partners contributed."""
    trustees: int
    """How many trustees added noise."""
    budget: BudgetEntry
    quantities: tuple[ReleasedQuantity, ...]
    rows: tuple[TableRow, ...]
    """In the order of `fedcarbon.disclosure.hierarchy`."""
    leakage: tuple[Paragraph, ...]
    """What the table tells about people (`fedcarbon.disclosure.leakage`)."""

    def __post_init__(self) -> None:
        """Check everything that needs no shell; see also `require_table_of`."""
        checked_name(self.programme_id)
        checked_name(self.shell_id)
        if len(self.parameter_id) != DIGEST_BYTES:
            raise MalformedError("a parameter id has 32 bytes")
        if self.shell_leaf < 0 or min(self.period, self.partners, self.trustees) < 1:
            raise MalformedError("a table has a shell, a period, partners and trustees")
        if _day(self.first_day) > _day(self.last_day):
            raise MalformedError("a period does not end before it begins")
        if _day(self.last_day).year != self.budget.year:
            raise MalformedError("a release spends from the year of its last day")
        if not self.quantities or self.quantities[0].name != PEOPLE or not self.rows:
            raise MalformedError("a table has rows, and counts people first")
        for row in self.rows:
            if len(row.codes) != len(self.rows[0].codes):
                raise MalformedError("rows have one code per dimension")
            expected = [margin_95(item.sigma, row.cells, self.trustees) for item in self.quantities]
            if row.shown and [item.margin_95 for item in row.values] != expected:
                raise MalformedError(f"row {row.codes} has other values or margins than its noise")


def period_days(shell: TableShell, programme: Programme, period: int) -> tuple[str, str]:
    """Return the first and the last local day of a period, by ISO 8601.

    Raises:
        MalformedError: the shell has no such period, or the programme no such epoch.
    """
    epochs = shell.epochs_of(period)
    first_day = programme.days_of(EpochIndex(epochs[0]))[0]
    last_day = programme.days_of(EpochIndex(epochs[-1]))[-1]
    return first_day.isoformat(), last_day.isoformat()


def noisy_vector(shell: TableShell, start: ReleaseStart, digits: Sequence[int]) -> list[int]:
    """Return the noisy values of an opened release: what was opened, without the offsets.

    Args:
        shell: of the release.
        start: says how many trustees added noise.
        digits: what the opened slots hold (`fedcarbon.disclosure.block_file.vector_of`).
    """
    parts = len(start.noise)
    return [digit - parts * offset for digit, offset in zip(digits, shell.offsets(), strict=True)]


def released_table(
    shell_leaf: int,
    shell: TableShell,
    programme: Programme,
    start: ReleaseStart,
    noisy: Sequence[int],
) -> ReleasedTable:
    """Return the table of a release; the same input gives the same bytes.

    Args:
        shell_leaf: index of the shell's leaf.
        shell: what is released.
        programme: names the days.
        start: says who contributed and what was spent.
        noisy: see `noisy_vector`.

    Raises:
        MalformedError: the parts do not belong together.
    """
    if (shell.programme_id, shell_leaf) != (programme.programme_id, start.shell_leaf):
        raise MalformedError("shell, programme and start are not of one release")
    first_day, last_day = period_days(shell, programme, start.period)
    budget = BudgetEntry(
        year=start.year,
        rho_millionths=start.rho_millionths,
        spent_millionths=start.spent_millionths,
        limit_millionths=shell.rho_year_millionths,
    )
    return ReleasedTable(
        parameter_id=shell.parameter_id,
        programme_id=shell.programme_id,
        shell_leaf=shell_leaf,
        shell_id=shell.shell_id,
        period=start.period,
        first_day=first_day,
        last_day=last_day,
        partners=len(start.contributors),
        trustees=len(start.noise),
        budget=budget,
        quantities=tuple(_released(shell, item) for item in shell.quantities),
        rows=_rows(shell, len(start.noise), noisy),
        leakage=leakage_statement(
            shell, budget, partners=len(start.contributors), trustees=len(start.noise)
        ),
    )


def require_table_of(shell_leaf: int, shell: TableShell, table: ReleasedTable) -> None:
    """Check that a table is one of a shell, as far as a reader can tell without the record.

    Args:
        shell_leaf: index of the shell's leaf.
        shell: that came with the table.
        table: as decoded.

    Raises:
        TableDiffersError: it is of another shell, shows other rows, quantities or noise, shows
            what should be hidden, or does not add up.
    """
    expected = (shell.parameter_id, shell.programme_id, shell_leaf, shell.shell_id)
    if (table.parameter_id, table.programme_id, table.shell_leaf, table.shell_id) != expected:
        raise TableDiffersError("the table is of another shell")
    if table.period > shell.periods or table.partners > shell.partners_max:
        raise TableDiffersError("the table is of a period or of partners that the shell excludes")
    if (table.budget.rho_millionths, table.budget.limit_millionths) != (
        shell.rho_millionths,
        shell.rho_year_millionths,
    ):
        raise TableDiffersError("the table spends another budget than its shell")
    days = (_day(table.last_day) - _day(table.first_day)).days + 1
    if days % shell.period_epochs:
        raise TableDiffersError(f"{days} days are no {shell.period_epochs} epochs")
    if table.quantities != tuple(_released(shell, item) for item in shell.quantities):
        raise TableDiffersError("the table counts other quantities, or with other noise")
    hierarchy = Hierarchy(shell)
    layout = [(row.codes, row.cells) for row in table.rows]
    if layout != [
        (codes, len(cells)) for codes, cells in zip(hierarchy.codes, hierarchy.cells, strict=True)
    ]:
        raise TableDiffersError("the table has other rows than its shell")
    _require_sums(shell, hierarchy, table)
    if table.leakage != leakage_statement(
        shell, table.budget, partners=table.partners, trustees=table.trustees
    ):
        raise TableDiffersError("the table says something else about what it tells of people")


def _rows(shell: TableShell, trustees: int, noisy: Sequence[int]) -> tuple[TableRow, ...]:
    if len(noisy) != shell.values:
        raise MalformedError(f"the vector has {len(noisy)} values, the table {shell.values}")
    hierarchy, width = Hierarchy(shell), len(shell.quantities)
    sums = [hierarchy.sums(noisy[at::width]) for at in range(width)]
    adjusted = [adjusted_rows(hierarchy, of_rows) for of_rows in sums]
    shown = shown_rows(hierarchy, sums[0], shell.people_min)
    scales = [shell.sigma(quantity) for quantity in shell.quantities]
    return tuple(
        TableRow(
            codes=hierarchy.codes[row],
            cells=len(hierarchy.cells[row]),
            shown=shown[row],
            values=tuple(
                RowValue(
                    noisy=Amount(sums[at][row]),
                    adjusted=Amount(adjusted[at][row]),
                    margin_95=margin_95(scales[at], len(hierarchy.cells[row]), trustees),
                )
                for at in range(width)
                if shown[row]
            ),
        )
        for row in range(hierarchy.size)
    )


def _require_sums(shell: TableShell, hierarchy: Hierarchy, table: ReleasedTable) -> None:
    for row in table.rows:
        if row.shown and row.values[0].noisy < shell.people_min:
            raise TableDiffersError(f"row {row.codes} has too few people to be shown")
    for equation in hierarchy.equations:
        rows = [table.rows[at] for at in (equation.total, *equation.parts)]
        hidden = sum(not row.shown for row in rows)
        if hidden == 1:
            raise TableDiffersError(f"what is hidden can be computed from row {rows[0].codes}")
        for at in range(len(table.quantities) if hidden == 0 else 0):
            noisy, *noisy_parts = [row.values[at].noisy for row in rows]
            adjusted, *adjusted_parts = [row.values[at].adjusted for row in rows]
            if (noisy, adjusted) != (sum(noisy_parts), sum(adjusted_parts)):
                raise TableDiffersError(f"row {rows[0].codes} is not the sum of its parts")


def _released(shell: TableShell, quantity: Quantity) -> ReleasedQuantity:
    return ReleasedQuantity(
        name=quantity.name,
        unit=quantity.unit,
        sigma=Amount(shell.sigma(quantity)),
        shift_max=Amount(shell.offset(quantity)),
    )


def _day(text: str) -> dt.date:
    """Return a date in its only form."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as error:
        raise MalformedError(f"{text[:20]!r} is no date") from error
    if day.isoformat() != text:
        raise MalformedError(f"{text!r} is not written YYYY-MM-DD")
    return day
