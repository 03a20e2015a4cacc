"""Lists and sums of redemptions in the database, for those who watch over them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session

from fedcarbon.ids import PartyId
from fedcarbon.redemption.operator_statement import Period, StateTotal
from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.states import RedemptionEvent, RedemptionState
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from hub.clearing.storage.redemption_rows import (
    RedemptionEventRow,
    RedemptionRow,
)
from hub.clearing.storage.redemption_store import RecordedEvent, RedemptionStore

_TABLE: Final = RedemptionRow.metadata.tables["redemptions"]
_EVENTS: Final = RedemptionEventRow.metadata.tables["redemption_events"]


class RedemptionLists:
    """Redemptions by the dozen, read in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`, which may be a reading one."""
        self._session = session

    def in_states(
        self, states: Collection[RedemptionState], until_s: Seconds, limit: int
    ) -> list[Redemption]:
        """Return redemptions in one of `states` that were taken by `until_s`, oldest first."""
        query = (
            select(_TABLE)
            .where(
                _TABLE.c.state.in_([state.value for state in states]),
                _TABLE.c.created_s <= until_s,
            )
            .order_by(_TABLE.c.created_s, _TABLE.c.redemption_id)
            .limit(limit)
        )
        return list(RedemptionStore(self._session).found(query, {}).values())

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
        row = _TABLE.c
        query = select(_TABLE).where(
            row.operator_id == operator_id,
            row.created_s >= period.start_s,
            row.created_s < period.end_s,
        )
        if after is not None:
            before = _TABLE.alias()
            created_s = (
                select(before.c.created_s).where(before.c.redemption_id == after).scalar_subquery()
            )
            query = query.where(
                or_(
                    row.created_s > created_s,
                    and_(row.created_s == created_s, row.redemption_id > after),
                )
            )
        query = query.order_by(row.created_s, row.redemption_id).limit(limit)
        return list(RedemptionStore(self._session).found(query, {}).values())

    def operator_totals(self, operator_id: PartyId, period: Period) -> tuple[StateTotal, ...]:
        """Return numbers and sums of what an operator has ordered in a period, by state."""
        row = _TABLE.c
        rows = self._session.connection().execute(
            select(row.state, func.count(), func.sum(row.mass_ug), func.sum(row.amount_fen))
            .where(
                row.operator_id == operator_id,
                row.created_s >= period.start_s,
                row.created_s < period.end_s,
            )
            .group_by(row.state)
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
        rows = self._session.connection().execute(
            select(_EVENTS)
            .where(_EVENTS.c.redemption_id.in_(redemption_ids))
            .order_by(_EVENTS.c.ordinal)
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
