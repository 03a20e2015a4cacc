"""One epoch of the small hub of these tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from fedcarbon.epoch.statements import ClaimCommitment, LinkProof
from fedcarbon.identity.claims import TokenList
from fedcarbon.identity.commitment_list import CommitmentList
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import PartyId
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
