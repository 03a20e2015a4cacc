"""CSV files that people open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def csv_text(columns: Sequence[str], lines: Iterable[Mapping[str, object]]) -> str:
    """Return a CSV file (RFC 4180) with a line of titles.

    Args:
        columns: what is shown, and in which order.
        lines: each has all of them.
    """
    rows = [_row(columns), *(_row(line[column] for column in columns) for line in lines)]
    return "".join(rows)


def _row(cells: Iterable[object]) -> str:
    return ",".join(map(_cell, cells)) + "\r\n"


def _cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula: much of it is foreign text."""
    text = str(value)
    if isinstance(value, str) and text[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        text = f"'{text}"
    needs_quotes = any(mark in text for mark in ',"\r\n')
    return '"' + text.replace('"', '""') + '"' if needs_quotes else text
