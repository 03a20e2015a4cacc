from collections.abc import Callable
from typing import Any

import pytest

from fedcarbon.errors import MalformedError
from fedcarbon.methodology.activity import (
    DURATION_S_MAX,
    INSTANT_S_MAX,
    REFERENCE_CHARACTERS_MAX,
    Activity,
    InvalidActivityError,
    overlaps,
    values_of,
    values_text,
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
    "no methodology": ({"methodology_id": ""}, RejectReason.UNKNOWN_METHODOLOGY),
    "a methodology that is no name": (
        {"methodology_id": "../etc"},
        RejectReason.UNKNOWN_METHODOLOGY,
    ),
    "an object in another spelling": (
        {"object_ref": "meter:sgcc:1"},
        RejectReason.MALFORMED_OBJECT,
    ),
    "an object without a scheme": ({"object_ref": "3100"}, RejectReason.MALFORMED_OBJECT),
    "a field in capitals": ({"values": {"Mode": "rail"}}, RejectReason.MALFORMED_ROW),
    "a fraction": ({"values": {"use_wh": 1.5}}, RejectReason.MALFORMED_ROW),
    "nothing": ({"values": {"use_wh": None}}, RejectReason.MALFORMED_ROW),
    "a list": ({"values": {"use_wh": [1]}}, RejectReason.MALFORMED_ROW),
    "a number beyond every warehouse": (
        {"values": {"use_wh": 1 << 53}},
        RejectReason.MALFORMED_ROW,
    ),
    "a text with a line break": ({"values": {"mode": "a\nb"}}, RejectReason.MALFORMED_ROW),
    "a text without an end": ({"values": {"mode": "x" * 129}}, RejectReason.MALFORMED_ROW),
    "too many values": (
        {"values": {f"field_{number}": 1 for number in range(33)}},
        RejectReason.MALFORMED_ROW,
    ),
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
        {"values": {"use_wh": (1 << 53) - 1, "balance": -(1 << 53) + 1}},
        {"values": {}},
        {"object_ref": "METER:SGCC-SH:3100000017"},
        {"evidence": 2},
        {"activity_id": "订单 42"},
    ],
)
def test_the_ends_of_every_range_are_possible(
    change: dict[str, Any], make_activity: Callable[..., Activity]
) -> None:
    assert make_activity(**change).duration_s >= 1


def test_values_have_one_order_and_nobody_changes_them(
    make_activity: Callable[..., Activity],
) -> None:
    given = {"mode": "rail", "distance_m": 5}
    activity = make_activity(values=given)
    given["distance_m"] = 6

    assert values_text(activity.values) == '{"distance_m":5,"mode":"rail"}'
    assert activity == make_activity(values={"distance_m": 5, "mode": "rail"})


@pytest.mark.parametrize(
    "text", ["", "[]", '{"a": 1}', '{"b":1,"a":2}', '{"a":1,"a":1}', '{"a":1.0}', "{", "nul"]
)
def test_values_are_read_in_their_one_form_only(text: str) -> None:
    with pytest.raises((MalformedError, InvalidActivityError)):
        Activity(
            activity_id="a",
            person_ref="p",
            methodology_id="m",
            started_at_s=1,
            ended_at_s=2,
            evidence=0,
            values=values_of(text),
        )


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
