"""The table of freezes: who stopped an account from giving anything out, and who let it again."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field

from hub.storage.columns import created_at_column, integers, one_of
from hub.storage.tables import HubTable, insert_only


class FreezeAction(StrEnum):
    """What an operator did with an account."""

    FREEZE = "freeze"
    UNFREEZE = "unfreeze"


class AccountFreezeRow(HubTable, table=True):
    """One act; the latest of an account says whether it is frozen."""

    __tablename__ = "account_freezes"
    __table_args__ = (
        one_of("action", FreezeAction),
        CheckConstraint("length(account_token) = 32", name="token_size"),
        # Odd acts freeze and even ones unfreeze: neither comes twice in a row.
        CheckConstraint(
            "ordinal >= 1 AND (ordinal % 2 = 1) = (action = 'freeze')", name="acts_alternate"
        ),
        CheckConstraint("length(reason) >= 1 AND length(operator) >= 1", name="explained"),
        integers("ordinal", "recorded_s"),
        Index("ix_account_freezes_recorded_s", "recorded_s"),
    )

    programme_id: str = Field(primary_key=True)
    account_token: bytes = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    """From 1, per programme and account."""
    action: str
    reason: str
    operator: str
    """The person at the hub who did it, as they sign themselves."""
    recorded_s: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


insert_only(AccountFreezeRow)
