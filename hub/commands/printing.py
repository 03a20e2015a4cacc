"""How commands print: tables for people, JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import ClassVar, Final

from rich.console import Console
from rich.table import Table

from fedcarbon.errors import CallerError
from fedcarbon.redemption.value_day import ValueDay, day_from_text, first_second
from fedcarbon.units import Seconds

PIPED_WIDTH: Final = 400
"""The widest table that goes to no terminal: no line is folded."""
CHINA: Final = timezone(timedelta(hours=8), "UTC+8")
_DAY_LENGTH: Final = len("2026-03-31")


class MomentInvalidError(CallerError):
    """The text names no moment."""

    code: ClassVar[str] = "MOMENT_INVALID"


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; every column after the first is figures if its name begins with `#`."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column.lstrip("#"), justify="right" if column.startswith("#") else "left")
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    Console(file=sys.stdout, width=width, markup=False, highlight=False).print(table)


def print_json(tree: object) -> None:
    """Print what a machine reads: one JSON document; quantities have their unit in the key."""
    sys.stdout.write(json.dumps(tree, ensure_ascii=False, indent=2) + "\n")


def moment_text(at_s: Seconds) -> str:
    """Return an instant for people, by the clock of value days: `2026-03-31 09:15:00 UTC+8`."""
    return datetime.fromtimestamp(at_s, CHINA).strftime("%Y-%m-%d %H:%M:%S UTC+8")


def moment_from_text(text: str) -> Seconds:
    """Return the instant that `text` names: a time with its zone, or the end of a value day.

    Raises:
        MomentInvalidError: it names none, or a time without a zone.
    """
    if len(text) == _DAY_LENGTH:
        return Seconds(first_second(ValueDay(day_from_text(text) + 1)) - 1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise MomentInvalidError(
            f"{text[:40]!r} is no time: write 2026-03-31T18:00+08:00"
        ) from error
    if moment.tzinfo is None:
        raise MomentInvalidError(f"{text[:40]!r} has no zone: write 2026-03-31T18:00+08:00")
    return Seconds(int(moment.timestamp()))


def bytes_from_text(text: str, size: int, what: str) -> bytes:
    """Return the bytes that `text` writes in hexadecimal.

    Raises:
        HexInvalidError: it does not write exactly `size` bytes.
    """
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise HexInvalidError(f"{what} is written in hexadecimal") from error
    if len(data) != size:
        raise HexInvalidError(f"{what} has {size} bytes: {2 * size} hexadecimal digits")
    return data


class HexInvalidError(CallerError):
    """An id on the command line is not what it should be."""

    code: ClassVar[str] = "HEX_INVALID"
