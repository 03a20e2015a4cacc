"""Canonical activity files: what a platform exports, what the adapters write.

Columns: `activity_id, person_ref, mode, started_at, ended_at, distance_m, evidence`. Times are ISO
8601, with an offset or local to the programme's zone; distances are whole metres. What only the
node's own records can tell (duplicates, unknown persons, overlaps) is not judged here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fedcarbon.methodology.activity import Activity, InvalidActivityError, mode_of
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import Metres, Seconds
from partner_node.activities.instants import parse_instant
from partner_node.importing.table_file import Columns, Fields, Read, Reject, printable, read_table

ACTIVITY_COLUMNS: Final = Columns(
    subject="activity_id",
    required=(
        "activity_id",
        "person_ref",
        "mode",
        "started_at",
        "ended_at",
        "distance_m",
        "evidence",
    ),
)

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_NO_ZONE: Final = "UTC"


def read_activities(path: Path, time_zone: str | None) -> Iterator[Read[Activity] | Reject]:
    """Yield every row of a CSV or Parquet file as an activity or as a reject, in order.

    Args:
        path: the file; `*.parquet` is Parquet, everything else CSV.
        time_zone: IANA name for times without an offset; without one such rows are rejected.

    Raises:
        ImportFileError: the file cannot be read or lacks a column.
        ConfigurationError: the zone is unknown.
    """
    for item in read_table(path, ACTIVITY_COLUMNS):
        if isinstance(item, Reject):
            yield item
            continue
        try:
            yield Read(row=item.row, value=_activity(item.value, time_zone))
        except InvalidActivityError as error:
            subject = printable(item.value["activity_id"])
            yield Reject(row=item.row, subject=subject, reason=error.reason, detail=str(error))


def _activity(fields: Fields, time_zone: str | None) -> Activity:
    return Activity(
        activity_id=fields["activity_id"].strip(),
        person_ref=fields["person_ref"].strip(),
        mode=mode_of(fields["mode"].strip()),
        started_at_s=_instant(fields["started_at"], time_zone),
        ended_at_s=_instant(fields["ended_at"], time_zone),
        distance_m=_distance(fields["distance_m"]),
        evidence=_integer("evidence", fields["evidence"]),
    )


def _distance(text: str) -> Metres:
    if not text.strip():
        raise InvalidActivityError(RejectReason.NO_DISTANCE, "distance_m is empty")
    return Metres(_integer("distance_m", text))


def _integer(column: str, text: str) -> int:
    if _INTEGER.fullmatch(text.strip()) is None:
        raise InvalidActivityError(
            RejectReason.MALFORMED_ROW, f"{column} is not an integer of at most 18 digits"
        )
    return int(text)


def _instant(text: str, time_zone: str | None) -> Seconds:
    if time_zone is None and not _has_offset(text):
        raise InvalidActivityError(
            RejectReason.NO_TIME_ZONE, "a time has no offset and no zone is configured"
        )
    return parse_instant(text, time_zone or _NO_ZONE)


def _has_offset(text: str) -> bool:
    """Tell whether a time names its offset; what is no time at all is left to the parser."""
    try:
        return dt.datetime.fromisoformat(text.strip()).tzinfo is not None
    except ValueError:
        return True
