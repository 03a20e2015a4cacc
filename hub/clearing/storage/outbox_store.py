"""The payout outbox in the database: one row per payout without a final answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, or_, update
from sqlmodel import Session, col, select

from fedcarbon.units import Seconds
from hub.clearing.storage.redemption_rows import OutboxRow, OutboxStep
from hub.storage.bulk import bulk_insert

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


_COLUMNS: Final = (OutboxRow.redemption_id, OutboxRow.step, OutboxRow.due_s, OutboxRow.calls)
_IS_DUE: Final = or_(
    col(OutboxRow.due_s) <= bindparam("now_s"),
    # A clock that was corrected backwards must not make payouts wait for it.
    col(OutboxRow.due_s) > bindparam("now_s") + AHEAD_MAX_S,
)
_ANY_DUE: Final = select(OutboxRow.redemption_id).where(_IS_DUE).limit(1)
_DUE: Final = (
    select(*_COLUMNS)
    .where(_IS_DUE)
    .order_by(col(OutboxRow.due_s), col(OutboxRow.redemption_id))
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_OF: Final = select(*_COLUMNS).where(
    col(OutboxRow.redemption_id).in_(bindparam("ids", expanding=True))
)
_PLAN: Final = (
    update(OutboxRow)
    .where(col(OutboxRow.redemption_id) == bindparam("of_redemption"))
    .values(step=bindparam("to_step"), due_s=bindparam("to_due_s"), calls=bindparam("to_calls"))
)
_REMOVE: Final = delete(OutboxRow).where(
    col(OutboxRow.redemption_id).in_(bindparam("ids", expanding=True))
)


class OutboxStore:
    """Tasks, read and written in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def add_many(self, redemption_ids: Sequence[bytes], due_s: Seconds) -> None:
        """Have redemptions paid from `due_s` on."""
        pay = OutboxStep.PAY.value
        bulk_insert(
            self._session,
            OutboxRow,
            (
                {"redemption_id": redemption_id, "step": pay, "due_s": due_s, "calls": 0}
                for redemption_id in redemption_ids
            ),
        )

    def is_any_due(self, now_s: Seconds) -> bool:
        """Tell whether a task is due at `now_s`; it may be in another worker's hands."""
        rows = self._session.connection().execute(_ANY_DUE, {"now_s": now_s})
        return rows.first() is not None

    def due(self, now_s: Seconds, limit: int) -> list[OutboxTask]:
        """Return the tasks that have been due for longest at `now_s`, at most `limit`.

        On PostgreSQL they are locked until the transaction ends, and those that another worker
        holds are passed over.
        """
        rows = self._session.connection().execute(_DUE, {"now_s": now_s, "most": limit})
        return [
            OutboxTask(
                redemption_id=redemption_id,
                step=OutboxStep(step),
                due_s=Seconds(due_s),
                calls=calls,
            )
            for redemption_id, step, due_s, calls in rows
        ]

    def of(self, redemption_ids: Sequence[bytes]) -> dict[bytes, OutboxTask]:
        """Return the tasks of these redemptions, by redemption id."""
        rows = self._session.connection().execute(_OF, {"ids": list(redemption_ids)})
        return {
            redemption_id: OutboxTask(
                redemption_id=redemption_id,
                step=OutboxStep(step),
                due_s=Seconds(due_s),
                calls=calls,
            )
            for redemption_id, step, due_s, calls in rows
        }

    def plan_many(self, tasks: Sequence[OutboxTask]) -> None:
        """Write what is next; nothing for a payout that has its final answer."""
        if tasks:
            self._session.connection().execute(
                _PLAN,
                [
                    {
                        "of_redemption": task.redemption_id,
                        "to_step": task.step.value,
                        "to_due_s": task.due_s,
                        "to_calls": task.calls,
                    }
                    for task in tasks
                ],
            )

    def remove_many(self, redemption_ids: Sequence[bytes]) -> None:
        """Forget payouts that have their final answer."""
        if redemption_ids:
            self._session.connection().execute(_REMOVE, {"ids": list(redemption_ids)})
