"""This partner's part of the enrolment snapshot, from its own receipts."""

from __future__ import annotations

from dataclasses import dataclass

from fedcarbon.epoch.snapshot import PartnerSnapshot, Place, snapshot_of
from fedcarbon.identity.tokens import AccountToken
from fedcarbon.ids import EpochIndex
from partner_node.membership import Membership
from partner_node.storage.enrolment import EnrolmentStore


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSnapshot:
    """Who of this node's people counts in an epoch, and where."""

    blocks: PartnerSnapshot
    """The blocks that a dense submission covers."""
    persons: dict[int, Place]
    """Enrolled persons and their places."""
    tokens: dict[int, AccountToken]
    """Account token of everybody who has one."""


def own_snapshot(
    store: EnrolmentStore, member: Membership, epoch: EpochIndex, snapshot_size: int
) -> OwnSnapshot:
    """Return this partner's snapshot of `epoch`: the same blocks and caps that everyone computes.

    Args:
        store: enrolment entries with their receipts; none may be unanswered.
        member: this partner.
        epoch: the epoch.
        snapshot_size: a field of its plan.
    """
    tokens = store.account_tokens()
    places = store.places()
    entries = store.logged_entries(member.party_id)
    slots = member.parameters.layout.slots
    snapshot = snapshot_of(
        entries,
        {tokens[person_id]: place for person_id, place in places.items()},
        epoch=epoch,
        snapshot_size=snapshot_size,
        slots=slots,
        cap_ug=member.programme.epoch_cap_ug,
    )
    empty = PartnerSnapshot.empty(slots, member.programme.epoch_cap_ug)
    blocks = snapshot.partners.get(member.party_id, empty)
    return OwnSnapshot(
        blocks=blocks,
        persons={
            person_id: place
            for person_id, place in places.items()
            if place.slot in blocks.slots_of.get(place.block, frozenset())
        },
        tokens=tokens,
    )
