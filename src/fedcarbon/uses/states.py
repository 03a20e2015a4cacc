"""The states of a use and of a credit lot, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from fedcarbon.uses.errors import LotStateError, UseStateError


class UseState(StrEnum):
    """Where a use stands."""

    DONE = "done"
    """Everything but goods: complete when it is taken."""
    RESERVED = "reserved"
    """Goods are ordered and the grams set aside; the supplier has not answered."""
    FULFILLED = "fulfilled"
    """The goods were handed out and the grams are used up."""
    CANCELLED = "cancelled"
    """The supplier or the operator gave it up; the grams are back."""
    OVERDUE = "overdue"
    """Nobody answered in time; the grams are back."""


class UseEvent(StrEnum):
    """What moves goods on."""

    FULFIL = "fulfil"
    CANCEL = "cancel"
    TIME_OUT = "time_out"


USE_TRANSITIONS: Final[Mapping[UseState, Mapping[UseEvent, UseState]]] = {
    UseState.DONE: {},
    UseState.RESERVED: {
        UseEvent.FULFIL: UseState.FULFILLED,
        UseEvent.CANCEL: UseState.CANCELLED,
        UseEvent.TIME_OUT: UseState.OVERDUE,
    },
    UseState.FULFILLED: {},
    UseState.CANCELLED: {},
    UseState.OVERDUE: {},
}


class LotState(StrEnum):
    """Where a credit lot stands."""

    FORMED = "formed"
    """Whole tonnes lie in it; nobody has verified it."""
    VERIFIED = "verified"
    SOLD = "sold"
    """Paid for; the contributors have their shares."""
    RETIRED = "retired"
    """Claimed by its beneficiary, for ever."""
    REFUSED = "refused"
    """The verifier did not accept it; every gram is pledged again."""


class LotEvent(StrEnum):
    """What moves a credit lot on."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    SELL = "sell"
    RETIRE = "retire"


LOT_TRANSITIONS: Final[Mapping[LotState, Mapping[LotEvent, LotState]]] = {
    LotState.FORMED: {
        LotEvent.ACCEPT: LotState.VERIFIED,
        LotEvent.REFUSE: LotState.REFUSED,
    },
    LotState.VERIFIED: {LotEvent.SELL: LotState.SOLD},
    LotState.SOLD: {LotEvent.RETIRE: LotState.RETIRED},
    LotState.RETIRED: {},
    LotState.REFUSED: {},
}


def next_use_state(state: UseState, event: UseEvent) -> UseState:
    """Return the state of a use after `event`.

    Raises:
        UseStateError: the table has no such transition.
    """
    following = USE_TRANSITIONS[state].get(event)
    if following is None:
        raise UseStateError(f"a use that is {state} cannot take {event}")
    return following


def next_lot_state(state: LotState, event: LotEvent) -> LotState:
    """Return the state of a credit lot after `event`.

    Raises:
        LotStateError: the table has no such transition.
    """
    following = LOT_TRANSITIONS[state].get(event)
    if following is None:
        raise LotStateError(f"a credit lot that is {state} cannot take {event}")
    return following
