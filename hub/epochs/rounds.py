"""The claim round of an epoch: one for all programmes of an exclusivity domain.

From its plan to its verdicts an epoch is in one state in every programme of its domain; only then
each programme takes submissions and is sealed for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session

from fedcarbon.epoch.lifecycle import EpochEvent, EpochState
from fedcarbon.ids import Claimant, EpochIndex
from fedcarbon.registry.programme import Programme
from fedcarbon.units import Seconds
from hub.context import Hub
from hub.storage.epoch_store import EpochStore, StoredCommitment, StoredEpoch, StoredList

SHARED_STATES: Final = frozenset({EpochState.COMMITTING, EpochState.REVEALING, EpochState.JUDGED})
"""States in which all programmes of a domain are at once."""

NOT_JUDGED: Final = frozenset({EpochState.COMMITTING, EpochState.REVEALING})

JudgedLists = Mapping[EpochIndex, Mapping[Claimant, bytes]]
"""Hash of the token file of every claimant, by epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRound:
    """An epoch of a domain, as it was read in one transaction."""

    programmes: tuple[Programme, ...]
    """By their ids; at least one."""
    epochs: tuple[StoredEpoch, ...]
    """In the same order."""

    @property
    def exclusivity_domain(self) -> str:
        """The domain."""
        return self.programmes[0].exclusivity_domain

    @property
    def token_epoch(self) -> int:
        """The token epoch of all of them."""
        return self.programmes[0].token_epoch

    @property
    def reveal_window_s(self) -> int:
        """The length of phase 1b in all of them."""
        return self.programmes[0].policy.reveal_window_s

    @property
    def epoch(self) -> EpochIndex:
        """The epoch's number."""
        return self.epochs[0].epoch

    @property
    def state(self) -> EpochState:
        """Where the epoch stands in all of them, if that is shared."""
        return self.epochs[0].state

    @property
    def commit_until_s(self) -> Seconds:
        """When phase 1a ends; the plans are of one moment."""
        return max(stored.commit_until_s for stored in self.epochs)

    @property
    def reveal_until_s(self) -> Seconds:
        """When phase 1b ends, as planned."""
        return max(stored.reveal_until_s for stored in self.epochs)

    @property
    def closed_leaf(self) -> int:
        """The closing leaf; REVEALING has one."""
        found = self.epochs[0].closed_leaf
        assert found is not None  # noqa: S101 - see above
        return found

    @property
    def beacon_leaf(self) -> int:
        """The leaf of the tie beacon; JUDGED has one."""
        found = self.epochs[0].beacon_leaf
        assert found is not None  # noqa: S101 - see above
        return found

    def enrolled(self, session: Session, hub: Hub) -> set[Claimant]:
        """Return everyone who has an account in a snapshot of the round."""
        return {
            Claimant(programme.programme_id, partner_id)
            for programme, stored in zip(self.programmes, self.epochs, strict=True)
            for partner_id in hub.snapshots.of(session, programme, stored).partners
        }

    def commitments(self, session: Session) -> dict[Claimant, StoredCommitment]:
        """Return the commitments of the round, by claimant, ascending."""
        store = EpochStore(session)
        return {
            Claimant(stored.programme_id, partner_id): commitment
            for stored in self.epochs
            for partner_id, commitment in store.commitments(
                stored.programme_id, stored.epoch
            ).items()
        }

    def lists(
        self, session: Session, epoch: EpochIndex | None = None
    ) -> dict[Claimant, StoredList]:
        """Return the revealed lists of the round, or of another epoch of the domain."""
        store = EpochStore(session)
        return {
            Claimant(programme.programme_id, partner_id): found
            for programme in self.programmes
            for partner_id, found in store.lists(
                programme.programme_id, self.epoch if epoch is None else epoch
            ).items()
        }

    def judged_lists(self, session: Session) -> JudgedLists:
        """Return the lists of every other epoch of the domain that has been judged."""
        begun = EpochStore(session).begun(self.programmes[0].programme_id)
        return {
            stored.epoch: {
                claimant: item.file_sha256
                for claimant, item in self.lists(session, stored.epoch).items()
            }
            for stored in begun
            if stored.epoch != self.epoch and stored.state not in NOT_JUDGED
        }

    def move(self, session: Session, event: EpochEvent, **leaves: int) -> None:
        """Move the epoch on in every programme."""
        for stored in self.epochs:
            EpochStore(session).move(stored, event, **leaves)


def round_of(session: Session, programmes: tuple[Programme, ...], epoch: EpochIndex) -> ClaimRound:
    """Return an epoch of a domain whose plans are logged.

    Args:
        session: any session.
        programmes: all programmes of the domain, by their ids.
        epoch: which epoch.
    """
    found = [EpochStore(session).find(item.programme_id, epoch) for item in programmes]
    stored = tuple(item for item in found if item is not None)
    assert len(stored) == len(programmes), "a domain is planned at once"  # noqa: S101
    return ClaimRound(programmes=programmes, epochs=stored)
