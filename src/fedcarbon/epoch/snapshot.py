"""The enrolment snapshot: from the record, which blocks and caps each partner has in an epoch.

The epoch-plan leaf fixes how much of the record counts. From the enrolment entries below it
everyone (partner, hub, trustee, auditor) computes the same blocks and the same caps; nothing of it
is ever taken from the party that it binds (DESIGN section 6, "Dense submission").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fedcarbon.canonical.hashing import streamed_digest, u32
from fedcarbon.identity.tokens import ACCOUNT_TOKEN_BYTES
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.registry.enrolment import EnrolmentAction
from fedcarbon.units import MicrogramsCO2e

_ENTRY_BYTES = ACCOUNT_TOKEN_BYTES + 4 + 4
"""Account token, block and slot."""


class Place(NamedTuple):
    """Where an account's sum is kept, for ever."""

    block: int
    slot: int


class LoggedEntry(NamedTuple):
    """What a snapshot needs of one enrolment entry."""

    leaf_index: int
    """Leaf of the batch that holds it."""
    partner_id: PartyId
    account_token: bytes
    action: EnrolmentAction
    from_epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerSnapshot:
    """One partner's accounts in one epoch."""

    slots: int
    """Slots per block."""
    cap_ug: MicrogramsCO2e
    """Cap of one account over the epoch."""
    slots_of: Mapping[int, frozenset[int]]
    """Block to the slots where this partner has an enrolled account; no block without any."""
    accounts: int
    """How many accounts are enrolled."""
    places_digest: bytes
    """`places_digest` of the enrolled accounts: a partner repeats it in its chunk headers, from the
    places that the hub told it, so that a hub cannot tell it a friend's place instead."""

    @classmethod
    def empty(cls, slots: int, cap_ug: MicrogramsCO2e) -> PartnerSnapshot:
        """Return the snapshot of a partner that has no enrolled account."""
        return cls(
            slots=slots, cap_ug=cap_ug, slots_of={}, accounts=0, places_digest=places_digest({})
        )

    def blocks(self) -> tuple[int, ...]:
        """Return the blocks that a dense submission must cover, ascending."""
        return tuple(sorted(self.slots_of))

    def caps_ug(self, block: int) -> tuple[MicrogramsCO2e, ...]:
        """Return B_j of every slot j of `block`: the cap where an account is enrolled, else 0."""
        taken = self.slots_of.get(block, frozenset())
        return tuple(
            self.cap_ug if slot in taken else MicrogramsCO2e(0) for slot in range(self.slots)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All partners with an enrolled account in one epoch."""

    epoch: EpochIndex
    partners: Mapping[PartyId, PartnerSnapshot]
    """Sorted by id."""


def places_digest(places: Mapping[bytes, Place]) -> bytes:
    """Return the 32 bytes that stand for which account is kept where.

    Args:
        places: account token (32 bytes) to place.
    """
    return places_digest_of(len(places), sorted(places.items()))


def places_digest_of(accounts: int, places: Iterable[tuple[bytes, Place]]) -> bytes:
    """Return `places_digest` of more accounts than one wants to hold.

    Args:
        accounts: how many there are.
        places: account token (32 bytes) and place of each, ascending by token.
    """
    entries = (token + u32(place.block) + u32(place.slot) for token, place in places)
    return streamed_digest(b"fedcarbon/v1/places", accounts * _ENTRY_BYTES, entries)


def snapshot_of(
    entries: Iterable[LoggedEntry],
    places: Mapping[bytes, Place],
    *,
    epoch: EpochIndex,
    snapshot_size: int,
    slots: int,
    cap_ug: MicrogramsCO2e,
) -> Snapshot:
    """Return who is enrolled where in `epoch`.

    An account is enrolled at a partner if the last of that partner's entries for it that names
    `epoch` or an earlier one is an enrolment. Entries in or after leaf `snapshot_size` do not
    count, whichever epoch they name.

    Args:
        entries: of one programme, in the order of the record.
        places: account token to place; holds every token of an entry below `snapshot_size`.
        epoch: the epoch of the plan.
        snapshot_size: a field of the plan.
        slots: slots per block.
        cap_ug: cap of one account over the epoch (`Programme.epoch_cap_ug`).
    """
    last: dict[tuple[PartyId, bytes], EnrolmentAction] = {}
    for entry in entries:
        if entry.leaf_index < snapshot_size and entry.from_epoch <= epoch:
            last[entry.partner_id, entry.account_token] = entry.action
    accounts: dict[PartyId, _Accounts] = defaultdict(_Accounts)
    for (partner_id, token), action in last.items():
        if action is EnrolmentAction.ENROL:
            accounts[partner_id].add(token, places[token])
    partners = {
        partner_id: PartnerSnapshot(
            slots=slots,
            cap_ug=cap_ug,
            slots_of={block: frozenset(taken) for block, taken in own.slots_of.items()},
            accounts=len(own.places),
            places_digest=places_digest(own.places),
        )
        for partner_id, own in sorted(accounts.items())
    }
    return Snapshot(epoch=epoch, partners=partners)


@dataclass(slots=True)
class _Accounts:
    """The accounts of one partner while they are collected."""

    places: dict[bytes, Place] = field(default_factory=dict)
    slots_of: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, token: bytes, place: Place) -> None:
        self.places[token] = place
        self.slots_of[place.block].add(place.slot)
