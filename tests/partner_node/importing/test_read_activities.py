from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.errors import ConfigurationError
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.reject_reason import RejectReason
from partner_node.activities.bundle import Bundle
from partner_node.importing.activities import read_activities
from partner_node.importing.table_file import Read, Reject
from tests.meters import goods, saving
from tests.trips import METHODOLOGY, trip

BUNDLE = Bundle([load_from_catalogue(METHODOLOGY)])
GOOD = {
    "activity_id": "ride-1",
    "person_ref": "u-7",
    "mode": "rail",
    "started_at": "2026-03-02T08:00:00+08:00",
    "ended_at": "2026-03-02T08:20:00+08:00",
    "distance_m": "12500",
    "evidence": "0",
}
HEADER = ",".join(GOOD) + "\n"
START_S = 1_772_409_600


def _read(
    folder: Path, change: dict[str, str], time_zone: str | None = "Asia/Shanghai"
) -> Activity | Reject:
    path = folder / "activities.csv"
    row = ",".join({**GOOD, **change}.values())
    path.write_text(HEADER + row + "\n", encoding="utf-8")
    (item,) = read_activities(path, time_zone, BUNDLE)
    return item.value if isinstance(item, Read) else item


def test_a_good_row_is_an_activity(tmp_path: Path) -> None:
    activity = _read(tmp_path, {})

    assert activity == trip("ride-1", "u-7", START_S, START_S + 1_200, distance_m=12_500)


SAME_INSTANT = {
    "an offset": ("2026-03-02T08:00:00+08:00", None),
    "UTC": ("2026-03-02T00:00:00Z", None),
    "local to the zone": ("2026-03-02T08:00:00", "Asia/Shanghai"),
    "a space instead of the T": ("2026-03-02 08:00:00", "Asia/Shanghai"),
    "an offset beats the zone": ("2026-03-01T19:00:00-05:00", "Asia/Shanghai"),
    "parts of a second are dropped": ("2026-03-02T08:00:00.999999", "Asia/Shanghai"),
    "spaces around": (" 2026-03-02T08:00:00+08:00 ", None),
}


@pytest.mark.parametrize("case", SAME_INSTANT)
def test_one_instant_has_many_spellings(case: str, tmp_path: Path) -> None:
    text, time_zone = SAME_INSTANT[case]
    change = {"started_at": text, "ended_at": "2026-03-02T08:20:00+08:00"}

    activity = _read(tmp_path, change, time_zone)

    assert isinstance(activity, Activity)
    assert activity.started_at_s == START_S


