"""Redemptions and their events in the database."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import func, insert, update
from sqlmodel import Session, col, select

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.order import Redemption, RedemptionOrder
from fedcarbon.redemption.settlement import Draw
from fedcarbon.redemption.states import (
    RedemptionEvent,
    RedemptionState,
    RedemptionStateError,
    next_state,
)
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from hub.clearing.storage.redemption_rows import (
    RedemptionDrawRow,
    RedemptionEventRow,
    RedemptionRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """A step in the life of a redemption."""

    redemption_id: bytes
    event: RedemptionEvent
    detail: str
    """Why, where the step has a reason."""
    recorded_s: Seconds


class RedemptionStore:
    """Redemptions, read and written in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def find(self, redemption_id: bytes) -> Redemption | None:
        """Return the redemption with this id, if there is one."""
        row = self._session.exec(
            select(RedemptionRow)
            .where(RedemptionRow.redemption_id == redemption_id)
            .execution_options(populate_existing=True)
        ).first()
        return None if row is None else self._redemption(row)

    def of_account(self, programme: ProgrammeId, account_token: bytes) -> list[Redemption]:
        """Return the redemptions of an account, oldest first."""
        rows = self._session.exec(
            select(RedemptionRow)
            .where(
                RedemptionRow.account_token == account_token,
                RedemptionRow.programme_id == programme,
            )
            .order_by(col(RedemptionRow.created_s), col(RedemptionRow.redemption_id))
            .execution_options(populate_existing=True)
        ).all()
        return [self._redemption(row) for row in rows]

    def add(self, redemption: Redemption) -> None:
        """Write a new redemption."""
        order = redemption.order
        self._session.exec(
            insert(RedemptionRow).values(
                redemption_id=order.redemption_id,
                payout_id=order.payout_id,
                order_bytes=statements.encode(order),
                programme_id=order.programme_id,
                account_token=order.account_token,
                wallet_class=int(order.wallet_class),
                units=redemption.units,
                mass_ug=redemption.mass_ug,
                amount_fen=redemption.amount_fen,
                state=redemption.state.value,
                reason=redemption.reason,
                rail_reference=redemption.rail_reference,
                created_s=redemption.created_s,
            )
        )
        for draw in redemption.draws:
            self._session.exec(
                insert(RedemptionDrawRow).values(
                    redemption_id=order.redemption_id, vintage=draw.vintage, mass_ug=draw.mass_ug
                )
            )

    def advance(
        self,
        redemption: Redemption,
        event: RedemptionEvent,
        now_s: Seconds,
        *,
        reason: str = "",
        rail_reference: str = "",
    ) -> Redemption:
        """Write the state after `event` and the event itself; return the new redemption.

        Raises:
            RedemptionStateError: the table of states has no such transition, or another one was
                taken since `redemption` was read.
        """
        moved = replace(
            redemption,
            state=next_state(redemption.state, event),
            reason=reason or redemption.reason,
            rail_reference=rail_reference or redemption.rail_reference,
        )
        redemption_id = redemption.order.redemption_id
        updated = self._session.exec(
            update(RedemptionRow)
            .where(
                col(RedemptionRow.redemption_id) == redemption_id,
                col(RedemptionRow.state) == redemption.state.value,
            )
            .values(
                state=moved.state.value, reason=moved.reason, rail_reference=moved.rail_reference
            )
            .execution_options(synchronize_session=False)
        )
        if updated.rowcount != 1:
            raise RedemptionStateError(
                f"redemption {redemption_id.hex()} moved meanwhile; read it again"
            )
        count = self._session.exec(
            select(func.count())
            .select_from(RedemptionEventRow)
            .where(col(RedemptionEventRow.redemption_id) == redemption_id)
        ).one()
        self._session.exec(
            insert(RedemptionEventRow).values(
                redemption_id=redemption_id,
                ordinal=count + 1,
                event=event.value,
                state=moved.state.value,
                detail=reason,
                recorded_s=now_s,
            )
        )
        return moved

    def history(self, redemption_id: bytes) -> list[tuple[RedemptionEvent, Seconds]]:
        """Return every event of a redemption with its protocol time, in order."""
        rows = self._session.exec(
            select(RedemptionEventRow.event, RedemptionEventRow.recorded_s)
            .where(RedemptionEventRow.redemption_id == redemption_id)
            .order_by(col(RedemptionEventRow.ordinal))
        )
        return [(RedemptionEvent(event), Seconds(recorded_s)) for event, recorded_s in rows]

    def events_between(
        self, events: Collection[RedemptionEvent], first_s: Seconds, last_s: Seconds
    ) -> list[RecordedEvent]:
        """Return events of these kinds with a protocol time from `first_s` to `last_s`."""
        rows = self._session.exec(
            select(RedemptionEventRow).where(
                col(RedemptionEventRow.event).in_([event.value for event in events]),
                RedemptionEventRow.recorded_s >= first_s,
                RedemptionEventRow.recorded_s <= last_s,
            )
        ).all()
        return [
            RecordedEvent(
                redemption_id=row.redemption_id,
                event=RedemptionEvent(row.event),
                detail=row.detail,
                recorded_s=Seconds(row.recorded_s),
            )
            for row in rows
        ]

    def _redemption(self, row: RedemptionRow) -> Redemption:
        draws = self._session.exec(
            select(RedemptionDrawRow.vintage, RedemptionDrawRow.mass_ug)
            .where(RedemptionDrawRow.redemption_id == row.redemption_id)
            .order_by(col(RedemptionDrawRow.vintage))
        )
        return Redemption(
            order=statements.decode(RedemptionOrder, row.order_bytes),
            state=RedemptionState(row.state),
            units=row.units,
            mass_ug=MicrogramsCO2e(row.mass_ug),
            amount_fen=Fen(row.amount_fen),
            draws=tuple(
                Draw(vintage=Vintage(vintage), mass_ug=MicrogramsCO2e(mass_ug))
                for vintage, mass_ug in draws
            ),
            reason=row.reason,
            rail_reference=row.rail_reference,
            created_s=Seconds(row.created_s),
        )
