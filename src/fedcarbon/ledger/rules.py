"""The rules by which a transfer enters the ledger: one list, for every store.

The hub's database, the fold in memory and the auditor's replay all ask `changes_of`; what differs
is only where balances and earlier transfers are looked up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from typing_extensions import override

from fedcarbon.ledger.account import SOURCE_KINDS, Account
from fedcarbon.ledger.errors import (
    BalanceLimitError,
    InsufficientBalanceError,
    ReservationMismatchError,
    ReservationResolvedError,
    ReservationTimedOutError,
    ReservationUnknownError,
    TransferIdReusedError,
)
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import Unit
from fedcarbon.units import Seconds

BALANCE_MAX: Final = (1 << 63) - 1
"""9.2 million tonnes: what one programme and vintage can issue, and what a column can hold."""


class LedgerView(Protocol):
    """What the rules need to know of the ledger so far."""

    def balance(self, account: Account, unit: Unit) -> int:
        """Return the balance of `account` in `unit`, 0 if it was never touched."""
        ...

    def transfer(self, transfer_id: bytes) -> Transfer | None:
        """Return the transfer with this id, if there is one."""
        ...

    def resolution_of(self, reservation_id: bytes) -> bytes | None:
        """Return the id of the transfer that posted or voided the reservation, if one did."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChange:
    """One balance before and after a transfer."""

    account: Account
    unit: Unit
    before: int
    after: int


@dataclass(slots=True)
class Pending(LedgerView):
    """A view with changes on top of it: what a set of linked transfers has done so far."""

    below: LedgerView
    balances: dict[tuple[Account, Unit], int] = field(default_factory=dict)
    transfers: dict[bytes, Transfer] = field(default_factory=dict)
    """The new ones by id, in order."""
    resolutions: dict[bytes, bytes] = field(default_factory=dict)

    @override
    def balance(self, account: Account, unit: Unit) -> int:
        """Return the balance of `account` in `unit`, 0 if it was never touched."""
        changed = self.balances.get((account, unit))
        return self.below.balance(account, unit) if changed is None else changed

    @override
    def transfer(self, transfer_id: bytes) -> Transfer | None:
        """Return the transfer with this id, if there is one."""
        return self.transfers.get(transfer_id) or self.below.transfer(transfer_id)

    @override
    def resolution_of(self, reservation_id: bytes) -> bytes | None:
        """Return the id of the transfer that posted or voided the reservation, if one did."""
        return self.resolutions.get(reservation_id) or self.below.resolution_of(reservation_id)

    def enter(self, transfer: Transfer, recorded_s: Seconds) -> bool:
        """Enter `transfer` on top; return False if exactly this transfer was there already.

        Raises:
            CallerError: one of the ledger's rules refuses it (see `changes_of`).
            StateError: likewise.
        """
        changes = changes_of(transfer, self, recorded_s)
        for change in changes:
            self.balances[change.account, change.unit] = change.after
        if changes:
            self.transfers[transfer.transfer_id] = transfer
            if transfer.resolves is not None:
                self.resolutions[transfer.resolves] = transfer.transfer_id
        return bool(changes)

    def enter_linked(self, transfers: Iterable[Transfer], recorded_s: Seconds) -> None:
        """Enter all of `transfers` on top, or none; those that are there already do nothing.

        Raises:
            CallerError: a rule of the ledger refuses one of them (see `changes_of`).
            StateError: likewise.
        """
        done = linked(transfers, self, recorded_s)
        self.balances.update(done.balances)
        self.transfers.update(done.transfers)
        self.resolutions.update(done.resolutions)


