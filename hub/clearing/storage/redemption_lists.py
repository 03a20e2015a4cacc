"""Lists and sums of redemptions in the database, for those who watch over them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import and_, func, or_
from sqlmodel import Session, col, select

from fedcarbon.ids import PartyId
from fedcarbon.redemption.operator_statement import Period, StateTotal
from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.states import RedemptionEvent, RedemptionState
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from hub.clearing.storage.redemption_rows import (
    RedemptionDrawRow,
    RedemptionEventRow,
    RedemptionRow,
)
from hub.clearing.storage.redemption_store import RecordedEvent, redemption_of


class RedemptionLists:
    """Redemptions by the dozen, read in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`, which may be a reading one."""
        self._session = session

    def in_states(
        self, states: Collection[RedemptionState], until_s: Seconds, limit: int
    ) -> list[Redemption]:
        """Return redemptions in one of `states` that were taken by `until_s`, oldest first."""
        rows = self._session.exec(
            select(RedemptionRow)
            .where(
                col(RedemptionRow.state).in_([state.value for state in states]),
                RedemptionRow.created_s <= until_s,
            )
            .order_by(col(RedemptionRow.created_s), col(RedemptionRow.redemption_id))
            .limit(limit)
        ).all()
        return self._redemptions(rows)

    def of_operator(
        self, operator_id: PartyId, period: Period, after: bytes | None, limit: int
    ) -> list[Redemption]:
        """Return what an operator has ordered in a period, in the order in which it was taken.

        Args:
            operator_id: whose orders.
            period: when they were taken.
            after: the redemption before the first one that is wanted; None for the first ones.
            limit: at most so many.
        """
        query = select(RedemptionRow).where(
            RedemptionRow.operator_id == operator_id,
            RedemptionRow.created_s >= period.start_s,
            RedemptionRow.created_s < period.end_s,
        )
        if after is not None:
            created_s = (
                select(RedemptionRow.created_s)
                .where(RedemptionRow.redemption_id == after)
                .scalar_subquery()
            )
            query = query.where(
                or_(
                    col(RedemptionRow.created_s) > created_s,
                    and_(
                        col(RedemptionRow.created_s) == created_s,
                        col(RedemptionRow.redemption_id) > after,
                    ),
                )
            )
        rows = self._session.exec(
            query.order_by(col(RedemptionRow.created_s), col(RedemptionRow.redemption_id)).limit(
                limit
            )
        ).all()
        return self._redemptions(rows)

    def operator_totals(self, operator_id: PartyId, period: Period) -> tuple[StateTotal, ...]:
        """Return numbers and sums of what an operator has ordered in a period, by state."""
        rows = self._session.exec(
            select(
                RedemptionRow.state,
                func.count(),
                func.sum(RedemptionRow.mass_ug),
                func.sum(RedemptionRow.amount_fen),
            )
            .where(
                col(RedemptionRow.operator_id) == operator_id,
                col(RedemptionRow.created_s) >= period.start_s,
                col(RedemptionRow.created_s) < period.end_s,
            )
            .group_by(col(RedemptionRow.state))
        )
        totals = {
            RedemptionState(state): StateTotal(
                state=RedemptionState(state),
                count=count,
                mass_ug=MicrogramsCO2e(int(mass_ug)),
                amount_fen=Fen(int(amount_fen)),
            )
            for state, count, mass_ug, amount_fen in rows
        }
        return tuple(totals[state] for state in RedemptionState if state in totals)

    def events(self, redemption_ids: Collection[bytes]) -> dict[bytes, list[RecordedEvent]]:
        """Return the events of these redemptions, each list in order."""
        rows = self._session.exec(
            select(RedemptionEventRow)
            .where(col(RedemptionEventRow.redemption_id).in_(redemption_ids))
            .order_by(col(RedemptionEventRow.ordinal))
        )
        events: dict[bytes, list[RecordedEvent]] = {}
        for row in rows:
            events.setdefault(row.redemption_id, []).append(
                RecordedEvent(
                    redemption_id=row.redemption_id,
                    event=RedemptionEvent(row.event),
                    detail=row.detail,
                    recorded_s=Seconds(row.recorded_s),
                )
            )
        return events

    def _redemptions(self, rows: Sequence[RedemptionRow]) -> list[Redemption]:
        """Return rows in core types, with all their draws by one query."""
        draws: dict[bytes, list[tuple[int, int]]] = {}
        found = self._session.exec(
            select(
                RedemptionDrawRow.redemption_id,
                RedemptionDrawRow.vintage,
                RedemptionDrawRow.mass_ug,
            )
            .where(col(RedemptionDrawRow.redemption_id).in_([row.redemption_id for row in rows]))
            .order_by(col(RedemptionDrawRow.vintage))
        )
        for redemption_id, vintage, mass_ug in found:
            draws.setdefault(redemption_id, []).append((vintage, mass_ug))
        return [redemption_of(row, draws.get(row.redemption_id, [])) for row in rows]
