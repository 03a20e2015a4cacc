"""The ledger in the database: the rules of the core over stored balances and transfers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    func,
    literal,
    or_,
    text,
    union_all,
    update,
)
from sqlmodel import Session, col, select
from typing_extensions import override

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import (
    USED_KINDS,
    Account,
    AccountKind,
    holder_account,
    programme_account,
)
from fedcarbon.ledger.batch import LedgerDay, ledger_day
from fedcarbon.ledger.rules import LedgerView, Pending, linked
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import MassUnit, Unit, Vintage, unit_from_text
from fedcarbon.units import MicrogramsCO2e, Seconds
from hub.clearing.storage.ledger_rows import BalanceRow, LedgerBatchRow, TransferIdRow, TransferRow
from hub.storage.bulk import bulk_insert
from hub.storage.partitions import ensure_month

TRANSFERS: Final = str(TransferRow.__tablename__)

HELD_KINDS: Final = (AccountKind.SPENDABLE, AccountKind.RESERVED, AccountKind.PLEDGED)
"""Where a holder's grams lie."""

# Statements that stand on the path of every redemption are made once.
_BALANCES: Final = select(BalanceRow.account, BalanceRow.unit, BalanceRow.balance).where(
    col(BalanceRow.account).in_(bindparam("names", expanding=True))
)
_IDS: Final = select(TransferIdRow.transfer_id, TransferIdRow.resolves).where(
    or_(
        col(TransferIdRow.transfer_id).in_(bindparam("ids", expanding=True)),
        col(TransferIdRow.resolves).in_(bindparam("ids", expanding=True)),
    )
)
_TRANSFERS: Final = (
    select(TransferRow)
    .join(
        TransferIdRow,
        and_(
            col(TransferIdRow.ledger_day) == col(TransferRow.ledger_day),
            col(TransferIdRow.sequence) == col(TransferRow.sequence),
        ),
    )
    .where(col(TransferIdRow.transfer_id).in_(bindparam("ids", expanding=True)))
)
_LAST: Final = (
    select(TransferIdRow.sequence, TransferIdRow.ledger_day)
    .order_by(col(TransferIdRow.sequence).desc())
    .limit(1)
)
_LAST_CLOSED: Final = select(LedgerBatchRow.day).order_by(col(LedgerBatchRow.day).desc()).limit(1)
_CHANGE_BALANCES: Final = (
    update(BalanceRow)
    .where(
        col(BalanceRow.account) == bindparam("of_account"),
        col(BalanceRow.unit) == bindparam("of_unit"),
    )
    .values(balance=col(BalanceRow.balance) + bindparam("by"))
)
_CHANGE_TOGETHER: Final = text(
    "UPDATE balances SET balance = balance + change.amount FROM unnest("
    "cast(:accounts AS varchar[]), cast(:units AS varchar[]), cast(:amounts AS bigint[])) "
    "AS change (account, unit, amount) "
    "WHERE balances.account = change.account AND balances.unit = change.unit"
)
"""The same on PostgreSQL, in one statement for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTransfer:
    """A transfer in its place in the ledger."""

    sequence: int
    recorded_s: Seconds
    transfer: Transfer


@dataclass(slots=True)
class LoadedLedger(LedgerView):
    """The part of the ledger that a set of transfers needs, in memory.

    Whoever loads it says which accounts and ids it will ask for; another question is a mistake.
    """

    accounts: frozenset[str]
    ids: frozenset[bytes] = frozenset()
    balances: dict[tuple[Account, Unit], int] = field(default_factory=dict)
    units: dict[Account, list[Unit]] = field(default_factory=dict)
    transfers: dict[bytes, Transfer] = field(default_factory=dict)
    resolutions: dict[bytes, bytes] = field(default_factory=dict)

    def units_of(self, account: Account) -> list[Unit]:
        """Return the units in which a loaded account was ever touched."""
        assert account.name in self.accounts  # noqa: S101 - our own mistake
        return self.units.get(account, [])

    @override
    def balance(self, account: Account, unit: Unit) -> int:
        """Return the balance of `account` in `unit`, 0 if it was never touched."""
        assert account.name in self.accounts  # noqa: S101 - our own mistake
        return self.balances.get((account, unit), 0)

    @override
    def transfer(self, transfer_id: bytes) -> Transfer | None:
        """Return the transfer with this id, if there is one."""
        assert transfer_id in self.ids  # noqa: S101 - our own mistake
        return self.transfers.get(transfer_id)

    @override
    def resolution_of(self, reservation_id: bytes) -> bytes | None:
        """Return the id of the transfer that posted or voided the reservation, if one did."""
        assert reservation_id in self.ids  # noqa: S101 - our own mistake
        return self.resolutions.get(reservation_id)


class LedgerStore:
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
        return self.post_linked([transfer], now_s) == 1

    def post_linked(self, transfers: Iterable[Transfer], now_s: Seconds) -> int:
        """Enter all of `transfers`, in order, or none; return how many of them were new.

        Raises:
            CallerError: one of the ledger's rules refuses one of them (see `changes_of`).
            StateError: likewise.
        """
        wanted = tuple(transfers)
        pending = linked(wanted, self.loaded_for(wanted), now_s)
        self.write(pending, now_s)
        return len(pending.transfers)

    def loaded_for(
        self, transfers: Iterable[Transfer], accounts: Iterable[Account] = ()
    ) -> LoadedLedger:
        """Return what the rules need to know to judge `transfers`, by three queries.

        Args:
            transfers: of which accounts and ids.
            accounts: further accounts, in all their units.
        """
        names = {account.name for account in accounts}
        ids: set[bytes] = set()
        for transfer in transfers:
            names |= {transfer.debit.name, transfer.credit.name}
            ids |= {transfer.transfer_id, transfer.resolves or transfer.transfer_id}
        return self.loaded(names, ids)

    def loaded(self, names: Collection[str], ids: Collection[bytes]) -> LoadedLedger:
        """Return accounts by name, in all their units, and transfers by id, with resolutions."""
        loaded = LoadedLedger(accounts=frozenset(names))
        balances = self._session.connection().execute(_BALANCES, {"names": list(names)})
        for name, unit_text, balance in balances:
            account, unit = Account.from_name(name), unit_from_text(unit_text)
            loaded.balances[account, unit] = balance
            loaded.units.setdefault(account, []).append(unit)
        self.include_ids(loaded, ids)
        return loaded

    def include_ids(self, loaded: LoadedLedger, ids: Collection[bytes]) -> None:
        """Add transfers by id, with resolutions, to what is loaded."""
        loaded.ids |= frozenset(ids)
        found = self._session.connection().execute(_IDS, {"ids": list(ids)}).all()
        known = [transfer_id for transfer_id, _ in found if transfer_id in loaded.ids]
        loaded.resolutions |= {
            resolves: transfer_id for transfer_id, resolves in found if resolves is not None
        }
        for row in self._rows(known) if known else ():
            loaded.transfers[row.transfer_id] = _transfer(row)

    def write(self, pending: Pending, now_s: Seconds) -> None:
        """Write what `pending` holds on top of what was loaded, in the same transaction.

        Args:
            pending: new transfers, judged over a `LoadedLedger`.
            now_s: protocol time.
        """
        if not pending.transfers:
            return
        sequence, day = self._next_place(now_s)
        ensure_month(self._session, TRANSFERS, day)
        placed = list(enumerate(pending.transfers.values(), start=sequence))
        bulk_insert(
            self._session,
            TransferIdRow,
            [
                {
                    "transfer_id": transfer.transfer_id,
                    "sequence": number,
                    "ledger_day": day,
                    "resolves": transfer.resolves,
                }
                for number, transfer in placed
            ],
        )
        bulk_insert(
            self._session,
            TransferRow,
            [_columns(transfer, number, day, now_s) for number, transfer in placed],
        )
        assert isinstance(pending.below, LoadedLedger)  # noqa: S101 - our own mistake
        self._write_balances(pending.below.balances, pending.balances)

    def _next_place(self, now_s: Seconds) -> tuple[int, LedgerDay]:
        """Return the number and the ledger day of the next transfer."""
        connection = self._session.connection()
        last = connection.execute(_LAST).first()
        closed = connection.execute(_LAST_CLOSED).scalar()
        sequence, last_day = (0, -1) if last is None else last
        next_day = 0 if closed is None else closed + 1
        # A day lasts until it is closed and nothing enters it afterwards, so one day at most is
        # open: a batch holds everything that was booked before its leaf.
        day = last_day if last_day >= next_day else max(ledger_day(now_s), next_day)
        return sequence + 1, LedgerDay(day)

    def _write_balances(
        self,
        before: Mapping[tuple[Account, Unit], int],
        after: Mapping[tuple[Account, Unit], int],
    ) -> None:
        connection = self._session.connection()
        new = [key for key in after if key not in before]
        changed = [key for key in after if key in before and after[key] != before[key]]
        if new:
            bulk_insert(
                self._session,
                BalanceRow,
                [
                    {
                        "account": account.name,
                        "unit": unit.text,
                        "account_kind": account.kind.value,
                        "balance": after[account, unit],
                    }
                    for account, unit in new
                ],
            )
        if changed:
            _change(
                connection,
                [
                    (account.name, unit.text, after[account, unit] - before[account, unit])
                    for account, unit in changed
                ],
            )

    def _rows(self, transfer_ids: Collection[bytes]) -> Sequence[TransferRow]:
        """Return the stored transfers of these ids; the day leads to the part that holds them."""
        return self._session.scalars(_TRANSFERS, {"ids": list(transfer_ids)}).all()

    def balance(self, account: Account, unit: Unit) -> int:
        """Return the balance of `account` in `unit`, 0 if it was never touched."""
        stored = self._session.exec(
            select(BalanceRow.balance).where(
                BalanceRow.account == account.name, BalanceRow.unit == unit.text
            )
        ).first()
        return 0 if stored is None else stored

    def balance_at(self, account: Account, unit: Unit, at_s: Seconds) -> int:
        """Return what `account` held in `unit` after everything that was recorded by `at_s`.

        Args:
            account: whose.
            unit: of what.
            at_s: protocol time, inclusive.
        """
        names = (col(TransferRow.credit), col(TransferRow.debit))
        credited, debited = (
            self._session.exec(
                select(func.coalesce(func.sum(TransferRow.amount), 0)).where(
                    side == account.name,
                    TransferRow.unit == unit.text,
                    TransferRow.recorded_s <= at_s,
                )
            ).one()
            for side in names
        )
        return int(credited) - int(debited)

    def transfer(self, transfer_id: bytes) -> Transfer | None:
        """Return the transfer with this id, if there is one."""
        rows = self._rows([transfer_id])
        return _transfer(rows[0]) if rows else None

    def resolution_of(self, reservation_id: bytes) -> bytes | None:
        """Return the id of the transfer that posted or voided the reservation, if one did."""
        return self._session.exec(
            select(TransferIdRow.transfer_id).where(TransferIdRow.resolves == reservation_id)
        ).first()

    def grams(
        self, kind: AccountKind, account_token: bytes, programme: ProgrammeId
    ) -> dict[Vintage, MicrogramsCO2e]:
        """Return what a holder's account of `kind` holds in `programme`, per vintage."""
        return self.grams_of(holder_account(kind, account_token), programme)

    def grams_of(self, account: Account, programme: ProgrammeId) -> dict[Vintage, MicrogramsCO2e]:
        """Return what an account holds in `programme`, per vintage."""
        rows = self._session.exec(
            select(BalanceRow.unit, BalanceRow.balance).where(BalanceRow.account == account.name)
        )
        held: dict[Vintage, MicrogramsCO2e] = {}
        for unit_text, balance in rows:
            unit = unit_from_text(unit_text)
            if isinstance(unit, MassUnit) and unit.programme == programme and balance:
                held[unit.vintage] = MicrogramsCO2e(balance)
        return held

    def programmes_with_money(self) -> tuple[ProgrammeId, ...]:
        """Return the programmes into which money was ever paid, by name."""
        names = self._session.exec(
            select(BalanceRow.account).where(BalanceRow.account_kind == AccountKind.FUNDING.value)
        )
        return tuple(sorted({ProgrammeId(Account.from_name(name).owner) for name in names}))

    def used(self, account_token: bytes, programme: ProgrammeId) -> dict[AccountKind, int]:
        """Return what a holder has used up, by use; grams in a lot count as `POOLED` for ever."""
        own = {holder_account(kind, account_token).name for kind in HELD_KINDS}
        used: dict[AccountKind, int] = {}
        for side, other, sign in (
            (col(TransferRow.debit), col(TransferRow.credit), 1),
            (col(TransferRow.credit), col(TransferRow.debit), -1),
        ):
            rows = self._session.exec(
                select(other, TransferRow.unit, func.sum(TransferRow.amount))
                .where(side.in_(own))
                .group_by(other, TransferRow.unit)
            )
            for name, unit_text, total in rows:
                kind, unit = Account.from_name(name).kind, unit_from_text(unit_text)
                mine = isinstance(unit, MassUnit) and unit.programme == programme
                if mine and kind in USED_KINDS:
                    used[kind] = used.get(kind, 0) + sign * int(total)
        return used

    def free_grams(self, unit: MassUnit, after: str, limit: int) -> list[tuple[Account, int]]:
        """Return at most `limit` holders with free grams, by account name from `after` on."""
        rows = self._session.exec(
            select(BalanceRow.account, BalanceRow.balance)
            .where(
                BalanceRow.account_kind == AccountKind.SPENDABLE.value,
                BalanceRow.account > after,
                BalanceRow.unit == unit.text,
                BalanceRow.balance > 0,
            )
            .order_by(BalanceRow.account)
            .limit(limit)
        )
        return [(Account.from_name(account), balance) for account, balance in rows]

    def expiries_of(self, unit: MassUnit, names: Collection[str]) -> dict[str, int]:
        """Return how often grams of `unit` have expired in each account, where they have."""
        rows = self._session.exec(
            select(TransferRow.debit, func.count())
            .where(
                col(TransferRow.debit).in_(names),
                TransferRow.unit == unit.text,
                TransferRow.credit == programme_account(AccountKind.EXPIRED, unit.programme).name,
            )
            .group_by(TransferRow.debit)
        )
        return dict(rows.all())

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
            yield Account.from_name(account), unit_from_text(unit), int(total)

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


def _change(connection: Connection, changes: Sequence[tuple[str, str, int]]) -> None:
    """Change balances by difference: whatever was read before, what is written conserves."""
    if connection.dialect.name == "postgresql":
        accounts, units, amounts = (list(column) for column in zip(*changes, strict=True))
        connection.execute(
            _CHANGE_TOGETHER, {"accounts": accounts, "units": units, "amounts": amounts}
        )
        return
    connection.execute(
        _CHANGE_BALANCES,
        [
            {"of_account": account, "of_unit": unit, "by": amount}
            for account, unit, amount in changes
        ],
    )


def _columns(
    transfer: Transfer, sequence: int, day: LedgerDay, now_s: Seconds
) -> dict[str, object]:
    return {
        "ledger_day": day,
        "sequence": sequence,
        "transfer_id": transfer.transfer_id,
        "debit": transfer.debit.name,
        "credit": transfer.credit.name,
        "unit": transfer.unit.text,
        "amount": transfer.amount,
        "phase": transfer.phase.value,
        "resolves": transfer.resolves,
        "expires_s": transfer.expires_s,
        "recorded_s": now_s,
    }


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
        expires_s=None if row.expires_s is None else Seconds(row.expires_s),
    )
