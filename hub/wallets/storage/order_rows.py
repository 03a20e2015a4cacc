"""The table of taken orders: which leaf holds what a wallet operator signed."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from hub.storage.columns import created_at_column, integers
from hub.storage.tables import HubTable, insert_only


class RedemptionOrderRow(HubTable, table=True):
    """An order that was taken, and the leaf of its exact envelope."""

    __tablename__ = "redemption_orders"
    __table_args__ = (integers("leaf_index"),)

    redemption_id: bytes = Field(primary_key=True, foreign_key="redemptions.redemption_id")
    leaf_index: int = Field(foreign_key="leaves.leaf_index", unique=True)
    created_at: datetime | None = created_at_column()


insert_only(RedemptionOrderRow)
