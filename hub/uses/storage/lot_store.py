"""Credit lots in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, insert, update
from sqlmodel import Session, col, select

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import ProgrammeId
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.uses.errors import LotStateError
from fedcarbon.uses.lot import CreditLot, LotRetirement, LotSale, Pledge
from fedcarbon.uses.states import LotEvent, LotState, next_lot_state
from hub.uses.storage.use_rows import LotPartRow, LotRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """A credit lot as it stands."""

    lot: CreditLot
    state: LotState
    sale: LotSale | None
    retirement: LotRetirement | None


class LotStore:
    """Lots and what they took of pledges, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def find(self, lot_id: bytes) -> Lot | None:
        """Return the lot with this id, if there is one."""
        row = self._session.exec(
            select(LotRow).where(LotRow.lot_id == lot_id).execution_options(populate_existing=True)
        ).first()
        return None if row is None else _lot(row)

    def of_programme(self, programme: ProgrammeId) -> list[Lot]:
        """Return the lots of a programme, by id."""
        rows = self._session.exec(
            select(LotRow)
            .where(LotRow.programme_id == programme)
            .order_by(col(LotRow.lot_id))
            .execution_options(populate_existing=True)
        ).all()
        return [_lot(row) for row in rows]

    def add(self, lot: CreditLot, parts: Iterable[Pledge]) -> None:
        """Write a lot that was formed, and what it took."""
        self._session.exec(
            insert(LotRow).values(
                lot_id=lot.lot_id,
                programme_id=lot.programme_id,
                state=LotState.FORMED.value,
                lot=statements.encode(lot),
            )
        )
        self._session.execute(
            insert(LotPartRow),
            [
                {"lot_id": lot.lot_id, "use_id": part.use_id, "mass_ug": part.left_ug}
                for part in parts
            ],
        )

    def parts(self, lot: CreditLot) -> list[Pledge]:
        """Return what a lot took of each pledge, without whose it is."""
        rows = self._session.exec(
            select(LotPartRow.use_id, LotPartRow.mass_ug).where(LotPartRow.lot_id == lot.lot_id)
        )
        return [
            Pledge(use_id=use_id, account_token=b"", left_ug=MicrogramsCO2e(mass_ug))
            for use_id, mass_ug in rows
        ]

    def advance(
        self, lot: Lot, event: LotEvent, signed: LotSale | LotRetirement | None = None
    ) -> None:
        """Write the state after `event` and what was signed about it.

        Raises:
            LotStateError: the table of states has no such transition, or another one was taken
                since `lot` was read.
        """
        values: dict[str, object] = {"state": next_lot_state(lot.state, event).value}
        if isinstance(signed, LotSale):
            values["sale"] = statements.encode(signed)
        elif signed is not None:
            values |= {
                "retirement": statements.encode(signed),
                "serial_last": signed.serial_last,
            }
        changed = self._session.connection().execute(
            update(LotRow)
            .where(col(LotRow.lot_id) == lot.lot.lot_id, col(LotRow.state) == lot.state.value)
            .values(**values)
        )
        if changed.rowcount != 1:
            raise LotStateError(f"credit lot {lot.lot.lot_id.hex()} moved on meanwhile")

    def retirements(self) -> list[LotRetirement]:
        """Return all retirements, of all programmes, in the order of their lots' ids."""
        rows = self._session.exec(
            select(LotRow.retirement)
            .where(col(LotRow.retirement).is_not(None))
            .order_by(col(LotRow.lot_id))
        )
        return [statements.decode(LotRetirement, data) for data in rows if data is not None]

    def last_serial(self, programme: ProgrammeId) -> int:
        """Return the number of the programme's last retired tonne, 0 if there is none."""
        return (
            self._session.exec(
                select(func.max(LotRow.serial_last)).where(LotRow.programme_id == programme)
            ).one()
            or 0
        )


def _lot(row: LotRow) -> Lot:
    return Lot(
        lot=statements.decode(CreditLot, row.lot),
        state=LotState(row.state),
        sale=None if row.sale is None else statements.decode(LotSale, row.sale),
        retirement=None
        if row.retirement is None
        else statements.decode(LotRetirement, row.retirement),
    )
