"""The report of a release: one page, in Chinese and English, that needs nothing but itself.

It has no scripts and loads nothing; its policy forbids both. Which language is shown is chosen by
buttons that the style sheet alone obeys, and print follows the choice. Every number in a chart
stands in a table beside it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import ClassVar, Final

from fedcarbon.disclosure.release import Release
from fedcarbon.disclosure.report_charts import Value
from fedcarbon.disclosure.report_figures import Figures
from fedcarbon.disclosure.report_html import Html, element, joined
from fedcarbon.disclosure.report_notes import (
    budget_section,
    hidden_section,
    leakage_section,
    reading_section,
    record_section,
)
from fedcarbon.disclosure.report_numbers import Scale
from fedcarbon.disclosure.report_style import STYLE
from fedcarbon.disclosure.report_view import View
from fedcarbon.disclosure.report_words import Language, Phrase, say
from fedcarbon.errors import CallerError

_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
    + "'"
)
_BOTH: Final = "both"
_CHOICES: Final = (("zh", "中文"), ("en", "English"), (_BOTH, "中文 + English"))


class ReportInputError(CallerError):
    """A report shows periods of one shell, each once, in order."""

    code: ClassVar[str] = "REPORT_INPUT"


def report_html(releases: Sequence[Release], language: Language = Language.ZH) -> str:
    """Return the page about the last of some periods of one shell.

    Args:
        releases: checked ones, by period; those before the last are shown in time series.
        language: which one is shown at first; the reader can switch.

    Raises:
        ReportInputError: none, or not of one shell, or not in order.
    """
    periods = [item.table.period for item in releases]
    if not releases or periods != sorted(set(periods)):
        raise ReportInputError("a report shows one period or more, each once and in order")
    if len({item.shell_leaf for item in releases}) > 1:
        raise ReportInputError("a report shows periods of one shell")
    shell = releases[-1].shell
    title = f"{shell.label.zh} / {shell.label.en}"
    head = (
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} · {releases[-1].table.last_day}"),
        Html(f"<style>{STYLE}</style>"),
    )
    mains = [_main([View(item, tongue) for item in releases]) for tongue in Language]
    body = [*_switch(language), _hatch(), *mains]
    page = element("html", element("head", *head), element("body", joined(body, "\n")))
    return "<!doctype html>\n" + page.replace("<html>", f'<html lang="{language.tag}">', 1) + "\n"


def _switch(language: Language) -> list[Html]:
    """Return the choice of the language; the inputs stand before what they show and hide."""
    inputs = [
        element(
            "input",
            type="radio",
            name="language",
            class_="pick",
            id=f"pick-{value}",
            **({"checked": ""} if value == language else {}),
        )
        for value, _ in _CHOICES
    ]
    labels = [
        element("label", text, for_=f"pick-{value}", **({} if value == _BOTH else {"lang": value}))
        for value, text in _CHOICES
    ]
    return [*inputs, element("div", *labels, class_="bar-top")]


def _hatch() -> Html:
    """Return the pattern of hidden values; it stands outside of both languages."""
    lines = (
        element("rect", width=6, height=6, fill="#fff"),
        element("path", d="M0 6L6 0M-1 1L1 -1M5 7L7 5", stroke="#5d6b76", fill="none"),
    )
    pattern = element(
        "pattern", *lines, id="hatch", width=6, height=6, patternUnits="userSpaceOnUse"
    )
    return element("svg", element("defs", pattern), class_="hatch-home", aria_hidden="true")


def _main(views: Sequence[View]) -> Html:
    view, figures = views[-1], Figures(views)
    language = view.language
    parts = [
        _header(view),
        _key_figures(view),
        reading_section(view),
        *(figures.of_quantity(at) for at in range(len(view.shell.quantities))),
        _all_rows(view, figures),
        hidden_section(view),
        leakage_section(view),
        budget_section(view, figures),
        record_section(view, figures),
        element("footer", say(language, Phrase.FOOTER)),
    ]
    return element("main", joined(parts, "\n"), lang=language.tag, id=f"main-{language.value}")


def _header(view: View) -> Html:
    language, table = view.language, view.table
    facts = (
        say(language, Phrase.PERIOD, period=table.period, periods=view.shell.periods),
        _days(view),
        say(language, Phrase.PROGRAMME, programme=table.programme_id),
    )
    return element(
        "header",
        element("p", say(language, Phrase.KICKER), class_="kicker"),
        element("h1", language.of(view.shell.label)),
        element("p", " · ".join(facts), class_="muted"),
    )


def _days(view: View) -> str:
    language, table = view.language, view.table
    first, last = language.day(table.first_day), language.day(table.last_day)
    return say(language, Phrase.DAYS, first=first, last=last)


def _key_figures(view: View) -> Html:
    language, table = view.language, view.table
    boxes = []
    for at, quantity in enumerate(view.shell.quantities):
        value = view.value("", view.total, at)
        scale = view.scale(at, [value])
        said = [element("dt", language.of(quantity.label))]
        if value.estimate is None:
            said.append(element("dd", say(language, Phrase.HIDDEN)))
        else:
            shown = f"{scale.number(value.estimate)} {view.unit(scale)}"
            off = say(language, Phrase.OFF_BY, margin=scale.margin(value.margin))
            said.append(element("dd", shown, element("span", off, class_="off")))
        boxes.append(element("div", *said))
    sentences = [
        say(
            language,
            Phrase.SUMMARY,
            days=_days(view),
            partners=table.partners,
            trustees=table.trustees,
        ),
        *_largest(view),
    ]
    return element(
        "section",
        element("h2", say(language, Phrase.KEY_FIGURES)),
        element("dl", *boxes, class_="figures"),
        *(element("p", sentence) for sentence in sentences),
    )


def _largest(view: View) -> list[str]:
    """Return, for the last quantity, which category of each dimension is largest, if that shows."""
    language, last = view.language, len(view.shell.quantities) - 1
    sentences = []
    for dimension in view.shell.dimensions:
        lines = [line for line in view.along(dimension) if not line.is_group and line.row.shown]
        values = [view.value(line.label, line.row, last) for line in lines]
        ranked = sorted(values, key=_estimate, reverse=True)
        if len(ranked) < 2:  # noqa: PLR2004 - the largest of one says nothing
            continue
        first, second = ranked[:2]
        scale = view.scale(last, ranked)
        is_clear = _estimate(first) - _estimate(second) > first.margin + second.margin
        fields = {
            "quantity": language.of(view.shell.quantities[last].label),
            "dimension": language.of(dimension.label),
            "category": first.label,
            "other": second.label,
            "number": scale.number(_estimate(first)),
            "margin": scale.margin(first.margin),
            "unit": view.unit(scale),
        }
        sentences.append(say(language, Phrase.LARGEST if is_clear else Phrase.TOO_CLOSE, **fields))
    return sentences


def _weighed(value: Value, scale: Scale) -> str:
    """Return an estimate, in brackets if its margin is more than half of it."""
    text = scale.number(_estimate(value))
    return f"({text})" if 2 * value.margin > _estimate(value) else text


def _estimate(value: Value) -> int:
    return value.estimate or 0


def _all_rows(view: View, figures: Figures) -> Html:
    language, quantities = view.language, view.shell.quantities
    columns = [
        [view.value("", row, at) for row in view.table.rows] for at in range(len(quantities))
    ]
    scales = [view.scale(at, column) for at, column in enumerate(columns)]
    heads = [element("th", language.of(axis.label), scope="col") for axis in view.shell.dimensions]
    heads[1:] = [
        element("th", language.of(axis.label), scope="col", class_="words")
        for axis in view.shell.dimensions[1:]
    ]
    heads += [
        element("th", f"{language.of(item.label)} ({view.unit(scale)})", scope="col")
        for item, scale in zip(quantities, scales, strict=True)
    ]
    body = []
    for place, row in enumerate(view.table.rows):
        first, *others = view.labels_of(row)
        cells = [element("th", first, scope="row")]
        cells += [element("td", other, class_="words") for other in others]
        if row.shown:
            for column, scale in zip(columns, scales, strict=True):
                value = column[place]
                margin = element("span", f"± {scale.margin(value.margin)}", class_="off")
                cells.append(element("td", f"{_weighed(value, scale)} ", margin))
        else:
            hidden = say(language, Phrase.HIDDEN)
            cells.append(element("td", hidden, class_="hidden", colspan=len(quantities)))
        kind = "" if row.codes[-1] else ("subtotal" if any(row.codes) else "total")
        body.append(element("tr", *cells, **({"class_": kind} if kind else {})))
    title = say(language, Phrase.ALL_ROWS)
    table = element(
        "table",
        element("caption", figures.numbered_table(title)),
        element("thead", element("tr", *heads)),
        element("tbody", joined(body, "\n")),
    )
    return element(
        "section",
        element("h2", title),
        element("p", say(language, Phrase.ALL_ROWS_NOTE)),
        element("div", table, class_="scroll", tabindex=0, role="region", aria_label=title),
        class_="page",
    )
