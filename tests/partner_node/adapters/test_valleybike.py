from collections.abc import Callable
from pathlib import Path

import pytest

from fedcarbon.methodology.reject_reason import RejectReason
from partner_node.adapters.canonical_output import OutputFiles
from partner_node.adapters.valleybike import SOURCE_ZONE, ValleyBikeSettings, convert_valleybike
from partner_node.adapters.week_shift import WeekShift

HEADER = "route_id,user_id,bike,start_time,end_time,path_m,max_step_m"
START = "2020-10-03 20:15:00"
END = "2020-10-03 20:45:30.000000000"

CASES: dict[str, tuple[str, RejectReason | None]] = {
    "a trip": (f"r,u,1,{START},{END},5000.9,30", None),
    "a distance with an exponent": (f"r,u,1,{START},{END},5e3,30", None),
    "under a metre": (f"r,u,1,{START},{END},0.9,30", RejectReason.NOT_POSITIVE_DISTANCE),
    "no distance": (f"r,u,1,{START},{END},,30", RejectReason.NO_DISTANCE),
    "a distance that is none": (f"r,u,1,{START},{END},NA,30", RejectReason.MALFORMED_ROW),
    "a negative distance": (f"r,u,1,{START},{END},-5,30", RejectReason.MALFORMED_ROW),
    "not a number": (f"r,u,1,{START},{END},nan,30", RejectReason.MALFORMED_ROW),
    "an endless number": (f"r,u,1,{START},{END},1e99,30", RejectReason.DISTANCE_ABOVE_MAXIMUM),
    "a jump": (f"r,u,1,{START},{END},5000,1000.0", RejectReason.POSITION_JUMP),
    "just no jump": (f"r,u,1,{START},{END},5000,999.9", None),
    "no duration": (f"r,u,1,{START},{START},5000,30", RejectReason.NOT_POSITIVE_DURATION),
    "no end": (f"r,u,1,{START},,5000,30", RejectReason.MALFORMED_TIME),
    "a row cut short": ("r,u,1", RejectReason.MALFORMED_ROW),
    "no user": (f"r,,1,{START},{END},5000,30", RejectReason.MALFORMED_ROW),
}


@pytest.mark.parametrize("case", CASES)
def test_every_trip_is_an_activity_or_has_a_reason(
    case: str, out: OutputFiles, write_table: Callable[..., Path]
) -> None:
    line, reason = CASES[case]

    report = convert_valleybike(write_table("trips.csv", HEADER, line), out)

    assert report.read == 1
    assert report.rejected == ({} if reason is None else {reason: 1})


def test_times_are_utc_and_keep_their_local_clock_when_shifted(
    out: OutputFiles, write_table: Callable[..., Path]
) -> None:
    line, _ = CASES["a trip"]
    shift = WeekShift(weeks=283, from_zone=SOURCE_ZONE, to_zone="Asia/Shanghai")

    convert_valleybike(write_table("trips.csv", HEADER, line), out, ValleyBikeSettings(shift=shift))

    # 20:15 UTC was 16:15 in Massachusetts.
    assert out.activities.read_text(encoding="utf-8").splitlines()[1] == (
        "r,u,bike,2026-03-07T16:15:00+08:00,2026-03-07T16:45:30+08:00,5000,0,,"
        "2020-10-03 20:15:00,2020-10-03 20:45:30.000000000"
    )


def test_a_trip_over_a_clock_change_keeps_its_duration(
    out: OutputFiles, write_table: Callable[..., Path]
) -> None:
    # 05:30 to 07:30 UTC on the night on which New York sets its clocks back at 06:00 UTC.
    line = "r,u,1,2020-11-01 05:30:00,2020-11-01 07:30:00,5000,30"

    convert_valleybike(write_table("trips.csv", HEADER, line), out)

    written = out.activities.read_text(encoding="utf-8")
    assert "2020-11-01T01:30:00-04:00,2020-11-01T02:30:00-05:00" in written
