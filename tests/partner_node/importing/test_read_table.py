import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedcarbon.methodology.reject_reason import RejectReason
from partner_node.importing.table_file import (
    LINE_BYTES_MAX,
    Columns,
    ImportFileError,
    Read,
    Reject,
    read_table,
)

COLUMNS = Columns(subject="name", required=("name", "size"), optional=("colour",))


def _csv(folder: Path, data: bytes) -> list[Read[Any] | Reject]:
    path = folder / "table.csv"
    path.write_bytes(data)
    return list(read_table(path, COLUMNS))


def _values(items: list[Read[Any] | Reject]) -> list[Any]:
    return [item.value if isinstance(item, Read) else item.reason for item in items]


def test_columns_are_found_by_name_and_others_ignored(tmp_path: Path) -> None:
    items = _csv(tmp_path, b"secret,size,name\nx,1,a\ny,2,b\n")

    assert items == [
        Read(row=1, value={"name": "a", "size": "1"}),
        Read(row=2, value={"name": "b", "size": "2"}),
    ]


GOOD = {
    "no line end at the end": b"name,size\na,1",
    "carriage returns": b"name,size\r\na,1\r\n",
    "a byte order mark": b"\xef\xbb\xbfname,size\na,1\n",
    "spaces in the header": b" name , size\na,1\n",
    "quotes": b'"name","size"\n"a","1"\n',
}


@pytest.mark.parametrize("case", GOOD)
def test_usual_spellings_of_csv_are_read(case: str, tmp_path: Path) -> None:
    assert _values(_csv(tmp_path, GOOD[case])) == [{"name": "a", "size": "1"}]


def test_a_comma_and_a_quote_survive_quoting(tmp_path: Path) -> None:
    items = _csv(tmp_path, b'name,size\n"a,""b""",1\n')

    assert _values(items) == [{"name": 'a,"b"', "size": "1"}]


BAD_ROWS = {
    "not UTF-8": (b"\xff\xfe,1", RejectReason.NOT_UTF8),
    "GB18030": ("地铁".encode("gb18030") + b",1", RejectReason.NOT_UTF8),
    "a field too few": (b"a", RejectReason.MALFORMED_ROW),
    "a field too many": (b"a,1,2", RejectReason.MALFORMED_ROW),
    "a quote that never ends": (b'"a,1', RejectReason.MALFORMED_ROW),
    "text behind a quote": (b'"a"b,1', RejectReason.MALFORMED_ROW),
    "a line too long": (b"a," + b"1" * LINE_BYTES_MAX, RejectReason.MALFORMED_ROW),
    "a line far too long": (b"a," + b"1" * (3 * LINE_BYTES_MAX), RejectReason.MALFORMED_ROW),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_rejected_and_the_rest_is_read(case: str, tmp_path: Path) -> None:
    line, reason = BAD_ROWS[case]

    items = _csv(tmp_path, b"name,size\na,1\n" + line + b"\nb,2\n")

    assert _values(items) == [{"name": "a", "size": "1"}, reason, {"name": "b", "size": "2"}]
    assert [item.row for item in items] == [1, 2, 3]


def test_blank_lines_are_no_rows_but_keep_the_numbers_right(tmp_path: Path) -> None:
    items = _csv(tmp_path, b"name,size\n\na,1\n\n")

    assert [(item.row, type(item)) for item in items] == [(2, Read)]


def test_a_reject_names_the_row_it_can_name(tmp_path: Path) -> None:
    damaged, shifted = _csv(tmp_path, b"name,size\nride-7,\xff\n990000180001010017\n")

    assert isinstance(damaged, Reject)
    assert (damaged.subject, damaged.detail) == ("ride-7", "byte 8 of the line is not UTF-8")
    # With a field missing, nobody knows what stands in the first column.
    assert isinstance(shifted, Reject)
    assert shifted.subject == ""


NO_TABLES = {
    "an empty file": b"",
    "a missing column": b"name,weight\na,1\n",
    "a column twice": b"name,size,size\na,1,2\n",
    "UTF-16": "name,size\na,1\n".encode("utf-16"),
    "broken quotes in the header": b'"name,size\na,1\n',
    "a header without an end": b"n" * (2 * LINE_BYTES_MAX),
}


@pytest.mark.parametrize("case", NO_TABLES)
def test_a_file_that_is_no_table_says_who_must_act(case: str, tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match=r"table\.csv"):
        _csv(tmp_path, NO_TABLES[case])


@pytest.mark.parametrize("name", ["missing.csv", "missing.parquet", "folder.csv"])
def test_a_file_that_cannot_be_opened_is_an_import_file_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()

    with pytest.raises(ImportFileError, match="cannot be read"):
        list(read_table(tmp_path / name, COLUMNS))


def test_parquet_that_is_none_is_an_import_file_error(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    path.write_bytes(b"name,size\na,1\n")

    with pytest.raises(ImportFileError):
        list(read_table(path, COLUMNS))


def test_parquet_lacking_a_column_is_an_import_file_error(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"name": ["a"]}), path)

    with pytest.raises(ImportFileError, match="size"):
        list(read_table(path, COLUMNS))


