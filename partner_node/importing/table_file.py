"""Rows of a CSV or Parquet file as text, one at a time, whatever is wrong with single rows.

A file that cannot be read at all raises; a bad row never does: it comes out as a `Reject` with its
number, and reading goes on behind it. Row 1 is the first row of data (the line after a CSV header).

CSV is comma-separated UTF-8 with a header, RFC 4180 quoting, and one row per line: a line break
inside quotes is refused, so that one stray quote cannot swallow the rows behind it. Columns are
found by name; further columns are allowed and ignored.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Final, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from fedcarbon.errors import ConfigurationError
from fedcarbon.methodology.reject_reason import RejectReason

LINE_BYTES_MAX: Final = 1 << 16
"""Limit of one CSV line; a longer one is a malformed row."""
PARQUET_BATCH_ROWS: Final = 10_000
SUBJECT_CHARACTERS_MAX: Final = 128
PARQUET_SUFFIX: Final = ".parquet"

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

T = TypeVar("T", covariant=True)  # noqa: PLC0105 - a frozen container


class ImportFileError(ConfigurationError):
    """A file that cannot be read as a table: the operator must export it again."""

    code: ClassVar[str] = "IMPORT_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(Generic[T]):
    """A row that was read."""

    row: int
    """From 1."""
    value: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that does not count, and why."""

    row: int
    """From 1."""
    subject: str
    """The activity or person reference, as far as it could be read; never an identity number."""
    reason: str
    """A `RejectReason`, or the id of a methodology's rule."""
    detail: str
    """A sentence for people; it quotes no value of the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What a file must and may have."""

    subject: str
    """The required column that names a row."""
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """Return required and optional columns."""
        return self.required + self.optional


Fields = Mapping[str, str]
"""Column name to text; a column that is absent or empty is an empty text."""


def read_table(path: Path, columns: Columns) -> Iterator[Read[Fields] | Reject]:
    """Yield the rows of the CSV or Parquet (`*.parquet`) file at `path`, in order.

    Raises:
        ImportFileError: the file does not exist, is no table, or lacks a required column.
    """
    try:
        if path.suffix.lower() == PARQUET_SUFFIX:
            yield from _parquet_rows(path, columns)
        else:
            with path.open("rb") as file:
                yield from _csv_rows(path, file, columns)
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        # A damaged Parquet file also fails as text or as a time that Python does not have.
        message = f"{path.name} cannot be read: {type(error).__name__}"
        raise ImportFileError(message) from error


def printable(text: str) -> str:
    """Return `text` shortened and without what does not print, fit for a report."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown[:SUBJECT_CHARACTERS_MAX]


def _csv_rows(path: Path, file: BinaryIO, columns: Columns) -> Iterator[Read[Fields] | Reject]:
    header = _csv_header(path, file)
    indices = _indices(path, header, columns)
    for row, line in enumerate(_lines(file), start=1):
        if line is None:
            yield _reject(row, "", RejectReason.MALFORMED_ROW, f"over {LINE_BYTES_MAX} bytes long")
        elif line:
            yield _csv_row(row, line, indices, width=len(header), columns=columns)


def _csv_row(
    row: int, line: bytes, indices: Mapping[str, int], *, width: int, columns: Columns
) -> Read[Fields] | Reject:
    try:
        values = _csv_values(line.decode())
    except UnicodeDecodeError as error:
        subject = _subject_of_damaged(line, indices[columns.subject], width=width)
        detail = f"byte {error.start + 1} of the line is not UTF-8"
        return _reject(row, subject, RejectReason.NOT_UTF8, detail)
    except csv.Error:
        return _reject(row, "", RejectReason.MALFORMED_ROW, "the quoting is broken")
    if len(values) != width:
        # No subject: with a field too few or too many, an identity number may stand there.
        detail = f"{len(values)} fields instead of {width}"
        return _reject(row, "", RejectReason.MALFORMED_ROW, detail)
    return Read(row=row, value={name: values[index] for name, index in indices.items()})


def _csv_values(line: str) -> list[str]:
    rows = list(csv.reader([line], strict=True))
    return rows[0] if rows else []


def _subject_of_damaged(line: bytes, index: int, *, width: int) -> str:
    try:
        values = _csv_values(line.decode(errors="replace"))
    except csv.Error:
        return ""
    return values[index] if len(values) == width else ""


def _csv_header(path: Path, file: BinaryIO) -> list[str]:
    line = next(_lines(file), b"")
    try:
        values = _csv_values((line or b"").removeprefix(_BYTE_ORDER_MARK).decode())
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportFileError(f"the header of {path.name} is not UTF-8 text with commas") from error
    return [value.strip() for value in values]


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Yield lines without their ends, None for one that is too long."""
    while line := file.readline(LINE_BYTES_MAX + 2):
        if len(line) <= LINE_BYTES_MAX or line.endswith(b"\n"):
            yield line.rstrip(b"\r\n")
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES_MAX)
        yield None


