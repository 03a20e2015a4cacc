"""Shenzhen Tong card events: gate-in and gate-out become metro rides; a bus has no distance.

Rules, in this order:

1. Rows are read by column name from every file; a row with the card, time, type and device of an
   earlier one is a `duplicate_row`.
2. A bus row has neither an alighting nor a place: `no_distance`.
3. Per card, gate events in order of time: an entry and the card's next gate event, if that is an
   exit, are a ride. Every other entry is `gate_in_without_out`, every other exit
   `gate_out_without_in`. (Bus rows between them do not count: the file has one such card.)
4. A ride takes at most `ride_s_max` (`duration_above_maximum`) and needs two stations
   (`missing_station`) that the network knows (`station_not_in_network`), two different ones
   (`same_station`), with a way between them (`no_distance`). Both rows of a refused ride get its
   reason.

A gate pair is validated: evidence 0. The `person_ref` is the published pseudonymous card number.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from fedcarbon.methodology.activity import Activity, InvalidActivityError, Mode
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import Metres, Seconds
from partner_node.activities.instants import parse_instant
from partner_node.adapters.canonical_output import AdapterReport, CanonicalOutput, OutputFiles
from partner_node.adapters.published_trip import published_trip
from partner_node.adapters.shenzhen_network import StationNetwork, station_name
from partner_node.adapters.week_shift import WeekShift
from partner_node.importing.table_file import Columns, Fields, Read, Reject, printable, read_table

SOURCE_ZONE: Final = "Asia/Shanghai"
"""Times are local and unlabelled."""
RIDE_S_MAX: Final = Seconds(5 * 3_600)
ROWS_PER_RIDE: Final = 2

_COLUMNS: Final = Columns(
    subject="card_no", required=("card_no", "deal_date", "deal_type", "equ_no", "station")
)
_GATE_IN: Final = "地铁入站"
_GATE_OUT: Final = "地铁出站"
_BUS: Final = "巴士"
_NO_STATION: Final = frozenset({"", "-"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShenzhenTongSettings:
    """How to convert."""

    shift: WeekShift = field(
        default_factory=lambda: WeekShift(from_zone=SOURCE_ZONE, to_zone=SOURCE_ZONE)
    )
    ride_s_max: Seconds = RIDE_S_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class _GateEvent:
    source: str
    row: int
    card: str
    at_s: Seconds
    published_at: str
    enters: bool
    station: str

    def rejected(self, reason: RejectReason, detail: str) -> Reject:
        """Return the reject of this event's row."""
        return Reject(
            row=self.row,
            subject=self.card,
            reason=reason,
            detail=f"{self.source}: {detail}",
        )


def convert_shenzhen_tong(
    card_files: Sequence[Path],
    network_file: Path,
    out: OutputFiles,
    settings: ShenzhenTongSettings | None = None,
) -> AdapterReport:
    """Write the metro rides of the card files as canonical activities.

    Raises:
        ImportFileError: a card file cannot be read.
        NetworkFileError: the network file cannot be read.
    """
    settings = settings or ShenzhenTongSettings()
    network = StationNetwork.load(network_file)
    with CanonicalOutput(out, settings.shift) as output:
        events = _EventReader(output)
        by_card: defaultdict[str, list[_GateEvent]] = defaultdict(list)
        for path in card_files:
            for event in events.read(path):
                by_card[event.card].append(event)
        rides = [
            ride for card in sorted(by_card) for ride in _rides_of(by_card[card], output=output)
        ]
        for entry, exit_ in sorted(rides, key=lambda ride: (ride[0].at_s, ride[0].card)):
            try:
                activity = _activity_of(entry, exit_, network, settings)
                output.write(activity, (entry.published_at, exit_.published_at))
            except InvalidActivityError as error:
                for event in (entry, exit_):
                    output.reject(event.rejected(error.reason, str(error)))
        return output.report(read=events.rows, rows_per_activity=ROWS_PER_RIDE)


