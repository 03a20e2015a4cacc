"""Freezes of accounts in the database."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from fedcarbon.ids import ProgrammeId
from fedcarbon.units import Seconds
from hub.clearing.storage.freeze_rows import AccountFreezeRow, FreezeAction


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeAct:
    """A freeze or the end of one."""

    programme: ProgrammeId
    account_token: bytes
    ordinal: int
    """From 1, per programme and account."""
    action: FreezeAction
    reason: str
    operator: str
    recorded_s: Seconds


class FreezeStore:
    """Freezes, read and written in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def last(self, tokens: Collection[bytes]) -> dict[tuple[ProgrammeId, bytes], FreezeAct]:
        """Return the latest act of each of these accounts that has one."""
        rows = self._session.exec(
            select(AccountFreezeRow)
            .where(col(AccountFreezeRow.account_token).in_(tokens))
            .order_by(col(AccountFreezeRow.ordinal))
        )
        acts = (_act(row) for row in rows)
        return {(act.programme, act.account_token): act for act in acts}

    def all_last(self) -> list[FreezeAct]:
        """Return the latest act of every account that has one, oldest first."""
        newest = (
            select(
                col(AccountFreezeRow.programme_id),
                col(AccountFreezeRow.account_token),
                func.max(AccountFreezeRow.ordinal).label("ordinal"),
            )
            .group_by(col(AccountFreezeRow.programme_id), col(AccountFreezeRow.account_token))
            .subquery()
        )
        rows = self._session.exec(
            select(AccountFreezeRow)
            .join(
                newest,
                (col(AccountFreezeRow.programme_id) == newest.c.programme_id)
                & (col(AccountFreezeRow.account_token) == newest.c.account_token)
                & (col(AccountFreezeRow.ordinal) == newest.c.ordinal),
            )
            .order_by(col(AccountFreezeRow.recorded_s), col(AccountFreezeRow.account_token))
        )
        return [_act(row) for row in rows]

    def add(self, act: FreezeAct) -> None:
        """Write the next act of an account."""
        self._session.exec(
            insert(AccountFreezeRow).values(
                programme_id=act.programme,
                account_token=act.account_token,
                ordinal=act.ordinal,
                action=act.action.value,
                reason=act.reason,
                operator=act.operator,
                recorded_s=act.recorded_s,
            )
        )


def _act(row: AccountFreezeRow) -> FreezeAct:
    return FreezeAct(
        programme=ProgrammeId(row.programme_id),
        account_token=row.account_token,
        ordinal=row.ordinal,
        action=FreezeAction(row.action),
        reason=row.reason,
        operator=row.operator,
        recorded_s=Seconds(row.recorded_s),
    )
