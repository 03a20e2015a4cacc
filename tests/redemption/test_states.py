"""The table of states: what is certain stays, what is uncertain is never sent blindly."""

from __future__ import annotations

import pytest

from fedcarbon.errors import MalformedError
from fedcarbon.redemption.rail import RailAnswer, RailContradictionError, RailStatus
from fedcarbon.redemption.states import (
    EVENT_OF_STATUS,
    FINAL_STATES,
    TRANSITIONS,
    RedemptionEvent,
    RedemptionState,
    RedemptionStateError,
    event_of,
    is_stale,
    next_state,
)


def test_every_state_stands_in_the_table_and_every_status_is_an_event() -> None:
    assert set(TRANSITIONS) == set(RedemptionState)
    assert set(EVENT_OF_STATUS) == set(RailStatus)


def test_every_state_can_be_reached_from_created() -> None:
    reached = {RedemptionState.CREATED}

    for _ in RedemptionState:
        reached |= {after for state in reached for after in TRANSITIONS[state].values()}

    assert reached == set(RedemptionState)


def test_only_the_rail_ends_a_payout_that_may_have_happened() -> None:
    for state in (RedemptionState.SENT, RedemptionState.UNKNOWN):
        rail_events = {event_of(state, status) for status in RailStatus}
        ends = {event for event, after in TRANSITIONS[state].items() if after in FINAL_STATES}
        assert ends <= rail_events


def test_a_payout_that_may_have_happened_never_becomes_reserved_again() -> None:
    for state in (RedemptionState.SENT, RedemptionState.UNKNOWN):
        assert RedemptionState.RESERVED not in TRANSITIONS[state].values()
        assert RedemptionEvent.SEND not in TRANSITIONS[state]


def test_every_step_that_the_table_lacks_is_refused() -> None:
    for state in RedemptionState:
        for event in RedemptionEvent:
            if event in TRANSITIONS[state]:
                assert next_state(state, event) is TRANSITIONS[state][event]
            else:
                with pytest.raises(RedemptionStateError):
                    next_state(state, event)


@pytest.mark.parametrize("status", RailStatus)
@pytest.mark.parametrize(
    "state", [RedemptionState.RESERVED, RedemptionState.SENT, RedemptionState.UNKNOWN]
)
def test_an_answer_before_the_final_one_is_not_stale(
    state: RedemptionState, status: RailStatus
) -> None:
    assert not is_stale(state, status)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (RedemptionState.SETTLED, RailStatus.SETTLED),
        (RedemptionState.SETTLED, RailStatus.UNKNOWN),
        (RedemptionState.SETTLED, RailStatus.NOT_FOUND),
        (RedemptionState.REVERSED, RailStatus.SETTLED),
        (RedemptionState.REJECTED, RailStatus.REJECTED),
        (RedemptionState.REJECTED, RailStatus.ACCEPTED),
    ],
)
def test_a_late_answer_that_agrees_changes_nothing(
    state: RedemptionState, status: RailStatus
) -> None:
    assert is_stale(state, status)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (RedemptionState.SETTLED, RailStatus.REJECTED),
        (RedemptionState.REJECTED, RailStatus.SETTLED),
    ],
)
def test_a_rail_that_contradicts_itself_is_named(
    state: RedemptionState, status: RailStatus
) -> None:
    with pytest.raises(RailContradictionError):
        is_stale(state, status)


def test_a_rejection_needs_a_reason() -> None:
    with pytest.raises(MalformedError):
        RailAnswer(status=RailStatus.REJECTED)


@pytest.mark.parametrize("texts", [{"reason": "a" * 201}, {"reference": "a" * 81}])
def test_an_answer_that_is_too_long_is_refused(texts: dict[str, str]) -> None:
    with pytest.raises(MalformedError):
        RailAnswer(status=RailStatus.SETTLED, **texts)
