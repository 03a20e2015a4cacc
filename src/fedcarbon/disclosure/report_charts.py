"""Charts of a report: bars with error bars, series with error bands, tiles; plain inline SVG.

Every drawing is 360 units wide, so that a phone shows its text at full size, and has a title and a
description. Nothing in it needs colour to be understood: lengths, lightness and hatching say it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import isqrt
from typing import Final, NamedTuple

from fedcarbon.disclosure.report_html import Html, element, joined
from fedcarbon.disclosure.report_numbers import Scale

WIDTH: Final = 360
TEXT: Final = 12
"""Height of a label, in units."""
SMALL: Final = 11
SHADES: Final = 5
"""Classes of lightness that tiles have; their colours are the page's."""
TICKS_MAX: Final = 4
TILE_COLUMNS_MAX: Final = 5
TILE_HEIGHT: Final = 62
GONE: Final = "\N{MULTIPLICATION SIGN}"
"""Stands in a series where a value is hidden."""
_GAP: Final = 4
_LEADING: Final = 16
_PIECES: Final = re.compile(r"[\x21-\x7e]+ ?|.")
"""Where a line may be broken: after a Latin word, or anywhere in Chinese."""
_EDGE: Final = 8
"""Free space left and right of an axis."""
_ROW: Final = 40
_BAR_TOP: Final = 20
_BAR: Final = 12
_CAP: Final = 4
_FOOT: Final = 22
_TOP: Final = 18
_SERIES_HEIGHT: Final = 170


class Value(NamedTuple):
    """One number of a chart."""

    label: str
    estimate: int | None
    """None if it is hidden."""
    margin: int
    """Half the width of its interval, in the same unit."""


class Caption(NamedTuple):
    """What a chart is called."""

    anchor: str
    """Id within the page."""
    title: str
    description: str
    hidden: str
    """What stands in the place of a value that is not shown."""


class _Axis(NamedTuple):
    low: int
    high: int
    length: int
    start: int

    def at(self, value: int) -> float:
        return self.start + (value - self.low) * self.length / (self.high - self.low)


def bars(caption: Caption, values: Sequence[Value], scale: Scale) -> Html:
    """Return bars with error bars, one below the other, each with its label and number above."""
    axis = _axis_of(values, start=_EDGE, length=WIDTH - 2 * _EDGE)
    bottom = len(values) * _ROW
    parts = []
    for tick, text in _ticks(axis, scale):
        at = axis.at(tick)
        parts.append(_line("grid", at, _BAR_TOP - 4, at, bottom))
        parts.append(_text("tick", at, bottom + 15, text, _anchored(at)))
    for row, value in enumerate(values):
        parts.append(element("g", *_bar(axis, row * _ROW, value, scale, caption), class_="bar-row"))
    return _svg("bars", caption, bottom + _FOOT, parts)


def _bar(axis: _Axis, top: int, value: Value, scale: Scale, caption: Caption) -> list[Html]:
    y, zero = top + _BAR_TOP, axis.at(0)
    if value.estimate is None:
        number = caption.hidden
        drawn = [_rect("hatched", _EDGE, y, 40, _BAR)]
    else:
        number = f"{scale.number(value.estimate)} ± {scale.margin(value.margin)}"
        ends = sorted((zero, axis.at(value.estimate)))
        low = axis.at(value.estimate - value.margin)
        high = axis.at(value.estimate + value.margin)
        middle = y + _BAR / 2
        error = (
            f"M{_n(low)} {_n(middle - _CAP)}v{2 * _CAP}M{_n(low)} {_n(middle)}H{_n(high)}"
            f"M{_n(high)} {_n(middle - _CAP)}v{2 * _CAP}"
        )
        drawn = [
            _rect("bar", ends[0], y, ends[1] - ends[0], _BAR),
            element("path", class_="error", d=error),
        ]
    room = (WIDTH - 2 * _EDGE) / TEXT - _ems(number) - 1
    return [
        _text("label", _EDGE, top + 14, fitted(value.label, room), "start"),
        _text("number", WIDTH - _EDGE, top + 14, number, "end"),
        *drawn,
        _line("axis", zero, y - 3, zero, y + _BAR + 3),
    ]


