"""What is logged while an epoch runs, in this order: plan, commitments, close, beacon, seal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES, digest, u32, u64
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import Claimant, EpochIndex, PartyId, ProgrammeId, checked_name
from fedcarbon.registry.methodology import check_content_hashes
from fedcarbon.registry.programme import Programme

BEACON_BYTES = 64


class BeaconLabel(StrEnum):
    """What a beacon decides: ties between claims, or the evidence sample."""

    TIE = "tie"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochPlan(Statement):
    """Logged by the hub after the last day of the epoch and before claims.

    The enrolment snapshot is every enrolment entry in a leaf below `snapshot_size`; from it
    everyone computes the same blocks and caps.
    """

    KIND: ClassVar[str] = "epoch_plan"

    parameter_id: bytes
    programme_id: ProgrammeId
    epoch: EpochIndex
    snapshot_size: int
    commit_until_s: int
    reveal_until_s: int
    submit_until_s: int

    def __post_init__(self) -> None:
        """Check the id and the order of the deadlines."""
        checked_name(self.programme_id)
        if len(self.parameter_id) != DIGEST_BYTES or self.epoch < 1:
            raise MalformedError("a parameter id has 32 bytes and epochs start at 1")
        if not self.commit_until_s <= self.reveal_until_s <= self.submit_until_s:
            raise MalformedError("deadlines must not go backwards")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCommitment(Statement):
    """Phase 1a: count and root of a partner's claim list, and the root of its evidence."""

    KIND: ClassVar[str] = "claim_commitment"

    parameter_id: bytes
    programme_id: ProgrammeId
    epoch: EpochIndex
    partner_id: PartyId
    count: int
    """Padded number of claims."""
    list_root: bytes
    evidence_root: bytes
    evidence_count: int
    """Leaves under `evidence_root`; see `evidence_leaves`."""
    methodologies: tuple[bytes, ...]
    """Content hashes of all methodologies that the partner computes by, fixed before verdicts."""

    def __post_init__(self) -> None:
        """Check sizes."""
        checked_name(self.partner_id)
        if self.evidence_count < self.count:
            raise MalformedError("every claim has a leaf of evidence")
        sizes = {len(self.parameter_id), len(self.list_root), len(self.evidence_root)}
        if sizes != {DIGEST_BYTES}:
            raise MalformedError("parameter id and roots have 32 bytes")
        check_content_hashes(self.methodologies)


