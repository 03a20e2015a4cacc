"""Taken orders in the database."""

from __future__ import annotations

from sqlalchemy import insert
from sqlmodel import Session, select

from hub.wallets.storage.order_rows import RedemptionOrderRow


class OrderStore:
    """Orders and their leaves, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def leaf_of(self, redemption_id: bytes) -> int | None:
        """Return the index of the leaf of an order, if the order was taken."""
        return self._session.exec(
            select(RedemptionOrderRow.leaf_index).where(
                RedemptionOrderRow.redemption_id == redemption_id
            )
        ).first()

    def add(self, redemption_id: bytes, leaf_index: int) -> None:
        """Write down where an order lies."""
        self._session.exec(
            insert(RedemptionOrderRow).values(redemption_id=redemption_id, leaf_index=leaf_index)
        )
