"""The report in a real browser: what is drawn, where, how large, and in which colours."""

from __future__ import annotations

import dataclasses
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from typing_extensions import override

from fedcarbon.disclosure.report import report_html
from fedcarbon.disclosure.report_style import SHADE_COLOURS, STYLE
from fedcarbon.disclosure.shell import Label
from tests.report.city import releases
from tests.report.png import decoded

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WIDTHS: Final = (1280, 800, 390)
LANGUAGES: Final = ("zh", "en")
PATIENCE_MS: Final = 120_000
"""A machine that does other work too may be slow; nothing is judged by time."""
NEAR_PX: Final = 1
TEXT_CONTRAST: Final = 4.5
SHAPE_CONTRAST: Final = 3


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)}")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield started
        started.close()


def new_page(browser: Browser, *, scripts: bool = False) -> Page:
    page = browser.new_page(java_script_enabled=scripts)
    page.set_default_timeout(PATIENCE_MS)
    return page


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report_html(releases()), encoding="utf-8")
    return path


@dataclasses.dataclass
class Opened:
    """A page without scripts, and what happened when it was opened."""

    page: Page
    requests: list[str]
    complaints: list[str]

    def pick(self, language: str) -> None:
        self.page.evaluate(
            "id => { document.getElementById(id).checked = true; }", f"pick-{language}"
        )

    def boxes(self, selector: str) -> list[dict[str, float]]:
        """Return the rectangles of what is visible, with their texts."""
        found: list[dict[str, float]] = self.page.evaluate(
            """selector => [...document.querySelectorAll(selector)]
            .filter(e => e.getClientRects().length)
            .map(e => { const r = e.getBoundingClientRect();
                        return {x: r.x, y: r.y + scrollY, w: r.width, h: r.height}; })""",
            selector,
        )
        return found


@pytest.fixture(scope="module")
def opened(browser: Browser, report: Path) -> Iterator[Opened]:
    """Open the page once; tests set width and language as they need them."""
    page = new_page(browser)
    found = Opened(page, [], [])
    page.on("request", lambda request: found.requests.append(request.url))
    page.on("console", lambda message: found.complaints.append(message.text))
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.goto(report.as_uri())
    yield found
    page.close()


def show(opened: Opened, width: int, language: str) -> None:
    opened.page.set_viewport_size({"width": width, "height": 900})
    opened.pick(language)


def test_the_page_asks_nobody_for_anything_and_complains_of_nothing(
    opened: Opened, report: Path
) -> None:
    show(opened, 1280, "both")

    assert opened.requests == [report.as_uri()]
    assert opened.complaints == []


