"""A released table as a report reads it: rows by their codes, with labels in one language."""

from __future__ import annotations

from typing import Final, NamedTuple

from fedcarbon.disclosure.hierarchy import ALL
from fedcarbon.disclosure.release import Release
from fedcarbon.disclosure.report_charts import Value
from fedcarbon.disclosure.report_numbers import Scale, scale_of
from fedcarbon.disclosure.report_words import Language, Phrase, say
from fedcarbon.disclosure.shell import Dimension
from fedcarbon.disclosure.table import TableRow


class Line(NamedTuple):
    """A row in which all dimensions but one are totals."""

    code: str
    label: str
    is_group: bool
    row: TableRow


class View:
    """One release in one language."""

    __slots__ = ("_labels", "_rows", "language", "release", "shell", "table")

    def __init__(self, release: Release, language: Language) -> None:
        """Take a release and the language of its labels."""
        self.release: Final = release
        self.language: Final = language
        self.shell: Final = release.shell
        self.table: Final = release.table
        self._rows: Final = {row.codes: row for row in release.table.rows}
        total = say(language, Phrase.TOTAL)
        self._labels: Final = [
            {
                ALL: total,
                **{code: language.of(label) for code, label in axis.labels.items()},
            }
            for axis in release.shell.dimensions
        ]

    @property
    def total(self) -> TableRow:
        """The row of all cells."""
        return self._rows[(ALL,) * len(self.shell.dimensions)]

    def labels_of(self, row: TableRow) -> list[str]:
        """Return what a row is called, one word per dimension."""
        return [labels[code] for labels, code in zip(self._labels, row.codes, strict=True)]

    def along(self, dimension: Dimension) -> list[Line]:
        """Return the groups and categories of a dimension, over all of the others."""
        place = self.shell.dimensions.index(dimension)
        groups = {item.code for item in dimension.groups}
        return [
            Line(
                row.codes[place],
                self._labels[place][row.codes[place]],
                row.codes[place] in groups,
                row,
            )
            for row in self.table.rows
            if row.codes[place] != ALL and all(c == ALL for c in _without(row.codes, place))
        ]

    def value(self, label: str, row: TableRow, quantity: int) -> Value:
        """Return what a chart shows of a row."""
        if not row.shown:
            return Value(label, None, 0)
        found = row.values[quantity]
        return Value(label, found.adjusted, found.margin_95)

    def scale(self, quantity: int, values: list[Value]) -> Scale:
        """Return how values of a quantity are written together."""
        return scale_of(
            self.shell.quantities[quantity].unit,
            self.release.programme.measure,
            [value.estimate for value in values if value.estimate is not None],
            [value.margin for value in values],
        )

    def unit(self, scale: Scale) -> str:
        """Return the unit of a scale."""
        return self.language.of(scale.unit)


def _without(codes: tuple[str, ...], place: int) -> tuple[str, ...]:
    return codes[:place] + codes[place + 1 :]
