"""Released tables beside the truth that only the demo knows: how far off they are, and why.

The exact cells are worked out from the input files by the cross-check's own code; only which cell
an activity lies in is asked of the partners' rules. A person who does more than the shell's bounds
allow may be counted less; how much less at most is known, so that a table that is off by more than
that and its noise is found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any, Final, NamedTuple

from demo.counted import read_rows
from demo.crosscheck import Recomputed
from demo.scenario import PartnerEntry, Scenario
from fedcarbon.disclosure.hierarchy import Hierarchy
from fedcarbon.disclosure.shell import Quantity, TableShell
from fedcarbon.disclosure.table import ReleasedTable
from partner_node.statistics.categories import CellFinder, Source, Word, load_categories

MARGINS_MAX: Final = 4
"""Noise leaves four of its 95 % margins, 7.8 scales, once in 10^14 values."""


class Truth(NamedTuple):
    """One quantity in one cell."""

    exact: int
    slack: int
    """What bounding may leave out of it at most."""


class Compared(NamedTuple):
    """One value of a shown row, beside its truth."""

    codes: tuple[str, ...]
    quantity: Quantity
    noisy: int
    margin_95: int
    truth: Truth

    @property
    def error(self) -> float | None:
        """The error as a share of the truth; None if there is nothing."""
        return abs(self.noisy - self.truth.exact) / self.truth.exact if self.truth.exact else None


def exact_cells(
    scenario: Scenario, shell: TableShell, table: ReleasedTable, expected: Recomputed
) -> list[tuple[Truth, ...]]:
    """Return the truth of every cell, one per quantity.

    Args:
        scenario: names the input files.
        shell: what is counted.
        table: a release of it; says which days.
        expected: the recomputation from the files.
    """
    days = (table.first_day, table.last_day)
    sums = [[[0, 0] for _ in shell.quantities] for _ in shell.cells]
    for partner in scenario.partners:
        if partner.programme != shell.programme_id:
            continue
        of_person: dict[str, dict[int, list[int]]] = defaultdict(dict)
        for person, cell, values in _activities(partner, shell, days, expected):
            own = of_person[person].setdefault(cell, [0] * len(shell.quantities))
            for position, value in enumerate(values):
                own[position] += value
        for cells in of_person.values():
            crowded = len(cells) > shell.cells_max
            for cell, own in cells.items():
                for position, (quantity, value) in enumerate(
                    zip(shell.quantities, own, strict=True)
                ):
                    counted = 1 if quantity.unit == "people" else value
                    left_out = counted if crowded else max(0, counted - quantity.per_cell_max)
                    sums[cell][position][0] += counted
                    sums[cell][position][1] += left_out
    return [tuple(Truth(*pair) for pair in of_cell) for of_cell in sums]


def _activities(
    partner: PartnerEntry, shell: TableShell, days: tuple[str, str], expected: Recomputed
) -> Iterator[tuple[str, int, list[int]]]:
    """Yield person, cell and values of every activity that keeps something."""
    finder = CellFinder(shell, load_categories(partner.categories))
    kept: dict[str, tuple[str, int]] = {}
    for (person, day, activity), mass in expected.kept[partner.seat].items():
        if days[0] <= day.isoformat() <= days[1]:
            kept[activity] = (person, kept.get(activity, (person, 0))[1] + mass)
    for row in read_rows(partner.activities):
        found = kept.pop(str(row["activity_id"]), None)
        if found is None or not found[1]:
            continue
        person, mass = found
        words = tuple(_word(word, row, partner) for word in finder.words)
        counts = {
            "people": 1,
            "activities": 1,
            "m": int(row.get("distance_m") or 0),
            "ug": mass,
        }
        yield person, finder.cell(words), [counts[item.unit] for item in shell.quantities]


def _word(word: Word, row: Mapping[str, Any], partner: PartnerEntry) -> str:
    """Return what a file's row says about a dimension."""
    if word.source is Source.PLACE:
        return str(row.get("place") or "").strip()
    if word.source is Source.VALUE:
        return str(row.get(word.field) or "").strip()
    if word.source is Source.METHODOLOGY:
        return str(row.get("methodology") or partner.methodologies[0])
    return ""


def compare(
    shell: TableShell, table: ReleasedTable, cells: Sequence[tuple[Truth, ...]]
) -> list[Compared]:
    """Return every shown value beside its truth."""
    hierarchy = Hierarchy(shell)
    return [
        Compared(
            codes=row.codes,
            quantity=quantity,
            noisy=value.noisy,
            margin_95=value.margin_95,
            truth=Truth(
                exact=sum(cells[at][position].exact for at in below),
                slack=sum(cells[at][position].slack for at in below),
            ),
        )
        for row, below in zip(table.rows, hierarchy.cells, strict=True)
        if row.shown
        for position, (quantity, value) in enumerate(zip(shell.quantities, row.values, strict=True))
    ]


def findings_of(compared: Sequence[Compared]) -> list[str]:
    """Return every value that is further off than noise and bounds can make it."""
    return [
        f"the table is off by {item.noisy - item.truth.exact} {item.quantity.unit} in "
        f"{item.codes}: noise and bounds do not make that"
        for item in compared
        if not -MARGINS_MAX * item.margin_95 - item.truth.slack
        <= item.noisy - item.truth.exact
        <= MARGINS_MAX * item.margin_95
    ]


def errors_of(compared: Sequence[Compared]) -> dict[str, dict[str, float]]:
    """Return, per quantity, the median error of shown values and how many lie in their margin."""
    found = {}
    for name in dict.fromkeys(item.quantity.name for item in compared):
        own = [item for item in compared if item.quantity.name == name]
        errors = [item.error for item in own if item.error is not None]
        inside = sum(abs(item.noisy - item.truth.exact) <= item.margin_95 for item in own)
        found[name] = {
            "shown": len(own),
            "median_error": round(median(errors), 4) if errors else 0.0,
            "within_margin": round(inside / len(own), 4),
        }
    return found
