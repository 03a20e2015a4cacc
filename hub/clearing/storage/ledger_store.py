"""The ledger in the database: the rules of the core over stored balances and transfers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, insert, literal, or_, union_all, update
from sqlmodel import Session, col, select
from typing_extensions import override

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import Account, AccountKind, holder_account
from fedcarbon.ledger.batch import LedgerDay, ledger_day
from fedcarbon.ledger.errors import LedgerCorruptedError
from fedcarbon.ledger.rules import BalanceChange, LedgerView, changes_of
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import MassUnit, Unit, Vintage, unit_from_text
from fedcarbon.units import MicrogramsCO2e, Seconds
from hub.clearing.storage.ledger_rows import BalanceRow, LedgerBatchRow, TransferRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTransfer:
    """A transfer in its place in the ledger."""

    sequence: int
    recorded_s: Seconds
    transfer: Transfer


class LedgerStore(LedgerView):
    """Balances and transfers, read and written in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def post(self, transfer: Transfer, now_s: Seconds) -> bool:
        """Enter `transfer`; return False if exactly this transfer was there already.

        Raises:
            CallerError: one of the ledger's rules refuses it (see `changes_of`).
            StateError: likewise.
        """
        changes = changes_of(transfer, self)
        if not changes:
            return False
        last = self._session.exec(
            select(TransferRow.sequence, TransferRow.ledger_day)
            .order_by(col(TransferRow.sequence).desc())
            .limit(1)
        ).first()
        closed = self._session.exec(
            select(LedgerBatchRow.day).order_by(col(LedgerBatchRow.day).desc()).limit(1)
        ).first()
        sequence, last_day = (0, -1) if last is None else last
        next_day = 0 if closed is None else closed + 1
        # A day lasts until it is closed and nothing enters it afterwards, so one day at most is
        # open: a batch holds everything that was booked before its leaf.
        day = last_day if last_day >= next_day else max(ledger_day(now_s), next_day)
        self._session.exec(
            insert(TransferRow).values(
                sequence=sequence + 1,
                transfer_id=transfer.transfer_id,
                debit=transfer.debit.name,
                credit=transfer.credit.name,
                unit=transfer.unit.text,
                amount=transfer.amount,
                phase=transfer.phase.value,
                resolves=transfer.resolves,
                recorded_s=now_s,
                ledger_day=day,
            )
        )
        for change in changes:
            self._store(change)
        return True

    @override
    def balance(self, account: Account, unit: Unit) -> int:
        """Return the balance of `account` in `unit`, 0 if it was never touched."""
        stored = self._session.exec(
            select(BalanceRow.balance).where(
                BalanceRow.account == account.name, BalanceRow.unit == unit.text
            )
        ).first()
        return 0 if stored is None else stored

    @override
    def transfer(self, transfer_id: bytes) -> Transfer | None:
        """Return the transfer with this id, if there is one."""
        row = self._session.exec(
            select(TransferRow).where(TransferRow.transfer_id == transfer_id)
        ).first()
        return None if row is None else _transfer(row)

    @override
    def resolution_of(self, reservation_id: bytes) -> bytes | None:
        """Return the id of the transfer that posted or voided the reservation, if one did."""
        return self._session.exec(
            select(TransferRow.transfer_id).where(TransferRow.resolves == reservation_id)
        ).first()

    def grams(
        self, kind: AccountKind, account_token: bytes, programme: ProgrammeId
    ) -> dict[Vintage, MicrogramsCO2e]:
        """Return what a holder's account of `kind` holds in `programme`, per vintage."""
        name = holder_account(kind, account_token).name
        rows = self._session.exec(
            select(BalanceRow.unit, BalanceRow.balance).where(BalanceRow.account == name)
        )
        held: dict[Vintage, MicrogramsCO2e] = {}
        for unit_text, balance in rows:
            unit = unit_from_text(unit_text)
            if isinstance(unit, MassUnit) and unit.programme == programme and balance:
                held[unit.vintage] = MicrogramsCO2e(balance)
        return held

    def balances(self) -> Iterator[tuple[Account, Unit, int]]:
        """Yield every stored balance."""
        rows = self._session.exec(
            select(BalanceRow.account, BalanceRow.unit, BalanceRow.balance).order_by(
                BalanceRow.account, BalanceRow.unit
            )
        )
        for account, unit, balance in rows:
            yield Account.from_name(account), unit_from_text(unit), balance

    def summed_transfers(self) -> Iterator[tuple[Account, Unit, int]]:
        """Yield every balance as the transfers alone make it, by the database's own sum."""
        sides = union_all(
            select(
                col(TransferRow.credit).label("account"),
                col(TransferRow.unit),
                col(TransferRow.amount),
            ),
            select(
                col(TransferRow.debit).label("account"),
                col(TransferRow.unit),
                (literal(-1) * col(TransferRow.amount)).label("amount"),
            ),
        ).subquery()
        rows = self._session.exec(
            select(sides.c.account, sides.c.unit, func.sum(sides.c.amount))
            .group_by(sides.c.account, sides.c.unit)
            .order_by(sides.c.account, sides.c.unit)
        )
        for account, unit, total in rows:
            yield Account.from_name(account), unit_from_text(unit), total

    def transfers_of(self, accounts: tuple[Account, ...], limit: int) -> list[RecordedTransfer]:
        """Return the latest `limit` transfers that touch any of `accounts`, oldest first."""
        names = [account.name for account in accounts]
        rows = self._session.exec(
            select(TransferRow)
            .where(or_(col(TransferRow.debit).in_(names), col(TransferRow.credit).in_(names)))
            .order_by(col(TransferRow.sequence).desc())
            .limit(limit)
        ).all()
        return [_recorded(row) for row in reversed(rows)]

    def transfers_of_day(self, day: LedgerDay) -> list[RecordedTransfer]:
        """Return the transfers of a ledger day, in order."""
        rows = self._session.exec(
            select(TransferRow)
            .where(TransferRow.ledger_day == day)
            .order_by(col(TransferRow.sequence))
        )
        return [_recorded(row) for row in rows]

    def _store(self, change: BalanceChange) -> None:
        account, unit = change.account.name, change.unit.text
        # `balance == before` turns a lost update into an error on any store.
        updated = self._session.exec(
            update(BalanceRow)
            .where(
                col(BalanceRow.account) == account,
                col(BalanceRow.unit) == unit,
                col(BalanceRow.balance) == change.before,
            )
            .values(balance=change.after)
            .execution_options(synchronize_session=False)
        )
        if updated.rowcount == 1:
            return
        if change.before != 0:
            raise LedgerCorruptedError(
                f"a {change.account.kind} balance changed under its transaction; "
                "the operator must stop and investigate"
            )
        self._session.exec(
            insert(BalanceRow).values(
                account=account,
                unit=unit,
                account_kind=change.account.kind.value,
                balance=change.after,
            )
        )


def _recorded(row: TransferRow) -> RecordedTransfer:
    return RecordedTransfer(
        sequence=row.sequence, recorded_s=Seconds(row.recorded_s), transfer=_transfer(row)
    )


def _transfer(row: TransferRow) -> Transfer:
    return Transfer(
        transfer_id=row.transfer_id,
        debit=Account.from_name(row.debit),
        credit=Account.from_name(row.credit),
        unit=unit_from_text(row.unit),
        amount=row.amount,
        phase=Phase(row.phase),
        resolves=row.resolves,
    )
