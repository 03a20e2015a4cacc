"""The states of an epoch, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.errors import StateError


class EpochState(StrEnum):
    """Where an epoch stands (DESIGN section 7)."""

    PLANNED = "planned"
    COMMITTING = "committing"
    REVEALING = "revealing"
    JUDGED = "judged"
    SUBMITTING = "submitting"
    SEALED = "sealed"


class EpochEvent(StrEnum):
    """What moves an epoch on."""

    PLAN_LOGGED = "plan_logged"
    COMMIT_CLOSED = "commit_closed"
    CLAIMS_JUDGED = "claims_judged"
    VERDICTS_LOGGED = "verdicts_logged"
    SEAL_LOGGED = "seal_logged"


TRANSITIONS: Final[Mapping[EpochState, Mapping[EpochEvent, EpochState]]] = {
    EpochState.PLANNED: {EpochEvent.PLAN_LOGGED: EpochState.COMMITTING},
    EpochState.COMMITTING: {EpochEvent.COMMIT_CLOSED: EpochState.REVEALING},
    EpochState.REVEALING: {EpochEvent.CLAIMS_JUDGED: EpochState.JUDGED},
    EpochState.JUDGED: {EpochEvent.VERDICTS_LOGGED: EpochState.SUBMITTING},
    EpochState.SUBMITTING: {EpochEvent.SEAL_LOGGED: EpochState.SEALED},
    EpochState.SEALED: {},
}


class EpochStateError(StateError):
    """The epoch is in a state that does not allow this step."""

    code: ClassVar[str] = "EPOCH_STATE"


def next_state(state: EpochState, event: EpochEvent) -> EpochState:
    """Return the state after `event`.

    Raises:
        EpochStateError: the table has no such transition.
    """
    following = TRANSITIONS[state].get(event)
    if following is None:
        raise EpochStateError(f"an epoch that is {state} cannot take {event}")
    return following
