"""Uses and pledges in the database."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import case, func, insert, update
from sqlmodel import Session, col, select

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.redemption.settlement import Draw
from fedcarbon.units import SECONDS_PER_DAY, MicrogramsCO2e, Seconds
from fedcarbon.uses.errors import UseStateError
from fedcarbon.uses.lot import Pledge
from fedcarbon.uses.order import Use, UseKind, UseOrder
from fedcarbon.uses.states import UseEvent, UseState, next_use_state
from hub.uses.storage.use_rows import PledgeRow, UseDrawRow, UseOrderRow, UseRow


class UseStore:
    """Uses, read and written in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def find(self, use_id: bytes) -> Use | None:
        """Return the use with this id, if there is one."""
        row = self._session.exec(
            select(UseRow).where(UseRow.use_id == use_id).execution_options(populate_existing=True)
        ).first()
        return None if row is None else self._use(row)

    def overdue(self, now_s: Seconds, limit: int) -> list[Use]:
        """Return at most `limit` uses whose reservation is over, the oldest end first."""
        rows = self._session.exec(
            select(UseRow)
            .where(
                UseRow.state == UseState.RESERVED.value,
                col(UseRow.expires_s).is_not(None),
                col(UseRow.expires_s) <= now_s,
            )
            .order_by(col(UseRow.expires_s), col(UseRow.use_id))
            .limit(limit)
            .execution_options(populate_existing=True)
        ).all()
        return [self._use(row) for row in rows]

    def add(self, use: Use) -> None:
        """Write a new use."""
        order = use.order
        self._session.exec(
            insert(UseRow).values(
                use_id=order.use_id,
                order_bytes=statements.encode(order),
                programme_id=order.programme_id,
                account_token=order.account_token,
                kind=order.use.value,
                state=use.state.value,
                mass_ug=use.mass_ug,
                expires_s=use.expires_s,
                created_s=use.created_s,
            )
        )
        self._session.execute(
            insert(UseDrawRow),
            [
                {"use_id": order.use_id, "vintage": draw.vintage, "mass_ug": draw.mass_ug}
                for draw in use.draws
            ],
        )

    def advance(self, use: Use, event: UseEvent) -> None:
        """Write the state after `event`.

        Raises:
            UseStateError: the table of states has no such transition, or another one was taken
                since `use` was read.
        """
        following = next_use_state(use.state, event)
        changed = self._session.connection().execute(
            update(UseRow)
            .where(col(UseRow.use_id) == use.order.use_id, col(UseRow.state) == use.state.value)
            .values(state=following.value)
        )
        if changed.rowcount != 1:
            raise UseStateError(f"use {use.order.use_id.hex()} moved on meanwhile")

    def bought_on(self, programme: ProgrammeId, day: int) -> int:
        """Return the micrograms that were bought less those that were sold on a UTC day."""
        bought, sold = UseKind.BUY.value, UseKind.SELL.value
        net_ug = case((col(UseRow.kind) == bought, UseRow.mass_ug), else_=-col(UseRow.mass_ug))
        first_s = day * SECONDS_PER_DAY
        total = self._session.exec(
            select(func.sum(net_ug)).where(
                UseRow.programme_id == programme,
                col(UseRow.kind).in_((bought, sold)),
                col(UseRow.created_s).between(first_s, first_s + SECONDS_PER_DAY - 1),
            )
        ).one()
        return int(total or 0)

    def leaf_of(self, use_id: bytes) -> int | None:
        """Return the index of the leaf of an order, if the order was taken."""
        return self._session.exec(
            select(UseOrderRow.leaf_index).where(UseOrderRow.use_id == use_id)
        ).first()

    def add_leaf(self, use_id: bytes, leaf_index: int) -> None:
        """Write down where an order lies."""
        self._session.exec(insert(UseOrderRow).values(use_id=use_id, leaf_index=leaf_index))

    def _use(self, row: UseRow) -> Use:
        draws = self._session.exec(
            select(UseDrawRow.vintage, UseDrawRow.mass_ug)
            .where(UseDrawRow.use_id == row.use_id)
            .order_by(col(UseDrawRow.vintage))
        ).all()
        return Use(
            order=statements.decode(UseOrder, row.order_bytes),
            state=UseState(row.state),
            mass_ug=MicrogramsCO2e(row.mass_ug),
            draws=tuple(
                Draw(vintage=Vintage(vintage), mass_ug=MicrogramsCO2e(mass_ug))
                for vintage, mass_ug in draws
            ),
            expires_s=None if row.expires_s is None else Seconds(row.expires_s),
            created_s=Seconds(row.created_s),
        )


class PledgeStore:
    """The queue of pledges, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def add(self, use: Use) -> None:
        """Put a pledge at the end of the queue, each vintage by itself."""
        last = self._session.exec(select(func.max(PledgeRow.number))).one() or 0
        self._session.execute(
            insert(PledgeRow),
            [
                {
                    "use_id": use.order.use_id,
                    "vintage": draw.vintage,
                    "number": number,
                    "programme_id": use.order.programme_id,
                    "account_token": use.order.account_token,
                    "left_ug": draw.mass_ug,
                }
                for number, draw in enumerate(use.draws, start=last + 1)
            ],
        )

    def queue(self, unit: MassUnit, limit: int) -> list[Pledge]:
        """Return the pledges of a programme and vintage that have something left, oldest first."""
        rows = self._session.exec(
            select(PledgeRow.use_id, PledgeRow.account_token, PledgeRow.left_ug)
            .where(
                PledgeRow.programme_id == unit.programme,
                PledgeRow.vintage == unit.vintage,
                PledgeRow.left_ug > 0,
            )
            .order_by(col(PledgeRow.number))
            .limit(limit)
        ).all()
        return [_pledge(*row) for row in rows]

    def of_account(
        self, programme: ProgrammeId, vintage: Vintage, account_token: bytes
    ) -> list[Pledge]:
        """Return an account's pledges that have something left, the newest first."""
        rows = self._session.exec(
            select(PledgeRow.use_id, PledgeRow.account_token, PledgeRow.left_ug)
            .where(
                PledgeRow.programme_id == programme,
                PledgeRow.vintage == vintage,
                PledgeRow.account_token == account_token,
                PledgeRow.left_ug > 0,
            )
            .order_by(col(PledgeRow.number).desc())
        ).all()
        return [_pledge(*row) for row in rows]

    def take(self, vintage: Vintage, parts: Iterable[Pledge], *, sign: int = 1) -> None:
        """Take parts out of their pledges; with `sign` -1 put them back."""
        for part in parts:
            self._session.connection().execute(
                update(PledgeRow)
                .where(col(PledgeRow.use_id) == part.use_id, col(PledgeRow.vintage) == vintage)
                .values(left_ug=col(PledgeRow.left_ug) - sign * part.left_ug)
            )


def _pledge(use_id: bytes, account_token: bytes, left_ug: int) -> Pledge:
    return Pledge(use_id=use_id, account_token=account_token, left_ug=MicrogramsCO2e(left_ug))
