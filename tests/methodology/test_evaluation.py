import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from fedcarbon.methodology.activity import Activity, Mode
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.evaluation import (
    NotEligibleError,
    ProgrammeDays,
    reduction_ug,
    rejection_of,
)
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import Seconds

DAY = dt.date(2026, 3, 2)
MARCH = ProgrammeDays(starts_at_s=Seconds(1_772_380_800), ends_at_s=Seconds(1_772_467_200))
"""2 March 2026 in Shanghai."""

# METHODOLOGIES.md sections 1 and 17, worked examples of the e-CNY service.
KNOWN = {
    "metro 12.5 km": (Mode.RAIL, 12_500, 1_212_500_000),
    "bike 2.3 km": (Mode.BIKE, 2_300, 225_400_000),
    "bike 2.5 km": (Mode.BIKE, 2_500, 245_000_000),
    "new-energy ride 8.6 km": (Mode.EV_RIDE, 8_600, 756_800_000),
}


@pytest.mark.parametrize("case", KNOWN)
def test_published_examples_come_out_exactly(
    case: str, ecny: Methodology, make_activity: Callable[..., Activity]
) -> None:
    mode, distance_m, expected_ug = KNOWN[case]
    activity = make_activity(mode=mode, distance_m=distance_m)

    assert rejection_of(activity, ecny, MARCH, DAY) is None
    assert reduction_ug(activity, ecny, DAY) == expected_ug


REFUSED: dict[str, tuple[dict[str, Any], RejectReason]] = {
    "a bus": ({"mode": Mode.BUS}, RejectReason.MODE_NOT_COVERED),
    "an e-bike, which is not a bike": ({"mode": Mode.EBIKE}, RejectReason.MODE_NOT_COVERED),
    "a walk": ({"mode": Mode.WALK}, RejectReason.MODE_NOT_COVERED),
    "the day before": ({"start_s": MARCH.starts_at_s - 1}, RejectReason.OUTSIDE_PROGRAMME_DAYS),
    "over the last midnight": (
        {"start_s": MARCH.ends_at_s - 1_199},
        RejectReason.OUTSIDE_PROGRAMME_DAYS,
    ),
    "too short a time": ({"duration_s": 59}, RejectReason.DURATION_BELOW_MINIMUM),
    "too long a time": ({"duration_s": 18_001}, RejectReason.DURATION_ABOVE_MAXIMUM),
    "too short a way": ({"distance_m": 99}, RejectReason.DISTANCE_BELOW_MINIMUM),
    "too long a way": (
        {"distance_m": 150_001, "duration_s": 18_000},
        RejectReason.DISTANCE_ABOVE_MAXIMUM,
    ),
    "too fast by one metre": (
        {"distance_m": 40_001, "duration_s": 1_200},
        RejectReason.IMPLAUSIBLE_SPEED,
    ),
    "a bike as fast as a car": (
        {"mode": Mode.BIKE, "distance_m": 20_000},
        RejectReason.IMPLAUSIBLE_SPEED,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_count_has_a_reason(
    case: str, ecny: Methodology, make_activity: Callable[..., Activity]
) -> None:
    change, reason = REFUSED[case]
    activity = make_activity(**change)

    assert rejection_of(activity, ecny, MARCH, DAY) == reason
    if reason is not RejectReason.OUTSIDE_PROGRAMME_DAYS:
        with pytest.raises(NotEligibleError) as caught:
            reduction_ug(activity, ecny, DAY)
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    "change",
    [
        {"start_s": MARCH.starts_at_s},
        {"start_s": MARCH.ends_at_s - 1_200},
        {"duration_s": 60, "distance_m": 2_000},
        {"duration_s": 18_000},
        {"distance_m": 100},
        {"distance_m": 40_000},
        {"distance_m": 150_000, "duration_s": 4_500},
    ],
)
def test_the_ends_of_every_limit_still_count(
    change: dict[str, Any], ecny: Methodology, make_activity: Callable[..., Activity]
) -> None:
    assert rejection_of(make_activity(**change), ecny, MARCH, DAY) is None
