"""Published meter readings as monthly meter periods: what each meter used, in whole Wh.

* **HUE** (one house in British Columbia): a row per hour, `date` as month/day/year, `hour` 0 to 23
  in local time with daylight saving, `energy_kWh`. An hour that clocks repeat stands twice.
* **Smart Grid Smart City** (households in New South Wales): a row per half-hour, customer id, local
  time, `general_supply_kwh`; its packager moved the repeated hour, so that no time stands twice.

Readings add up exactly, and a month is rounded down once to whole Wh. A month that lacks more than
`missing_max` of the readings that its length asks for is no month: all its rows are refused, as are
rows that cannot be read. Nothing is filled in. A month that lacks fewer shows a little less use
than there was: `missing_max` bounds how much.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from fedcarbon.methodology.activity import InvalidActivityError, checked_object
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.registry.programme import midnight_s
from partner_node.adapters.canonical_output import OutputFiles
from partner_node.importing.rejects_file import RejectsFile
from partner_node.importing.table_file import Columns, Fields, Reject, printable, read_table

METER_COLUMNS: Final = (
    "activity_id",
    "person_ref",
    "started_at",
    "ended_at",
    "evidence",
    "object_ref",
    "use_wh",
)
HUE_METER: Final = "METER:HUE:RESIDENTIAL-1"
HUE_ZONE: Final = "America/Vancouver"
SGSC_ZONE: Final = "Australia/Sydney"
HOUR_S: Final = 3_600
HALF_HOUR_S: Final = 1_800
MISSING_DEFAULT: Final = 4
"""Readings that a month may lack; months of HUE lack up to four hours."""

_HUE_COLUMNS: Final = Columns(subject="date", required=("date", "hour", "energy_kWh"))
_SGSC_COLUMNS: Final = Columns(
    subject="customer_id", required=("customer_id", "reading_datetime", "general_supply_kwh")
)
_DATE: Final = re.compile(r"(1?[0-9])/([1-3]?[0-9])/([0-9]{4})", re.ASCII)
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,12})?", re.ASCII)
_WH_PER_KWH: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSettings:
    """How to convert."""

    missing_max: int = MISSING_DEFAULT
    """Readings that a month may lack."""
    shift_years: int = 0
    """Whole years that every month is moved by; months stay the months that they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReport:
    """What became of every source row."""

    read: int
    """Source rows, without headers."""
    used: int
    """Rows that a written month is made of."""
    months: int
    """Activities."""
    rejected: Mapping[str, int]
    """Source rows by reason."""

    def __post_init__(self) -> None:
        """Check that no row was dropped silently."""
        assert self.read == self.used + sum(self.rejected.values())  # noqa: S101


@dataclass(frozen=True, slots=True)
class _Reading:
    meter: str
    """Object reference, canonical."""
    month: dt.date
    kwh: Decimal


@dataclass(frozen=True, slots=True)
class _Source:
    """One published format."""

    columns: Columns
    read: Callable[[Fields], _Reading]
    zone: str
    interval_s: int


def convert_hue(
    readings_file: Path, out: OutputFiles, settings: MeterSettings | None = None
) -> MeterReport:
    """Write the months of the HUE house.

    Raises:
        ImportFileError: the file cannot be read.
    """
    source = _Source(_HUE_COLUMNS, _hue_reading, HUE_ZONE, HOUR_S)
    return _convert(readings_file, out, settings or MeterSettings(), source)


def convert_sgsc(
    readings_file: Path, out: OutputFiles, settings: MeterSettings | None = None
) -> MeterReport:
    """Write the months of the Smart Grid Smart City households, from an unpacked CSV file.

    Raises:
        ImportFileError: the file cannot be read.
    """
    source = _Source(_SGSC_COLUMNS, _sgsc_reading, SGSC_ZONE, HALF_HOUR_S)
    return _convert(readings_file, out, settings or MeterSettings(), source)


