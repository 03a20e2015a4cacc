"""Reads docs/PROTOCOL.md: its sections, its tables under markers, and the codes that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from tests.house.protocol_examples import PAGE

_MARKER = re.compile(r"<!-- (?P<kind>checked|fields): (?P<name>[A-Za-z_.]+) -->")
_HEADING = re.compile(r"^#{2,3} (?P<number>[0-9]+(?:\.[0-9]+)?)\.? ", re.MULTILINE)
_CODE = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`")


@cache
def page() -> str:
    """Return the page."""
    return PAGE.read_text(encoding="utf-8")


def marked(kind: str) -> list[str]:
    """Return the names of all markers of a kind, in order."""
    return [match["name"] for match in _MARKER.finditer(page()) if match["kind"] == kind]


def rows(kind: str, name: str) -> list[list[str]]:
    """Return the rows of the table under a marker, without its head."""
    _, _, after = page().partition(f"<!-- {kind}: {name} -->\n")
    lines = [line for line, _ in zip(_table_lines(after), range(10_000), strict=False)]
    return [_cells(line) for line in lines[2:]]


def _table_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.startswith("|"):
            return
        yield line


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def codes_in(text: str) -> list[str]:
    """Return everything in `text` that is written like a code, in order."""
    return _CODE.findall(text)


def sections() -> dict[str, str]:
    """Return number to text of every numbered section, without its subsections."""
    found = list(_HEADING.finditer(page()))
    ends = [match.start() for match in found[1:]] + [len(page())]
    return {
        match["number"]: page()[match.end() : end] for match, end in zip(found, ends, strict=True)
    }
