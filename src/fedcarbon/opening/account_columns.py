"""Accounts and their enrolment entries in columns: tens of bytes each, for a million people."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from fedcarbon.epoch.snapshot import Place
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.opening.token_numbers import TokenNumbers
from fedcarbon.registry.enrolment import EnrolmentAction, EnrolmentEntry

_NONE: Final = -1
"""In a column of numbers."""
_SLOT_BITS: Final = 16
"""Blocks have fewer slots than that many bits can number."""


class StoredEntry(NamedTuple):
    """One enrolment entry of an account."""

    leaf_index: int
    partner_id: PartyId
    is_enrolment: bool
    from_epoch: int


class _Accounts:
    """The accounts of a programme. They have numbers."""

    __slots__ = ("blocks", "last", "numbers", "slots")

    def __init__(self) -> None:
        self.numbers: Final = TokenNumbers()
        self.last: Final = array("i")
        """By account: its last entry."""
        self.slots: Final = array("q")
        """By account: its block and slot."""
        self.blocks: Final[dict[int, array[int]]] = {}
        """By block: the account in every slot."""


_NOBODY: Final = _Accounts()
"""The accounts of a programme that has none."""


class _Batch(NamedTuple):
    """What the entries of a batch have in common."""

    leaf_index: int
    partner_id: PartyId


class AccountColumns:
    """Accounts by programme, and entries, each of which names the one before of its account."""

    __slots__ = ("_accounts", "_batches", "_before", "_epochs", "_of_batch")

    def __init__(self) -> None:
        """Start empty."""
        self._accounts: Final[defaultdict[ProgrammeId, _Accounts]] = defaultdict(_Accounts)
        # By entry; an enrolment has its epoch, a withdrawal the complement.
        self._epochs: Final = array("q")
        self._before: Final = array("i")
        self._of_batch: Final = array("i")
        self._batches: Final[list[_Batch]] = []

    def add(
        self, programme_id: ProgrammeId, partner_id: PartyId, leaf_index: int, entry: EnrolmentEntry
    ) -> None:
        """Add an entry; entries come in the order of the record."""
        accounts = self._accounts[programme_id]
        account = accounts.numbers.add(entry.account_token)
        if account == len(accounts.last):
            accounts.last.append(_NONE)
            accounts.slots.append(_NONE)
        if not self._batches or self._batches[-1] != (leaf_index, partner_id):
            self._batches.append(_Batch(leaf_index, partner_id))
        self._of_batch.append(len(self._batches) - 1)
        self._before.append(accounts.last[account])
        accounts.last[account] = len(self._epochs)
        is_enrolment = entry.action is EnrolmentAction.ENROL
        self._epochs.append(entry.from_epoch if is_enrolment else ~entry.from_epoch)

    def entries(self, programme_id: ProgrammeId, token: bytes) -> list[StoredEntry]:
        """Return the entries of an account in the order of the record."""
        accounts = self._accounts.get(programme_id, _NOBODY)
        account = accounts.numbers.number(token)
        found: list[StoredEntry] = []
        at = _NONE if account is None else accounts.last[account]
        while at != _NONE:
            leaf_index, partner_id = self._batches[self._of_batch[at]]
            epoch = self._epochs[at]
            found.append(
                StoredEntry(leaf_index, partner_id, epoch >= 0, epoch if epoch >= 0 else ~epoch)
            )
            at = self._before[at]
        return found[::-1]

    def tokens(self, programme_id: ProgrammeId) -> Iterator[bytes]:
        """Return the tokens of a programme's accounts, ascending."""
        return self._accounts.get(programme_id, _NOBODY).numbers.ascending()

    def place(self, programme_id: ProgrammeId, token: bytes, place: Place) -> None:
        """Give an account that is known its place, which is free."""
        accounts = self._accounts[programme_id]
        account = accounts.numbers.number(token)
        if account is None:
            raise KeyError(token)
        block = accounts.blocks.setdefault(place.block, array("i"))
        block.extend([_NONE] * (place.slot + 1 - len(block)))
        block[place.slot] = account
        accounts.slots[account] = place.block << _SLOT_BITS | place.slot

    def place_of(self, programme_id: ProgrammeId, token: bytes) -> Place | None:
        """Return the place of an account, if it has one."""
        accounts = self._accounts.get(programme_id, _NOBODY)
        account = accounts.numbers.number(token)
        if account is None or accounts.slots[account] == _NONE:
            return None
        return Place(*divmod(accounts.slots[account], 1 << _SLOT_BITS))

    def token_at(self, place: Place) -> bytes | None:
        """Return the token of the account that has a place, or None if it is free."""
        for accounts in self._accounts.values():
            block = accounts.blocks.get(place.block)
            if block is not None and 0 <= place.slot < len(block) and block[place.slot] != _NONE:
                return accounts.numbers.token(block[place.slot])
        return None
