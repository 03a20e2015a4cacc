"""One epoch of the small hub of these tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from fedcarbon.epoch.statements import (
    ClaimCommitment,
    CommitClosed,
    CommittedList,
    LinkProof,
    MissedClaimant,
)
from fedcarbon.identity.claims import TokenList
from fedcarbon.identity.commitment_list import CommitmentList
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.registry.programme import Programme
from fedcarbon.submission.header import ChunkHeader


@dataclass(slots=True)
class FakeEpoch:
    """One epoch as the hub runs it."""

    plan_leaf: int
    snapshot_size: int
    state: int
    commitments: dict[PartyId, tuple[int, ClaimCommitment]] = field(default_factory=dict)
    closed_leaf: int | None = None
    lists: dict[PartyId, TokenList] = field(default_factory=dict)
    commitments_of_pieces: CommitmentList | None = None
    list_receipts: dict[PartyId, bytes] = field(default_factory=dict)
    lost: dict[PartyId, tuple[ClaimToken, ...]] = field(default_factory=dict)
    chunks: dict[int, tuple[ChunkHeader, bytes]] = field(default_factory=dict)
    verdict_leaf: int | None = None
    link_proof: LinkProof | None = None
    seal_leaf: int | None = None
    missing: tuple[PartyId, ...] = ()

    def closing(
        self,
        programme: Programme,
        epoch: EpochIndex,
        enrolled: set[PartyId],
        leave_out: frozenset[PartyId],
    ) -> CommitClosed:
        """Return the end of phase 1a, without the commitments of some partners."""
        programme_id = programme.programme_id
        kept = {name: item for name, item in self.commitments.items() if name not in leave_out}
        return CommitClosed(
            parameter_id=programme.parameter_id,
            exclusivity_domain=programme.exclusivity_domain,
            epoch=epoch,
            lists=tuple(
                CommittedList(
                    programme_id=programme_id,
                    partner_id=name,
                    leaf_index=leaf,
                    count=item.count,
                    list_root=item.list_root,
                )
                for name, (leaf, item) in sorted(kept.items())
            ),
            missed=tuple(
                MissedClaimant(programme_id=programme_id, partner_id=name)
                for name in sorted(enrolled - kept.keys())
            ),
        )
