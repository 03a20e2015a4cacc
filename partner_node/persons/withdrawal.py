"""Withdrawal: from the next epoch on nothing is claimed for the person, and the hub is told."""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.errors import CallerError
from fedcarbon.ids import EpochIndex
from fedcarbon.registry.programme import local_day
from fedcarbon.units import Seconds
from partner_node.membership import Membership
from partner_node.storage.database import Database
from partner_node.storage.persons import PersonStore


class UnknownPersonError(CallerError):
    """The node knows no person by this reference; link it first."""

    code: ClassVar[str] = "UNKNOWN_PERSON"


class NoConsentError(CallerError):
    """There is no consent that could be withdrawn."""

    code: ClassVar[str] = "NO_CONSENT"


class ConsentWithdrawal:
    """Ends consents; idempotent on `person_ref`."""

    def __init__(self, database: Database, membership: Membership) -> None:
        """Work on the people in `database`."""
        self._database = database
        self._persons = PersonStore(database)
        self._member = membership

    def withdraw(self, person_ref: str, planned_epochs: int) -> int:
        """End the person's consents now and return the first epoch without the person.

        What was done before this instant still counts until that epoch; what is done after it
        does not, in any epoch.

        Args:
            person_ref: the platform's user.
            planned_epochs: the last epoch whose plan is logged, 0 for none.

        Raises:
            UnknownPersonError: never linked.
            NoConsentError: linked without consents.
        """
        with self._database.transaction():
            standing = self._persons.standings([person_ref]).get(person_ref)
            if standing is None:
                raise UnknownPersonError("no person of this reference is linked")
            if not standing.periods:
                raise NoConsentError("this person has given no consents that could be withdrawn")
            last = standing.periods[-1]
            if last.until_epoch is not None:
                return last.until_epoch
            now_s = self._member.clock.now_s()
            from_epoch = max(self._running_epoch(now_s) + 1, planned_epochs + 1)
            self._persons.withdraw(person_ref, last.period, now_s=now_s, from_epoch=from_epoch)
            return from_epoch

    def _running_epoch(self, now_s: Seconds) -> int:
        """Return the epoch that holds the present day; 0 before the first, the last after it."""
        programme = self._member.programme
        if now_s >= programme.epoch_end_s(EpochIndex(programme.epochs)):
            return programme.epochs
        return programme.epoch_of(local_day(now_s, programme.time_zone)) or 0
