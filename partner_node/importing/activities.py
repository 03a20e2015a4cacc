"""Canonical activity files: what a platform exports, what the adapters write.

Columns of every type: `activity_id, person_ref, started_at, evidence`, and where they are needed
`methodology` (optional if the node counts by one only), `ended_at` (a purchase or a count may leave
it empty), `object_ref` (`meter:...`, `receipt:...`, `event:...`, `vehicle:...`) and `place` (for
statistics: a station's code or name, or longitude and latitude in millionths of a degree with a
comma between); then one column per field that a methodology declares, for example `mode` and
`distance_m`. Times are ISO 8601, with
an offset or local to the programme's zone. An empty cell is no value. What only the node's own
records can tell (duplicates, unknown persons, overlaps) is not judged here.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from fedcarbon.methodology.activity import Activity, InvalidActivityError, Value, checked_object
from fedcarbon.methodology.definition import ActivityType, Field, FieldKind, Methodology
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import Seconds
from partner_node.activities.bundle import Bundle
from partner_node.activities.instants import parse_instant
from partner_node.importing.table_file import Columns, Fields, Read, Reject, printable, read_table

REQUIRED_COLUMNS: Final = ("activity_id", "person_ref", "started_at", "evidence")
OPTIONAL_COLUMNS: Final = ("methodology", "ended_at", "object_ref", "place")
REGIME: Final = "regime"
"""Another carbon market to which an activity belongs already."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_TRUTHS: Final = {"true": True, "false": False}
_INSTANTS: Final = frozenset({ActivityType.PURCHASE, ActivityType.COUNT})
_NO_ZONE: Final = "UTC"


def read_activities(
    path: Path, time_zone: str | None, bundle: Bundle
) -> Iterator[Read[Activity] | Reject]:
    """Yield every row of a CSV or Parquet file as an activity or as a reject, in order.

    Args:
        path: the file; `*.parquet` is Parquet, everything else CSV.
        time_zone: IANA name for times without an offset; without one such rows are rejected.
        bundle: what the node counts by: it says which fields there are.

    Raises:
        ImportFileError: the file cannot be read or lacks a column.
        ConfigurationError: the zone is unknown.
    """
    return activities_of(read_table(path, activity_columns(bundle)), time_zone, bundle)


def activities_of(
    rows: Iterable[Read[Fields] | Reject], time_zone: str | None, bundle: Bundle
) -> Iterator[Read[Activity] | Reject]:
    """Yield rows of canonical columns as activities or as rejects, wherever they come from.

    Args:
        rows: text by column.
        time_zone: see `read_activities`.
        bundle: likewise.

    Raises:
        ConfigurationError: the zone is unknown.
    """
    for item in rows:
        if isinstance(item, Reject):
            yield item
            continue
        try:
            yield Read(row=item.row, value=_activity(item.value, time_zone, bundle))
        except InvalidActivityError as error:
            subject = printable(item.value["activity_id"])
            yield Reject(row=item.row, subject=subject, reason=error.reason, detail=str(error))


def activity_columns(bundle: Bundle) -> Columns:
    """Return the columns that a file for `bundle` must and may have."""
    named = {name for methodology in bundle.all() for name in methodology.fields}
    fields = tuple(sorted((named | {REGIME}) - {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}))
    return Columns(
        subject="activity_id", required=REQUIRED_COLUMNS, optional=OPTIONAL_COLUMNS + fields
    )


def methodology_named(name: str, bundle: Bundle) -> Methodology:
    """Return the methodology of this id, or the only one if `name` is empty.

    Raises:
        InvalidActivityError: there is none, or several and none is named.
    """
    methodology = bundle.find(name or bundle.only)
    if methodology is None:
        raise InvalidActivityError(
            RejectReason.UNKNOWN_METHODOLOGY,
            "this node does not count by this methodology, or by several and none is named",
        )
    return methodology


def may_be_instant(methodology: Methodology) -> bool:
    """Tell whether an activity may leave out when it ended: a purchase, something that counts."""
    return methodology.activity_type in _INSTANTS


def _activity(fields: Fields, time_zone: str | None, bundle: Bundle) -> Activity:
    methodology = methodology_named(fields.get("methodology", "").strip(), bundle)
    started_at_s = _instant(fields["started_at"], time_zone)
    ended_at = fields.get("ended_at", "").strip()
    if not ended_at and may_be_instant(methodology):
        ended_at_s = Seconds(started_at_s + 1)
    else:
        ended_at_s = _instant(ended_at, time_zone)
    return Activity(
        activity_id=fields["activity_id"].strip(),
        person_ref=fields["person_ref"].strip(),
        methodology_id=methodology.methodology_id,
        started_at_s=started_at_s,
        ended_at_s=ended_at_s,
        evidence=_integer("evidence", fields["evidence"]),
        object_ref=checked_object(fields.get("object_ref", "")),
        values=_values(fields, methodology),
        place=fields.get("place", "").strip(),
    )


def _values(fields: Fields, methodology: Methodology) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, field in methodology.fields.items():
        text = fields.get(name, "").strip()
        if text:
            values[name] = _value(field, text)
    regime = fields.get(REGIME, "").strip()
    if regime:
        values[REGIME] = regime
    return values


def _value(field: Field, text: str) -> Value:
    if field.kind is FieldKind.INTEGER:
        return _integer(field.name, text)
    if field.kind is FieldKind.TRUTH:
        truth = _TRUTHS.get(text.lower())
        if truth is None:
            raise InvalidActivityError(
                RejectReason.MALFORMED_ROW, f"{field.name} is neither true nor false"
            )
        return truth
    return text


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
