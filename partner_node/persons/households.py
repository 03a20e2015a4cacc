"""Household accounts: the meter of record is the account, its members answer for it.

The utility attests who lives there. A wallet is bound to the household's account only if an
attested member says so: what a meter saved is redeemed once, and not by whoever knows its number.
"""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.clock import Clock
from fedcarbon.errors import CallerError
from fedcarbon.identity.person_id import IdType
from partner_node.persons.withdrawal import UnknownPersonError
from partner_node.storage.bindings import BindingStore
from partner_node.storage.database import Database
from partner_node.storage.persons import PersonStore


class NotAHouseholdError(CallerError):
    """Only an account of a meter has members, and only people can be members."""

    code: ClassVar[str] = "NOT_A_HOUSEHOLD"


class MemberNotAttestedError(CallerError):
    """Only an attested member answers for a household; the utility must attest the person first."""

    code: ClassVar[str] = "MEMBER_NOT_ATTESTED"


class Households:
    """Keeps and asks for the members of household accounts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Work on the people in `database`."""
        self._persons = PersonStore(database)
        self._bindings = BindingStore(database)
        self._clock = clock

    def attest(self, account_ref: str, member_ref: str) -> None:
        """Keep that `member_ref` is a member of the household `account_ref`; idempotent.

        Raises:
            UnknownPersonError: one of them is not linked.
            NotAHouseholdError: the account is no meter's, or the member no person.
        """
        if not self._is_household(account_ref) or self._is_household(member_ref):
            raise NotAHouseholdError("a member is a person, an account with members is a meter's")
        self._persons.attest(account_ref, member_ref, now_s=self._clock.now_s())

    def members(self, account_ref: str) -> list[str]:
        """Return the attested members of a household, sorted.

        Raises:
            UnknownPersonError: the account is not linked.
        """
        self._is_household(account_ref)
        return self._persons.members([account_ref])

    def require_member(self, binding_id: bytes, member_ref: str) -> None:
        """Check that whoever answers a binding may do so for its account.

        Args:
            binding_id: a binding; one that is not known is left to others.
            member_ref: who answers for a household; ignored for a person's own account.

        Raises:
            MemberNotAttestedError: the account is a household's, and this is no member of it.
        """
        binding = self._bindings.find(binding_id)
        if binding is None or self._persons.identity(binding.person_id).id_type is not IdType.METER:
            return
        if member_ref not in self._persons.members(self._persons.references(binding.person_id)):
            raise MemberNotAttestedError("an attested member of the household must answer")

    def _is_household(self, person_ref: str) -> bool:
        standing = self._persons.standings([person_ref]).get(person_ref)
        if standing is None:
            raise UnknownPersonError("no person of this reference is linked")
        return self._persons.identity(standing.person_id).id_type is IdType.METER
