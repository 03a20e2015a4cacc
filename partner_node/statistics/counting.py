"""What a period of a table holds at this partner: survivors of claims, by person and cell.

An activity counts if its claims survived verdicts and the half-lost rule: its person, the activity
and its distance (`distance_m`, 0 if it has none), and what was credited for it. The cap of a
person's day is used up in the order of slots, so that all cells together hold exactly what was
submitted. An epoch that was sealed without this partner counts nothing.

A million people fit: they are read in ranges, each with all its epochs, and forgotten again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fedcarbon.disclosure.shell import TableShell
from fedcarbon.ids import EpochIndex
from fedcarbon.opening.logged import Logged
from fedcarbon.units import MicrogramsCO2e
from partner_node.statistics.bounding import CellDraw, Figures, TableSum
from partner_node.statistics.categories import Categories, CellFinder
from partner_node.storage.database import Database
from partner_node.storage.statistics import StatisticsStore

PERSONS_PER_PAGE: Final = 1 << 15
"""How many people are looked at together: some tens of MB."""

_NOTHING: Final = Figures(0, 0, 0)


class TableCounting:
    """Counts the periods of tables."""

    def __init__(
        self,
        database: Database,
        categories: Categories,
        cap_ug: MicrogramsCO2e,
        *,
        page: int = PERSONS_PER_PAGE,
    ) -> None:
        """Count what `database` holds.

        Args:
            database: the node's store.
            categories: how cells are found.
            cap_ug: the programme's cap per person and day.
            page: how many people are looked at together.
        """
        self._store = StatisticsStore(database)
        self._categories = categories
        self._cap_ug = cap_ug
        self._page = page

    def table(self, shell: Logged[TableShell], period: int, secret: bytes) -> TableSum:
        """Return the vector of a period whose epochs are all over, bounded and whole.

        Args:
            shell: which table.
            period: from 1.
            secret: by which cells are drawn.

        Raises:
            UnitUnknownError: see there.
            MalformedError: the calendar has no such period.
        """
        finder = CellFinder(shell.statement, self._categories)
        table = TableSum(shell.statement, CellDraw.of(shell, period, secret))
        epochs = self._store.counting_epochs(shell.statement.epochs_of(period))
        for first in range(0, self._store.last_person() + 1, self._page):
            persons = (first, first + self._page - 1)
            for person_id, cells in self._cells(finder, epochs, persons):
                table.add(person_id, cells)
        return table

    def _cells(
        self, finder: CellFinder, epochs: list[EpochIndex], persons: tuple[int, int]
    ) -> Iterator[tuple[int, dict[int, Figures]]]:
        """Yield the persons of a range that have something, with their cells."""
        found: dict[int, dict[int, Figures]] = {}
        for epoch in epochs:
            rows = self._store.counted(epoch, finder.words, self._cap_ug, persons)
            for person_id, *words, activities, distance_m, amount_ug in rows:
                cells = found.setdefault(person_id, {})
                cell = finder.cell(tuple(words))
                figures = Figures(activities, distance_m, amount_ug)
                cells[cell] = cells.get(cell, _NOTHING).plus(figures)
        yield from found.items()
