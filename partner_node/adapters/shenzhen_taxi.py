"""Occupied taxi trips of Shenzhen as electric ride-hailing: trips are real, two labels are dealt.

The data name no passenger and no electric vehicle. So **who rode and which vehicles are electric
is ours**, drawn by a seed: a rider per order out of `riders`, and `electric_per_mille` of the
vehicles. Trips of the other vehicles are `vehicle_not_electric`.

Source rows are judged first, in this order: `malformed_*`; `no_distance`; a trip over `trip_s_max`
was joined across a gap (`duration_above_maximum`); `not_positive_*`; a trip over `trip_m_max`
(`distance_above_maximum`); faster than `speed_max_m_per_h` (`implausible_speed`); waiting longer
than the trip, or a start before the end of the vehicle's trip before (`contradictory_record`).

The way is a GPS track: evidence 1. Times are local and unlabelled; the tutorial that published the
data stamped one day, 2020-01-20, on older tracks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fedcarbon.errors import ConfigurationError
from fedcarbon.methodology.activity import Activity, InvalidActivityError, Mode
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import Metres, Seconds
from partner_node.activities.instants import parse_instant
from partner_node.adapters.canonical_output import AdapterReport, CanonicalOutput, OutputFiles
from partner_node.adapters.decimal_text import metres_of, whole_part_of
from partner_node.adapters.published_trip import published_trip
from partner_node.adapters.seeded_draw import PER_MILLE, chosen, draw_below
from partner_node.adapters.week_shift import WeekShift
from partner_node.importing.table_file import Columns, Fields, Reject, printable, read_table

SOURCE_ZONE: Final = "Asia/Shanghai"

TRIP_S_MAX: Final = Seconds(7_200)
TRIP_M_MAX: Final = Metres(100_000)

_COLUMNS: Final = Columns(
    subject="orderid",
    required=("orderid", "VehicleNum", "Stime", "Etime", "distance", "interval"),
)
_SECONDS_PER_HOUR: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class ShenzhenTaxiSettings:
    """How to convert, and how to deal what the data do not hold."""

    seed: int
    shift: WeekShift = field(
        default_factory=lambda: WeekShift(from_zone=SOURCE_ZONE, to_zone=SOURCE_ZONE)
    )
    riders: int = 5_000
    """How many people the orders are dealt to."""
    electric_per_mille: int = 500
    """How many vehicles in 1000 are dealt as electric."""
    trip_s_max: Seconds = TRIP_S_MAX
    trip_m_max: Metres = TRIP_M_MAX
    speed_max_m_per_h: int = 120_000

    def __post_init__(self) -> None:
        """Check the dealt shares.

        Raises:
            ConfigurationError: no riders, or a share that is none.
        """
        if self.riders < 1 or not 0 <= self.electric_per_mille <= PER_MILLE:
            raise ConfigurationError("riders are at least 1, electric_per_mille is 0 to 1000")


def convert_shenzhen_taxi(
    trips_file: Path, out: OutputFiles, settings: ShenzhenTaxiSettings
) -> AdapterReport:
    """Write the trips of vehicles dealt as electric as canonical activities.

    Raises:
        ImportFileError: the file cannot be read.
    """
    rows = 0
    vehicle_ends: dict[str, Seconds] = {}
    with CanonicalOutput(out, settings.shift) as output:
        for item in read_table(trips_file, _COLUMNS):
            rows += 1
            if isinstance(item, Reject):
                output.reject(item)
                continue
            try:
                activity = _activity_of(item.value, settings, vehicle_ends)
                output.write(activity, (item.value["Stime"], item.value["Etime"]))
            except InvalidActivityError as error:
                subject = printable(item.value["orderid"])
                output.reject(
                    Reject(row=item.row, subject=subject, reason=error.reason, detail=str(error))
                )
        return output.report(read=rows)


def _activity_of(
    fields: Fields, settings: ShenzhenTaxiSettings, vehicle_ends: dict[str, Seconds]
) -> Activity:
    """Return the trip, and remember in `vehicle_ends` when its vehicle was free again.

    Raises:
        InvalidActivityError: the trip does not count.
    """
    order, vehicle = fields["orderid"].strip(), fields["VehicleNum"].strip()
    rider = draw_below(settings.riders, settings.seed, "taxi-rider", order)
    waiting_s = whole_part_of("interval", fields["interval"])
    started_at_s = parse_instant(fields["Stime"], SOURCE_ZONE)
    ended_at_s = parse_instant(fields["Etime"], SOURCE_ZONE)
    if ended_at_s - started_at_s > settings.trip_s_max:
        reason = RejectReason.DURATION_ABOVE_MAXIMUM
        raise InvalidActivityError(reason, "the trip was joined across a gap")
    distance_m = metres_of("distance", fields["distance"])
    activity = published_trip(
        activity_id=f"taxi-{order.removesuffix('.0')}",
        person_ref=f"rider-{rider:06d}",
        mode=Mode.EV_RIDE,
        started_at_s=started_at_s,
        ended_at_s=ended_at_s,
        distance_m=distance_m,
        evidence=1,
    )
    _check_plausible(distance_m, activity.duration_s, settings)
    if waiting_s > activity.duration_s:
        reason = RejectReason.CONTRADICTORY_RECORD
        raise InvalidActivityError(reason, "waited longer than the trip took")
    if started_at_s < vehicle_ends.get(vehicle, Seconds(0)):
        reason = RejectReason.CONTRADICTORY_RECORD
        raise InvalidActivityError(reason, "started before the vehicle's trip before had ended")
    vehicle_ends[vehicle] = ended_at_s
    if not chosen(settings.electric_per_mille, settings.seed, "taxi-electric", vehicle):
        reason = RejectReason.VEHICLE_NOT_ELECTRIC
        raise InvalidActivityError(reason, "the seed did not deal this vehicle as electric")
    return activity


def _check_plausible(
    distance_m: Metres, duration_s: Seconds, settings: ShenzhenTaxiSettings
) -> None:
    if distance_m > settings.trip_m_max:
        reason = RejectReason.DISTANCE_ABOVE_MAXIMUM
        raise InvalidActivityError(reason, f"over {settings.trip_m_max} m")
    limit = settings.speed_max_m_per_h * duration_s
    if distance_m * _SECONDS_PER_HOUR > limit:
        reason = RejectReason.IMPLAUSIBLE_SPEED
        raise InvalidActivityError(reason, f"faster than {settings.speed_max_m_per_h} m per hour")
