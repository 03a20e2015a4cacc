"""Items in suspense and the decisions about them, in the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.redemption.differences import Difference, Explainer, Reason, SuspenseItem
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.units import Fen, Seconds
from hub.clearing.storage.reconciliation_rows import (
    DecisionStep,
    SuspenseDecisionRow,
    SuspenseItemRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A proposal, an approval or an explanation."""

    item_id: bytes
    step: DecisionStep
    destination: AccountKind
    operator: str
    """Who signed; empty for an explanation."""
    reason: str
    envelope: bytes | None
    day: ValueDay


class SuspenseStore:
    """Items and decisions, read and written in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def add(self, programme: ProgrammeId, item: SuspenseItem, now_s: Seconds) -> None:
        """Write a new item."""
        difference = item.difference
        self._session.execute(
            insert(SuspenseItemRow).values(
                item_id=item.item_id,
                programme_id=programme,
                day=difference.day,
                reason=difference.reason.value,
                amount_fen=difference.amount_fen,
                source=item.source.value,
                payout_id=difference.payout_id,
                reference=difference.reference,
                found=difference.text,
                occurrence=item.occurrence,
                recorded_s=now_s,
            )
        )

    def decide(self, decision: Decision, now_s: Seconds) -> None:
        """Write the next decision about an item."""
        count = self._session.exec(
            select(func.count())
            .select_from(SuspenseDecisionRow)
            .where(col(SuspenseDecisionRow.item_id) == decision.item_id)
        ).one()
        self._session.execute(
            insert(SuspenseDecisionRow).values(
                item_id=decision.item_id,
                ordinal=count + 1,
                step=decision.step.value,
                destination=decision.destination.value,
                operator=decision.operator,
                reason=decision.reason,
                envelope=decision.envelope,
                day=decision.day,
                recorded_s=now_s,
            )
        )

    def find(self, item_id: bytes) -> tuple[ProgrammeId, SuspenseItem] | None:
        """Return an item and whose it is, if there is one with this id."""
        row = self._session.exec(
            select(SuspenseItemRow).where(SuspenseItemRow.item_id == item_id)
        ).first()
        if row is None:
            return None
        return ProgrammeId(row.programme_id), _judged(_item(row), self.decisions(item_id))

    def of_programme(self, programme: ProgrammeId) -> list[SuspenseItem]:
        """Return every item that a programme ever had, oldest first."""
        rows = self._session.exec(
            select(SuspenseItemRow)
            .where(SuspenseItemRow.programme_id == programme)
            .order_by(col(SuspenseItemRow.day), col(SuspenseItemRow.item_id))
        ).all()
        decided = self._session.exec(
            select(SuspenseDecisionRow)
            .join(SuspenseItemRow, col(SuspenseItemRow.item_id) == SuspenseDecisionRow.item_id)
            .where(SuspenseItemRow.programme_id == programme)
            .order_by(col(SuspenseDecisionRow.item_id), col(SuspenseDecisionRow.ordinal))
        ).all()
        decisions: defaultdict[bytes, list[Decision]] = defaultdict(list)
        for row in decided:
            decisions[row.item_id].append(_decision(row))
        return [_judged(_item(row), decisions[row.item_id]) for row in rows]

    def knows_payout(self, payout_id: bytes) -> bool:
        """Tell whether a difference of this payout was ever put into suspense."""
        found = self._session.exec(
            select(SuspenseItemRow.item_id).where(SuspenseItemRow.payout_id == payout_id).limit(1)
        )
        return found.first() is not None

    def decisions(self, item_id: bytes) -> list[Decision]:
        """Return everything that was decided about an item, in order."""
        rows = self._session.exec(
            select(SuspenseDecisionRow)
            .where(SuspenseDecisionRow.item_id == item_id)
            .order_by(col(SuspenseDecisionRow.ordinal))
        )
        return [_decision(row) for row in rows]


def _item(row: SuspenseItemRow) -> SuspenseItem:
    return SuspenseItem(
        item_id=row.item_id,
        difference=Difference(
            reason=Reason(row.reason),
            day=ValueDay(row.day),
            amount_fen=Fen(row.amount_fen),
            source=AccountKind(row.source),
            payout_id=row.payout_id,
            reference=row.reference,
            text=row.found,
        ),
        occurrence=row.occurrence,
    )


def _decision(row: SuspenseDecisionRow) -> Decision:
    return Decision(
        item_id=row.item_id,
        step=DecisionStep(row.step),
        destination=AccountKind(row.destination),
        operator=row.operator,
        reason=row.reason,
        envelope=row.envelope,
        day=ValueDay(row.day),
    )


def _judged(item: SuspenseItem, decisions: Sequence[Decision]) -> SuspenseItem:
    """Return the item as its decisions leave it: an approval or an explanation releases it."""
    if not decisions or decisions[-1].step is DecisionStep.PROPOSE:
        return item
    last = decisions[-1]
    by_file = last.step is DecisionStep.EXPLAIN
    names = [decision.operator for decision in decisions[-2:]]
    return replace(
        item,
        explainer=Explainer.FILE if by_file else Explainer.PERSONS,
        released_to=last.destination,
        released_day=last.day,
        explanation=last.reason if by_file else f"{last.reason} ({' and '.join(names)})",
    )