def _convert(
    readings_file: Path, out: OutputFiles, settings: MeterSettings, source: _Source
) -> MeterReport:
    kwh: defaultdict[tuple[str, dt.date], Decimal] = defaultdict(Decimal)
    counts: Counter[tuple[str, dt.date]] = Counter()
    rows = used = months = 0
    with (
        RejectsFile(out.rejects) as rejects,
        out.activities.open("w", encoding="utf-8", newline="") as file,
    ):
        rows_of: defaultdict[tuple[str, dt.date], list[int]] = defaultdict(list)
        for item in read_table(readings_file, source.columns):
            rows += 1
            if isinstance(item, Reject):
                rejects.add(item)
                continue
            try:
                reading = source.read(item.value)
            except InvalidActivityError as error:
                subject = printable(item.value[source.columns.subject])
                rejects.add(
                    Reject(row=item.row, subject=subject, reason=error.reason, detail=str(error))
                )
                continue
            key = (reading.meter, reading.month)
            kwh[key] += reading.kwh
            counts[key] += 1
            rows_of[key].append(item.row)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(METER_COLUMNS)
        for key in sorted(kwh):
            meter, month = key
            wanted = _readings_of(month, source)
            if wanted - counts[key] > settings.missing_max:
                detail = f"{counts[key]} of the {wanted} readings of {month:%Y-%m}"
                for row in rows_of[key]:
                    rejects.add(
                        Reject(
                            row=row,
                            subject=meter,
                            reason=RejectReason.INCOMPLETE_MONTH,
                            detail=detail,
                        )
                    )
                continue
            writer.writerow(_row(meter, month, kwh[key], settings))
            used += counts[key]
            months += 1
        return MeterReport(read=rows, used=used, months=months, rejected=rejects.counts())


def _row(meter: str, month: dt.date, kwh: Decimal, settings: MeterSettings) -> Iterator[str | int]:
    """Yield one month as a row; its times are local, so that a programme's zone applies."""
    first = month.replace(year=month.year + settings.shift_years)
    number = meter.rpartition(":")[2].lower()
    yield f"{number}-{first:%Y-%m}"
    yield f"household-{number}"
    yield f"{first.isoformat()}T00:00:00"
    yield f"{_next_month(first).isoformat()}T00:00:00"
    yield 0
    yield meter
    yield int(kwh * _WH_PER_KWH)


def _readings_of(month: dt.date, source: _Source) -> int:
    """Return how many readings a whole month has, whatever the clocks did."""
    first_s, after_s = (midnight_s(day, source.zone) for day in (month, _next_month(month)))
    return (after_s - first_s) // source.interval_s


def _next_month(first: dt.date) -> dt.date:
    return (first + dt.timedelta(days=31)).replace(day=1)


def _hue_reading(fields: Fields) -> _Reading:
    match = _DATE.fullmatch(fields["date"].strip())
    if match is None:
        raise InvalidActivityError(RejectReason.MALFORMED_TIME, "a date is month/day/year")
    try:
        day = dt.date(int(match[3]), int(match[1]), int(match[2]))
    except ValueError as error:
        raise InvalidActivityError(RejectReason.MALFORMED_TIME, "there is no such day") from error
    if not fields["hour"].strip().isdecimal() or int(fields["hour"]) > 23:  # noqa: PLR2004
        raise InvalidActivityError(RejectReason.MALFORMED_TIME, "an hour is 0 to 23")
    return _Reading(HUE_METER, day.replace(day=1), _kwh(fields["energy_kWh"]))


def _sgsc_reading(fields: Fields) -> _Reading:
    try:
        at = dt.datetime.fromisoformat(fields["reading_datetime"].strip())
    except ValueError as error:
        raise InvalidActivityError(
            RejectReason.MALFORMED_TIME, "a time is written as ISO 8601"
        ) from error
    meter = checked_object(f"meter:sgsc:{fields['customer_id'].strip()}")
    return _Reading(meter, at.date().replace(day=1), _kwh(fields["general_supply_kwh"]))


def _kwh(text: str) -> Decimal:
    if _DECIMAL.fullmatch(text.strip()) is None:
        raise InvalidActivityError(RejectReason.MALFORMED_ROW, "a reading is a decimal number")
    return Decimal(text.strip())
