"""The fold: transfers in order, balances out. No store, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from fedcarbon.ledger.account import USED_KINDS, Account, AccountKind
from fedcarbon.ledger.errors import LedgerCorruptedError
from fedcarbon.ledger.rules import LedgerView, linked
from fedcarbon.ledger.transfer import Transfer
from fedcarbon.ledger.unit import MassUnit, Unit
from fedcarbon.units import MicrogramsCO2e, Seconds

BEFORE_ALL_ENDS: Final = Seconds(0)
"""A time at which no reservation is over: for folds of transfers that have no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conservation:
    """Where the grams of one programme and vintage are; they are somewhere."""

    unit: MassUnit
    issued_ug: MicrogramsCO2e
    spendable_ug: MicrogramsCO2e
    reserved_ug: MicrogramsCO2e
    pledged_ug: MicrogramsCO2e
    used_ug: Mapping[AccountKind, MicrogramsCO2e]
    """By use (`USED_KINDS`), every one of them."""

    @property
    def redeemed_ug(self) -> MicrogramsCO2e:
        """What was paid for in money."""
        return self.used_ug[AccountKind.REDEEMED]

    def __post_init__(self) -> None:
        """Check that issued = spendable + reserved + pledged + used."""
        held_ug = self.spendable_ug + self.reserved_ug + self.pledged_ug
        if self.issued_ug != held_ug + sum(self.used_ug.values()):
            raise LedgerCorruptedError(
                f"{self.unit.text}: issued grams differ from those held and used; "
                "the operator must stop and investigate"
            )


class Balances(LedgerView):
    """Accumulator of the fold: what every account holds after the transfers so far.

    `apply` and `apply_linked` take what they are given whole or not at all.
    """

    __slots__ = ("_balances", "_resolutions", "_transfers")

    def __init__(self, transfers: Iterable[Transfer] = ()) -> None:
        """Fold `transfers` in order; raises what `apply` raises."""
        self._balances: dict[tuple[Account, Unit], int] = {}
        self._transfers: dict[bytes, Transfer] = {}
        self._resolutions: dict[bytes, bytes] = {}
        for transfer in transfers:
            self.apply(transfer)

    def apply(self, transfer: Transfer, recorded_s: Seconds = BEFORE_ALL_ENDS) -> bool:
        """Enter `transfer`; return False if exactly this transfer was there already.

        Args:
            transfer: what is to be entered.
            recorded_s: protocol time at which it is taken.

        Raises:
            CallerError: one of the ledger's rules refuses it (see `changes_of`).
            StateError: likewise.
        """
        return self.apply_linked([transfer], recorded_s) == 1

    def apply_linked(
        self, transfers: Iterable[Transfer], recorded_s: Seconds = BEFORE_ALL_ENDS
    ) -> int:
        """Enter all of `transfers`, in order, or none; return how many of them were new.

        Raises:
            CallerError: one of the ledger's rules refuses one of them (see `changes_of`).
            StateError: likewise.
        """
        pending = linked(transfers, self, recorded_s)
        self._balances.update(pending.balances)
        self._transfers.update(pending.transfers)
        self._resolutions.update(pending.resolutions)
        return len(pending.transfers)

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
    """Return, per programme and vintage, issued = spendable + reserved + pledged + used.

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
            pledged_ug=MicrogramsCO2e(total.of(AccountKind.PLEDGED)),
            used_ug={kind: MicrogramsCO2e(total.of(kind)) for kind in sorted(USED_KINDS)},
        )
        for unit, total in sorted(sums.items(), key=lambda item: item[0].text)
    )


@dataclass(slots=True)
class _Sums:
    by_kind: dict[AccountKind, int] = field(default_factory=dict)

    def of(self, kind: AccountKind) -> int:
        return self.by_kind.get(kind, 0)
