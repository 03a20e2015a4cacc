"""From an activity to its credit: published examples, refusals, history, limits and the cap."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fedcarbon.methodology.activity import Activity, InvalidActivityError
from fedcarbon.methodology.crediting import NotEligibleError, earned_by, limited
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.registry.programme import midnight_s
from fedcarbon.units import MicrogramsCO2e
from tests.meters import goods, month, purchase, saving

DAY = dt.date(2026, 3, 2)
GRID = SlotGrid(zone=ZoneInfo("Asia/Shanghai"))
CAP = MicrogramsCO2e(50_000_000_000)


def earned(activity: Activity, methodology: Methodology, *history: int | None) -> int:
    return earned_by(activity, methodology, GRID, CAP, history).amount_ug


# METHODOLOGIES.md sections 1 and 17, worked examples of the e-CNY service.
KNOWN = {
    "metro 12.5 km": ("rail", 12_500, 1_212_500_000),
    "bike 2.3 km": ("bike", 2_300, 225_400_000),
    "bike 2.5 km": ("bike", 2_500, 245_000_000),
    "new-energy ride 8.6 km": ("ev_ride", 8_600, 756_800_000),
}


@pytest.mark.parametrize("case", KNOWN)
def test_published_examples_come_out_exactly(
    case: str, ecny: Methodology, make_activity: Callable[..., Activity]
) -> None:
    mode, distance_m, expected_ug = KNOWN[case]

    assert earned(make_activity(mode=mode, distance_m=distance_m), ecny) == expected_ug


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a bus": ({"mode": "bus"}, "mode_not_covered"),
    "an e-bike, which is not a bike": ({"mode": "ebike"}, "mode_not_covered"),
    "too short a time": ({"duration_s": 59}, "duration_below_minimum"),
    "too long a time": ({"duration_s": 18_001}, "duration_above_maximum"),
    "too short a way": ({"distance_m": 99}, "distance_below_minimum"),
    "too long a way": ({"distance_m": 150_001, "duration_s": 18_000}, "distance_above_maximum"),
    "too fast by one metre": ({"distance_m": 40_001, "duration_s": 1_200}, "implausible_speed"),
    "a bike as fast as a car": ({"mode": "bike", "distance_m": 20_000}, "implausible_speed"),
    "a field too few": ({"values": {"mode": "rail"}}, "distance_m_missing"),
    "a field too many": (
        {"values": {"mode": "rail", "distance_m": 5_000, "tickets": 2}},
        "field_unknown",
    ),
    "within another market": (
        {"values": {"mode": "rail", "distance_m": 5_000, "regime": "CCER"}},
        "in_excluded_regime",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_count_has_a_reason(
    case: str, ecny: Methodology, make_activity: Callable[..., Activity]
) -> None:
    change, refusal = REFUSED[case]

    with pytest.raises(NotEligibleError) as caught:
        earned(make_activity(**change), ecny)

    assert caught.value.refusal == refusal


@pytest.mark.parametrize(
    "change",
    [
        {"duration_s": 60, "distance_m": 2_000},
        {"duration_s": 18_000},
        {"distance_m": 100},
        {"distance_m": 150_000, "duration_s": 4_500},
        {"distance_m": 40_000, "duration_s": 1_200},
    ],
)
def test_the_ends_of_every_limit_count(
    change: dict[str, Any], ecny: Methodology, make_activity: Callable[..., Activity]
) -> None:
    assert earned(make_activity(**change), ecny) > 0


def march(use_wh: int, person_ref: str = "home") -> Activity:
    start_s, end_s = (midnight_s(dt.date(2026, number, 1), "Asia/Shanghai") for number in (3, 4))
    return month("m", person_ref, start_s, end_s, use_wh)


def test_a_baseline_is_the_mean_of_the_years_that_are_known() -> None:
    assert earned(march(80_000), saving(), 100_000, 111_001) == 12_750_250_000
    assert earned(march(80_000), saving(), None, 100_000) == 10_000_000_000
    assert earned(march(120_000), saving(), 100_000, 100_000) == 0


@pytest.mark.parametrize("history", [(), (None, None)])
def test_too_little_history_is_no_credit(history: tuple[None, ...]) -> None:
    with pytest.raises(NotEligibleError, match="too_little_history"):
        earned(march(80_000), saving(), *history)


def test_no_slot_is_worth_more_than_a_person_day_may_be() -> None:
    """A claim above the cap would not pass the claim table."""
    assert earned(march(0), saving(), 1_000_000) == CAP


def test_an_activity_of_another_type_is_refused(make_activity: Callable[..., Activity]) -> None:
    with pytest.raises(InvalidActivityError) as caught:
        earned(make_activity(), saving(), 1)

    assert caught.value.reason is RejectReason.OBJECT_MISSING


def test_limits_take_a_persons_activities_in_order_of_time() -> None:
    bought = [
        earned_by(purchase(name, "p", 1_772_409_600 + at_s), goods(), GRID, CAP)
        for name, at_s in (("late", 300), ("early", 100), ("between", 200))
    ]

    left = limited(goods(), bought)

    assert {name: item.amount for name, item in left.items()} == {
        "early": 10_000_000,
        "between": 10_000_000,
        "late": 0,
    }
    assert left["late"].limit_id == "two_a_day"
    assert {item.owner for item in bought} == {""}


def test_limits_of_a_meter_are_the_meters() -> None:
    one = earned_by(march(80_000), saving(), GRID, CAP, (100_000,))
    other = earned_by(march(80_000, person_ref="q"), saving(), GRID, CAP, (100_000,))

    assert one.owner == other.owner == "METER:SGCC-SH:3100000017"