class Counter(BaseHTTPRequestHandler):
    """Counts who asks."""

    asked: Final[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(204)
        self.end_headers()

    @override
    def log_message(self, format: str, *args: Any) -> None:
        del format, args


def test_the_policy_stops_what_should_never_have_come_into_the_page(
    browser: Browser, report: Path, tmp_path: Path
) -> None:
    with HTTPServer(("127.0.0.1", 0), Counter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        there = f"http://127.0.0.1:{server.server_port}"
        intruder = (
            f'<img src="{there}/picture"><script src="{there}/script"></script>'
            "<script>document.title = 'taken'</script><style>body { color: red }</style>"
            f'<link rel="stylesheet" href="{there}/style">'
        )
        path = tmp_path / "intruded.html"
        text = report.read_text(encoding="utf-8").replace("</body>", intruder + "</body>")
        path.write_text(text, encoding="utf-8")

        page = new_page(browser, scripts=True)
        page.goto(path.as_uri(), wait_until="load")
        title, colour = page.title(), page.evaluate("getComputedStyle(document.body).color")
        page.close()
        server.shutdown()

    assert Counter.asked == []
    assert title.endswith("2026-06-21")
    assert colour == "rgb(20, 33, 43)"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_chart_is_visible_and_nothing_is_wider_than_the_screen(
    opened: Opened, width: int, language: str
) -> None:
    show(opened, width, language)

    charts = opened.boxes("svg.chart")
    assert len(charts) == 4 * 4  # by two dimensions, as tiles, over time; for four quantities
    assert all(box["w"] > 250 and box["h"] > 100 for box in charts)
    assert all(box["x"] >= 0 and box["x"] + box["w"] <= width for box in charts)
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width
    tables = [box for box in opened.boxes("figure table") if box["x"] + box["w"] > width]
    assert tables == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_bars_are_as_long_as_their_values_and_error_bars_stand_at_their_ends(
    opened: Opened, language: str
) -> None:
    show(opened, 1280, language)
    rows = [row for row in releases()[-1].table.rows if row.codes[0] and not row.codes[1]]
    assert len(rows) == 9

    for quantity in range(4):
        chart = f"svg[aria-labelledby^={language}-q{quantity}-district-t]"
        drawn = opened.boxes(f"{chart} .bar")
        errors = opened.boxes(f"{chart} .error")
        values = [row.values[quantity].adjusted for row in rows]
        margins = [row.values[quantity].margin_95 for row in rows]
        scale = max(box["w"] for box in drawn) / max(values)
        for bar, error, value, margin in zip(drawn, errors, values, margins, strict=True):
            assert bar["w"] == pytest.approx(value * scale, abs=NEAR_PX)
            assert error["w"] == pytest.approx(2 * margin * scale, abs=2 * NEAR_PX)
            middle = error["x"] + error["w"] / 2
            assert middle == pytest.approx(bar["x"] + bar["w"], abs=NEAR_PX)


def test_a_screenshot_shows_the_bars_in_their_colour_and_white_beside_them(
    opened: Opened,
) -> None:
    show(opened, 1280, "zh")
    chart = opened.page.locator("svg[aria-labelledby^=zh-q0-district-t]")
    picture = decoded(chart.screenshot())
    frame = opened.boxes("svg[aria-labelledby^=zh-q0-district-t]")[0]

    for bar in opened.boxes("svg[aria-labelledby^=zh-q0-district-t] .bar"):
        x, y = bar["x"] - frame["x"], bar["y"] - frame["y"] + bar["h"] / 4
        if bar["w"] > 30:
            assert picture.at(x + bar["w"] / 2, y) == (0x5B, 0x93, 0xC0)
            assert picture.at(x + bar["w"] - 12, y) == (0x5B, 0x93, 0xC0)
        assert picture.at(x - 5, y) == (255, 255, 255)
    assert (picture.width, picture.height) == pytest.approx((frame["w"], frame["h"]), abs=2)


def overlapping(boxes: list[dict[str, float]]) -> list[tuple[int, int]]:
    return [
        (i, j)
        for i, a in enumerate(boxes)
        for j, b in enumerate(boxes[:i])
        if min(a["x"] + a["w"], b["x"] + b["w"]) - max(a["x"], b["x"]) > NEAR_PX
        and min(a["y"] + a["h"], b["y"] + b["h"]) - max(a["y"], b["y"]) > 4
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_of_a_chart_lies_over_another(opened: Opened, language: str) -> None:
    show(opened, 390, language)

    assert_texts_apart(opened, language)


def assert_texts_apart(opened: Opened, language: str) -> None:
    assert overlapping(opened.boxes(f"#main-{language} svg.chart text")) == []
    tiles = opened.boxes(f"#main-{language} .tile rect:first-child")
    texts = opened.boxes(f"#main-{language} .tile text")
    assert tiles
    for text in texts:
        middle = (text["x"] + text["w"] / 2, text["y"] + text["h"] / 2)
        (home,) = [
            tile
            for tile in tiles
            if tile["x"] <= middle[0] <= tile["x"] + tile["w"]
            and tile["y"] <= middle[1] <= tile["y"] + tile["h"]
        ]
        assert home["x"] <= text["x"]
        assert text["x"] + text["w"] <= home["x"] + home["w"]


def test_the_longest_labels_fit_too(browser: Browser, tmp_path: Path) -> None:
    given = releases()[-1]
    long = Label(
        zh="粤港澳大湾区绿色出行示范" * 6, en="A Very Long Name of a District " * 2 + "and more"
    )
    longer = dataclasses.replace(
        given.shell,
        dimensions=tuple(
            dataclasses.replace(
                axis,
                categories=tuple(dataclasses.replace(item, label=long) for item in axis.categories),
            )
            for axis in given.shell.dimensions
        ),
    )
    path = tmp_path / "long.html"
    path.write_text(report_html([dataclasses.replace(given, shell=longer)]), encoding="utf-8")
    page = Opened(new_page(browser), [], [])
    page.page.goto(path.as_uri())

    for language in LANGUAGES:
        show(page, 390, language)
        assert page.page.evaluate("document.documentElement.scrollWidth") == 390
        assert_texts_apart(page, language)
    page.page.close()


def test_the_language_is_chosen_without_scripts_and_by_keyboard(opened: Opened) -> None:
    page = opened.page
    shown = [f"#main-{language}" for language in LANGUAGES]

    page.click("label[for=pick-zh]")
    assert [page.is_visible(main) for main in shown] == [True, False]
    page.focus("#pick-zh")
    page.keyboard.press("ArrowRight")
    assert [page.is_visible(main) for main in shown] == [False, True]
    page.keyboard.press("ArrowRight")
    assert [page.is_visible(main) for main in shown] == [True, True]


def test_print_leaves_the_switch_out_and_gives_each_language_its_pages(opened: Opened) -> None:
    page, counts = opened.page, {}
    for language in ("zh", "both"):
        opened.pick(language)
        counts[language] = pages_of(page.pdf(prefer_css_page_size=True))

    # A4 less its margins is 680 pixels wide
    show(opened, 680, "both")
    page.emulate_media(media="print")
    is_switch_printed = page.is_visible(".bar-top")
    width = page.evaluate("document.documentElement.scrollWidth")
    page.emulate_media(media="screen")

    # four quantities, all rows, and what comes before and after, begin on pages of their own
    assert 8 <= counts["zh"] <= 18
    assert 8 <= counts["both"] - counts["zh"] <= 18
    assert not is_switch_printed
    assert width == 680


def pages_of(pdf: bytes) -> int:
    assert pdf.startswith(b"%PDF-")
    assert re.search(rb"/MediaBox \[0 0 59[45](\.\d+)? 84[12]", pdf), "not A4"
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


COLOURS: Final = """language => {
  const solid = c => c && c !== 'none' && !c.endsWith(', 0)') && c !== 'transparent';
  const found = [];
  const walker = document.createTreeWalker(document.querySelector('#main-' + language),
                                           NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement, style = getComputedStyle(e);
    if (!node.data.trim() || !e.getClientRects().length) continue;
    if (e.closest('title, desc')) continue;
    let back = 'rgb(255, 255, 255)', ink = style.color;
    if (e.closest('svg')) {
      ink = style.fill;
      const tile = e.closest('.tile');
      const rect = tile && (tile.querySelector('.plate') || tile.querySelector('rect'));
      if (rect) back = getComputedStyle(rect).fill;
    } else {
      for (let up = e; up; up = up.parentElement) {
        const own = getComputedStyle(up).backgroundColor;
        if (solid(own)) { back = own; break; }
      }
    }
    found.push([ink, back, node.data.trim().slice(0, 30)]);
  }
  return found;
}"""


def luminance(red: int, green: int, blue: int) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = [value / 255 for value in (red, green, blue)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lights = sorted(luminance(*map(int, re.findall(r"\d+", text)[:3])) for text in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_text_stands_out_from_what_it_stands_on(opened: Opened, language: str) -> None:
    show(opened, 1280, language)

    colours = opened.page.evaluate(COLOURS, language)

    assert len(colours) > 500
    assert len({back for _, back, _ in colours}) >= 2 + len(SHADE_COLOURS) - 1
    weak = [item for item in colours if contrast(item[0], item[1]) < TEXT_CONTRAST]
    assert weak == []


def test_bars_lines_and_error_bars_stand_out_too(opened: Opened) -> None:
    show(opened, 1280, "en")

    def colour(selector: str, name: str) -> str:
        return str(
            opened.page.evaluate(
                "([s, n]) => getComputedStyle(document.querySelector(s))[n]", [selector, name]
            )
        )

    bar, error = colour("#main-en .bar", "fill"), colour("#main-en .error", "stroke")
    line, white = colour("#main-en .line", "stroke"), "rgb(255, 255, 255)"
    for one, other in ((bar, white), (error, bar), (error, white), (line, white)):
        assert contrast(one, other) >= SHAPE_CONTRAST


def test_a_grey_print_tells_the_shades_apart() -> None:
    lights = [luminance(*bytes.fromhex(colour[1:])) for colour in SHADE_COLOURS]

    assert lights == sorted(lights, reverse=True)
    assert all(a - b > 0.02 for a, b in pairwise(lights))


def test_chinese_is_drawn_with_glyphs_of_its_own(browser: Browser) -> None:
    page = new_page(browser)
    signs = {"one": "区", "other": "吨", "missing": "\U0010fffd"}
    spans = "".join(f'<div id="{name}">{sign}</div>' for name, sign in signs.items())
    page.set_content(
        f'<style>{STYLE}</style><main lang="zh-Hans" style="width:5rem">{spans}</main>'
    )
    pictures = {name: page.locator(f"#{name}").screenshot() for name in signs}
    page.close()

    if pictures["one"] == pictures["other"]:
        pytest.skip("this machine has no Chinese font")
    assert len(set(pictures.values())) == 3