PARQUET_CELLS = {
    "text": (pa.array(["12"]), "12"),
    "an integer": (pa.array([12]), "12"),
    "a float": (pa.array([12.5]), "12.5"),
    "nothing": (pa.array([None], pa.int64()), ""),
    "a truth": (pa.array([True]), "true"),
    "large text": (pa.array(["12"], pa.large_string()), "12"),
    "text by dictionary": (pa.array(["12"]).dictionary_encode(), "12"),
    "an instant": (
        pa.array([dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)], pa.timestamp("ns", tz="UTC")),
        "2026-03-02T08:00:00+00:00",
    ),
    "an instant of another zone": (
        pa.array([dt.datetime(2026, 3, 2, tzinfo=dt.UTC)], pa.timestamp("us", tz="Asia/Shanghai")),
        "2026-03-02T08:00:00+08:00",
    ),
    "a local time in nanoseconds": (
        pa.array([1_772_438_400_000_000_001], pa.timestamp("ns")),
        "2026-03-02T08:00:00",
    ),
}


@pytest.mark.parametrize("case", PARQUET_CELLS)
def test_parquet_cells_become_text(case: str, tmp_path: Path) -> None:
    cell, expected = PARQUET_CELLS[case]
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"name": pa.array(["a"]), "size": cell, "other": pa.array([1])}), path)

    assert list(read_table(path, COLUMNS)) == [Read(row=1, value={"name": "a", "size": expected})]


def test_parquet_text_that_is_not_utf8_loses_one_row_only(tmp_path: Path) -> None:
    raw = pa.array([b"a", b"\xff", b"c"], pa.binary())
    names = pa.StringArray.from_buffers(3, *raw.buffers()[1:], raw.buffers()[0])
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"name": names, "size": pa.array([1, 2, 3])}), path)

    items = list(read_table(path, COLUMNS))

    assert [item.row for item in items] == [1, 2, 3]
    assert isinstance(items[1], Reject)
    assert items[1].reason is RejectReason.NOT_UTF8


def test_parquet_cells_that_are_empty_or_damaged_lose_nothing_beside_them(tmp_path: Path) -> None:
    raw = pa.array([b"a", None, b"c\xff"], pa.binary())
    names = pa.StringArray.from_buffers(3, *raw.buffers()[1:], raw.buffers()[0])
    at = dt.datetime(2026, 3, 2, 8, 0, 0, 500_000, tzinfo=dt.UTC)
    instants = pa.array([at, None, at], pa.timestamp("ms", tz="UTC"))
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"name": names, "size": instants}), path)

    whole, empty, damaged = read_table(path, COLUMNS)

    assert whole == Read(row=1, value={"name": "a", "size": "2026-03-02T08:00:00.500000+00:00"})
    assert empty == Read(row=2, value={"name": "", "size": ""})
    assert isinstance(damaged, Reject)
    assert damaged.subject == "c\ufffd"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=400))
def test_no_bytes_make_reading_fail(body: bytes, tmp_path: Path) -> None:
    items = _csv(tmp_path, b"name,size\n" + body)

    lines = [line for line in body.split(b"\n") if line.rstrip(b"\r\n")]
    assert len(items) == len(lines)
