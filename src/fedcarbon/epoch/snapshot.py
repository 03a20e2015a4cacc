"""The enrolment snapshot: from the record, which blocks and caps each partner has in an epoch.

The epoch-plan leaf fixes how much of the record counts. From the enrolment entries below it
everyone (partner, hub, trustee, auditor) computes the same blocks and the same caps; nothing of it
is ever taken from the party that it binds (DESIGN section 6, "Dense submission").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from typing_extensions import override

from fedcarbon.canonical.hashing import digest, u32
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.registry.enrolment import EnrolmentAction
from fedcarbon.units import MicrogramsCO2e

_PLACES_LABEL: Final = b"fedcarbon/v1/places"


class Place(NamedTuple):
    """Where an account's sum is kept, for ever."""

    block: int
    slot: int


class PlacedEntry(NamedTuple):
    """An enrolment entry that counts in an epoch, with the place of its account."""

    account_token: bytes
    partner_id: PartyId
    is_enrolment: bool
    place: Place


class LoggedEntry(NamedTuple):
    """What a snapshot needs of one enrolment entry."""

    leaf_index: int
    """Leaf of the batch that holds it."""
    partner_id: PartyId
    account_token: bytes
    action: EnrolmentAction
    from_epoch: int


class TakenSlots(Mapping[int, frozenset[int]]):
    """Blocks, ascending, and the slots that are taken in each: a bit per slot, not a set."""

    __slots__ = ("_masks",)

    def __init__(self, masks: Mapping[int, int]) -> None:
        """Take a number per block, of which bit j stands for slot j; none is 0."""
        self._masks: Final = dict(sorted(masks.items()))

    @override
    def __getitem__(self, block: int) -> frozenset[int]:
        """Return the taken slots of a block that has some."""
        mask = self._masks[block]
        return frozenset(slot for slot in range(mask.bit_length()) if mask >> slot & 1)

    @override
    def __iter__(self) -> Iterator[int]:
        """Return the blocks, ascending."""
        return iter(self._masks)

    @override
    def __contains__(self, block: object) -> bool:
        """Tell whether a block has a taken slot."""
        return block in self._masks

    @override
    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self._masks)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerSnapshot:
    """One partner's accounts in one epoch."""

    slots: int
    """Slots per block."""
    cap_ug: MicrogramsCO2e
    """Cap of one account over the epoch."""
    slots_of: TakenSlots
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
            slots=slots,
            cap_ug=cap_ug,
            slots_of=TakenSlots({}),
            accounts=0,
            places_digest=places_digest({}),
        )

    def blocks(self) -> tuple[int, ...]:
        """Return the blocks that a dense submission must cover, ascending."""
        return tuple(self.slots_of)

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
    entries = (_place_entry(token, place) for token, place in sorted(places.items()))
    return digest(_PLACES_LABEL, b"".join(entries))


def _place_entry(token: bytes, place: Place) -> bytes:
    return token + u32(place.block) + u32(place.slot)


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
    counted = [
        entry for entry in entries if entry.leaf_index < snapshot_size and entry.from_epoch <= epoch
    ]
    # Sorting keeps the order of the record among the entries of an account.
    counted.sort(key=lambda entry: entry.account_token)
    placed = (
        PlacedEntry(
            entry.account_token,
            entry.partner_id,
            entry.action is EnrolmentAction.ENROL,
            places[entry.account_token],
        )
        for entry in counted
    )
    return snapshot_by_account(placed, epoch=epoch, slots=slots, cap_ug=cap_ug)


def snapshot_by_account(
    entries: Iterable[PlacedEntry], *, epoch: EpochIndex, slots: int, cap_ug: MicrogramsCO2e
) -> Snapshot:
    """Return who is enrolled where, as `snapshot_of` does, in one pass over all accounts.

    Args:
        entries: those that count, ascending by account, and in the order of the record where they
            are of the same account.
        epoch: the epoch of the plan.
        slots: slots per block.
        cap_ug: cap of one account over the epoch.
    """
    partners: defaultdict[PartyId, _Accounts] = defaultdict(_Accounts)
    for token, of_account in groupby(entries, key=attrgetter("account_token")):
        last = {entry.partner_id: entry for entry in of_account}
        for partner_id, entry in last.items():
            if entry.is_enrolment:
                partners[partner_id].add(token, entry.place)
    return Snapshot(
        epoch=epoch,
        partners={
            partner_id: PartnerSnapshot(
                slots=slots,
                cap_ug=cap_ug,
                slots_of=TakenSlots(own.masks),
                accounts=own.count,
                places_digest=digest(_PLACES_LABEL, bytes(own.entries)),
            )
            for partner_id, own in sorted(partners.items())
        },
    )


@dataclass(slots=True)
class _Accounts:
    """The accounts of one partner while they are collected."""

    entries: bytearray = field(default_factory=bytearray)
    """What `places_digest` hashes of them."""
    masks: dict[int, int] = field(default_factory=dict)
    count: int = 0

    def add(self, token: bytes, place: Place) -> None:
        self.entries += _place_entry(token, place)
        self.masks[place.block] = self.masks.get(place.block, 0) | 1 << place.slot
        self.count += 1
