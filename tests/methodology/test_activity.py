from collections.abc import Callable
from typing import Any

import pytest

from fedcarbon.methodology.activity import (
    DISTANCE_M_MAX,
    DURATION_S_MAX,
    INSTANT_S_MAX,
    REFERENCE_CHARACTERS_MAX,
    Activity,
    InvalidActivityError,
    Mode,
    mode_of,
    overlaps,
)
from fedcarbon.methodology.reject_reason import RejectReason

IMPOSSIBLE: dict[str, tuple[dict[str, Any], RejectReason]] = {
    "an empty id": ({"activity_id": ""}, RejectReason.MALFORMED_ROW),
    "an id that is too long": (
        {"activity_id": "x" * (REFERENCE_CHARACTERS_MAX + 1)},
        RejectReason.MALFORMED_ROW,
    ),
    "an id with a line break": ({"activity_id": "a\nb"}, RejectReason.MALFORMED_ROW),
    "a person with a space behind": ({"person_ref": "p "}, RejectReason.MALFORMED_ROW),
    "an empty person": ({"person_ref": ""}, RejectReason.MALFORMED_ROW),
    "before 1970": ({"start_s": -1}, RejectReason.MALFORMED_TIME),
    "after 2242": ({"start_s": INSTANT_S_MAX}, RejectReason.MALFORMED_TIME),
    "no duration": ({"duration_s": 0}, RejectReason.NOT_POSITIVE_DURATION),
    "an end before the start": ({"duration_s": -60}, RejectReason.NOT_POSITIVE_DURATION),
    "an absurd duration": (
        {"duration_s": DURATION_S_MAX + 1},
        RejectReason.DURATION_ABOVE_MAXIMUM,
    ),
    "no distance": ({"distance_m": 0}, RejectReason.NOT_POSITIVE_DISTANCE),
    "a negative distance": ({"distance_m": -5}, RejectReason.NOT_POSITIVE_DISTANCE),
    "an absurd distance": ({"distance_m": DISTANCE_M_MAX + 1}, RejectReason.DISTANCE_ABOVE_MAXIMUM),
    "evidence below 0": ({"evidence": -1}, RejectReason.EVIDENCE_OUT_OF_RANGE),
    "evidence above 2": ({"evidence": 3}, RejectReason.EVIDENCE_OUT_OF_RANGE),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_an_impossible_activity_cannot_be_made(
    case: str, make_activity: Callable[..., Activity]
) -> None:
    change, reason = IMPOSSIBLE[case]

    with pytest.raises(InvalidActivityError) as caught:
        make_activity(**change)

    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "change",
    [
        {"duration_s": 1},
        {"duration_s": DURATION_S_MAX},
        {"distance_m": 1},
        {"distance_m": DISTANCE_M_MAX},
        {"evidence": 2},
        {"activity_id": "订单 42"},
    ],
)
def test_the_ends_of_every_range_are_possible(
    change: dict[str, Any], make_activity: Callable[..., Activity]
) -> None:
    assert make_activity(**change).duration_s >= 1


@pytest.mark.parametrize("text", ["", "RAIL", " rail", "metro", "rail\x00"])
def test_a_mode_is_written_exactly(text: str) -> None:
    with pytest.raises(InvalidActivityError) as caught:
        mode_of(text)

    assert caught.value.reason is RejectReason.UNKNOWN_MODE


def test_all_six_modes_are_known() -> None:
    names = ["rail", "bus", "bike", "ebike", "ev_ride", "walk"]

    assert [mode_of(name) for name in names] == list(Mode)


def test_activities_that_touch_do_not_overlap(make_activity: Callable[..., Activity]) -> None:
    first = make_activity(start_s=1_000, duration_s=100)
    touching = make_activity(start_s=1_100, duration_s=100)
    inside = make_activity(start_s=1_020, duration_s=10)
    by_one_second = make_activity(start_s=1_099, duration_s=100)

    assert not overlaps(first, touching)
    assert not overlaps(touching, first)
    assert overlaps(first, inside)
    assert overlaps(inside, first)
    assert overlaps(first, by_one_second)


def test_every_reject_reason_is_documented() -> None:
    import inspect  # noqa: PLC0415 - only this test reads source

    source = inspect.getsource(RejectReason)

    for reason in RejectReason:
        line = f'{reason.name} = "{reason.value}"\n    """'
        assert line in source
        assert reason.name.lower() == reason.value
