"""Accounts and their enrolment entries in columns: tens of bytes each, for a million people."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from fedcarbon.epoch.snapshot import Place
from fedcarbon.ids import PartyId, ProgrammeId
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


class AccountColumns:
    """Accounts have numbers, and so have entries; an entry names the one before of its account."""

    __slots__ = (
        "_before",
        "_blocks",
        "_epochs",
        "_last",
        "_leaves",
        "_numbers",
        "_partner_names",
        "_partners",
        "_slots",
        "_tokens",
    )

    def __init__(self) -> None:
        """Start empty."""
        self._numbers: Final[dict[ProgrammeId, dict[bytes, int]]] = defaultdict(dict)
        # By account.
        self._tokens: Final[list[bytes]] = []
        self._last: Final = array("q")
        self._slots: Final = array("q")
        # By entry; an enrolment has the partner's number, a withdrawal its complement.
        self._leaves: Final = array("q")
        self._partners: Final = array("q")
        self._epochs: Final = array("q")
        self._before: Final = array("q")
        self._partner_names: Final[dict[PartyId, int]] = {}
        # By block: the account in every slot.
        self._blocks: Final[dict[int, array[int]]] = {}

    def add(
        self, programme_id: ProgrammeId, partner_id: PartyId, leaf_index: int, entry: EnrolmentEntry
    ) -> None:
        """Add an entry; entries come in the order of the record."""
        account = self._numbers[programme_id].setdefault(entry.account_token, len(self._tokens))
        if account == len(self._tokens):
            self._tokens.append(entry.account_token)
            self._last.append(_NONE)
            self._slots.append(_NONE)
        partner = self._partner_names.setdefault(partner_id, len(self._partner_names))
        self._before.append(self._last[account])
        self._last[account] = len(self._leaves)
        self._leaves.append(leaf_index)
        self._partners.append(partner if entry.action is EnrolmentAction.ENROL else ~partner)
        self._epochs.append(entry.from_epoch)

    def entries(self, programme_id: ProgrammeId, token: bytes) -> list[StoredEntry]:
        """Return the entries of an account in the order of the record."""
        account = self._account(programme_id, token)
        found: list[StoredEntry] = []
        names = tuple(self._partner_names)
        at = _NONE if account is None else self._last[account]
        while at != _NONE:
            partner = self._partners[at]
            found.append(
                StoredEntry(
                    self._leaves[at],
                    names[max(partner, ~partner)],
                    partner >= 0,
                    self._epochs[at],
                )
            )
            at = self._before[at]
        return found[::-1]

    def tokens(self, programme_id: ProgrammeId) -> Iterator[bytes]:
        """Return the tokens of a programme's accounts, ascending."""
        return iter(sorted(self._numbers.get(programme_id, ())))

    def place(self, programme_id: ProgrammeId, token: bytes, place: Place) -> None:
        """Give an account that is known its place, which is free."""
        account = self._numbers[programme_id][token]
        block = self._blocks.setdefault(place.block, array("q"))
        block.extend([_NONE] * (place.slot + 1 - len(block)))
        block[place.slot] = account
        self._slots[account] = place.block << _SLOT_BITS | place.slot

    def place_of(self, programme_id: ProgrammeId, token: bytes) -> Place | None:
        """Return the place of an account, if it has one."""
        account = self._account(programme_id, token)
        if account is None or self._slots[account] == _NONE:
            return None
        return Place(*divmod(self._slots[account], 1 << _SLOT_BITS))

    def token_at(self, place: Place) -> bytes | None:
        """Return the token of the account that has a place, or None if it is free."""
        block = self._blocks.get(place.block)
        if block is None or not 0 <= place.slot < len(block) or block[place.slot] == _NONE:
            return None
        return self._tokens[block[place.slot]]

    def _account(self, programme_id: ProgrammeId, token: bytes) -> int | None:
        return self._numbers.get(programme_id, {}).get(token)
