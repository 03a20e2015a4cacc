"""The page of figures is what its script makes of the kept results."""

from __future__ import annotations

import pytest

from bench.page import PAGE, TABLES, load_results, rendered


def test_the_page_shows_the_kept_results() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert rendered(text, load_results()) == text, "run: python -m bench.page"


def test_every_table_stands_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert [name for name in TABLES if f"<!-- {name}: written by bench.page -->" not in text] == []


def test_a_mark_that_names_no_table_is_refused() -> None:
    with pytest.raises(KeyError):
        rendered("<!-- luck: written by bench.page -->\n<!-- end -->", load_results())
