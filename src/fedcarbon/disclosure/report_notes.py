"""What a report says about its numbers: how to read them, what is hidden, spent and recorded."""

from __future__ import annotations

from collections.abc import Sequence

from fedcarbon.disclosure.margins import margin_95
from fedcarbon.disclosure.report_charts import Value
from fedcarbon.disclosure.report_figures import Figures
from fedcarbon.disclosure.report_html import Html, element
from fedcarbon.disclosure.report_view import View
from fedcarbon.disclosure.report_words import Phrase, say
from fedcarbon.units import millionths_text


def reading_section(view: View) -> Html:
    """Return how the numbers are read, for whoever has never seen noisy ones."""
    people = view.language.of(view.shell.quantities[0].label)
    sentences = (
        say(view.language, Phrase.READ_NOISE),
        say(view.language, Phrase.READ_BOUNDS, cells=view.shell.cells_max),
        say(view.language, Phrase.READ_PEOPLE, people=people),
        say(view.language, Phrase.READ_ADJUSTED),
    )
    return element(
        "section",
        element("h2", say(view.language, Phrase.READING)),
        element("div", *(element("p", text) for text in sentences), class_="box"),
    )


def hidden_section(view: View) -> Html:
    """Return how many rows are hidden, and why."""
    rows = view.table.rows
    hidden = sum(not row.shown for row in rows)
    text = say(
        view.language,
        Phrase.HIDDEN_SOME if hidden else Phrase.HIDDEN_NONE,
        rows=len(rows),
        hidden=hidden,
        people=view.shell.people_min,
    )
    return _section(view, Phrase.HIDDEN_TITLE, element("p", text))


def leakage_section(view: View) -> Html:
    """Return the statement that the table itself carries."""
    paragraphs = [element("p", view.language.of(item)) for item in view.table.leakage]
    return _section(view, Phrase.LEAKAGE, element("div", *paragraphs, class_="box"))


def budget_section(view: View, figures: Figures) -> Html:
    """Return what the release spends, and which noise that buys."""
    language, budget = view.language, view.table.budget
    left = budget.limit_millionths - budget.spent_millionths - budget.rho_millionths
    sums = (
        (say(language, Phrase.THIS_RELEASE), millionths_text(budget.rho_millionths)),
        (
            say(language, Phrase.SPENT_BEFORE, year=budget.year),
            millionths_text(budget.spent_millionths),
        ),
        (say(language, Phrase.LEFT), millionths_text(left)),
        (
            say(language, Phrase.YEAR_LIMIT, year=budget.year),
            millionths_text(budget.limit_millionths),
        ),
    )
    return _section(
        view,
        Phrase.BUDGET,
        element("p", say(language, Phrase.BUDGET_NOTE)),
        _table(
            figures.numbered_table(say(language, Phrase.BUDGET)),
            ("", say(language, Phrase.RHO)),
            sums,
            width="narrow",
        ),
        _noise_table(view, figures),
    )


def _noise_table(view: View, figures: Figures) -> Html:
    language = view.language
    heads = (
        say(language, Phrase.QUANTITY),
        say(language, Phrase.PER_CELL),
        say(language, Phrase.RHO),
        say(language, Phrase.SIGMA),
        say(language, Phrase.CELL_MARGIN),
    )
    rows = []
    for at, quantity in enumerate(view.shell.quantities):
        sigma = view.shell.sigma(quantity)
        margin = margin_95(sigma, 1, view.table.trustees)
        scale = view.scale(at, [Value("", number, sigma) for number in (sigma, margin)])
        most = view.scale(at, [Value("", quantity.per_cell_max, quantity.per_cell_max)])
        unit = view.unit(scale)
        rows.append(
            (
                language.of(quantity.label),
                f"{most.number(quantity.per_cell_max)} {view.unit(most)}",
                millionths_text(quantity.rho_millionths),
                f"{scale.margin(sigma)} {unit}",
                f"{scale.margin(margin)} {unit}",
            )
        )
    return _table(figures.numbered_table(say(language, Phrase.NOISE)), heads, rows)


def record_section(view: View, figures: Figures) -> Html:
    """Return the hashes that tie the page to the record."""
    language, release = view.language, view.release
    parts = release.parts
    rows = (
        (say(language, Phrase.SHELL_LEAF, index=parts.shell.index), release.shell_leaf.hex()),
        (say(language, Phrase.RELEASE_LEAF, index=parts.release.index), release.release_leaf.hex()),
        (say(language, Phrase.TABLE_HASH), release.statement.table_sha256.hex()),
        (say(language, Phrase.PARAMETERS), release.shell.parameter_id.hex()),
        (say(language, Phrase.SIGNED_BY), release.hub_id),
        (say(language, Phrase.SHELL), release.shell.shell_id),
        *(
            (f"{say(language, Phrase.CODE_LIST)} {language.of(axis.label)}", axis.code_list)
            for axis in release.shell.dimensions
        ),
    )
    lines = [
        element("tr", element("th", name, scope="row"), element("td", code(text), class_="words"))
        for name, text in rows
    ]
    title = figures.numbered_table(say(language, Phrase.RECORD))
    return _section(
        view,
        Phrase.RECORD,
        element("p", say(language, Phrase.RECORD_NOTE)),
        element("table", element("caption", title), element("tbody", *lines)),
    )


def code(text: str) -> Html:
    """Return text as a machine's word."""
    return element("code", text)


def _section(view: View, title: Phrase, *content: Html) -> Html:
    return element("section", element("h2", say(view.language, title)), *content)


def _table(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, width: str = "wide"
) -> Html:
    body = [
        element("tr", element("th", first, scope="row"), *(element("td", text) for text in others))
        for first, *others in rows
    ]
    return element(
        "div",
        element(
            "table",
            element("caption", title),
            element("thead", element("tr", *(element("th", head, scope="col") for head in heads))),
            element("tbody", *body),
        ),
        class_=f"scroll {width}",
        tabindex=0,
        role="region",
        aria_label=title,
    )
