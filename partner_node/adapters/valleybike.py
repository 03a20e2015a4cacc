"""ValleyBike share, Massachusetts: one row per trip with user, times and summed path.

* Times are UTC. The package's documentation says Eastern time, but starts peak at 20-21 h and are
  rare from 5 to 10 h, which fits UTC. The text as published stays in the original columns.
* The distance is `path_m`, summed over five-second GPS points, rounded down. A trip with a step of
  more than `step_m_max` between two points has no path that could be believed: `position_jump`.
* Evidence 0: a smart lock validates when a bike was taken and returned; GPS only measures the way.
* Very short or long trips are left to the methodology's limits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fedcarbon.methodology.activity import Activity, InvalidActivityError, Mode
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import Metres
from partner_node.activities.instants import parse_instant
from partner_node.adapters.canonical_output import AdapterReport, CanonicalOutput, OutputFiles
from partner_node.adapters.decimal_text import metres_of
from partner_node.adapters.published_trip import published_trip
from partner_node.adapters.week_shift import WeekShift
from partner_node.importing.table_file import Columns, Fields, Reject, printable, read_table

SOURCE_ZONE: Final = "America/New_York"
"""Where the trips were: it decides which weekday and hour a shift keeps."""
STEP_M_MAX: Final = Metres(1_000)

_TIMES_ARE: Final = "UTC"
_COLUMNS: Final = Columns(
    subject="route_id",
    required=("route_id", "user_id", "start_time", "end_time", "path_m", "max_step_m"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValleyBikeSettings:
    """How to convert."""

    shift: WeekShift = field(
        default_factory=lambda: WeekShift(from_zone=SOURCE_ZONE, to_zone=SOURCE_ZONE)
    )
    step_m_max: Metres = STEP_M_MAX


def convert_valleybike(
    trips_file: Path, out: OutputFiles, settings: ValleyBikeSettings | None = None
) -> AdapterReport:
    """Write the trips as canonical activities.

    Raises:
        ImportFileError: the file cannot be read.
    """
    settings = settings or ValleyBikeSettings()
    rows = 0
    with CanonicalOutput(out, settings.shift) as output:
        for item in read_table(trips_file, _COLUMNS):
            rows += 1
            if isinstance(item, Reject):
                output.reject(item)
                continue
            try:
                activity = _activity_of(item.value, settings)
                output.write(activity, (item.value["start_time"], item.value["end_time"]))
            except InvalidActivityError as error:
                subject = printable(item.value["route_id"])
                output.reject(
                    Reject(row=item.row, subject=subject, reason=error.reason, detail=str(error))
                )
        return output.report(read=rows)


def _activity_of(fields: Fields, settings: ValleyBikeSettings) -> Activity:
    step_m = metres_of("max_step_m", fields["max_step_m"])
    if step_m >= settings.step_m_max:
        raise InvalidActivityError(
            RejectReason.POSITION_JUMP, f"two neighbouring positions are {step_m} m apart"
        )
    return published_trip(
        activity_id=fields["route_id"],
        person_ref=fields["user_id"],
        mode=Mode.BIKE,
        started_at_s=parse_instant(fields["start_time"], _TIMES_ARE),
        ended_at_s=parse_instant(fields["end_time"], _TIMES_ARE),
        distance_m=metres_of("path_m", fields["path_m"]),
        evidence=0,
    )
