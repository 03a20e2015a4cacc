"""What the books hold as a whole, summed by the database over the transfers of any past moment."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, case, func, literal, union_all
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import LOT_ID_BYTES, Account, AccountKind
from fedcarbon.ledger.unit import FEN, MassUnit, Unit, unit_from_text
from fedcarbon.registry.enrolment import TOKEN_BYTES
from fedcarbon.units import Seconds
from hub.clearing.storage.ledger_rows import BalanceRow, TransferRow

_HOLDER: Final = "holder:"
_LOT: Final = "lot:"


class PositionStore:
    """Sums over the whole ledger, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`, which may be a reading one."""
        self._session = session

    def totals(
        self, *, at_s: Seconds | None = None, through_sequence: int | None = None
    ) -> dict[tuple[ProgrammeId, AccountKind, Unit], int]:
        """Return what the transfers make of each kind of account, by one grouped query.

        Args:
            at_s: only what was recorded by then, inclusive.
            through_sequence: only the transfers up to this one.
        """
        credit, debit, amount = col(TransferRow.credit), col(TransferRow.debit), TransferRow.amount
        sides = union_all(
            *(
                select(
                    _name(own).label("name"),
                    _other_end(own, other).label("other"),
                    col(TransferRow.unit).label("unit"),
                    (literal(sign) * col(amount)).label("amount"),
                ).where(*_until(at_s, through_sequence))
                for own, other, sign in ((credit, debit, 1), (debit, credit, -1))
            )
        ).subquery()
        rows = self._session.execute(
            select(sides.c.name, sides.c.other, sides.c.unit, func.sum(sides.c.amount)).group_by(
                sides.c.name, sides.c.other, sides.c.unit
            )
        )
        totals: dict[tuple[ProgrammeId, AccountKind, Unit], int] = {}
        for name, other, unit_text, amount_ in rows:
            unit = unit_from_text(unit_text)
            kind, owner = _read(name)
            programme: ProgrammeId | None
            if isinstance(unit, MassUnit):
                programme = unit.programme
            else:
                programme = owner or Account.from_name(other).programme
                assert programme is not None  # noqa: S101 - no holder pays another one
            key = (programme, kind, unit)
            totals[key] = totals.get(key, 0) + int(amount_)
        return totals

    def stored_totals(self) -> dict[tuple[AccountKind, Unit], int]:
        """Return what the stored balances make of each kind of account, over all programmes."""
        rows = self._session.exec(
            select(BalanceRow.account_kind, BalanceRow.unit, func.sum(BalanceRow.balance)).group_by(
                col(BalanceRow.account_kind), col(BalanceRow.unit)
            )
        )
        return {
            (AccountKind(kind), unit_from_text(unit)): int(amount) for kind, unit, amount in rows
        }


def _until(at_s: Seconds | None, through_sequence: int | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if at_s is not None:
        conditions.append(col(TransferRow.recorded_s) <= at_s)
    if through_sequence is not None:
        conditions.append(col(TransferRow.sequence) <= through_sequence)
    return conditions


def _name(own: Mapped[str]) -> ColumnElement[str]:
    """Return a programme's account by its name, and of holders and lots only the kind."""
    return case(
        (own.startswith(_HOLDER), func.substr(own, len(_HOLDER) + 2 * TOKEN_BYTES + 2)),
        (own.startswith(_LOT), func.substr(own, len(_LOT) + 2 * LOT_ID_BYTES + 2)),
        else_=own,
    )


def _other_end(own: Mapped[str], other: Mapped[str]) -> ColumnElement[str]:
    """Return the account that tells whose programme's money a holder has: its other end."""
    is_holders_money = (col(TransferRow.unit) == FEN.text) & own.startswith(_HOLDER)
    return case((is_holders_money, other), else_="")


def _read(name: str) -> tuple[AccountKind, ProgrammeId | None]:
    """Return kind and owner of what `_name` made; holders and lots have no owner here."""
    if name in set(AccountKind):
        return AccountKind(name), None
    account = Account.from_name(name)
    return account.kind, account.programme