class _EventReader:
    """Yields gate events of several files; everything else goes to the rejects."""

    def __init__(self, output: CanonicalOutput) -> None:
        self._output = output
        self._seen: set[tuple[str, str, str, str]] = set()
        self.rows = 0

    def read(self, path: Path) -> Iterator[_GateEvent]:
        for item in read_table(path, _COLUMNS):
            self.rows += 1
            result = self._judged(path.name, item)
            if isinstance(result, Reject):
                self._output.reject(result)
            else:
                yield result

    def _judged(self, source: str, item: Read[Fields] | Reject) -> _GateEvent | Reject:
        if isinstance(item, Reject):
            return replace(item, detail=f"{source}: {item.detail}")
        fields = item.value
        kind = fields["deal_type"]
        key = (fields["card_no"], fields["deal_date"], kind, fields["equ_no"])

        def rejected(reason: RejectReason, detail: str) -> Reject:
            subject = printable(fields["card_no"])
            return Reject(
                row=item.row, subject=subject, reason=reason, detail=f"{source}: {detail}"
            )

        if key in self._seen:
            return rejected(RejectReason.DUPLICATE_ROW, "same card, time, type and device")
        self._seen.add(key)
        if kind == _BUS:
            return rejected(RejectReason.NO_DISTANCE, "a bus row has no place and no alighting")
        if kind not in {_GATE_IN, _GATE_OUT}:
            return rejected(RejectReason.MALFORMED_ROW, "unknown type of event")
        try:
            at_s = parse_instant(fields["deal_date"], SOURCE_ZONE)
        except InvalidActivityError as error:
            return rejected(error.reason, str(error))
        return _GateEvent(
            source=source,
            row=item.row,
            card=fields["card_no"],
            at_s=at_s,
            published_at=fields["deal_date"],
            enters=kind == _GATE_IN,
            station=fields["station"].strip(),
        )


def _rides_of(
    events: list[_GateEvent], *, output: CanonicalOutput
) -> Iterator[tuple[_GateEvent, _GateEvent]]:
    """Yield the rides of one card; unmatched gate events go to the rejects."""
    # At the same second an exit comes first: it belongs to the ride before.
    ordered = sorted(events, key=lambda event: (event.at_s, event.enters, event.source, event.row))
    entry: _GateEvent | None = None
    for event in ordered:
        if event.enters:
            if entry is not None:
                output.reject(_without_out(entry))
            entry = event
        elif entry is None:
            reason = RejectReason.GATE_OUT_WITHOUT_IN
            output.reject(event.rejected(reason, "no entry of this card before"))
        else:
            yield entry, event
            entry = None
    if entry is not None:
        output.reject(_without_out(entry))


def _without_out(entry: _GateEvent) -> Reject:
    reason = RejectReason.GATE_IN_WITHOUT_OUT
    return entry.rejected(reason, "the card's next gate event is no exit")


def _activity_of(
    entry: _GateEvent, exit_: _GateEvent, network: StationNetwork, settings: ShenzhenTongSettings
) -> Activity:
    """Return the ride between two gates.

    Raises:
        InvalidActivityError: rule 4 refuses it.
    """
    duration_s = exit_.at_s - entry.at_s
    if duration_s > settings.ride_s_max:
        raise InvalidActivityError(
            RejectReason.DURATION_ABOVE_MAXIMUM, f"{duration_s // 60} minutes between the gates"
        )
    return published_trip(
        activity_id=_activity_id(entry),
        person_ref=entry.card,
        mode=Mode.RAIL,
        started_at_s=entry.at_s,
        ended_at_s=exit_.at_s,
        distance_m=_distance_m(entry.station, exit_.station, network),
        evidence=0,
        place=entry.station,
    )


def _distance_m(entry_station: str, exit_station: str, network: StationNetwork) -> Metres:
    if entry_station in _NO_STATION or exit_station in _NO_STATION:
        raise InvalidActivityError(
            RejectReason.MISSING_STATION, "the entry or the exit names no station"
        )
    origin, destination = station_name(entry_station), station_name(exit_station)
    unknown = [station for station in (origin, destination) if station not in network]
    if unknown:
        raise InvalidActivityError(
            RejectReason.STATION_NOT_IN_NETWORK, f"the network lacks {printable(unknown[0])}"
        )
    if origin == destination:
        raise InvalidActivityError(RejectReason.SAME_STATION, f"in and out at {origin}")
    distance_m = network.distance_m(origin, destination)
    if distance_m is None:
        raise InvalidActivityError(
            RejectReason.NO_DISTANCE, f"no way from {origin} to {destination}"
        )
    return distance_m


def _activity_id(entry: _GateEvent) -> str:
    """Return an id that is unique: a card enters one gate at a time."""
    at = dt.datetime.fromtimestamp(entry.at_s, tz=dt.UTC)
    return f"szt-{entry.card}-{at:%Y%m%dT%H%M%SZ}"
