"""Taken orders in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, insert
from sqlmodel import Session, col, select

from hub.wallets.storage.order_rows import RedemptionOrderRow

_ADD: Final = insert(RedemptionOrderRow)
_LEAVES: Final = select(RedemptionOrderRow.redemption_id, RedemptionOrderRow.leaf_index).where(
    col(RedemptionOrderRow.redemption_id).in_(bindparam("ids", expanding=True))
)


class OrderStore:
    """Orders and their leaves, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def leaves_of(self, redemption_ids: Sequence[bytes]) -> dict[bytes, int]:
        """Return the indices of the leaves of those orders that were taken."""
        rows = self._session.connection().execute(_LEAVES, {"ids": list(redemption_ids)})
        return {row.redemption_id: row.leaf_index for row in rows}

    def add(self, leaves: Mapping[bytes, int]) -> None:
        """Write down where orders lie: redemption id to leaf index."""
        rows = [{"redemption_id": item, "leaf_index": index} for item, index in leaves.items()]
        if rows:
            self._session.connection().execute(_ADD, rows)
