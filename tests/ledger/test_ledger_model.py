"""The ledger against a second model, over random lists of operations.

Every issue is another power of ten, so a lost, doubled or misdirected one shows as a digit.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, holder_account, programme_account
from fedcarbon.ledger.balances import Balances
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import MassUnit, Vintage

SHANGHAI = ProgrammeId("ecny-shanghai")
UNIT = MassUnit(programme=SHANGHAI, vintage=Vintage(2026))
POWERS_MAX = 16
HOLDERS = st.integers(min_value=1, max_value=3)


class LedgerAgainstModel(RuleBasedStateMachine):
    """Knows nothing of accounts: it keeps who owns which power of ten, and where it is."""

    def __init__(self) -> None:
        super().__init__()
        self.balances = Balances()
        self.entered: list[Transfer] = []
        self.power = 0
        self.free: dict[int, int] = {}
        self.open: dict[bytes, tuple[int, int]] = {}
        self.used = 0

    def _transfer(
        self,
        phase: Phase,
        holder: int,
        amount: int,
        resolves: bytes | None = None,
    ) -> Transfer:
        token = bytes([holder]) * 32
        spendable = holder_account(AccountKind.SPENDABLE, token)
        reserved = holder_account(AccountKind.RESERVED, token)
        debit, credit = {
            Phase.SINGLE: (programme_account(AccountKind.ISSUANCE, SHANGHAI), spendable),
            Phase.RESERVE: (spendable, reserved),
            Phase.POST: (reserved, programme_account(AccountKind.REDEEMED, SHANGHAI)),
            Phase.VOID: (reserved, spendable),
        }[phase]
        return Transfer(
            transfer_id=(len(self.entered) + 1).to_bytes(16, "big"),
            debit=debit,
            credit=credit,
            unit=UNIT,
            amount=amount,
            phase=phase,
            resolves=resolves,
        )

    def _enter(self, transfer: Transfer) -> None:
        assert self.balances.apply(transfer)
        self.entered.append(transfer)

    @precondition(lambda self: self.power < POWERS_MAX)
    @rule(holder=HOLDERS)
    def issue(self, holder: int) -> None:
        amount = 10**self.power
        self._enter(self._transfer(Phase.SINGLE, holder, amount))
        self.free[holder] = self.free.get(holder, 0) + amount
        self.power += 1

    @rule(holder=HOLDERS, amount=st.integers(min_value=1, max_value=10**POWERS_MAX))
    def reserve(self, holder: int, amount: int) -> None:
        transfer = self._transfer(Phase.RESERVE, holder, amount)
        if amount > self.free.get(holder, 0):
            self._refused(transfer, "INSUFFICIENT_BALANCE")
            return
        self._enter(transfer)
        self.free[holder] -= amount
        self.open[transfer.transfer_id] = (holder, amount)

    @precondition(lambda self: any(self.free.values()))
    @rule(data=st.data())
    def reserve_everything(self, data: st.DataObject) -> None:
        holder = data.draw(st.sampled_from([who for who, amount in self.free.items() if amount]))
        self.reserve(holder, self.free[holder])

    @precondition(lambda self: self.open)
    @rule(data=st.data(), phase=st.sampled_from([Phase.POST, Phase.VOID]))
    def resolve(self, data: st.DataObject, phase: Phase) -> None:
        reservation = data.draw(st.sampled_from(sorted(self.open)))
        holder, amount = self.open.pop(reservation)
        self._enter(self._transfer(phase, holder, amount, reservation))
        if phase is Phase.POST:
            self.used += amount
        else:
            self.free[holder] += amount
        for again in (Phase.POST, Phase.VOID):
            self._refused(
                self._transfer(again, holder, amount, reservation), "RESERVATION_RESOLVED"
            )

    @precondition(lambda self: self.entered)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        assert not self.balances.apply(data.draw(st.sampled_from(self.entered)))

    @precondition(lambda self: self.entered)
    @rule(data=st.data(), holder=HOLDERS)
    def reuse_an_id(self, data: st.DataObject, holder: int) -> None:
        stored = data.draw(st.sampled_from(self.entered))
        other = Transfer(
            transfer_id=stored.transfer_id,
            debit=programme_account(AccountKind.ISSUANCE, SHANGHAI),
            credit=holder_account(AccountKind.SPENDABLE, bytes([holder]) * 32),
            unit=UNIT,
            amount=7,
            phase=Phase.SINGLE,
            resolves=None,
        )
        self._refused(other, "TRANSFER_ID_REUSED")

    def _refused(self, transfer: Transfer, code: str) -> None:
        with pytest.raises(FedcarbonError) as caught:
            self.balances.apply(transfer)
        assert caught.value.code == code

    @invariant()
    def every_power_of_ten_is_where_the_model_has_it(self) -> None:
        held: dict[int, int] = {}
        for holder, amount in self.open.values():
            held[holder] = held.get(holder, 0) + amount
        for holder in (1, 2, 3):
            token = bytes([holder]) * 32
            spendable = holder_account(AccountKind.SPENDABLE, token)
            reserved = holder_account(AccountKind.RESERVED, token)
            assert self.balances.balance(spendable, UNIT) == self.free.get(holder, 0)
            assert self.balances.balance(reserved, UNIT) == held.get(holder, 0)
        for total in self.balances.conservation():
            assert total.issued_ug == int("1" * self.power)
            assert total.redeemed_ug == self.used
        assert not any(self.balances.trial_balance().values())

    def teardown(self) -> None:
        replayed = Balances(self.entered)
        assert sorted((a.name, b) for a, _, b in replayed.items()) == sorted(
            (a.name, b) for a, _, b in self.balances.items()
        )


TestLedgerAgainstModel = LedgerAgainstModel.TestCase
TestLedgerAgainstModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
