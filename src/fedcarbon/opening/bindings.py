"""Bindings of wallets to accounts as the record tells them.

A binding is named by its id. Each message about it counts from its leaf on; whether the binding is
valid for a request is decided by `fedcarbon.opening.binding_checks`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from fedcarbon.ids import PartyId, Role
from fedcarbon.opening.accounts import AccountBook, AccountRef
from fedcarbon.opening.logged import Logged, LoggedBody
from fedcarbon.opening.parties import PartyBook
from fedcarbon.opening.statements import (
    BindingObjection,
    OperatorBinding,
    PartnerBinding,
    Unbinding,
)
from fedcarbon.opening.violations import LoggedTwiceError


@dataclass(slots=True, kw_only=True)
class Binding:
    """One binding with everything that was said about it."""

    operator_half: Logged[OperatorBinding]
    partner_halves: dict[PartyId, Logged[PartnerBinding]] = field(default_factory=dict)
    """Halves that name the operator's half and its account; at most one per partner."""
    objections: dict[PartyId, int] = field(default_factory=dict)
    """Partner to leaf index, of partners that had the account enrolled when they objected."""
    ended_at: int | None = None
    """Leaf of the unbinding."""

    @property
    def account(self) -> AccountRef:
        """The account that the wallet is bound to."""
        statement = self.operator_half.statement
        return AccountRef(statement.programme_id, statement.account_token)


class BindingBook:
    """All bindings, by id and by the leaf of the operator's half."""

    __slots__ = ("_accounts", "_by_id", "_by_leaf", "_parties", "_per_operator")

    def __init__(self, parties: PartyBook, accounts: AccountBook) -> None:
        """Start empty; `accounts` says who is enrolled where."""
        self._parties: Final = parties
        self._accounts: Final = accounts
        self._by_id: Final[dict[bytes, Binding]] = {}
        self._by_leaf: Final[dict[bytes, Binding]] = {}
        self._per_operator: Final[dict[PartyId, set[AccountRef]]] = {}

    def of_leaf(self, operator_leaf: bytes) -> Binding | None:
        """Return the binding whose operator half has this 34-byte leaf."""
        return self._by_leaf.get(operator_leaf)

    def all(self) -> Iterable[Binding]:
        """Return every binding, in the order of the operators' halves."""
        return self._by_id.values()

    def bound_accounts(self, operator: PartyId) -> int:
        """Return to how many different accounts an operator has ever bound a wallet."""
        return len(self._per_operator.get(operator, ()))

    def fold_operator_half(self, logged: LoggedBody) -> None:
        """Take the wallet operator's half: it makes the binding."""
        half, signer = self._parties.open_own(
            OperatorBinding, logged, "operator_id", Role.WALLET_OPERATOR
        )
        statement = half.statement
        self._parties.programme(statement.programme_id)
        if statement.binding_id in self._by_id:
            raise LoggedTwiceError("a binding id stands twice in the record")
        binding = Binding(operator_half=half)
        self._by_id[statement.binding_id] = binding
        self._by_leaf[half.leaf] = binding
        self._per_operator.setdefault(signer, set()).add(binding.account)

    def fold_partner_half(self, logged: LoggedBody) -> None:
        """Take a partner's half; it counts for the very leaf and account that it names."""
        half, signer = self._parties.open_own(PartnerBinding, logged, "partner_id", Role.PARTNER)
        statement = half.statement
        binding = self._by_id.get(statement.binding_id)
        named = AccountRef(statement.programme_id, statement.account_token)
        if binding is None or binding.operator_half.leaf != statement.operator_leaf:
            return
        if binding.account == named:
            binding.partner_halves.setdefault(signer, half)

    def fold_objection(self, logged: LoggedBody) -> None:
        """Take an objection; only a partner that has the account enrolled can freeze."""
        objection, signer = self._parties.open_own(
            BindingObjection, logged, "partner_id", Role.PARTNER
        )
        statement = objection.statement
        binding = self._by_id.get(statement.binding_id)
        if binding is None:
            return
        if self._accounts.enrolled_since(binding.account, signer, logged.index) is not None:
            binding.objections.setdefault(signer, logged.index)

    def fold_unbinding(self, logged: LoggedBody) -> None:
        """Take an unbinding by the operator or by a partner that signed; it is never undone."""
        unbinding, signer = self._parties.open_own(
            Unbinding, logged, "party_id", Role.PARTNER, Role.WALLET_OPERATOR
        )
        statement = unbinding.statement
        binding = self._by_id.get(statement.binding_id)
        if binding is None or binding.ended_at is not None:
            return
        if signer == binding.operator_half.statement.operator_id or (
            signer in binding.partner_halves
        ):
            binding.ended_at = logged.index
