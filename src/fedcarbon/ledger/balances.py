"""The fold: transfers in order, balances out. No store, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from typing_extensions import override

from fedcarbon.ledger.account import Account, AccountKind
from fedcarbon.ledger.errors import LedgerCorruptedError
from fedcarbon.ledger.rules import LedgerView, changes_of
from fedcarbon.ledger.transfer import Transfer
from fedcarbon.ledger.unit import MassUnit, Unit
from fedcarbon.units import MicrogramsCO2e


@dataclass(frozen=True, slots=True, kw_only=True)
class Conservation:
    """Where the grams of one programme and vintage are; they are somewhere."""

    unit: MassUnit
    issued_ug: MicrogramsCO2e
    spendable_ug: MicrogramsCO2e
    reserved_ug: MicrogramsCO2e
    redeemed_ug: MicrogramsCO2e

    def __post_init__(self) -> None:
        """Check that issued = spendable + reserved + redeemed."""
        if self.issued_ug != self.spendable_ug + self.reserved_ug + self.redeemed_ug:
            raise LedgerCorruptedError(
                f"{self.unit.text}: issued grams differ from those held, reserved and redeemed; "
                "the operator must stop and investigate"
            )


class Balances(LedgerView):
    """Accumulator of the fold: what every account holds after the transfers so far.

    `apply` takes a transfer whole or not at all and touches nothing outside.
    """

    __slots__ = ("_balances", "_resolutions", "_transfers")

    def __init__(self, transfers: Iterable[Transfer] = ()) -> None:
        """Fold `transfers` in order; raises what `apply` raises."""
        self._balances: dict[tuple[Account, Unit], int] = {}
        self._transfers: dict[bytes, Transfer] = {}
        self._resolutions: dict[bytes, bytes] = {}
        for transfer in transfers:
            self.apply(transfer)

    def apply(self, transfer: Transfer) -> bool:
        """Enter `transfer`; return False if exactly this transfer was there already.

        Raises:
            CallerError: one of the ledger's rules refuses it (see `changes_of`).
            StateError: likewise.
        """
        changes = changes_of(transfer, self)
        if not changes:
            return False
        for change in changes:
            self._balances[change.account, change.unit] = change.after
        self._transfers[transfer.transfer_id] = transfer
        if transfer.resolves is not None:
            self._resolutions[transfer.resolves] = transfer.transfer_id
        return True

    @override
    def balance(self, account: Account, unit: Unit) -> int:
        """Return the balance of `account` in `unit`, 0 if it was never touched."""
        return self._balances.get((account, unit), 0)

    @override
    def transfer(self, transfer_id: bytes) -> Transfer | None:
        """Return the transfer with this id, if there is one."""
        return self._transfers.get(transfer_id)

    @override
    def resolution_of(self, reservation_id: bytes) -> bytes | None:
        """Return the id of the transfer that posted or voided the reservation, if one did."""
        return self._resolutions.get(reservation_id)

    def items(self) -> Iterator[tuple[Account, Unit, int]]:
        """Yield every account, unit and balance."""
        for (account, unit), balance in self._balances.items():
            yield account, unit, balance

    def trial_balance(self) -> dict[Unit, int]:
        """Return the sum of all balances per unit: zero, each of them."""
        return trial_balance(self.items())

    def conservation(self) -> tuple[Conservation, ...]:
        """Return where the grams of every programme and vintage are.

        Raises:
            LedgerCorruptedError: grams were lost or made.
        """
        return conservation(self.items())


def trial_balance(items: Iterable[tuple[Account, Unit, int]]) -> dict[Unit, int]:
    """Return the sum of the balances per unit.

    Raises:
        LedgerCorruptedError: a sum is not zero, so a transfer has only one side.
    """
    sums: dict[Unit, int] = {}
    for _, unit, balance in items:
        sums[unit] = sums.get(unit, 0) + balance
    broken = sorted(unit.text for unit, total in sums.items() if total)
    if broken:
        raise LedgerCorruptedError(
            f"balances in {', '.join(broken)} do not sum to zero; "
            "the operator must stop and investigate"
        )
    return sums


def conservation(items: Iterable[tuple[Account, Unit, int]]) -> tuple[Conservation, ...]:
    """Return, per programme and vintage, issued = spendable + reserved + redeemed.

    Raises:
        LedgerCorruptedError: the equation does not hold.
    """
    sums: dict[MassUnit, _Sums] = {}
    for account, unit, balance in items:
        if isinstance(unit, MassUnit):
            by_kind = sums.setdefault(unit, _Sums()).by_kind
            by_kind[account.kind] = by_kind.get(account.kind, 0) + balance
    return tuple(
        Conservation(
            unit=unit,
            issued_ug=MicrogramsCO2e(-total.of(AccountKind.ISSUANCE)),
            spendable_ug=MicrogramsCO2e(total.of(AccountKind.SPENDABLE)),
            reserved_ug=MicrogramsCO2e(total.of(AccountKind.RESERVED)),
            redeemed_ug=MicrogramsCO2e(total.of(AccountKind.REDEEMED)),
        )
        for unit, total in sorted(sums.items(), key=lambda item: item[0].text)
    )


@dataclass(slots=True)
class _Sums:
    by_kind: dict[AccountKind, int] = field(default_factory=dict)

    def of(self, kind: AccountKind) -> int:
        return self.by_kind.get(kind, 0)
