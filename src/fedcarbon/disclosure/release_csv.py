"""A released table as CSV: one line per row of the table, for spreadsheets and scripts.

UTF-8 without a byte order mark, comma, CRLF (RFC 4180). Columns, in order:

* `programme`, `table`, `period`, `first_day`, `last_day`: which release it is;
* for each dimension its name (code of a category or group; empty for all of it), and the name
  with `_zh` and `_en` (what people read);
* `cells`: how many cells the row adds up; `shown`: `yes` or `hidden`;
* for each quantity `NAME_UNIT` (adjusted: never negative, all rows add up), `NAME_UNIT_noisy`
  (unbiased: for further sums) and `NAME_UNIT_margin_95`; empty in a hidden row.

Texts that a spreadsheet would take for a formula begin with an apostrophe; numbers are integers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fedcarbon.disclosure.hierarchy import ALL
from fedcarbon.disclosure.release import Release
from fedcarbon.disclosure.report_words import Language, Phrase, say
from fedcarbon.disclosure.shell import Dimension, Label
from fedcarbon.disclosure.table import TableRow

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How formulas begin in the spreadsheets of the market, wide forms included."""
_TOTAL: Final = Label(zh=say(Language.ZH, Phrase.TOTAL), en=say(Language.EN, Phrase.TOTAL))


def release_csv(release: Release) -> str:
    """Return the table of a release as CSV with a header."""
    shell, table = release.shell, release.table
    header = ["programme", "table", "period", "first_day", "last_day"]
    for axis in shell.dimensions:
        header += [axis.name, f"{axis.name}_zh", f"{axis.name}_en"]
    header += ["cells", "shown"]
    for item in shell.quantities:
        name = f"{item.name}_{item.unit}"
        header += [name, f"{name}_noisy", f"{name}_margin_95"]
    which = (shell.programme_id, shell.shell_id, table.period, table.first_day, table.last_day)
    lines = [_line(header)]
    for row in table.rows:
        fields: list[str | int] = [*which, *_fields(shell.dimensions, row)]
        lines.append(_line([*fields, *[""] * (len(header) - len(fields))]))
    return "".join(lines)


def _fields(dimensions: Iterable[Dimension], row: TableRow) -> list[str | int]:
    fields: list[str | int] = []
    for axis, code in zip(dimensions, row.codes, strict=True):
        label = _TOTAL if code == ALL else axis.labels[code]
        fields += [code, label.zh, label.en]
    fields += [row.cells, "yes" if row.shown else "hidden"]
    for value in row.values:
        fields += [int(value.adjusted), int(value.noisy), int(value.margin_95)]
    return fields


def _line(fields: Iterable[str | int]) -> str:
    return ",".join(map(_field, fields)) + "\r\n"


def _field(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    text = "'" + value if value.startswith(_FORMULA) else value
    if any(sign in text for sign in ',"\r\n') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text
