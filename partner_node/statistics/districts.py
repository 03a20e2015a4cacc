"""Which district a place lies in: a CSV that stays at the partner.

Its header says which of two kinds it is. Either places by name, each once:

    place,district
    人民广场,310101
    1243,310115

or rectangles in integer millionths of a degree, of which the first that holds a place counts; west
and south lie in a rectangle, east and north do not:

    west,south,east,north,district
    121460000,31220000,121500000,31250000,310101

A place is a station's code or name for the first kind, longitude and latitude with a comma between
(`121475000,31230000`) for the second. Further columns are allowed and ignored.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from fedcarbon.errors import ConfigurationError

NAMES: Final = ("place", "district")
RECTANGLES: Final = ("west", "south", "east", "north", "district")
LONGITUDE_MAX: Final = 180_000_000
LATITUDE_MAX: Final = 90_000_000
ROWS_MAX: Final = 100_000

_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")
_POINT: Final = re.compile(r"(-?[0-9]{1,9}),\s*(-?[0-9]{1,9})")


class DistrictsFileError(ConfigurationError):
    """The table of districts cannot be used; the message names the line."""

    code: ClassVar[str] = "DISTRICTS_FILE"


class Rectangle(NamedTuple):
    """Millionths of a degree."""

    west: int
    south: int
    east: int
    north: int
    district: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Districts:
    """One such table."""

    named: Mapping[str, str]
    """Place to district."""
    rectangles: Sequence[Rectangle]
    """In their order."""

    def district(self, place: str) -> str:
        """Return the district of a place, empty if it lies in none."""
        known = self.named.get(place)
        if known is not None or not self.rectangles:
            return known or ""
        point = _POINT.fullmatch(place)
        if point is None:
            return ""
        longitude, latitude = int(point[1]), int(point[2])
        for west, south, east, north, district in self.rectangles:
            if west <= longitude < east and south <= latitude < north:
                return district
        return ""


def read_districts(path: Path) -> Districts:
    """Return the table in the CSV file at `path`.

    Raises:
        DistrictsFileError: it cannot be read, has another header, or a line is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DistrictsFileError(f"cannot read {path.name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DistrictsFileError(f"{path.name} is not UTF-8") from error
    return parse_districts(text, path.name)


def parse_districts(text: str, name: str) -> Districts:
    """Return the table that a CSV holds.

    Args:
        text: the CSV.
        name: of the file, for errors.

    Raises:
        DistrictsFileError: it has another header, or a line is wrong.
    """
    lines = _lines(text, name)
    _, header = next(lines, (1, []))
    for columns in (RECTANGLES, NAMES):
        if set(columns) <= set(header):
            break
    else:
        raise DistrictsFileError(
            f"{name}, line 1: the columns are {','.join(NAMES)} or {','.join(RECTANGLES)}"
        )
    at = [header.index(column) for column in columns]
    named: dict[str, str] = {}
    rectangles: list[Rectangle] = []
    for line, values in lines:
        if len(values) != len(header):
            raise _wrong(name, line, f"{len(values)} fields instead of {len(header)}")
        *place, district = (values[index].strip() for index in at)
        if not district or not all(place):
            raise _wrong(name, line, f"{', '.join(columns)} are all needed")
        if columns is RECTANGLES:
            rectangles.append(_rectangle(name, line, place, district))
        elif place[0] in named:
            raise _wrong(name, line, f"the place {place[0]!r} stands twice")
        else:
            named[place[0]] = district
        if len(named) + len(rectangles) > ROWS_MAX:
            raise _wrong(name, line, f"more than {ROWS_MAX} rows")
    return Districts(named=named, rectangles=tuple(rectangles))


def _lines(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the fields of every line that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for values in reader:
            if values:
                yield reader.line_num, values
    except csv.Error as error:
        raise _wrong(name, reader.line_num, "the quoting is broken") from error


def _rectangle(name: str, line: int, texts: Sequence[str], district: str) -> Rectangle:
    if not all(_NUMBER.fullmatch(text) for text in texts):
        raise _wrong(name, line, "edges are integers, in millionths of a degree")
    west, south, east, north = map(int, texts)
    if not -LONGITUDE_MAX <= west < east <= LONGITUDE_MAX:
        raise _wrong(name, line, f"west is below east, both within {LONGITUDE_MAX} of 0")
    if not -LATITUDE_MAX <= south < north <= LATITUDE_MAX:
        raise _wrong(name, line, f"south is below north, both within {LATITUDE_MAX} of 0")
    return Rectangle(west, south, east, north, district)


def _wrong(name: str, line: int, what: str) -> DistrictsFileError:
    return DistrictsFileError(f"{name}, line {line}: {what}")
