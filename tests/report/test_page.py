"""The page, its numbers and the CSV: what they say, and what can not be smuggled into them."""

from __future__ import annotations

import base64
import csv
import dataclasses
import hashlib
import re
from html.parser import HTMLParser
from typing import Any, Final

import pytest
from typing_extensions import override

from fedcarbon.disclosure.release import Release
from fedcarbon.disclosure.release_csv import release_csv
from fedcarbon.disclosure.report import ReportInputError, report_html
from fedcarbon.disclosure.report_charts import Value, fitted, shade_limits, shade_of, wrapped
from fedcarbon.disclosure.report_html import Html, element
from fedcarbon.disclosure.report_numbers import scale_of
from fedcarbon.disclosure.report_words import Language, Phrase
from fedcarbon.disclosure.shell import Label
from fedcarbon.registry.measure import Measure
from tests.report.city import releases

HOSTILE: Final = "<script>alert(1)</script>\"'&{0}"
FORMULA: Final = '=HYPERLINK("there", "here")'
VOID: Final = {"meta", "input"}


class Balance(HTMLParser):
    """Checks that every element is closed, and collects ids, references and tags."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.named: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)
        self.close()
        assert self.open == []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.attributes |= given.keys()
        self.ids += [given["id"] or ""] if "id" in given else []
        for name in ("for", "aria-labelledby"):
            self.named |= set((given.get(name) or "").split())
        if tag not in VOID:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def relabelled(release: Release, text: str) -> Release:
    """Return a release whose shell says `text` wherever it can."""
    label = Label(zh=text, en=text)
    shell = release.shell
    changed = dataclasses.replace(
        shell,
        label=label,
        dimensions=tuple(
            dataclasses.replace(
                axis,
                label=label,
                code_list=text,
                categories=tuple(
                    dataclasses.replace(item, label=label) for item in axis.categories
                ),
            )
            for axis in shell.dimensions
        ),
        quantities=tuple(
            dataclasses.replace(item, label=label, unit=item.unit if at == 0 else text)
            for at, item in enumerate(shell.quantities)
        ),
    )
    return dataclasses.replace(release, shell=changed)


def hidden(release: Release) -> Release:
    """Return a release that shows nothing."""
    rows = tuple(dataclasses.replace(row, shown=False, values=()) for row in release.table.rows)
    return dataclasses.replace(release, table=dataclasses.replace(release.table, rows=rows))


def test_the_page_is_whole_and_every_reference_has_its_end() -> None:
    page = Balance(report_html(releases()))

    assert len(page.ids) == len(set(page.ids))
    assert page.named <= set(page.ids)
    assert page.tags.isdisjoint({"script", "img", "link", "iframe", "object", "form", "a"})
    assert page.attributes.isdisjoint({"style", "src", "href", "onload", "onclick"})


def test_the_policy_names_the_style_sheet_and_nothing_else() -> None:
    page = report_html(releases()[:1])

    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    expected = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src &#x27;sha256-{expected}&#x27;" in page
    assert "default-src &#x27;none&#x27;" in page


def test_no_label_becomes_part_of_the_page() -> None:
    page = report_html([relabelled(releases()[0], HOSTILE)])

    assert "script" not in Balance(page).tags
    assert page.count("&lt;script&gt;") > 50


def test_a_table_that_shows_nothing_still_makes_a_page() -> None:
    page = report_html([hidden(item) for item in releases()[:2]])

    Balance(page)
    assert "60 of 60 rows are hidden" in page
    assert "未显示" in page


def test_one_period_has_no_series_and_groups_stand_above_their_parts() -> None:
    page = report_html(releases(grouped=True)[:1], Language.EN)

    assert "over the periods" not in page
    assert page.index('<tr class="group"><th scope="row">Inner city') < page.index(
        '<tr class="part"><th scope="row">East Hill'
    )
    assert '<html lang="en">' in page


@pytest.mark.parametrize(
    "given",
    {
        "nothing": (),
        "in the wrong order": releases()[1::-1],
        "twice the same": (releases()[0], releases()[0]),
        "of two shells": (releases()[0], releases(grouped=True)[1]),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_report_is_of_periods_of_one_shell_in_order(given: tuple[str, Any]) -> None:
    with pytest.raises(ReportInputError):
        report_html(given[1])


def test_every_phrase_is_said_in_both_languages_with_the_same_fields() -> None:
    for phrase in Phrase:
        fields = [set(re.findall(r"\{(\w+)\}", text)) for text in (phrase.zh, phrase.en)]
        assert fields[0] == fields[1], phrase


def test_text_is_escaped_unless_it_is_html_already() -> None:
    assert (
        element("p", "a<b", Html("<i>c</i>"), title='"') == '<p title="&quot;">a&lt;b<i>c</i></p>'
    )


@pytest.mark.parametrize(
    ("unit", "values", "margin", "number", "off"),
    {
        "a few people": ("people", [1234], 56, "1,234", "56"),
        "many people": ("people", [1_234_567], 5_678, "1,234,600", "5,700"),
        "metres": ("m", [9_999], 120, "10,000", "120"),
        "kilometres": ("m", [123_456_789], 4_321_000, "123,500", "4,400"),
        "grams": ("ug", [12_345_678], 1_234_000, "12.3", "1.3"),
        "tonnes": ("ug", [123_456_789_012_345], 2_345_678_901_234, "123.5", "2.4"),
        "below zero": ("ug", [-123_456_789_012_345], 2_345_678_901_234, "\u2212123.5", "2.4"),
        "a unit of its own": ("kWh", [1_234], 1, "1,234", "1"),
    }.values(),
)
def test_numbers_are_rounded_by_their_margins(
    unit: str, values: list[int], margin: int, number: str, off: str
) -> None:
    scale = scale_of(unit, Measure.GRAMS, values, [margin])

    assert (scale.number(values[0]), scale.margin(margin)) == (number, off)


def test_millionths_are_of_what_the_programme_counts() -> None:
    assert scale_of("ug", Measure.POINTS, [50_000_000]).unit.en == "points"
    assert scale_of("ug", Measure.MONEY, [5_000_000_000]).unit.zh == "元"


def test_labels_are_cut_or_broken_where_they_do_not_fit() -> None:
    assert fitted("short", 10) == "short"
    assert fitted("河口新区管理委员会", 5) == "河口新区…"
    assert wrapped("River Mouth New Area", 8) == ["River Mouth", "New Area"]
    assert wrapped("河口新区管理委员会", 5) == ["河口新区管", "理委员会"]
    assert wrapped("Unbreakablelongword", 5)[0].endswith("…")


def test_shades_are_equal_classes_from_nothing_to_the_most() -> None:
    values = [Value("", number, 0) for number in (0, 19, 20, 99, 100)]

    assert [shade_of(value.estimate, 100) for value in values] == [0, 0, 1, 4, 4]
    assert shade_of(None, 100) is None
    assert shade_limits(values) == [0, 20, 40, 60, 80, 100]


def test_no_label_becomes_a_formula() -> None:
    lines = list(csv.reader(release_csv(relabelled(releases()[0], FORMULA)).splitlines()))

    cells = [cell for line in lines for cell in line if not cell.lstrip("-").isdigit()]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []
    assert f"'{FORMULA}" in cells


def test_the_csv_holds_the_exact_numbers_of_every_row() -> None:
    release = releases()[0]

    header, *lines = csv.reader(release_csv(release).splitlines())

    assert len(lines) == len(release.table.rows)
    first = release.table.rows[0].values[3]
    place = header.index("mass_ug")
    assert [int(text) for text in lines[0][place : place + 3]] == [
        first.adjusted,
        first.noisy,
        first.margin_95,
    ]
