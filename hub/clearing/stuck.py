"""Redemptions without a final answer for longer than they should be, and what to do about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlmodel import Session

from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.states import FINAL_STATES, RedemptionState
from fedcarbon.units import Seconds
from hub.clearing.storage.outbox_store import OutboxStore, OutboxTask
from hub.clearing.storage.redemption_lists import RedemptionLists
from hub.clearing.storage.redemption_store import RecordedEvent

STUCK_MAX: Final = 1_000
"""Redemptions in one list."""

RUNBOOK: Final[Mapping[RedemptionState, str]] = MappingProxyType(
    {
        RedemptionState.CREATED: "nothing moved and nothing will: report it, this is a fault",
        RedemptionState.RESERVED: "not sent: see that a hub runs; `cancel` gives it back",
        RedemptionState.SENT: "the rail may have paid: wait for its answer, else `settle` the day",
        RedemptionState.UNKNOWN: "the rail is asked again and again: call it, else `settle`",
    }
)
"""What an operator does about a state that is not final (docs/CLEARING.md has the long form)."""
NO_TASK: Final = "nobody works on it: report it, this is a fault"
"""Said of a redemption that no worker would ever look at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckRedemption:
    """A redemption that waits."""

    redemption: Redemption
    task: OutboxTask | None
    """What a worker does next for it."""
    last: RecordedEvent
    """Its newest event."""

    @property
    def advice(self) -> str:
        """What the operator does about it."""
        return NO_TASK if self.task is None else RUNBOOK[self.redemption.state]


def stuck_redemptions(
    session: Session, older_than_s: int, now_s: Seconds, limit: int = STUCK_MAX
) -> list[StuckRedemption]:
    """Return redemptions without a final answer, oldest first.

    Args:
        session: a reading session.
        older_than_s: ordered at least so long ago.
        now_s: protocol time.
        limit: at most so many.
    """
    lists = RedemptionLists(session)
    waiting = lists.in_states(
        [state for state in RedemptionState if state not in FINAL_STATES],
        Seconds(now_s - older_than_s),
        limit,
    )
    ids = [redemption.order.redemption_id for redemption in waiting]
    tasks, events = OutboxStore(session).of(ids), lists.events(ids)
    return [
        StuckRedemption(redemption=redemption, task=tasks.get(number), last=events[number][-1])
        for number, redemption in zip(ids, waiting, strict=True)
    ]
