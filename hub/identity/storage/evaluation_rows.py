"""Table of evaluation requests: which leaf holds which asker's request."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from hub.storage.columns import created_at_column
from hub.storage.tables import HubTable, insert_only


class EvaluationRow(HubTable, table=True):
    """A request that was logged, by the asker's own id for it."""

    __tablename__ = "evaluation_requests"
    __table_args__ = (CheckConstraint("length(request_id) = 16", name="request_id_size"),)

    asker_id: str = Field(primary_key=True)
    request_id: bytes = Field(primary_key=True)
    leaf_index: int = Field(foreign_key="leaves.leaf_index")
    created_at: datetime | None = created_at_column()


insert_only(EvaluationRow)