BAD: dict[str, tuple[dict[str, str], RejectReason]] = {
    "no id": ({"activity_id": ""}, RejectReason.MALFORMED_ROW),
    "no person": ({"person_ref": " "}, RejectReason.MALFORMED_ROW),
    "no time": ({"started_at": ""}, RejectReason.MALFORMED_TIME),
    "a word for a time": ({"started_at": "yesterday"}, RejectReason.MALFORMED_TIME),
    "a day that does not exist": (
        {"ended_at": "2026-02-30T08:00:00+08:00"},
        RejectReason.MALFORMED_TIME,
    ),
    "the year 1": ({"started_at": "0001-01-01T00:00:00+08:00"}, RejectReason.MALFORMED_TIME),
    "the year 9999": ({"ended_at": "9999-12-31T23:59:59-12:00"}, RejectReason.MALFORMED_TIME),
    "a distance with a fraction": ({"distance_m": "12500.0"}, RejectReason.MALFORMED_ROW),
    "a distance with an exponent": ({"distance_m": "1e4"}, RejectReason.MALFORMED_ROW),
    "full-width digits": ({"distance_m": "\uff11\uff12"}, RejectReason.MALFORMED_ROW),
    "a distance without an end": ({"distance_m": "9" * 5_000}, RejectReason.MALFORMED_ROW),
    "an end at the start": ({"ended_at": GOOD["started_at"]}, RejectReason.NOT_POSITIVE_DURATION),
    "an end before the start": (
        {"ended_at": "2026-03-02T07:59:59+08:00"},
        RejectReason.NOT_POSITIVE_DURATION,
    ),
    "an absurd duration": (
        {"ended_at": "2027-05-09T08:00:00+08:00"},
        RejectReason.DURATION_ABOVE_MAXIMUM,
    ),
    "evidence 7": ({"evidence": "7"}, RejectReason.EVIDENCE_OUT_OF_RANGE),
    "evidence -1": ({"evidence": "-1"}, RejectReason.EVIDENCE_OUT_OF_RANGE),
    "no evidence": ({"evidence": ""}, RejectReason.MALFORMED_ROW),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_has_a_reason_and_its_id(case: str, tmp_path: Path) -> None:
    change, reason = BAD[case]

    item = _read(tmp_path, change)

    assert isinstance(item, Reject)
    assert item.reason is reason
    assert item.subject == change.get("activity_id", "ride-1")
    assert item.row == 1


def test_a_time_without_a_zone_needs_a_configured_one(tmp_path: Path) -> None:
    item = _read(tmp_path, {"ended_at": "2026-03-02T08:20:00"}, time_zone=None)

    assert isinstance(item, Reject)
    assert item.reason is RejectReason.NO_TIME_ZONE


def test_a_word_for_a_time_is_no_time_in_any_zone(tmp_path: Path) -> None:
    item = _read(tmp_path, {"started_at": "yesterday"}, time_zone=None)

    assert isinstance(item, Reject)
    assert item.reason is RejectReason.MALFORMED_TIME


def test_a_damaged_row_does_not_stop_the_ones_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "activities.csv"
    good = ",".join(GOOD.values()).encode()
    path.write_bytes(HEADER.encode() + good + b"\nride-2,\xff\n" + good + b"\n")

    items = list(read_activities(path, None, BUNDLE))

    assert [type(item) for item in items] == [Read, Reject, Read]


CLOCK_CHANGES = {
    "skipped in spring": ("2026-03-29T02:30:00", RejectReason.NONEXISTENT_LOCAL_TIME),
    "twice in autumn": ("2026-10-25T02:30:00", RejectReason.AMBIGUOUS_LOCAL_TIME),
}


@pytest.mark.parametrize("case", CLOCK_CHANGES)
def test_a_local_time_at_a_clock_change_is_not_guessed(case: str, tmp_path: Path) -> None:
    text, reason = CLOCK_CHANGES[case]

    item = _read(tmp_path, {"started_at": text}, time_zone="Europe/Berlin")

    assert isinstance(item, Reject)
    assert item.reason is reason


def test_at_a_clock_change_an_offset_decides(tmp_path: Path) -> None:
    change = {"started_at": "2026-10-25T02:30:00+02:00", "ended_at": "2026-10-25T02:10:00+01:00"}

    activity = _read(tmp_path, change, time_zone="Europe/Berlin")

    assert isinstance(activity, Activity)
    assert activity.duration_s == 40 * 60


def test_an_unknown_zone_is_the_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        _read(tmp_path, {"started_at": "2026-03-02T08:00:00"}, time_zone="Asia/Atlantis")


def test_parquet_and_csv_give_the_same_activities(tmp_path: Path) -> None:
    second = {**GOOD, "activity_id": "ride-2", "distance_m": "5", "evidence": "7"}
    lines = [",".join(row.values()) for row in (GOOD, second)]
    as_csv = tmp_path / "activities.csv"
    as_csv.write_text(HEADER + "\n".join(lines), encoding="utf-8")
    as_parquet = tmp_path / "activities.parquet"
    columns = {name: pa.array([GOOD[name], second[name]]) for name in GOOD}
    columns["distance_m"] = pa.array([12_500, 5], pa.int32())
    columns["evidence"] = pa.array([0, 7], pa.int8())
    pq.write_table(pa.table(columns), as_parquet)

    from_csv = list(read_activities(as_csv, None, BUNDLE))
    from_parquet = list(read_activities(as_parquet, None, BUNDLE))

    assert from_csv == from_parquet
    assert isinstance(from_csv[1], Reject)
    assert from_csv[1].reason is RejectReason.EVIDENCE_OUT_OF_RANGE


def test_no_detail_quotes_a_value(tmp_path: Path) -> None:
    number = "990000180001010017"

    for column in ("started_at", "distance_m", "evidence"):
        item = _read(tmp_path, {column: number + "x"})

        assert isinstance(item, Reject)
        assert number not in item.detail


# --- every type in one table ----------------------------------------------------------------------

SEVERAL = Bundle([load_from_catalogue(METHODOLOGY), saving(), goods()])
TABLE = """\
activity_id,person_ref,methodology,started_at,ended_at,evidence,object_ref,mode,distance_m,use_wh,price_fen
ride,u,cn-ecny-shanghai,2026-03-02T08:00:00,2026-03-02T08:20:00,0,,rail,12500,,
month,h,test-saving,2026-03-01T00:00:00,2026-04-01T00:00:00,0,meter:sgcc-sh:3100,,,80000,
bought,u,test-goods,2026-03-02T09:00:00,,0,receipt:shop:88,,,,5000
unnamed,u,,2026-03-02T09:00:00,,0,receipt:shop:89,,,,5000
unknown,u,cn-nowhere,2026-03-02T09:00:00,,0,receipt:shop:90,,,,5000
endless,u,cn-ecny-shanghai,2026-03-02T09:00:00,,0,,rail,12500,,
misspelt,h,test-saving,2026-03-01T00:00:00,2026-04-01T00:00:00,0,3100,,,80000,
half,h,test-saving,2026-03-01T00:00:00,2026-04-01T00:00:00,0,meter:a:1,,,80000.5,
"""


def test_one_table_holds_activities_of_every_type(tmp_path: Path) -> None:
    path = tmp_path / "activities.csv"
    path.write_text(TABLE, encoding="utf-8")

    items = list(read_activities(path, "Asia/Shanghai", SEVERAL))

    ride, month, bought = (item.value for item in items if isinstance(item, Read))
    assert ride.values == {"mode": "rail", "distance_m": 12_500}
    assert (month.object_ref, month.values) == ("METER:SGCC-SH:3100", {"use_wh": 80_000})
    assert (bought.methodology_id, bought.duration_s) == ("test-goods", 1)
    assert {item.subject: item.reason for item in items if isinstance(item, Reject)} == {
        "unnamed": RejectReason.UNKNOWN_METHODOLOGY,
        "unknown": RejectReason.UNKNOWN_METHODOLOGY,
        "endless": RejectReason.MALFORMED_TIME,
        "misspelt": RejectReason.MALFORMED_OBJECT,
        "half": RejectReason.MALFORMED_ROW,
    }


def test_what_another_market_has_counted_is_named_in_the_column_regime(tmp_path: Path) -> None:
    path = tmp_path / "activities.csv"
    header, row = (",".join(texts) for texts in (GOOD, GOOD.values()))
    path.write_text(f"{header},regime\n{row},CCER\n", encoding="utf-8")

    (item,) = read_activities(path, None, BUNDLE)

    assert isinstance(item, Read)
    assert item.value.values["regime"] == "CCER"
