"""The states of an opening request, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.errors import StateError


class OpeningState(StrEnum):
    """Where a request stands."""

    REQUESTED = "requested"
    """Logged, waiting for the trustees."""
    STARTED = "started"
    """A start leaf names it; until there is a result, attempts follow each other."""
    OPENED = "opened"
    """Opened and credited."""
    REFUSED = "refused"
    """It can never be opened; the holder must ask anew."""


class OpeningEvent(StrEnum):
    """What moves a request on."""

    START_LOGGED = "start_logged"
    RESULT_LOGGED = "result_logged"
    REFUSE = "refuse"


TRANSITIONS: Final[Mapping[OpeningState, Mapping[OpeningEvent, OpeningState]]] = {
    OpeningState.REQUESTED: {
        OpeningEvent.START_LOGGED: OpeningState.STARTED,
        OpeningEvent.REFUSE: OpeningState.REFUSED,
    },
    OpeningState.STARTED: {
        OpeningEvent.START_LOGGED: OpeningState.STARTED,
        OpeningEvent.RESULT_LOGGED: OpeningState.OPENED,
        OpeningEvent.REFUSE: OpeningState.REFUSED,
    },
    OpeningState.OPENED: {},
    OpeningState.REFUSED: {},
}

PENDING_STATES: Final = tuple(state for state, events in TRANSITIONS.items() if events)


class OpeningStateError(StateError):
    """The request is in a state that does not allow this step."""

    code: ClassVar[str] = "OPENING_STATE"


def next_state(state: OpeningState, event: OpeningEvent) -> OpeningState:
    """Return the state after `event`.

    Raises:
        OpeningStateError: the table has no such transition.
    """
    following = TRANSITIONS[state].get(event)
    if following is None:
        raise OpeningStateError(f"a request that is {state} cannot take {event}")
    return following
