"""What the record says about statistics, in figures: shells, periods, and budget per year."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from fedcarbon.audit.view import AuditView
from fedcarbon.disclosure.statements import ReleaseStart
from fedcarbon.ids import ProgrammeId
from fedcarbon.opening.tables import PeriodRef


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodFigure:
    """One period of a table for which something was logged."""

    period: int
    contributions: int
    start_leaf: int | None
    """From which its budget is spent; None if it is not."""
    release_leaf: int | None
    table_sha256: str
    """Name of the released table's file; empty if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFigure:
    """One shell of the record."""

    programme_id: str
    shell_id: str
    shell_leaf: int
    first_epoch: int
    last_epoch: int
    rho_millionths: int
    """Of one release."""
    periods: tuple[PeriodFigure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFigure:
    """What a programme has spent in a year."""

    programme_id: str
    year: int
    releases: int
    """Starts: a budget is spent whether or not a table appeared."""
    spent_millionths: int
    limit_millionths: int
    """The least that any shell says which spends in that year."""


def table_figures(view: AuditView) -> tuple[TableFigure, ...]:
    """Return the shells of the record in its order."""
    return tuple(
        TableFigure(
            programme_id=shell.statement.programme_id,
            shell_id=shell.statement.shell_id,
            shell_leaf=leaf,
            first_epoch=shell.statement.first_epoch,
            last_epoch=shell.statement.last_epoch,
            rho_millionths=shell.statement.rho_millionths,
            periods=tuple(_periods(view, leaf, range(1, shell.statement.periods + 1))),
        )
        for leaf, shell in view.tables.shells.items()
    )


def budget_figures(view: AuditView) -> tuple[BudgetFigure, ...]:
    """Return what was spent, by programme and year."""
    starts: dict[tuple[ProgrammeId, int], list[ReleaseStart]] = defaultdict(list)
    for logged in view.tables.starts.values():
        start = logged.statement
        starts[start.programme_id, start.year].append(start)
    return tuple(
        BudgetFigure(
            programme_id=programme_id,
            year=year,
            releases=len(of_year),
            spent_millionths=sum(start.rho_millionths for start in of_year),
            limit_millionths=min(
                view.tables.shells[start.shell_leaf].statement.rho_year_millionths
                for start in of_year
            ),
        )
        for (programme_id, year), of_year in sorted(starts.items())
    )


def _periods(view: AuditView, shell_leaf: int, periods: Iterable[int]) -> Iterable[PeriodFigure]:
    for period in periods:
        ref = PeriodRef(shell_leaf, period)
        contributions = view.tables.contributions.get(ref, {})
        start, release = view.tables.starts.get(ref), view.tables.releases.get(ref)
        if contributions or start is not None:
            yield PeriodFigure(
                period=period,
                contributions=len(contributions),
                start_leaf=None if start is None else start.index,
                release_leaf=None if release is None else release.index,
                table_sha256="" if release is None else release.statement.table_sha256.hex(),
            )
