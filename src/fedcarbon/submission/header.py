"""The signed header of one chunk of a partner's submission."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, checked_name


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkHeader(Statement):
    """Commits to a chunk file; the header is a leaf, the file lies beside it by its hash."""

    KIND: ClassVar[str] = "chunk_header"

    parameter_id: bytes
    programme_id: ProgrammeId
    epoch: EpochIndex
    partner_id: PartyId
    plan_leaf: int
    """Index of the epoch-plan leaf whose snapshot this submission follows."""
    chunk: int
    """0-based number of this chunk."""
    chunks: int
    """How many chunks the submission has."""
    entries: int
    """Ciphertexts in the file, at least 1."""
    slot_width_bits: int
    slots: int
    places_digest: bytes
    """Of the partner's accounts in the snapshot, at the places that it encrypted to."""
    entries_root: bytes
    """RFC 6962 root over the file's entries, so that one entry is provable."""
    file_sha256: bytes
    evidence_root: bytes
    """The root logged in phase 1a; zeros if the partner missed it."""
    methodology_bundle: bytes
    """Over the methodologies of phase 1a (not one per person); zeros if that was missed."""

    def __post_init__(self) -> None:
        """Check names, sizes and counts."""
        checked_name(self.partner_id)
        checked_name(self.programme_id)
        hashes = (
            self.parameter_id,
            self.places_digest,
            self.entries_root,
            self.file_sha256,
            self.evidence_root,
            self.methodology_bundle,
        )
        if {len(item) for item in hashes} != {DIGEST_BYTES}:
            raise MalformedError("the hashes of a chunk header have 32 bytes")
        if self.chunk >= self.chunks or self.entries < 1 or self.epoch < 1:
            raise MalformedError("chunk number, entries or epoch out of range")
