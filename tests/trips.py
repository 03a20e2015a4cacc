"""Trips written by the project: no real ride and no real person."""

from __future__ import annotations

from typing import Any

from fedcarbon.methodology.activity import Activity
from fedcarbon.units import Seconds

METHODOLOGY = "cn-ecny-shanghai"


def trip(
    activity_id: str,
    person_ref: str,
    started_at_s: int,
    ended_at_s: int,
    *,
    mode: str = "rail",
    distance_m: int = 10_000,
    evidence: int = 0,
    **changes: Any,
) -> Activity:
    """Return a trip that the catalogue's methodology for Shanghai counts."""
    fields: dict[str, Any] = {
        "activity_id": activity_id,
        "person_ref": person_ref,
        "methodology_id": METHODOLOGY,
        "started_at_s": Seconds(started_at_s),
        "ended_at_s": Seconds(ended_at_s),
        "evidence": evidence,
        "values": {"mode": mode, "distance_m": distance_m},
    }
    return Activity(**fields | changes)
