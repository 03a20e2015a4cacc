"""The payout outbox in the database: one row per payout without a final answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, insert, or_, update
from sqlmodel import Session, col, select

from fedcarbon.units import Seconds
from hub.clearing.storage.redemption_rows import OutboxRow, OutboxStep

AHEAD_MAX_S: Final = 3_600
"""No step is planned for later than this; one that is was planned before the clock went back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxTask:
    """What is to be done next for a payout."""

    redemption_id: bytes
    step: OutboxStep
    due_s: Seconds
    calls: int
    """Calls to the rail so far."""


class OutboxStore:
    """Tasks, read and written in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def add(self, redemption_id: bytes, due_s: Seconds) -> None:
        """Have the redemption paid from `due_s` on."""
        self._session.exec(
            insert(OutboxRow).values(
                redemption_id=redemption_id, step=OutboxStep.PAY.value, due_s=due_s, calls=0
            )
        )

    def next_due(self, now_s: Seconds) -> OutboxTask | None:
        """Return the task that has been due for longest at `now_s`, if one is due."""
        row = self._session.exec(
            select(OutboxRow.redemption_id, OutboxRow.step, OutboxRow.due_s, OutboxRow.calls)
            .where(
                or_(
                    col(OutboxRow.due_s) <= now_s,
                    # A clock that was corrected backwards must not make payouts wait for it.
                    col(OutboxRow.due_s) > now_s + AHEAD_MAX_S,
                )
            )
            .order_by(col(OutboxRow.due_s), col(OutboxRow.redemption_id))
            .limit(1)
        ).first()
        if row is None:
            return None
        redemption_id, step, due_s, calls = row
        return OutboxTask(
            redemption_id=redemption_id, step=OutboxStep(step), due_s=Seconds(due_s), calls=calls
        )

    def plan(self, redemption_id: bytes, step: OutboxStep, due_s: Seconds, calls: int) -> None:
        """Write what is to be done next and when; nothing if the payout has its final answer."""
        self._session.exec(
            update(OutboxRow)
            .where(col(OutboxRow.redemption_id) == redemption_id)
            .values(step=step.value, due_s=due_s, calls=calls)
            .execution_options(synchronize_session=False)
        )

    def remove(self, redemption_id: bytes) -> None:
        """Forget a payout that has its final answer."""
        self._session.exec(
            delete(OutboxRow)
            .where(col(OutboxRow.redemption_id) == redemption_id)
            .execution_options(synchronize_session=False)
        )