def _indices(path: Path, header: Sequence[str], columns: Columns) -> dict[str, int]:
    """Return where each known column that the file has stands."""
    missing = [name for name in columns.required if name not in header]
    if missing:
        raise ImportFileError(
            f"{path.name} lacks the columns {', '.join(missing)}; "
            f"it must have {', '.join(columns.required)}"
        )
    repeated = [name for name in columns.known if list(header).count(name) > 1]
    if repeated:
        raise ImportFileError(f"{path.name} has the columns {', '.join(repeated)} twice")
    return {name: header.index(name) for name in columns.known if name in header}


def _parquet_rows(path: Path, columns: Columns) -> Iterator[Read[Fields] | Reject]:
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        indices = _indices(path, names, columns)
        row = 0
        for batch in file.iter_batches(batch_size=PARQUET_BATCH_ROWS, columns=list(indices)):
            texts, damaged = zip(*(_texts(batch.column(name)) for name in indices), strict=True)
            not_utf8 = set().union(*damaged)
            for position, values in enumerate(zip(*texts, strict=True)):
                row += 1
                fields = dict(zip(indices, values, strict=True))
                if position in not_utf8:
                    subject = fields[columns.subject]
                    yield _reject(row, subject, RejectReason.NOT_UTF8, "a text is not UTF-8")
                else:
                    yield Read(row=row, value=fields)


def _texts(column: Any) -> tuple[list[str], set[int]]:  # noqa: ANN401 - pyarrow has no types
    """Return the text of every cell, and which of them are not UTF-8."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        try:
            return column.fill_null("").to_pylist(), set()
        except UnicodeDecodeError:
            column = column.cast(pa.large_binary())  # one bad cell must not lose the column
    elif pa.types.is_integer(kind):
        return column.cast(pa.string()).fill_null("").to_pylist(), set()
    elif pa.types.is_timestamp(kind):
        # Instants count in whole seconds; nanoseconds would need pandas.
        column = column.cast(pa.timestamp("us", tz=kind.tz), safe=False)
        if kind.tz == "UTC":
            return _texts_of_utc(column), set()
    texts, damaged = [], set()
    for position, cell in enumerate(column.to_pylist()):
        try:
            texts.append(_text(cell))
        except UnicodeDecodeError:
            texts.append(cell.decode(errors="replace"))
            damaged.add(position)
    return texts, damaged


def _texts_of_utc(column: Any) -> list[str]:  # noqa: ANN401 - likewise
    """Return ISO 8601 as `_text` would, without asking for the zone of every single cell."""
    local = column.cast(pa.timestamp("us")).to_pylist()
    return ["" if at is None else f"{at.isoformat()}+00:00" for at in local]


def _text(cell: Any) -> str:  # noqa: ANN401 - whatever Parquet holds
    if cell is None:
        return ""
    if isinstance(cell, bytes):
        return cell.decode()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if hasattr(cell, "isoformat"):
        return str(cell.isoformat())
    return str(cell)


def _reject(row: int, subject: str, reason: RejectReason, detail: str) -> Reject:
    return Reject(row=row, subject=printable(subject), reason=reason, detail=detail)
