"""The tables of docs/STATISTICS.md are what their script makes of the kept figures."""

from __future__ import annotations

import json

import pytest

from bench.utility import PAGE, RESULT, TABLES, page_of


def test_the_page_shows_the_kept_figures() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert page_of(text, json.loads(RESULT.read_text(encoding="utf-8"))) == text
    assert [
        name for name in TABLES if f"<!-- {name}: written by bench.utility -->" not in text
    ] == []


def test_a_mark_that_names_no_table_is_refused() -> None:
    with pytest.raises(KeyError):
        page_of("<!-- luck: written by bench.utility -->\n<!-- end -->", {})
