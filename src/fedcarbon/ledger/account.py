"""The chart of accounts: what each account means, who owns it, what it counts.

A balance is what was credited minus what was debited. Only the sources, from which grams and money
enter the books, may be negative; together with them every unit sums to zero.

    grams   issuance -> spendable <-> reserved -> redeemed | exchanged
                        spendable -> donated | expired
                        spendable <-> pledged <-> pooled -> retired
                        spendable <-> market
                        spendable -> offset
    money   funding  -> float     <-> payout_in_flight -> paid_out
            sales    -> proceeds  <-> payout_in_flight -> paid_out
            float   <-> campaign  <-> payout_in_flight -> paid_out
            float   <-> market_purse <-> proceeds <- campaign
            float | paid_out | funding -> suspense -> float | paid_out | funding | written_off
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId, checked_name, programme_id
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
    DONATED = "donated"
    """A programme's grams that holders gave to a published cause."""
    EXCHANGED = "exchanged"
    """A programme's grams that were exchanged for goods."""
    EXPIRED = "expired"
    """A programme's grams whose vintage ended before anybody used them."""
    PLEDGED = "pledged"
    """A holder's grams that may be bundled into credit lots; still the holder's."""
    POOLED = "pooled"
    """Grams in one credit lot that is not retired."""
    RETIRED = "retired"
    """Grams of one credit lot that was retired for its buyer."""
    MARKET = "market"
    """A programme's grams that holders have sold to its market and nobody has bought."""
    OFFSET = "offset"
    """A programme's grams that holders have retired against footprints of their own."""
    FUNDING = "funding"
    """Source of a programme's money; minus its balance is what was ever paid in, or is in suspense
    as if it had been."""
    FLOAT = "float"
    """A programme's money, free to pay out."""
    PAYOUT_IN_FLIGHT = "payout_in_flight"
    """A programme's money under a payout that has no final answer yet."""
    PAID_OUT = "paid_out"
    """A programme's money that arrived in wallets."""
    SUSPENSE = "suspense"
    """A programme's money whose place is not explained; two persons release it."""
    WRITTEN_OFF = "written_off"
    """A programme's money that two persons gave up."""
    SALES = "sales"
    """Source of a programme's proceeds; minus its balance is what buyers of lots have paid."""
    PROCEEDS = "proceeds"
    """A holder's money out of sold lots, of the market or of campaigns, free to pay out."""
    CAMPAIGN = "campaign"
    """What is left of the budget of one campaign."""
    MARKET_PURSE = "market_purse"
    """A programme's money with which its market buys grams."""


HOLDER_KINDS: Final = frozenset(
    {AccountKind.SPENDABLE, AccountKind.RESERVED, AccountKind.PLEDGED, AccountKind.PROCEEDS}
)
"""Owned by an account token."""

LOT_KINDS: Final = frozenset({AccountKind.POOLED, AccountKind.RETIRED})
"""Owned by a credit lot."""

CAMPAIGN_KINDS: Final = frozenset({AccountKind.CAMPAIGN})
"""Owned by a campaign; every kind that is none of these is owned by a programme."""

USED_KINDS: Final = frozenset(
    {AccountKind.REDEEMED, AccountKind.DONATED, AccountKind.EXCHANGED, AccountKind.EXPIRED}
    | {AccountKind.POOLED, AccountKind.RETIRED, AccountKind.MARKET, AccountKind.OFFSET}
)
"""Grams that are no holder's, or no holder's any more."""

MASS_KINDS: Final = (
    frozenset(
        {AccountKind.ISSUANCE, AccountKind.SPENDABLE, AccountKind.RESERVED, AccountKind.PLEDGED}
    )
    | USED_KINDS
)
"""Count micrograms; every other kind counts fen."""

SOURCE_KINDS: Final = frozenset({AccountKind.ISSUANCE, AccountKind.FUNDING, AccountKind.SALES})
"""May be negative, and are never positive by construction of the moves."""

LOT_ID_BYTES: Final = 16
_HOLDER: Final = "holder"
_LOT: Final = "lot"
_CAMPAIGN: Final = "campaign"
_DOT: Final = "."
_PROGRAMME: Final = "programme"
_NAME_PARTS: Final = 3
_HEX: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account of the ledger."""

    kind: AccountKind
    owner: str
    """The account token or the lot id in hexadecimal, the programme id, or that with a campaign's
    name: `<programme>.<campaign>`."""

    def __post_init__(self) -> None:
        """Check that the owner is what the kind needs."""
        if self.scope == _PROGRAMME:
            programme_id(self.owner)
            return
        if self.scope == _CAMPAIGN:
            programme, _, campaign = self.owner.partition(_DOT)
            programme_id(programme)
            checked_name(campaign)
            return
        size = TOKEN_BYTES if self.scope == _HOLDER else LOT_ID_BYTES
        if len(self.owner) != 2 * size or not set(self.owner) <= _HEX:
            raise MalformedError(f"a {self.scope}'s account needs an owner of {size} bytes")

    @property
    def scope(self) -> str:
        """Whose kind of account it is: `holder`, `lot`, `campaign` or `programme`."""
        if self.kind in HOLDER_KINDS:
            return _HOLDER
        if self.kind in CAMPAIGN_KINDS:
            return _CAMPAIGN
        return _LOT if self.kind in LOT_KINDS else _PROGRAMME

    @property
    def programme(self) -> ProgrammeId | None:
        """The programme whose account it is, if its name says so: not for holders and lots."""
        if self.scope in {_HOLDER, _LOT}:
            return None
        return ProgrammeId(self.owner.partition(_DOT)[0])

    @property
    def name(self) -> str:
        """The account's name in books and batches: `holder:<token>:spendable`."""
        return f"{self.scope}:{self.owner}:{self.kind}"

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


def lot_account(kind: AccountKind, lot_id: bytes) -> Account:
    """Return the account of `kind` that belongs to the credit lot `lot_id` (16 bytes)."""
    return Account(kind=kind, owner=lot_id.hex())


def campaign_account(programme: ProgrammeId, campaign: str) -> Account:
    """Return the account of the budget of a programme's campaign."""
    return Account(kind=AccountKind.CAMPAIGN, owner=f"{programme}{_DOT}{campaign}")


def programme_account(kind: AccountKind, programme: ProgrammeId) -> Account:
    """Return the account of `kind` that belongs to `programme`."""
    return Account(kind=kind, owner=programme)
