"""How this partner finds an activity's cell: a TOML file that stays here.

    [dimensions.mode]                       # by the name of the shell's dimension
    by = "value:mode"                       # a field that the methodology declares
    codes = { rail = "metro", bus = "bus" } # its values, and the shell's codes for them

    [dimensions.kind]
    by = "methodology"                      # or "activity_type": trip, meter_period, ...
    codes = { "cn-ecny-shanghai" = "travel" }

    [dimensions.district]
    by = "place"
    table = "districts.csv"                 # see `partner_node.statistics.districts`

Without `codes` the values are the codes. What has no value, or a code that the shell does not list,
is in the dimension's last category, the rest; so is everything in a dimension that is not named
here. Paths are relative to the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple

from fedcarbon.disclosure.shell import Dimension, TableShell
from fedcarbon.errors import ConfigurationError
from partner_node.statistics.districts import Districts, read_districts

VALUE_PREFIX: Final = "value:"
CELLS_REMEMBERED: Final = 1 << 16

_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


class CategoriesFileError(ConfigurationError):
    """The file of categories cannot be used; the message names the dimension."""

    code: ClassVar[str] = "CATEGORIES_FILE"


class Source(StrEnum):
    """Where an activity's word for a dimension stands."""

    NOWHERE = "nowhere"
    METHODOLOGY = "methodology"
    ACTIVITY_TYPE = "activity_type"
    VALUE = "value"
    PLACE = "place"


class Word(NamedTuple):
    """What of an activity decides about a dimension."""

    source: Source
    field: str = ""
    """Of the values, for `VALUE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How the category of one dimension is found."""

    word: Word
    codes: Mapping[str, str] | None = None
    """Word to code; None if the words are the codes."""
    districts: Districts | None = None
    """For places: their codes."""

    def code(self, word: str) -> str:
        """Return the code for a word, empty for none."""
        if self.districts is not None:
            return self.districts.district(word)
        return word if self.codes is None else self.codes.get(word, "")


_REST: Final = Rule(word=Word(Source.NOWHERE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Categories:
    """The rules of a node, by dimension; without any, everything is in the rest."""

    rules: Mapping[str, Rule] = field(default_factory=lambda: MappingProxyType({}))

    def rule(self, dimension: str) -> Rule:
        """Return the rule of a dimension."""
        return self.rules.get(dimension, _REST)


class CellFinder:
    """Finds the cells of one shell."""

    def __init__(self, shell: TableShell, categories: Categories) -> None:
        """Follow `categories` for the dimensions of `shell`."""
        rules = [categories.rule(axis.name) for axis in shell.dimensions]
        self.words: Final = tuple(rule.word for rule in rules)
        """What `cell` must be told of an activity, one for every dimension."""
        self._axes: Final = [
            _Axis(rule, axis, stride)
            for rule, axis, stride in zip(rules, shell.dimensions, _strides(shell), strict=True)
        ]
        # Most activities say the same few things; coordinates may all differ.
        self.cell: Final = lru_cache(maxsize=CELLS_REMEMBERED)(self._cell)
        """Returns the index of the cell for the words of an activity."""

    def _cell(self, words: tuple[str, ...]) -> int:
        return sum(axis.part(word) for axis, word in zip(self._axes, words, strict=True))


class _Axis:
    """One dimension of a shell with its rule."""

    __slots__ = ("_index", "_rest", "_rule", "_stride")

    def __init__(self, rule: Rule, dimension: Dimension, stride: int) -> None:
        self._rule = rule
        self._index = {item.code: at for at, item in enumerate(dimension.categories)}
        self._rest = len(dimension.categories) - 1
        self._stride = stride

    def part(self, word: str) -> int:
        """Return what a word adds to the index of the cell."""
        return self._stride * self._index.get(self._rule.code(word), self._rest)


def load_categories(path: Path | None) -> Categories:
    """Return the rules in a file; none without a file.

    Raises:
        CategoriesFileError: it cannot be read, or a dimension is wrong.
        DistrictsFileError: a table of districts is.
    """
    if path is None:
        return Categories()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CategoriesFileError(f"cannot read {path.name}: {error.strerror}") from error
    except ValueError as error:
        raise CategoriesFileError(f"{path.name} is not TOML: {error}") from error
    dimensions = document.get("dimensions")
    if set(document) != {"dimensions"} or not isinstance(dimensions, dict):
        raise CategoriesFileError(f"{path.name} has tables [dimensions.NAME] and nothing else")
    rules = {name: _rule(path, name, table) for name, table in dimensions.items()}
    return Categories(rules=MappingProxyType(rules))


def _rule(path: Path, name: str, table: Any) -> Rule:  # noqa: ANN401 - as it was parsed
    where = f"{path.name}, [dimensions.{name}]"
    if not isinstance(table, dict) or not set(table) <= {"by", "codes", "table"}:
        raise CategoriesFileError(f"{where}: there are `by`, and `codes` or `table`")
    word = _word(where, table.get("by"))
    if (word.source is Source.PLACE) != ("table" in table) or {"codes", "table"} <= set(table):
        raise CategoriesFileError(f'{where}: `table` goes with `by = "place"`, `codes` with others')
    if word.source is Source.PLACE:
        if not isinstance(table["table"], str):
            raise CategoriesFileError(f"{where}: `table` is the path of a CSV file")
        return Rule(word=word, districts=read_districts(path.parent / table["table"]))
    codes = table.get("codes")
    if codes is not None and not (
        isinstance(codes, dict) and all(isinstance(code, str) for code in codes.values())
    ):
        raise CategoriesFileError(f"{where}: `codes` gives a text for every value")
    return Rule(word=word, codes=codes)


def _word(where: str, by: object) -> Word:
    if by in (Source.METHODOLOGY, Source.ACTIVITY_TYPE, Source.PLACE):
        return Word(Source(str(by)))
    named = by.removeprefix(VALUE_PREFIX) if isinstance(by, str) else ""
    if named == by or _FIELD.fullmatch(named) is None:
        raise CategoriesFileError(
            f'{where}: `by` is "methodology", "activity_type", "place" or "value:FIELD"'
        )
    return Word(Source.VALUE, named)


def _strides(shell: TableShell) -> list[int]:
    sizes = [len(axis.categories) for axis in shell.dimensions]
    return [prod(sizes[at + 1 :]) for at in range(len(sizes))]
