"""Credits of openings in the database."""

from __future__ import annotations

from sqlalchemy import func, insert
from sqlmodel import Session, col, select

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.credit import OpeningCredit, transfer_of
from fedcarbon.ledger.unit import Vintage
from fedcarbon.units import MicrogramsCO2e, Seconds
from hub.clearing.storage.ledger_rows import OpeningCreditRow


class CreditStore:
    """The chain of credits of every account, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def of_opening(self, credit: OpeningCredit) -> OpeningCredit | None:
        """Return what was credited before for the same opening, programme and account."""
        row = self._session.exec(
            select(OpeningCreditRow).where(
                OpeningCreditRow.opening_id == credit.opening_id,
                OpeningCreditRow.programme_id == credit.programme,
                OpeningCreditRow.account_token == credit.account_token,
            )
        ).first()
        return None if row is None else _credit(row)

    def last(self, programme: ProgrammeId, account_token: bytes) -> OpeningCredit | None:
        """Return the latest credit of an account, if it has one."""
        row = self._session.exec(
            select(OpeningCreditRow)
            .where(
                OpeningCreditRow.programme_id == programme,
                OpeningCreditRow.account_token == account_token,
            )
            .order_by(col(OpeningCreditRow.ordinal).desc())
            .limit(1)
        ).first()
        return None if row is None else _credit(row)

    def add(self, credit: OpeningCredit, now_s: Seconds) -> None:
        """Write `credit` as the latest of its account; its transfer is in the ledger already."""
        count = self._session.exec(
            select(func.count())
            .select_from(OpeningCreditRow)
            .where(
                col(OpeningCreditRow.programme_id) == credit.programme,
                col(OpeningCreditRow.account_token) == credit.account_token,
            )
        ).one()
        transfer = transfer_of(credit)
        self._session.exec(
            insert(OpeningCreditRow).values(
                programme_id=credit.programme,
                account_token=credit.account_token,
                ordinal=count + 1,
                opening_id=credit.opening_id,
                vintage=credit.vintage,
                previous_opened_ug=credit.previous_opened_ug,
                opened_ug=credit.opened_ug,
                transfer_id=None if transfer is None else transfer.transfer_id,
                recorded_s=now_s,
            )
        )


def _credit(row: OpeningCreditRow) -> OpeningCredit:
    return OpeningCredit(
        programme=ProgrammeId(row.programme_id),
        vintage=Vintage(row.vintage),
        account_token=row.account_token,
        opening_id=row.opening_id,
        previous_opened_ug=MicrogramsCO2e(row.previous_opened_ug),
        opened_ug=MicrogramsCO2e(row.opened_ug),
    )
