"""This partner's part of the enrolment snapshot as one object, for what looks at few accounts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from fedcarbon.epoch.snapshot import PartnerSnapshot, Place, TakenSlots
from fedcarbon.identity.tokens import AccountToken
from fedcarbon.ids import EpochIndex
from partner_node.membership import Membership
from partner_node.storage.accounts import AccountStore


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSnapshot:
    """Who of this node's people counts in an epoch, and where."""

    blocks: PartnerSnapshot
    """The blocks that a dense submission covers."""
    persons: dict[int, Place]
    """Enrolled persons and their places, ascending by place."""
    tokens: dict[int, AccountToken]
    """Account token of each of them."""


def own_snapshot(
    store: AccountStore, member: Membership, epoch: EpochIndex, snapshot_size: int
) -> OwnSnapshot:
    """Return this partner's snapshot of `epoch`: the same blocks and caps that everyone computes.

    Args:
        store: the accounts of every epoch.
        member: this partner.
        epoch: the epoch.
        snapshot_size: a field of its plan.
    """
    figures = store.decided(epoch, snapshot_size)
    persons = store.places(epoch)
    masks: defaultdict[int, int] = defaultdict(int)
    for place in persons.values():
        masks[place.block] |= 1 << place.slot
    return OwnSnapshot(
        blocks=PartnerSnapshot(
            slots=member.parameters.layout.slots,
            cap_ug=member.programme.epoch_cap_ug,
            slots_of=TakenSlots(masks),
            accounts=figures.accounts,
            places_digest=figures.places_digest,
        ),
        persons=persons,
        tokens=store.tokens(epoch),
    )
