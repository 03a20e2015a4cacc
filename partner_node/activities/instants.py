"""Instants as platforms write them: ISO 8601 with an offset, or local to a configured zone."""

from __future__ import annotations

import datetime as dt

from fedcarbon.methodology.activity import InvalidActivityError
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.registry.programme import zone
from fedcarbon.units import Seconds


def parse_instant(text: str, time_zone: str) -> Seconds:
    """Return the instant that `text` names, whole seconds, parts of a second dropped.

    Args:
        text: ISO 8601, with an offset or local to `time_zone`.
        time_zone: IANA name.

    Raises:
        InvalidActivityError: no such time, or a local one that happens twice or never.
    """
    try:
        read = dt.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidActivityError(
            RejectReason.MALFORMED_TIME, "a time is written as ISO 8601"
        ) from error
    if read.tzinfo is None:
        local = zone(time_zone)
        first, second = (read.replace(tzinfo=local, fold=fold) for fold in (0, 1))
        if first.utcoffset() != second.utcoffset():
            back = first.astimezone(dt.UTC).astimezone(local).replace(tzinfo=None)
            reason = (
                RejectReason.AMBIGUOUS_LOCAL_TIME
                if back == read
                else RejectReason.NONEXISTENT_LOCAL_TIME
            )
            raise InvalidActivityError(reason, "a local time at a clock change needs an offset")
        read = first
    return Seconds(int(read.timestamp() // 1))
