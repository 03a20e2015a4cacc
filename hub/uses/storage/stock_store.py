"""Stocks of offers in the database."""

from __future__ import annotations

from typing import Final

from sqlalchemy import insert, update
from sqlmodel import Session, col, select

from fedcarbon.ids import ProgrammeId
from hub.uses.errors import OfferSoldOutError
from hub.uses.storage.use_rows import StockRow


class StockStore:
    """How many pieces are left of offers that say how many there are."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session: Final = session

    def add(self, programme: ProgrammeId, offer_id: str, pieces: int) -> None:
        """Begin with all pieces."""
        self._session.exec(
            insert(StockRow).values(programme_id=programme, offer_id=offer_id, left_pieces=pieces)
        )

    def left(self, programme: ProgrammeId) -> dict[str, int]:
        """Return how many pieces are left, by offer."""
        rows = self._session.exec(
            select(StockRow.offer_id, StockRow.left_pieces).where(
                StockRow.programme_id == programme
            )
        )
        return dict(rows.all())

    def take(self, programme: ProgrammeId, offer_id: str, pieces: int) -> None:
        """Take pieces of an offer that has a stock.

        Raises:
            OfferSoldOutError: fewer are left.
        """
        if not self._change(programme, offer_id, -pieces):
            raise OfferSoldOutError(f"fewer than {pieces} pieces of offer {offer_id} are left")

    def give_back(self, programme: ProgrammeId, offer_id: str, pieces: int) -> None:
        """Put pieces back; does nothing for an offer without a stock."""
        self._change(programme, offer_id, pieces)

    def _change(self, programme: ProgrammeId, offer_id: str, by: int) -> bool:
        changed = self._session.connection().execute(
            update(StockRow)
            .where(
                col(StockRow.programme_id) == programme,
                col(StockRow.offer_id) == offer_id,
                col(StockRow.left_pieces) + by >= 0,
            )
            .values(left_pieces=col(StockRow.left_pieces) + by)
        )
        return changed.rowcount == 1
