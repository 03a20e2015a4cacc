"""The chart of accounts: what each account means, who owns it, what it counts.

A balance is what was credited minus what was debited. Only the two sources, from which grams and
money enter the books, may be negative; together with them every unit sums to zero.

    grams   issuance -> spendable <-> reserved -> redeemed
    money   funding  -> float     <-> payout_in_flight -> paid_out
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId, programme_id
from fedcarbon.registry.enrolment import TOKEN_BYTES


class AccountKind(StrEnum):
    """What an account is for."""

    ISSUANCE = "issuance"
    """Source of a programme's grams; minus its balance is what was ever issued."""
    SPENDABLE = "spendable"
    """A holder's grams, free to use."""
    RESERVED = "reserved"
    """A holder's grams under a redemption that has no final answer yet."""
    REDEEMED = "redeemed"
    """A programme's grams that were paid for and are used up."""
    FUNDING = "funding"
    """Source of a programme's money; minus its balance is what was ever paid in."""
    FLOAT = "float"
    """A programme's money, free to pay out."""
    PAYOUT_IN_FLIGHT = "payout_in_flight"
    """A programme's money under a payout that has no final answer yet."""
    PAID_OUT = "paid_out"
    """A programme's money that arrived in wallets."""


HOLDER_KINDS: Final = frozenset({AccountKind.SPENDABLE, AccountKind.RESERVED})
"""Owned by an account token; every other kind is owned by a programme."""

MASS_KINDS: Final = frozenset(
    {AccountKind.ISSUANCE, AccountKind.SPENDABLE, AccountKind.RESERVED, AccountKind.REDEEMED}
)
"""Count micrograms; every other kind counts fen."""

SOURCE_KINDS: Final = frozenset({AccountKind.ISSUANCE, AccountKind.FUNDING})
"""May be negative, and are never positive by construction of the moves."""

_HOLDER: Final = "holder"
_PROGRAMME: Final = "programme"
_NAME_PARTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account of the ledger."""

    kind: AccountKind
    owner: str
    """The account token in hexadecimal, or the programme id."""

    def __post_init__(self) -> None:
        """Check that the owner is what the kind needs."""
        if self.kind not in HOLDER_KINDS:
            programme_id(self.owner)
        elif len(self.owner) != 2 * TOKEN_BYTES or not set(self.owner) <= set("0123456789abcdef"):
            raise MalformedError(f"a holder's account needs a token of {TOKEN_BYTES} bytes")

    @property
    def name(self) -> str:
        """The account's name in books and batches: `holder:<token>:spendable`."""
        scope = _HOLDER if self.kind in HOLDER_KINDS else _PROGRAMME
        return f"{scope}:{self.owner}:{self.kind}"

    @classmethod
    def from_name(cls, name: str) -> Account:
        """Return the account called `name`.

        Raises:
            MalformedError: `name` is not the name of any account.
        """
        parts = name.split(":")
        if len(parts) != _NAME_PARTS or parts[2] not in set(AccountKind):
            raise MalformedError(f"{name[:100]!r} is not the name of an account")
        account = cls(kind=AccountKind(parts[2]), owner=parts[1])
        if account.name != name:
            raise MalformedError(f"{name[:100]!r} is not the name of an account")
        return account


def holder_account(kind: AccountKind, account_token: bytes) -> Account:
    """Return the account of `kind` that belongs to the holder of `account_token` (32 bytes)."""
    return Account(kind=kind, owner=account_token.hex())


def programme_account(kind: AccountKind, programme: ProgrammeId) -> Account:
    """Return the account of `kind` that belongs to `programme`."""
    return Account(kind=kind, owner=programme)
