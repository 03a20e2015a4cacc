"""Who has opted in to rankings, and what periods have brought, in the database."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import Account, AccountKind, programme_account
from fedcarbon.uses.ranking import RankingChoice
from hub.clearing.storage.ledger_rows import TransferRow
from hub.uses.storage.use_rows import RankingChoiceRow


class RankingStore:
    """Choices and credits, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session: Final = session

    def add(self, choice: RankingChoice, leaf_index: int) -> None:
        """Keep a choice that was taken."""
        self._session.exec(
            insert(RankingChoiceRow).values(
                leaf_index=leaf_index,
                choice_id=choice.choice_id,
                programme_id=choice.programme_id,
                ranking_id=choice.ranking_id,
                account_token=choice.account_token,
                from_period=choice.from_period,
                statement=statements.encode(choice),
            )
        )

    def find(self, choice_id: bytes) -> tuple[int, RankingChoice] | None:
        """Return leaf and content of a choice, if there is one of this id."""
        row = self._session.exec(
            select(RankingChoiceRow).where(RankingChoiceRow.choice_id == choice_id)
        ).first()
        return None if row is None else (row.leaf_index, _choice(row.statement))

    def choices(
        self, programme: ProgrammeId, ranking_id: str, account_token: bytes | None = None
    ) -> list[RankingChoice]:
        """Return the choices about a ranking in the order of the record, of one account or all."""
        query = select(RankingChoiceRow.statement).where(
            RankingChoiceRow.programme_id == programme, RankingChoiceRow.ranking_id == ranking_id
        )
        if account_token is not None:
            query = query.where(RankingChoiceRow.account_token == account_token)
        return [
            _choice(data)
            for data in self._session.exec(query.order_by(col(RankingChoiceRow.leaf_index)))
        ]

    def credited(self, programme: ProgrammeId, days: range) -> dict[bytes, int]:
        """Return what was credited on ledger days, by account token."""
        rows = self._session.exec(
            select(TransferRow.credit, func.sum(TransferRow.amount))
            .where(
                TransferRow.debit == programme_account(AccountKind.ISSUANCE, programme).name,
                TransferRow.ledger_day >= days.start,
                TransferRow.ledger_day < days.stop,
            )
            .group_by(TransferRow.credit)
        )
        return {bytes.fromhex(Account.from_name(name).owner): int(total) for name, total in rows}


def _choice(data: bytes) -> RankingChoice:
    return statements.decode(RankingChoice, data)
