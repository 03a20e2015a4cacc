"""What the record says of one partner in one epoch, where its evidence must agree with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fedcarbon.audit.evidence_sample import SampleBasis
from fedcarbon.epoch.snapshot import PartnerSnapshot, Place
from fedcarbon.identity.claims import TokenList
from fedcarbon.identity.ristretto import Element
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.registry.programme import Programme


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecord:
    """Every value here was checked against the record by whoever puts it in."""

    basis: SampleBasis
    key: ProofKey
    programme: Programme
    signing_key: bytes
    """Of the partner's admission, 32 bytes."""
    best_tier: int
    """The best evidence that the partner may claim with."""
    seal: bytes
    """The 34 bytes of the seal's leaf."""
    evidence_root: bytes
    evidence_count: int
    """Leaves under it, as committed."""
    methodology_bundle: bytes
    """From the headers of the submission."""
    documents: tuple[bytes, ...] = field(repr=False)
    """The methodology files that the commitment names, as root keys signed them."""
    snapshot: PartnerSnapshot
    tokens: Mapping[Place, bytes] = field(repr=False)
    """Account token of every place of the snapshot."""
    claims: TokenList = field(repr=False)
    """The partner's revealed list."""
    commitments: tuple[bytes, ...] = field(repr=False)
    """K of every claim, in the same order."""
    generator: Element
    """G' of the parameter set."""
    contested: frozenset[int] = field(repr=False)
    """Positions of claims whose token another partner claims too."""
    block_commitments: Mapping[int, int] = field(repr=False)
    """Block to A, from the range proof beside its ciphertext."""
