"""Tables of openings: requests, and the attempts that were begun.

A request's own row changes as it moves on; everything else about openings is in the record.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field

from fedcarbon.units import MASS_UG_MAX
from hub.openings.states import OpeningState
from hub.storage.columns import created_at_column, integers, one_of
from hub.storage.tables import HubTable


class OpeningRequestRow(HubTable, table=True):
    """A logged request."""

    __tablename__ = "opening_requests"
    __table_args__ = (
        one_of("state", OpeningState),
        CheckConstraint("length(request_id) = 16", name="request_id_size"),
        CheckConstraint(
            f"(state = '{OpeningState.OPENED}') = (opened_ug IS NOT NULL)", name="opened_once"
        ),
        CheckConstraint(f"opened_ug BETWEEN 0 AND {MASS_UG_MAX}", name="mass_in_range"),
        integers("leaf_index", "epoch", "previous_epoch", "attempts"),
        Index("ix_opening_requests_account", "programme_id", "account_token", "epoch"),
    )

    operator_id: str = Field(primary_key=True)
    request_id: bytes = Field(primary_key=True)
    leaf_index: int = Field(foreign_key="leaves.leaf_index", unique=True)
    programme_id: str = Field(foreign_key="programmes.programme_id")
    account_token: bytes
    epoch: int
    previous_epoch: int
    state: str = Field(index=True)
    code: str = ""
    """Why it waits or is refused."""
    detail: str = ""
    opened_ug: int | None = Field(default=None, sa_type=BigInteger)
    """Cumulative sum, once opened."""
    attempts: int = 0
    """Start leaves that name it."""
    created_at: datetime | None = created_at_column()


class OpeningAttemptRow(HubTable, table=True):
    """The last attempt number that was given out for an opening id, whether or not it started."""

    __tablename__ = "opening_attempts"
    __table_args__ = (CheckConstraint("length(opening_id) = 32", name="opening_id_size"),)

    opening_id: bytes = Field(primary_key=True)
    attempt: int
