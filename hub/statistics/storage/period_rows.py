"""Tables of statistics: contributions that were accepted, and how far each period has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from hub.statistics.states import PeriodState
from hub.storage.columns import created_at_column, integers, one_of
from hub.storage.tables import HubTable, insert_only


class ContributionRow(HubTable, table=True):
    """A partner's contribution to a period; the database takes one, ever."""

    __tablename__ = "table_contributions"
    __table_args__ = (integers("shell_leaf", "period", "leaf_index"),)

    shell_leaf: int = Field(primary_key=True, foreign_key="leaves.leaf_index")
    period: int = Field(primary_key=True)
    partner_id: str = Field(primary_key=True)
    leaf_index: int = Field(foreign_key="leaves.leaf_index", unique=True)
    created_at: datetime | None = created_at_column()


class PeriodRow(HubTable, table=True):
    """A period to which nobody contributes any more."""

    __tablename__ = "table_periods"
    __table_args__ = (
        one_of("state", PeriodState),
        CheckConstraint("period >= 1", name="period_positive"),
        CheckConstraint(
            "(start_leaf IS NOT NULL) = (state IN ('released', 'started'))", name="start_of_state"
        ),
        CheckConstraint(
            "(release_leaf IS NOT NULL) = (state = 'released')", name="release_of_state"
        ),
        integers("shell_leaf", "period"),
    )

    shell_leaf: int = Field(primary_key=True, foreign_key="leaves.leaf_index")
    period: int = Field(primary_key=True)
    state: str
    start_leaf: int | None = Field(default=None, foreign_key="leaves.leaf_index", unique=True)
    release_leaf: int | None = Field(default=None, foreign_key="leaves.leaf_index", unique=True)
    code: str
    """Why it waits or is withheld, as an error's code; empty if nothing is in its way."""
    detail: str
    """The same as a sentence for people."""
    created_at: datetime | None = created_at_column()


insert_only(ContributionRow)
