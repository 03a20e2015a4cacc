import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.methodology.reject_reason import RejectReason
from partner_node.activities.bundle import Bundle
from partner_node.adapters.canonical_output import OutputFiles
from partner_node.adapters.shenzhen_tong import (
    SOURCE_ZONE,
    ShenzhenTongSettings,
    convert_shenzhen_tong,
)
from partner_node.adapters.week_shift import WeekShift
from partner_node.importing.activities import read_activities
from partner_node.importing.table_file import Read
from tests.trips import METHODOLOGY

BUNDLE = Bundle([load_from_catalogue(METHODOLOGY)])

HEADER = "card_no,deal_date,deal_type,deal_money,equ_no,station"
IN, OUT, BUS = "地铁入站", "地铁出站", "巴士"


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Three stations on a meridian, about 1.1 km apart; 孤岛 and 孤礁 are cut off."""
    tree = {
        "Line_name": ["L1", "L2"],
        "L1": {
            "id2name": [{"0": "甲", "1": "乙", "2": "丙"}],
            "center_gps": [{"0": [114.0, 22.5], "1": [114.0, 22.51], "2": [114.0, 22.52]}],
            "(0,1)": {"dist": [0, 1_200.5]},
            "(1,2)": {"dist": []},
        },
        "L2": {
            "id2name": [{"0": "孤岛", "1": "孤礁"}],
            "center_gps": [{"0": [114.1, 22.5], "1": [114.1, 22.51]}],
            "(0,1)": {"dist": []},
        },
    }
    path = tmp_path / "network.json"
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


def _event(card: str, time: str, kind: str, station: str, device: str = "1") -> str:
    return f"{card},2018-09-01 {time},{kind},0,{device},{station}"


CASES: dict[str, tuple[list[str], int, dict[RejectReason, int]]] = {
    "a ride": ([_event("A", "08:00:00", IN, "甲"), _event("A", "08:30:00", OUT, "丙")], 1, {}),
    "out of order in the file": (
        [_event("A", "08:30:00", OUT, "丙"), _event("A", "08:00:00", IN, "甲")],
        1,
        {},
    ),
    "two rides": (
        [
            _event("A", "08:00:00", IN, "甲"),
            _event("A", "08:30:00", OUT, "丙"),
            _event("A", "18:00:00", IN, "丙"),
            _event("A", "18:30:00", OUT, "甲"),
        ],
        2,
        {},
    ),
    "an exit and an entry in one second": (
        [
            _event("A", "08:00:00", IN, "甲"),
            _event("A", "08:30:00", IN, "丙"),
            _event("A", "08:30:00", OUT, "丙"),
            _event("A", "08:50:00", OUT, "乙"),
        ],
        2,
        {},
    ),
    "the suffix 站 makes no other station": (
        [_event("A", "08:00:00", IN, "甲站"), _event("A", "08:30:00", OUT, "甲")],
        0,
        {RejectReason.SAME_STATION: 2},
    ),
    "two cards are not one ride": (
        [_event("A", "08:00:00", IN, "甲"), _event("B", "08:30:00", OUT, "丙")],
        0,
        {RejectReason.GATE_IN_WITHOUT_OUT: 1, RejectReason.GATE_OUT_WITHOUT_IN: 1},
    ),
    "the later of two entries is the ride": (
        [
            _event("A", "07:00:00", IN, "乙"),
            _event("A", "08:00:00", IN, "甲"),
            _event("A", "08:30:00", OUT, "丙"),
        ],
        1,
        {RejectReason.GATE_IN_WITHOUT_OUT: 1},
    ),
    "the earlier of two exits is the ride": (
        [
            _event("A", "08:00:00", IN, "甲"),
            _event("A", "08:30:00", OUT, "丙"),
            _event("A", "09:30:00", OUT, "乙"),
        ],
        1,
        {RejectReason.GATE_OUT_WITHOUT_IN: 1},
    ),
    "a bus has no distance, and does not part a ride": (
        [
            _event("A", "08:00:00", IN, "甲"),
            _event("A", "08:10:00", BUS, "74路"),
            _event("A", "08:30:00", OUT, "丙"),
        ],
        1,
        {RejectReason.NO_DISTANCE: 1},
    ),
    "five hours is still a ride": (
        [_event("A", "08:00:00", IN, "甲"), _event("A", "13:00:00", OUT, "丙")],
        1,
        {},
    ),
    "a second more is not": (
        [_event("A", "08:00:00", IN, "甲"), _event("A", "13:00:01", OUT, "丙")],
        0,
        {RejectReason.DURATION_ABOVE_MAXIMUM: 2},
    ),
    "a blank station": (
        [_event("A", "08:00:00", IN, ""), _event("A", "08:30:00", OUT, "丙")],
        0,
        {RejectReason.MISSING_STATION: 2},
    ),
    "a dash for a station": (
        [_event("A", "08:00:00", IN, "甲"), _event("A", "08:30:00", OUT, "-")],
        0,
        {RejectReason.MISSING_STATION: 2},
    ),
    "a station nobody knows": (
        [_event("A", "08:00:00", IN, "甲"), _event("A", "08:30:00", OUT, "亚特兰蒂斯")],
        0,
        {RejectReason.STATION_NOT_IN_NETWORK: 2},
    ),
    "a station that cannot be reached": (
        [_event("A", "08:00:00", IN, "甲"), _event("A", "08:30:00", OUT, "孤岛")],
        0,
        {RejectReason.NO_DISTANCE: 2},
    ),
    "in and out in one second": (
        [_event("A", "08:00:00", IN, "甲"), _event("A", "08:00:00", OUT, "丙")],
        0,
        {RejectReason.GATE_OUT_WITHOUT_IN: 1, RejectReason.GATE_IN_WITHOUT_OUT: 1},
    ),
    "the same row twice": (
        [_event("A", "08:00:00", IN, "甲")] * 2 + [_event("A", "08:30:00", OUT, "丙")],
        1,
        {RejectReason.DUPLICATE_ROW: 1},
    ),
    "an unknown kind of event": (
        [_event("A", "08:00:00", "充值", "甲")],
        0,
        {RejectReason.MALFORMED_ROW: 1},
    ),
    "a time that is none": (
        [_event("A", "25:00:00", IN, "甲")],
        0,
        {RejectReason.MALFORMED_TIME: 1},
    ),
    "a card without a number": (
        [_event("", "08:00:00", IN, "甲"), _event("", "08:30:00", OUT, "丙")],
        0,
        {RejectReason.MALFORMED_ROW: 2},
    ),
    "a row cut short": (["A,2018-09-01"], 0, {RejectReason.MALFORMED_ROW: 1}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_gate_event_is_a_ride_or_has_a_reason(
    case: str, network: Path, out: OutputFiles, write_table: Callable[..., Path]
) -> None:
    lines, rides, rejected = CASES[case]

    report = convert_shenzhen_tong([write_table("cards.csv", HEADER, *lines)], network, out)

    assert (report.read, report.written, report.rejected) == (len(lines), rides, rejected)


def test_a_ride_has_its_distance_times_and_card(
    network: Path, out: OutputFiles, write_table: Callable[..., Path]
) -> None:
    lines, _, _ = CASES["a ride"]
    shift = WeekShift(weeks=392, from_zone=SOURCE_ZONE, to_zone=SOURCE_ZONE)
    settings = ShenzhenTongSettings(shift=shift)

    convert_shenzhen_tong([write_table("cards.csv", HEADER, *lines)], network, out, settings)

    assert out.activities.read_text(encoding="utf-8").splitlines()[1] == (
        "szt-A-20180901T000000Z,A,rail,2026-03-07T08:00:00+08:00,2026-03-07T08:30:00+08:00,"
        "2312,0,甲,2018-09-01 08:00:00,2018-09-01 08:30:00"
    )
    (item,) = read_activities(out.activities, None, BUNDLE)
    assert isinstance(item, Read)
    assert (item.value.values["distance_m"], item.value.place) == (2_312, "甲")


def test_files_with_other_column_orders_are_one_set_of_events(
    network: Path, out: OutputFiles, write_table: Callable[..., Path]
) -> None:
    entry = write_table("in.csv", HEADER, _event("A", "08:00:00", IN, "甲"))
    again_and_exit = write_table(
        "out.csv",
        "station,equ_no,deal_type,card_no,deal_date",
        f"甲,1,{IN},A,2018-09-01 08:00:00",
        f'丙,1,{OUT},A,"2018-09-01 08:30:00"',
    )

    report = convert_shenzhen_tong([entry, again_and_exit], network, out)

    assert (report.written, report.rejected) == (1, {RejectReason.DUPLICATE_ROW: 1})
    assert "out.csv: same card" in out.rejects.read_text(encoding="utf-8")


def test_a_damaged_row_names_its_file(network: Path, out: OutputFiles, tmp_path: Path) -> None:
    path = tmp_path / "cards.csv"
    path.write_bytes(f"{HEADER}\n".encode() + b"A,\xff,,,,\n")

    report = convert_shenzhen_tong([path], network, out)

    assert report.rejected == {RejectReason.NOT_UTF8: 1}
    assert "cards.csv: byte 3" in out.rejects.read_text(encoding="utf-8")
