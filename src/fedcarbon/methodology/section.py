"""A mapping of a document, read key by key: what is missing, wrong or left over names its line."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeVar

from fedcarbon.methodology.dimension import Unit, UnknownUnitError
from fedcarbon.methodology.document import DocumentError, Entry

_DECIMAL: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_RATIO: Final = re.compile(r"(-?[0-9]{1,30})/([0-9]{1,30})")
_PAIR: Final = 2
ITEMS_MAX: Final = 2_000

Option = TypeVar("Option", bound=StrEnum)


class Section:
    """One mapping; `finish` refuses keys that nobody asked for."""

    def __init__(self, entry: Entry, what: str) -> None:
        """Read `entry`, which messages call `what`."""
        if not isinstance(entry.content, dict):
            raise DocumentError(entry.line, f"{what} is a mapping of keys to values")
        self.entry: Final = entry
        self.line: Final = entry.line
        self._what: Final = what
        self._entries: Final[Mapping[str, Entry]] = entry.content
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        """Tell whether the key is there."""
        return key in self._entries

    def take(self, key: str) -> Entry:
        """Return the value of a key that must be there."""
        found = self.optional(key)
        if found is None:
            raise DocumentError(self.line, f"{self._what} lacks {key!r}")
        return found

    def optional(self, key: str) -> Entry | None:
        """Return the value of a key, None if it is absent or null."""
        self._asked.add(key)
        found = self._entries.get(key)
        return None if found is None or found.content is None else found

    def finish(self) -> None:
        """Refuse keys that were not asked for: a misspelt one would count for nothing."""
        for key, entry in self._entries.items():
            if key not in self._asked:
                raise DocumentError(entry.line, f"{self._what} has no key {key[:40]!r}")

    def rest(self) -> Mapping[str, Entry]:
        """Return all keys, which are names of their own."""
        return self._entries

    # --- values of one kind ---------------------------------------------------------------

    def text(self, key: str) -> str:
        """Return a text that is not empty."""
        entry = self.take(key)
        if not isinstance(entry.content, str) or not entry.content.strip():
            raise DocumentError(entry.line, f"{key} is a text")
        return entry.content

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; none if the key is absent."""
        return tuple(self._text_of(item) for item in self._list(key))

    def _text_of(self, item: Entry) -> str:
        if not isinstance(item.content, str):
            raise DocumentError(item.line, "a text is expected")
        return item.content

    def integer(self, key: str, low: int, high: int) -> int:
        """Return an integer from `low` to `high`."""
        entry = self.take(key)
        value = entry.content
        if type(value) is not int or not low <= value <= high:
            raise DocumentError(entry.line, f"{key} is an integer from {low} to {high}")
        return value

    def rational(self, key: str) -> Fraction:
        """Return an exact rational."""
        return rational_of(self.take(key))

    def unit(self, key: str) -> Unit:
        """Return a unit of measure."""
        entry = self.take(key)
        try:
            return Unit.parse(str(entry.content))
        except UnknownUnitError as error:
            raise DocumentError(entry.line, str(error)) from error

    def optional_date(self, key: str) -> dt.date | None:
        """Return a date, None if the key is absent."""
        entry = self.optional(key)
        return None if entry is None else date_of(entry)

    def bilingual(self, key: str) -> Mapping[str, str]:
        """Return texts under `zh` and `en`."""
        section = self.section(key)
        found = {language: section.text(language) for language in ("zh", "en")}
        section.finish()
        return found

    # --- parts ----------------------------------------------------------------------------

    def section(self, key: str) -> Section:
        """Return a mapping that must be there."""
        return Section(self.take(key), key)

    def optional_section(self, key: str) -> Section | None:
        """Return a mapping, None if the key is absent."""
        entry = self.optional(key)
        return None if entry is None else Section(entry, key)

    def items(self, key: str, most: int = ITEMS_MAX) -> tuple[Section, ...]:
        """Return a list of at most so many mappings; none if the key is absent."""
        found = self._list(key)
        if len(found) > most:
            raise DocumentError(found[most].line, f"{key} has at most {most} items")
        return tuple(Section(item, f"an item of {key}") for item in found)

    def plain(self, key: str) -> Mapping[str, object]:
        """Return a mapping as it stands in the file."""
        tree = self.section(key).entry.tree()
        assert isinstance(tree, dict)
        return tree

    def _list(self, key: str) -> tuple[Entry, ...]:
        entry = self.optional(key)
        if entry is None:
            return ()
        if not isinstance(entry.content, tuple):
            raise DocumentError(entry.line, f"{key} is a list")
        return entry.content


def rational_of(entry: Entry) -> Fraction:
    """Return the exact rational that an integer, "33.88", "1/3" or [1, 3] stands for."""
    content = entry.content
    if type(content) is int:
        return Fraction(content)
    if isinstance(content, tuple) and len(content) == _PAIR:
        parts = [item.content for item in content]
        if all(type(part) is int for part in parts) and parts[1]:
            return Fraction(*(int(str(part)) for part in parts))
    if isinstance(content, str):
        if _DECIMAL.fullmatch(content):
            return Fraction(content)
        found = _RATIO.fullmatch(content)
        if found is not None and int(found[2]):
            return Fraction(int(found[1]), int(found[2]))
    raise DocumentError(entry.line, 'a number is an integer, "33.88", "1/3" or [1, 3]')


def date_of(entry: Entry) -> dt.date:
    """Return the date that is written as YYYY-MM-DD."""
    try:
        day = dt.date.fromisoformat(str(entry.content))
    except ValueError as error:
        raise DocumentError(entry.line, "a date is written as YYYY-MM-DD") from error
    if day.isoformat() != entry.content:
        raise DocumentError(entry.line, "a date is written as YYYY-MM-DD")
    return day


def option_of(entry: Entry, options: type[Option]) -> Option:
    """Return the option that is named."""
    try:
        return options(str(entry.content))
    except ValueError as error:
        wanted = ", ".join(options)
        raise DocumentError(entry.line, f"one of {wanted} is expected") from error
