"""The figures of a report: for every quantity a chart and the table of its numbers beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final, NamedTuple

from fedcarbon.disclosure import report_charts as charts
from fedcarbon.disclosure.report_charts import Caption, Value
from fedcarbon.disclosure.report_html import Html, element, joined
from fedcarbon.disclosure.report_numbers import Scale
from fedcarbon.disclosure.report_view import View
from fedcarbon.disclosure.report_words import Language, Phrase, say
from fedcarbon.disclosure.shell import Dimension

GAP: Final = "\N{EM SPACE}"
AREA_LIST: Final = "GB/T 2260"
"""Codes of administrative divisions: dimensions of this list get a tile map."""
AREA: Final = "district"
"""A dimension of this name gets one too, whatever its list is called."""


class _Numbered(NamedTuple):
    """A line of the table beside a chart."""

    value: Value
    kind: str
    """Its class: `total`, `group`, `part`, or nothing."""


class Figures:
    """Writes the figures of one language, numbered through."""

    __slots__ = ("_numbers", "_tables", "earlier", "language", "view")

    def __init__(self, views: Sequence[View]) -> None:
        """Take the views of all periods that are shown; the last is reported."""
        self.view: Final = views[-1]
        self.earlier: Final = views
        self.language: Final[Language] = self.view.language
        self._numbers: Final[Iterator[int]] = count(1)
        self._tables: Final[Iterator[int]] = count(1)

    def of_quantity(self, quantity: int) -> Html:
        """Return the figures of a quantity: by each dimension, as tiles, and over the periods."""
        item = self.view.shell.quantities[quantity]
        parts = [element("h2", self.language.of(item.label))]
        for dimension in self.view.shell.dimensions:
            parts.append(self._bars(quantity, dimension))
            if is_area(dimension):
                parts.append(self._tiles(quantity, dimension))
        if len(self.earlier) > 1:
            parts.append(self._series(quantity))
        return element("section", joined(parts, "\n"), class_="page", id=self._id(f"q{quantity}"))

    def numbered_table(self, title: str) -> str:
        """Return the next table's title with its number."""
        number = self._say(Phrase.TABLE, number=next(self._tables))
        return number + GAP + title

    def _bars(self, quantity: int, dimension: Dimension) -> Html:
        view = self.view
        lines = view.along(dimension)
        has_groups = bool(dimension.groups)
        rows = [
            _Numbered(
                view.value(line.label, line.row, quantity),
                "group" if line.is_group else ("part" if has_groups else ""),
            )
            for line in lines
        ]
        total = view.value(self._say(Phrase.TOTAL), view.total, quantity)
        values = [row.value for row in rows if row.kind != "group"]
        scale = view.scale(quantity, values)
        caption = self._caption(
            f"q{quantity}-{dimension.name}",
            self._titled(quantity, Phrase.BY, dimension),
            self._say(Phrase.BARS_TEXT, count=len(values), unit=view.unit(scale)),
        )
        table = self._table(
            caption.title, self.language.of(dimension.label), rows, scale, total=total
        )
        return self._figure(caption, charts.bars(caption, values, scale), table, Phrase.BARS_NOTE)

    def _tiles(self, quantity: int, dimension: Dimension) -> Html:
        view = self.view
        lines = [line for line in view.along(dimension) if not line.is_group]
        values = [view.value(line.label, line.row, quantity) for line in lines]
        scale = view.scale(quantity, values)
        caption = self._caption(
            f"q{quantity}-{dimension.name}-map",
            self._titled(quantity, Phrase.TILES, dimension),
            self._say(Phrase.TILES_TEXT, count=len(values), unit=view.unit(scale)),
        )
        drawing = charts.tiles(caption, values, scale)
        return self._figure(caption, drawing, self._legend(values, scale), Phrase.TILES_NOTE)

    def _series(self, quantity: int) -> Html:
        values = []
        for view in self.earlier:
            day = view.table.last_day[5:]
            values.append(view.value(day, view.total, quantity))
        scale = self.view.scale(quantity, values)
        item = self.view.shell.quantities[quantity]
        caption = self._caption(
            f"q{quantity}-series",
            self._say(Phrase.SERIES, quantity=self.language.of(item.label)),
            self._say(Phrase.SERIES_TEXT, count=len(values), unit=self.view.unit(scale)),
        )
        rows = [
            _Numbered(value._replace(label=f"{view.table.period} ({view.table.last_day})"), "")
            for view, value in zip(self.earlier, values, strict=True)
        ]
        head = f"{self._say(Phrase.PERIOD_COLUMN)} ({self._say(Phrase.LAST_DAY)})"
        table = self._table(caption.title, head, rows, scale)
        return self._figure(
            caption, charts.series(caption, values, scale), table, Phrase.SERIES_NOTE
        )

    def _figure(self, caption: Caption, chart: Html, beside: Html, note: Phrase) -> Html:
        number = self._say(Phrase.FIGURE, number=next(self._numbers))
        return element(
            "figure",
            element("h3", number + GAP + caption.title),
            chart,
            beside,
            element("figcaption", self._say(note)),
        )

    def _table(
        self,
        title: str,
        head: str,
        rows: Sequence[_Numbered],
        scale: Scale,
        *,
        total: Value | None = None,
    ) -> Html:
        """Return the numbers of a chart; with a total there is a column of shares."""
        columns = [Phrase.ESTIMATE, Phrase.MARGIN] + ([Phrase.SHARE] if total else [])
        lines = list(rows) + ([_Numbered(total, "total")] if total else [])
        body = []
        for value, kind in lines:
            cells = [element("th", value.label, scope="row")]
            if value.estimate is None:
                hidden = self._say(Phrase.HIDDEN)
                cells.append(element("td", hidden, class_="hidden", colspan=len(columns)))
            else:
                texts = [scale.number(value.estimate), scale.margin(value.margin)]
                texts += [share_text(value, total)] if total else []
                cells += [element("td", text) for text in texts]
            body.append(element("tr", *cells, **({"class_": kind} if kind else {})))
        heads = [element("th", head, scope="col")]
        heads += [element("th", self._say(phrase), scope="col") for phrase in columns]
        unit = self._say(Phrase.UNIT, unit=self.view.unit(scale))
        return element(
            "table",
            element("caption", f"{self.numbered_table(title)} ({unit})"),
            element("thead", element("tr", *heads)),
            element("tbody", joined(body, "\n")),
        )

    def _legend(self, values: Sequence[Value], scale: Scale) -> Html:
        limits = charts.shade_limits(values)
        items = [
            (f"shade-{shade}", f"{scale.number(limits[shade])} – {scale.number(limits[shade + 1])}")  # noqa: RUF001 - an en dash between two limits
            for shade in range(charts.SHADES)
        ]
        items.append(("hatched", self._say(Phrase.HIDDEN)))
        lines = [
            element(
                "li",
                element(
                    "svg",
                    element("rect", class_=kind, width=16, height=16),
                    viewBox="0 0 16 16",
                    aria_hidden="true",
                ),
                text,
            )
            for kind, text in items
        ]
        unit = self._say(Phrase.UNIT, unit=self.view.unit(scale))
        return element(
            "div",
            element("p", unit, class_="muted"),
            element("ul", *lines, class_="legend"),
        )

    def _caption(self, anchor: str, title: str, description: str) -> Caption:
        return Caption(self._id(anchor), title, description, self._say(Phrase.HIDDEN))

    def _titled(self, quantity: int, phrase: Phrase, dimension: Dimension) -> str:
        item = self.view.shell.quantities[quantity]
        return self._say(
            phrase,
            quantity=self.language.of(item.label),
            dimension=self.language.of(dimension.label),
        )

    def _id(self, anchor: str) -> str:
        return f"{self.language.value}-{anchor}"

    def _say(self, phrase: Phrase, **fields: object) -> str:
        return say(self.language, phrase, **fields)


def is_area(dimension: Dimension) -> bool:
    """Tell whether the categories of a dimension are areas, so that a tile map is drawn."""
    return dimension.name == AREA or dimension.code_list.startswith(AREA_LIST)


def share_text(value: Value, total: Value) -> str:
    """Return which part of a total a value is, in per cent with one digit; empty if unknown."""
    if value.estimate is None or not total.estimate:
        return ""
    tenths = (2000 * value.estimate + total.estimate) // (2 * total.estimate)
    return f"{tenths // 10}.{tenths % 10}%"