def series(caption: Caption, values: Sequence[Value], scale: Scale) -> Html:
    """Return a line over periods with a band of error; where a value is hidden there is a gap."""
    axis = _axis_of(values, start=_SERIES_HEIGHT, length=_TOP - _SERIES_HEIGHT)
    step = (WIDTH - 8 * _EDGE) / max(1, len(values) - 1)
    places = [4 * _EDGE + step * place for place in range(len(values))]
    parts = []
    for tick, text in _ticks(axis, scale):
        at = axis.at(tick)
        parts.append(_line("grid" if tick else "axis", 0, at, WIDTH, at))
        parts.append(_text("tick", 0, at - 3, text, "start"))
    for run in _runs(values):
        known = [(places[i], values[i].estimate or 0, values[i].margin) for i in run]
        upper = [f"{_n(x)},{_n(axis.at(value + margin))}" for x, value, margin in known]
        lower = [f"{_n(x)},{_n(axis.at(value - margin))}" for x, value, margin in known]
        line = [f"{_n(x)},{_n(axis.at(value))}" for x, value, _ in known]
        parts.append(element("polygon", class_="band", points=" ".join(upper + lower[::-1])))
        parts.append(element("polyline", class_="line", points=" ".join(line)))
        for x, value, margin in known:
            low, high = axis.at(value - margin), axis.at(value + margin)
            parts.append(_line("error", x, low, x, high))
            parts.append(element("circle", class_="point", cx=_n(x), cy=_n(axis.at(value)), r=3))
    skip = -(-len(values) * (max(_ems(value.label) for value in values) + 1) * SMALL // WIDTH)
    for place, (x, item) in enumerate(zip(places, values, strict=True)):
        if item.estimate is None:
            parts.append(_text("tick", x, _SERIES_HEIGHT - 6, GONE, "middle"))
        if place % max(1, int(skip)) == 0:
            parts.append(_text("tick", x, _SERIES_HEIGHT + 16, item.label, "middle"))
    return _svg("series", caption, _SERIES_HEIGHT + _FOOT, parts)


def tiles(caption: Caption, values: Sequence[Value], scale: Scale) -> Html:
    """Return a grid of tiles in the order of the code list, shaded by value.

    Shells hold no geography, so the tiles lie row by row and nothing follows from who is whose
    neighbour.
    """
    root = isqrt(len(values) - 1) + 1
    columns = min(TILE_COLUMNS_MAX, root)
    width = (WIDTH - _GAP * (columns - 1)) / columns
    most = max((value.estimate or 0 for value in values), default=0)
    parts = []
    for place, value in enumerate(values):
        row, column = divmod(place, columns)
        x, y = column * (width + _GAP), row * (TILE_HEIGHT + _GAP)
        shade = shade_of(value.estimate, most)
        drawn = "hatched" if shade is None else f"shade-{shade}"
        ink = "tile-text" if shade is None else f"tile-text on-{shade}"
        number = caption.hidden if value.estimate is None else scale.number(value.estimate)
        middle, room = x + width / 2, (width - 8) / TEXT
        words = wrapped(value.label, room)
        first = y + (TILE_HEIGHT - (len(words) + 1) * _LEADING) / 2 + TEXT
        lines = [
            _text(ink, middle, first + place * _LEADING, word, "middle")
            for place, word in enumerate(words)
        ]
        last = first + len(words) * _LEADING
        lines.append(_text(f"{ink} tile-number", middle, last, fitted(number, room), "middle"))
        plate = [_plate(middle, y, [*words, number], width)] if shade is None else []
        tile = [_rect(drawn, x, y, width, TILE_HEIGHT), *plate, *lines]
        parts.append(element("g", *tile, class_="tile"))
    rows = -(-len(values) // columns)
    return _svg("tiles", caption, rows * (TILE_HEIGHT + _GAP) - _GAP, parts)


def shade_of(estimate: int | None, most: int) -> int | None:
    """Return which of `SHADES` equal classes from 0 to the largest value holds a value."""
    if estimate is None:
        return None
    return max(0, min(SHADES - 1, estimate * SHADES // max(1, most)))


def shade_limits(values: Sequence[Value]) -> list[int]:
    """Return where the classes of `tiles` begin, and where the last one ends."""
    most = max((value.estimate or 0 for value in values), default=0)
    return [most * shade // SHADES for shade in range(SHADES + 1)]


def fitted(text: str, ems: float) -> str:
    """Return a text, cut where it would be wider than so many times its height."""
    if _ems(text) <= ems:
        return text
    while text and _ems(text) > ems - 1:
        text = text[:-1]
    return text + "…"


def wrapped(text: str, ems: float) -> list[str]:
    """Return a text in one or two lines, the second cut if it is too long; see `fitted`."""
    if _ems(text) <= ems:
        return [text]
    first = ""
    for piece in _PIECES.findall(text):
        if _ems(first + piece.rstrip()) > ems:
            break
        first += piece
    if not first:
        return [fitted(text, ems)]
    return [first.rstrip(), fitted(text[len(first) :], ems)]


def _plate(middle: float, y: int, words: Sequence[str], width: float) -> Html:
    """Return the white plate behind a hidden tile's words."""
    half = min(width / 2 - 3, max(map(_ems, words)) * TEXT / 2 + 5)
    height = len(words) * _LEADING + 6
    return _rect("plate", middle - half, y + (TILE_HEIGHT - height) / 2, 2 * half, height)


def _axis_of(values: Sequence[Value], *, start: int, length: int) -> _Axis:
    """Return an axis over zero, all values and all their margins."""
    known = [(value.estimate, value.margin) for value in values if value.estimate is not None]
    low = min([0, *(estimate - margin for estimate, margin in known)])
    high = max([0, *(estimate + margin for estimate, margin in known)])
    return _Axis(low, max(high, low + 1), length, start)


def _ticks(axis: _Axis, scale: Scale) -> list[tuple[int, str]]:
    """Return round values on an axis, multiples of 1, 2 or 5 times a power of ten, as text too."""
    span, step = axis.high - axis.low, scale.step
    while span > TICKS_MAX * step:
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    coarse: int = 10 ** (len(str(step)) - 1)
    words = replace(scale, step=coarse)
    first = -(-axis.low // step)
    return [(step * n, words.number(step * n)) for n in range(first, axis.high // step + 1)]


def _runs(values: Sequence[Value]) -> list[list[int]]:
    """Return the places of values that are shown, cut where one is hidden."""
    shown = [place for place, value in enumerate(values) if value.estimate is not None]
    cuts = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(shown)) if b != a + 1), len(shown)]
    return [shown[a:b] for a, b in pairwise(cuts) if a < b]


def _svg(kind: str, caption: Caption, height: int, parts: Sequence[Html]) -> Html:
    title, description = f"{caption.anchor}-t", f"{caption.anchor}-d"
    return element(
        "svg",
        element("title", caption.title, id=title),
        element("desc", caption.description, id=description),
        joined(parts, "\n"),
        class_=f"chart {kind}",
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_labelledby=f"{title} {description}",
    )


def _rect(kind: str, x: float, y: float, width: float, height: float) -> Html:
    return element("rect", class_=kind, x=_n(x), y=_n(y), width=_n(width), height=_n(height))


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Html:
    return element("line", class_=kind, x1=_n(x1), y1=_n(y1), x2=_n(x2), y2=_n(y2))


def _text(kind: str, x: float, y: float, text: str, anchor: str) -> Html:
    return element("text", text, class_=kind, x=_n(x), y=_n(y), text_anchor=anchor)


def _anchored(at: float) -> str:
    """Return which end of a tick's text stands at the tick, so that it stays in the drawing."""
    if at < WIDTH / 8:
        return "start"
    return "end" if at > WIDTH * 7 / 8 else "middle"


def _ems(text: str) -> float:
    """Return about how wide a text is, in heights of its letters."""
    return sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.58 for c in text)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
