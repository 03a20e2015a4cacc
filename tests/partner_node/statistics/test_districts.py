"""Which district a place lies in."""

from __future__ import annotations

from pathlib import Path

import pytest

from partner_node.statistics.districts import (
    DistrictsFileError,
    parse_districts,
    read_districts,
)

EDGES = "west,south,east,north,district\n"


def test_places_are_known_by_name() -> None:
    districts = parse_districts('place,district\n人民广场,310101\n"A, B",310115\n', "d.csv")

    assert districts.district("人民广场") == "310101"
    assert districts.district("A, B") == "310115"
    assert districts.district("elsewhere") == ""
    assert districts.district("121475000,31230000") == ""


def test_the_first_rectangle_that_holds_a_point_counts() -> None:
    districts = parse_districts(EDGES + "0,0,10,10,inner\n-5,-5,20,20,outer\n", "d.csv")

    found = {place: districts.district(place) for place in ("5,5", "10,5", "0, 0", "-5,-5", "20,0")}

    assert found == {"5,5": "inner", "10,5": "outer", "0, 0": "inner", "-5,-5": "outer", "20,0": ""}
    assert districts.district("a station") == ""
    assert districts.district("1.5,2") == ""


def test_a_table_is_read_from_a_file_with_further_columns(tmp_path: Path) -> None:
    path = tmp_path / "districts.csv"
    path.write_text("\ufefflabel,place,district\nPeople's Square,1243,310101\n", encoding="utf-8")

    assert read_districts(path).district("1243") == "310101"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the columns are"),
        ("place,area\na,b\n", "line 1: the columns are"),
        ("place,district\na,1\nb\n", "line 3: 1 fields instead of 2"),
        ("place,district\na,1\nb,\n", "line 3: place, district are all needed"),
        ("place,district\na,1\n\na,2\n", "line 4: the place 'a' stands twice"),
        (EDGES + "0,0,1.5,1,x\n", "line 2: edges are integers"),
        (EDGES + "0,0,1,1,x\n5,0,5,1,y\n", "line 3: west is below east"),
        (EDGES + "0,2,1,1,x\n", "line 2: south is below north"),
        (EDGES + "0,0,1,90000001,x\n", "line 2: south is below north"),
        ('place,district\n"a"b,1\n', "line 2: the quoting is broken"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, message: str) -> None:
    with pytest.raises(DistrictsFileError, match=message) as caught:
        parse_districts(text, "d.csv")

    assert caught.value.code == "DISTRICTS_FILE"
    assert str(caught.value).startswith("d.csv, ")


def test_a_missing_file_and_one_in_another_encoding_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DistrictsFileError, match=r"cannot read districts\.csv"):
        read_districts(tmp_path / "districts.csv")
    path = tmp_path / "gbk.csv"
    path.write_bytes("place,district\n人民广场,1\n".encode("gbk"))
    with pytest.raises(DistrictsFileError, match=r"gbk\.csv is not UTF-8"):
        read_districts(path)