def evidence_leaves(claims: int, accounts: int, days: int) -> int:
    """Return how many leaves a partner's evidence of an epoch has.

    Args:
        claims: length of its claim list, pads included.
        accounts: its enrolled accounts in the epoch's snapshot.
        days: local days of the epoch.
    """
    return claims + accounts * days


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedList:
    """One claimant's line in the closing leaf."""

    programme_id: ProgrammeId
    partner_id: PartyId
    leaf_index: int
    count: int
    list_root: bytes

    @property
    def claimant(self) -> Claimant:
        """Whose line it is."""
        return Claimant(self.programme_id, self.partner_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedClaimant:
    """A claimant that has not committed in time."""

    programme_id: ProgrammeId
    partner_id: PartyId

    @property
    def claimant(self) -> Claimant:
        """Who it is."""
        return Claimant(self.programme_id, self.partner_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitClosed(Statement):
    """Ends phase 1a in a whole exclusivity domain; the tie beacon hashes this leaf.

    The roots that count, and who missed, in all programmes of the domain together.
    """

    KIND: ClassVar[str] = "commit_closed"

    parameter_id: bytes
    exclusivity_domain: str
    epoch: EpochIndex
    lists: tuple[CommittedList, ...]
    missed: tuple[MissedClaimant, ...]

    def __post_init__(self) -> None:
        """Check the order and that nobody stands twice."""
        listed = [item.claimant for item in self.lists]
        missed = [item.claimant for item in self.missed]
        if listed != sorted(set(listed)) or missed != sorted(set(missed)):
            raise MalformedError("claimants must be sorted and stand once")
        if set(listed) & set(missed):
            raise MalformedError("a claimant cannot have committed and missed")


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconPartial:
    """One trustee's evaluation of the beacon input, with its proof."""

    trustee_id: PartyId
    element: bytes
    proof: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconValue(Statement):
    """A threshold evaluation under the beacon key: nobody can grind it, anyone can check it.

    There is one for ties per domain and epoch, and one for samples per programme and epoch.
    """

    KIND: ClassVar[str] = "beacon_value"

    parameter_id: bytes
    label: BeaconLabel
    scope: str
    """For ties the exclusivity domain, for samples the programme."""
    epoch: EpochIndex
    leaf_index: int
    """The leaf that is hashed: the closing leaf for ties, the seal for samples."""
    partials: tuple[BeaconPartial, ...]
    output: bytes

    def __post_init__(self) -> None:
        """Check the output's size."""
        if len(self.output) != BEACON_BYTES:
            raise MalformedError(f"a beacon has {BEACON_BYTES} bytes")


def beacon_input(label: BeaconLabel, scope: str, epoch: EpochIndex, leaf: bytes) -> bytes:
    """Return what trustees hash to the group: label, scope, epoch, and the 34-byte leaf."""
    return digest(
        b"fedcarbon/v1/beacon-input", label.value.encode(), scope.encode(), u32(epoch), leaf
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimList(Statement):
    """Phase 1b: the hub logs that a list was revealed and matches its root."""

    KIND: ClassVar[str] = "claim_list"

    parameter_id: bytes
    programme_id: ProgrammeId
    epoch: EpochIndex
    partner_id: PartyId
    file_sha256: bytes
    """Of the token file, which hub and auditors read."""
    commitments_sha256: bytes
    """Of the commitment file, which trustees read too."""
    count: int

    def __post_init__(self) -> None:
        """Check sizes."""
        _require_hashes(self.parameter_id, self.file_sha256, self.commitments_sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerVerdict:
    """How many claims a partner lost, and the hashes of the files that list them."""

    partner_id: PartyId
    lost: int
    file_sha256: bytes
    """Of the verdict file of tokens, which the partner, hub and auditors read."""
    positions_sha256: bytes
    """Of the position file about the same claims, which trustees read too."""

    def __post_init__(self) -> None:
        """Check the name and sizes."""
        checked_name(self.partner_id)
        _require_hashes(self.file_sha256, self.positions_sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictList(Statement):
    """The result of the join for one programme's partners, logged by the hub."""

    KIND: ClassVar[str] = "verdict_list"

    parameter_id: bytes
    programme_id: ProgrammeId
    epoch: EpochIndex
    beacon_leaf: int
    verdicts: tuple[PartnerVerdict, ...]
    repeated_tokens: int
    """Tokens of the domain that were already decided in an earlier epoch: somebody broke a rule."""
    conflicts_sha256: bytes
    """Of the conflict file, which lists both claims of every such token; auditors read it."""

    def __post_init__(self) -> None:
        """Check sizes, and that partners are sorted and stand once."""
        _require_hashes(self.parameter_id, self.conflicts_sha256)
        names = [item.partner_id for item in self.verdicts]
        if names != sorted(set(names)):
            raise MalformedError("verdicts must be sorted by partner and stand once")


LINK_PROOF_BYTES_MAX: Final = 64 * 1024
"""Far above what a proof has: 7 kB at 2048 bits, 10 kB at 3072."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProof(Statement):
    """A partner's proof that what it submitted is at most what its winning claims are worth."""

    KIND: ClassVar[str] = "link_proof"

    parameter_id: bytes
    programme_id: ProgrammeId
    epoch: EpochIndex
    partner_id: PartyId
    plan_leaf: int
    """Index of the epoch-plan leaf; the proof binds its 34 bytes."""
    verdict_leaf: int
    """Index of the verdict-list leaf; the proof binds its 34 bytes."""
    proof: bytes
    """See `fedcarbon.proofs.link`."""

    def __post_init__(self) -> None:
        """Check names, sizes and order."""
        checked_name(self.partner_id)
        checked_name(self.programme_id)
        _require_hashes(self.parameter_id)
        if self.epoch < 1 or not self.plan_leaf < self.verdict_leaf:
            raise MalformedError("epochs start at 1, and verdicts follow the plan")
        if len(self.proof) > LINK_PROOF_BYTES_MAX:
            raise MalformedError(f"a link proof has at most {LINK_PROOF_BYTES_MAX} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute(Statement):
    """A loser asks that the winners of some of its lost claims show an auditor their evidence."""

    KIND: ClassVar[str] = "dispute"

    parameter_id: bytes
    programme_id: ProgrammeId
    epoch: EpochIndex
    partner_id: PartyId
    verdict_leaf: int
    """Index of the verdict-list leaf that is disputed."""
    positions: tuple[int, ...]
    """Lost claims by their positions in the partner's own list, ascending."""

    def __post_init__(self) -> None:
        """Check names, sizes and order."""
        checked_name(self.partner_id)
        checked_name(self.programme_id)
        _require_hashes(self.parameter_id)
        if not self.positions or list(self.positions) != sorted(set(self.positions)):
            raise MalformedError("a dispute names at least one position, ascending")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPart:
    """What a partner contributed: its chunk headers in order, or nothing."""

    partner_id: PartyId
    header_leaves: tuple[int, ...]
    missing: bool

    def __post_init__(self) -> None:
        """A part is either missing or has headers."""
        if self.missing == bool(self.header_leaves):
            raise MalformedError("a sealed part is either missing or has chunk headers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal(Statement):
    """Ends an epoch: the parts, and the root over the cumulative products of all blocks."""

    KIND: ClassVar[str] = "seal"

    parameter_id: bytes
    programme_id: ProgrammeId
    epoch: EpochIndex
    plan_leaf: int
    parts: tuple[SealedPart, ...]
    """One per partner with an account in the snapshot, sorted by id."""
    blocks: int
    products_root: bytes
    """RFC 6962 root over `product_entry` of every block that has ever had a ciphertext."""

    def __post_init__(self) -> None:
        """Check the order of the parts."""
        names = [part.partner_id for part in self.parts]
        if names != sorted(set(names)) or len(self.products_root) != DIGEST_BYTES:
            raise MalformedError("parts are sorted, stand once, and the root has 32 bytes")


def _require_hashes(*hashes: bytes) -> None:
    if {len(item) for item in hashes} != {DIGEST_BYTES}:
        raise MalformedError(f"an id or hash has {DIGEST_BYTES} bytes")


def product_entry(block: int, ciphertext: bytes) -> bytes:
    """Return the tree entry of a block's cumulative ciphertext: block, SHA-256 of its bytes."""
    return u32(block) + digest(b"fedcarbon/v1/product", u64(block), ciphertext)


def planned_deadlines(programme: Programme, epoch: EpochIndex) -> tuple[int, int, int]:
    """Return the ends of phases 1a, 1b and submission by the programme's policy."""
    commit_until_s = programme.epoch_end_s(epoch) + programme.policy.commit_window_s
    reveal_until_s = commit_until_s + programme.policy.reveal_window_s
    return commit_until_s, reveal_until_s, reveal_until_s + programme.policy.submit_window_s
