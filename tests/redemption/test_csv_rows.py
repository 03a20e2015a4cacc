"""A CSV file holds foreign text: no spreadsheet may run it."""

from __future__ import annotations

import csv
import io

import pytest

from fedcarbon.redemption.csv_rows import csv_text


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\tx", "\r=1"])
def test_foreign_text_is_never_a_formula(text: str) -> None:
    written = csv_text(("reason", "fen"), [{"reason": text, "fen": -5}])

    assert list(csv.reader(io.StringIO(written, newline=""))) == [
        ["reason", "fen"],
        [f"'{text}", "-5"],
    ]


def test_marks_of_the_format_are_quoted() -> None:
    text = 'a "b",\r\nc'
    written = csv_text(("reason",), [{"reason": text}])

    assert list(csv.reader(io.StringIO(written, newline=""))) == [["reason"], [text]]
