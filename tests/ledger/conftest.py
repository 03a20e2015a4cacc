"""Transfers as short words, for every test of the ledger."""

from __future__ import annotations

import pytest

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import Account, AccountKind, holder_account, programme_account
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import FEN, MassUnit, Unit, Vintage

SHANGHAI = ProgrammeId("ecny-shanghai")


class Moves:
    """Makes valid transfers of one programme and vintage."""

    unit: Unit = MassUnit(programme=SHANGHAI, vintage=Vintage(2026))

    def spendable(self, holder: int) -> Account:
        return holder_account(AccountKind.SPENDABLE, bytes([holder]) * 32)

    def reserved(self, holder: int) -> Account:
        return holder_account(AccountKind.RESERVED, bytes([holder]) * 32)

    def of_programme(self, kind: AccountKind) -> Account:
        return programme_account(kind, SHANGHAI)

    def issue(self, number: int, holder: int, amount: int) -> Transfer:
        debit = self.of_programme(AccountKind.ISSUANCE)
        return self._make(number, debit, self.spendable(holder), amount, Phase.SINGLE, None)

    def reserve(self, number: int, holder: int, amount: int) -> Transfer:
        debit, credit = self.spendable(holder), self.reserved(holder)
        return self._make(number, debit, credit, amount, Phase.RESERVE, None)

    def post(self, number: int, holder: int, amount: int, reservation: int) -> Transfer:
        credit = self.of_programme(AccountKind.REDEEMED)
        debit = self.reserved(holder)
        return self._make(number, debit, credit, amount, Phase.POST, reservation)

    def void(self, number: int, holder: int, amount: int, reservation: int) -> Transfer:
        debit, credit = self.reserved(holder), self.spendable(holder)
        return self._make(number, debit, credit, amount, Phase.VOID, reservation)

    def fund(self, number: int, amount_fen: int) -> Transfer:
        return Transfer(
            transfer_id=number.to_bytes(16, "big"),
            debit=self.of_programme(AccountKind.FUNDING),
            credit=self.of_programme(AccountKind.FLOAT),
            unit=FEN,
            amount=amount_fen,
            phase=Phase.SINGLE,
            resolves=None,
        )

    def _make(
        self,
        number: int,
        debit: Account,
        credit: Account,
        amount: int,
        phase: Phase,
        reservation: int | None,
    ) -> Transfer:
        return Transfer(
            transfer_id=number.to_bytes(16, "big"),
            debit=debit,
            credit=credit,
            unit=self.unit,
            amount=amount,
            phase=phase,
            resolves=None if reservation is None else reservation.to_bytes(16, "big"),
        )


@pytest.fixture
def moves() -> Moves:
    """Return the maker of transfers."""
    return Moves()
