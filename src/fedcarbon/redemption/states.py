"""The states of a redemption, as a table.

A payout that may have happened (SENT, UNKNOWN) leaves only by an answer of the rail. UNKNOWN is
queried; it is sent again, under the same payout id, only after the rail has said that it never saw
that id.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.errors import StateError
from fedcarbon.redemption.rail import RailContradictionError, RailStatus


class RedemptionState(StrEnum):
    """Where a redemption stands (DESIGN section 12)."""

    CREATED = "created"
    """Admitted; nothing moved."""
    RESERVED = "reserved"
    """Grams and money are set aside; the rail knows nothing."""
    SENT = "sent"
    """The rail may know of it."""
    UNKNOWN = "unknown"
    """The rail did not say what happened."""
    SETTLED = "settled"
    """Paid and posted."""
    REJECTED = "rejected"
    """Not paid; grams and money are back."""
    REVERSED = "reversed"
    """Paid, later returned by the rail; grams and money are back by new entries."""


class RedemptionEvent(StrEnum):
    """What moves a redemption on."""

    RESERVE = "reserve"
    SEND = "send"
    CANCEL = "cancel"
    """By the operator, while the rail knows nothing."""
    SEND_AGAIN = "send_again"
    """After the rail has said that it does not know the payout id."""
    RAIL_ACCEPTED = "rail_accepted"
    RAIL_SETTLED = "rail_settled"
    RAIL_REJECTED = "rail_rejected"
    RAIL_RETURNED = "rail_returned"
    """Paid and back before anybody here knew that it was paid."""
    RAIL_UNKNOWN = "rail_unknown"
    RAIL_NOT_FOUND = "rail_not_found"
    REVERSE = "reverse"


_ANSWERS: Final = {
    RedemptionEvent.RAIL_ACCEPTED: RedemptionState.SENT,
    RedemptionEvent.RAIL_SETTLED: RedemptionState.SETTLED,
    RedemptionEvent.RAIL_REJECTED: RedemptionState.REJECTED,
    RedemptionEvent.RAIL_RETURNED: RedemptionState.REJECTED,
    RedemptionEvent.RAIL_UNKNOWN: RedemptionState.UNKNOWN,
    RedemptionEvent.RAIL_NOT_FOUND: RedemptionState.UNKNOWN,
}

TRANSITIONS: Final[Mapping[RedemptionState, Mapping[RedemptionEvent, RedemptionState]]] = {
    RedemptionState.CREATED: {RedemptionEvent.RESERVE: RedemptionState.RESERVED},
    RedemptionState.RESERVED: {
        RedemptionEvent.SEND: RedemptionState.SENT,
        RedemptionEvent.CANCEL: RedemptionState.REJECTED,
    },
    RedemptionState.SENT: _ANSWERS,
    RedemptionState.UNKNOWN: {RedemptionEvent.SEND_AGAIN: RedemptionState.SENT, **_ANSWERS},
    RedemptionState.SETTLED: {RedemptionEvent.REVERSE: RedemptionState.REVERSED},
    RedemptionState.REJECTED: {},
    RedemptionState.REVERSED: {},
}

FINAL_STATES: Final = frozenset(
    {RedemptionState.SETTLED, RedemptionState.REJECTED, RedemptionState.REVERSED}
)

EVENT_OF_STATUS: Final[Mapping[RailStatus, RedemptionEvent]] = {
    RailStatus.ACCEPTED: RedemptionEvent.RAIL_ACCEPTED,
    RailStatus.SETTLED: RedemptionEvent.RAIL_SETTLED,
    RailStatus.REJECTED: RedemptionEvent.RAIL_REJECTED,
    RailStatus.RETURNED: RedemptionEvent.REVERSE,
    RailStatus.UNKNOWN: RedemptionEvent.RAIL_UNKNOWN,
    RailStatus.NOT_FOUND: RedemptionEvent.RAIL_NOT_FOUND,
}


def send_event(state: RedemptionState) -> RedemptionEvent:
    """Return what handing a redemption in `state` to the rail is: the first time, or again."""
    first = state is RedemptionState.RESERVED
    return RedemptionEvent.SEND if first else RedemptionEvent.SEND_AGAIN


def event_of(state: RedemptionState, status: RailStatus) -> RedemptionEvent:
    """Return what a rail's answer means to a redemption in `state`.

    A payout that came back before anybody knew that it was paid was, for the books, rejected.
    """
    if status is RailStatus.RETURNED and state is not RedemptionState.SETTLED:
        return RedemptionEvent.RAIL_RETURNED
    return EVENT_OF_STATUS[status]


class RedemptionStateError(StateError):
    """The redemption is in a state that does not allow this step."""

    code: ClassVar[str] = "REDEMPTION_STATE"


def next_state(state: RedemptionState, event: RedemptionEvent) -> RedemptionState:
    """Return the state after `event`.

    Raises:
        RedemptionStateError: the table has no such transition.
    """
    following = TRANSITIONS[state].get(event)
    if following is None:
        raise RedemptionStateError(f"a redemption that is {state} cannot take {event}")
    return following


def is_stale(state: RedemptionState, status: RailStatus) -> bool:
    """Tell whether a rail's answer comes after the redemption got its final answer.

    Two workers may ask for one payout; the slower one's answer then changes nothing.

    Raises:
        RailContradictionError: the late answer is final too, and another one.
    """
    if state not in FINAL_STATES:
        return False
    if state is RedemptionState.SETTLED and status is RailStatus.RETURNED:
        return False
    paid = state is not RedemptionState.REJECTED
    if status is (RailStatus.REJECTED if paid else RailStatus.SETTLED):
        raise RailContradictionError(
            f"the rail says {status} of a payout that it had answered with the contrary; "
            "the operator must clear this with the rail"
        )
    return True