def linked(transfers: Iterable[Transfer], view: LedgerView, recorded_s: Seconds) -> Pending:
    """Return what `transfers` do together, in order: all of them or, by an error, none.

    Those that are in the ledger already do nothing.

    Args:
        transfers: in the order in which they are entered.
        view: the ledger so far; it is not changed.
        recorded_s: protocol time at which they are taken.

    Raises:
        CallerError: a rule of the ledger refuses one of them (see `changes_of`).
        StateError: likewise.
    """
    pending = Pending(view)
    for transfer in transfers:
        pending.enter(transfer, recorded_s)
    return pending


def changes_of(
    transfer: Transfer, view: LedgerView, recorded_s: Seconds
) -> tuple[BalanceChange, ...]:
    """Return the changes that `transfer` makes: debit, then credit.

    Args:
        transfer: what is to be entered.
        view: the ledger so far.
        recorded_s: protocol time at which it is taken.

    Returns:
        Two changes, or none if exactly this transfer is already in the ledger.

    Raises:
        TransferIdReusedError: (1) the id stands for another transfer.
        ReservationUnknownError: (2) it resolves something that is no reservation.
        ReservationMismatchError: (3) it resolves a reservation of other accounts or amount.
        ReservationResolvedError: (4) the reservation was resolved before.
        ReservationTimedOutError: (5) it posts a reservation whose time is over.
        InsufficientBalanceError: (6) the debit account holds too little.
        BalanceLimitError: (7) a balance would outgrow 64 bits.
    """
    # (1) the same id means the same content
    stored = view.transfer(transfer.transfer_id)
    if stored is not None:
        if stored != transfer:
            raise TransferIdReusedError(
                f"transfer {transfer.transfer_id.hex()} exists with other content; make a new id"
            )
        return ()
    if transfer.resolves is not None:
        _check_resolution(transfer, transfer.resolves, view, recorded_s)
    debit = _changed(view, transfer.debit, transfer.unit, -transfer.amount)
    credit = _changed(view, transfer.credit, transfer.unit, transfer.amount)
    # (6) nobody but a source gives what it does not have
    if debit.after < 0 and transfer.debit.kind not in SOURCE_KINDS:
        raise InsufficientBalanceError(
            f"the {transfer.debit.kind} account holds less than the amount of transfer "
            f"{transfer.transfer_id.hex()}"
        )
    # (7) the range of the stored column
    if max(abs(debit.after), abs(credit.after)) > BALANCE_MAX:
        raise BalanceLimitError(
            f"transfer {transfer.transfer_id.hex()} would take a {transfer.unit.text} balance "
            "out of the ledger's range; the operator must open a new programme"
        )
    return (debit, credit)


def _check_resolution(
    transfer: Transfer, reservation_id: bytes, view: LedgerView, recorded_s: Seconds
) -> None:
    # (2) there is a reservation
    reservation = view.transfer(reservation_id)
    if reservation is None or reservation.phase is not Phase.RESERVE:
        raise ReservationUnknownError(f"{reservation_id.hex()} is no reservation")
    # (3) it is resolved whole, from where it lies, and a void goes back to where it came from
    same = (
        transfer.debit == reservation.credit
        and transfer.unit == reservation.unit
        and transfer.amount == reservation.amount
        and (transfer.phase is not Phase.VOID or transfer.credit == reservation.debit)
    )
    if not same:
        raise ReservationMismatchError(
            f"the {transfer.phase} differs from reservation {reservation_id.hex()}"
        )
    # (4) it is resolved once
    if view.resolution_of(reservation_id) is not None:
        raise ReservationResolvedError(
            f"reservation {reservation_id.hex()} was already posted or voided"
        )
    # (5) it is posted before its time is over
    expires_s = reservation.expires_s
    if transfer.phase is Phase.POST and expires_s is not None and recorded_s >= expires_s:
        raise ReservationTimedOutError(
            f"reservation {reservation_id.hex()} ended before it was posted; void it"
        )


def _changed(view: LedgerView, account: Account, unit: Unit, amount: int) -> BalanceChange:
    before = view.balance(account, unit)
    return BalanceChange(account=account, unit=unit, before=before, after=before + amount)
