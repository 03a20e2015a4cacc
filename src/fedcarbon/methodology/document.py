"""A strict subset of YAML, read so that every value knows its line.

Mappings, sequences and scalars only: no anchors, aliases, tags or second documents, no key twice,
and no number that is not an integer. Words such as `yes` and `on` are text. Nothing here is
specific to methodologies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import yaml

from fedcarbon.errors import ConfigurationError

DOCUMENT_BYTES_MAX: Final = 1 << 20
DEPTH_MAX: Final = 20
"""Limit of nesting, far above what people write."""

_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,30}")
_NUMBER: Final = re.compile(
    r"[-+]?(\.?[0-9][0-9_,]*)(\.[0-9_]*)?([eE][-+]?[0-9]+)?|[-+]?\.(inf|nan)"
)
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None}


class DocumentError(ConfigurationError):
    """A text that is not in the subset; its author must correct the line."""

    code: ClassVar[str] = "DOCUMENT"

    def __init__(self, line: int, message: str) -> None:
        """Say what is wrong in which line, counted from 1."""
        super().__init__(f"line {line}: {message}")
        self.line: Final = line
        self.message: Final = message


Plain = int | str | bool | None
Content = Plain | tuple["Entry", ...] | dict[str, "Entry"]
Tree = Plain | list["Tree"] | dict[str, "Tree"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a document and the line on which it begins."""

    content: Content
    line: int

    def tree(self) -> Tree:
        """Return the value without lines: what a hash is taken over."""
        if isinstance(self.content, tuple):
            return [item.tree() for item in self.content]
        if isinstance(self.content, dict):
            return {key: item.tree() for key, item in self.content.items()}
        return self.content


def read_document(data: bytes) -> Entry:
    """Return the one document that `data` holds.

    Raises:
        DocumentError: too large, not UTF-8, not YAML, or outside the subset.
    """
    if len(data) > DOCUMENT_BYTES_MAX:
        raise DocumentError(1, f"a document has at most {DOCUMENT_BYTES_MAX} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DocumentError(line, "not UTF-8") from error
    try:
        # The parser in C: the one in Python takes ten times as long to refuse a hostile file.
        events = yaml.parse(text, Loader=yaml.CSafeLoader)
        return _Reader(events).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = 1 if mark is None else mark.line + 1
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
        raise DocumentError(line, f"not YAML: {problem}") from error


class _Reader:
    """Builds entries from the parser's events."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events

    def document(self) -> Entry:
        self._next(yaml.StreamStartEvent)
        start = next(self._events)
        if not isinstance(start, yaml.DocumentStartEvent):
            raise DocumentError(1, "the document is empty")
        entry = self._entry(next(self._events), 0)
        self._next(yaml.DocumentEndEvent)
        self._next(yaml.StreamEndEvent)
        return entry

    def _next(self, kind: type[yaml.Event]) -> None:
        event = next(self._events)
        if not isinstance(event, kind):
            raise DocumentError(_line(event), "a file holds one document")

    def _entry(self, event: yaml.Event, depth: int) -> Entry:
        line = _line(event)
        if depth > DEPTH_MAX:
            raise DocumentError(line, f"nested deeper than {DEPTH_MAX}")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise DocumentError(line, "anchors and aliases are not allowed: write it out")
        if getattr(event, "tag", None) is not None:
            raise DocumentError(line, "tags are not allowed")
        if isinstance(event, yaml.ScalarEvent):
            return Entry(_scalar(event, line), line)
        if isinstance(event, yaml.SequenceStartEvent):
            return Entry(self._sequence(depth), line)
        assert isinstance(event, yaml.MappingStartEvent)
        return Entry(self._mapping(depth), line)

    def _sequence(self, depth: int) -> tuple[Entry, ...]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._entry(event, depth + 1))
        return tuple(items)

    def _mapping(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._entry(event, depth + 1)
            if not isinstance(key.content, str):
                raise DocumentError(key.line, "a key is a text")
            if key.content in entries:
                raise DocumentError(key.line, f"{key.content!r} stands twice")
            entries[key.content] = self._entry(next(self._events), depth + 1)
        return entries


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return 1 if mark is None else int(mark.line) + 1


def _scalar(event: yaml.ScalarEvent, line: int) -> Plain:
    text = str(event.value)
    if event.style:  # neither None nor empty: quoted, or a block of text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if not text:
        raise DocumentError(line, "a value is missing; write null or leave the key out")
    if _NUMBER.fullmatch(text):
        raise DocumentError(
            line, f'{text[:20]} is not an integer: write it as a text, such as "33.88" or "1/3"'
        )
    return text
