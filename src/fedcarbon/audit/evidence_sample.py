"""The sample of one partner's evidence in one epoch: which leaves its node must open on site.

It is nobody's word: auditor and node compute it from the record, each for itself, and the node
opens nothing for a sample that differs from its own. Otherwise an "auditor" could browse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fedcarbon.audit.sampling import DrawSource, draw
from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.epoch.statements import BEACON_BYTES
from fedcarbon.errors import CallerError, MalformedError, StateError
from fedcarbon.evidence.numbering import Numbering
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, checked_name


class SampleNotDrawnError(CallerError):
    """The sample is not what the logged beacon draws: nothing is opened; compute it again."""

    code: ClassVar[str] = "SAMPLE_NOT_DRAWN"


class EpochNotAuditableError(StateError):
    """The epoch has no sample beacon under a seal yet, or the partner has nothing to open in it."""

    code: ClassVar[str] = "EPOCH_NOT_AUDITABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledDay:
    """A person-day that was drawn, by the account's place."""

    leaf: int
    """Number of the evidence leaf."""
    block: int
    slot: int
    day: str
    """ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSample(Statement):
    """What an auditor hands to a node; unsigned, because both sides compute it."""

    KIND: ClassVar[str] = "evidence_sample"

    parameter_id: bytes
    programme_id: ProgrammeId
    epoch: EpochIndex
    partner_id: PartyId
    commitment_leaf: int
    """Leaf of the partner's claim commitment, which holds the evidence root."""
    seal_leaf: int
    beacon_leaf: int
    """Leaf of the sample beacon over the seal."""
    size: int
    """k, of each kind."""
    person_days: tuple[SampledDay, ...]
    """In the order of the draw."""
    kept_claims: tuple[int, ...]
    """Numbers of leaves, in the order of the draw."""
    lost_claims: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check names and sizes."""
        checked_name(self.programme_id)
        checked_name(self.partner_id)
        if len(self.parameter_id) != DIGEST_BYTES:
            raise MalformedError("a parameter id has 32 bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBasis:
    """What the record says that decides a sample."""

    parameter_id: bytes
    programme_id: ProgrammeId
    epoch: EpochIndex
    partner_id: PartyId
    commitment_leaf: int
    seal_leaf: int
    beacon_leaf: int
    beacon: bytes
    """Output of the sample beacon, checked, 64 bytes."""
    numbering: Numbering
    lost_claims: frozenset[int]
    """Positions in the claim list that another partner won."""

    def __post_init__(self) -> None:
        """Check the beacon's size."""
        assert len(self.beacon) == BEACON_BYTES

    @property
    def source(self) -> DrawSource:
        """What draws and weights depend on."""
        return DrawSource(
            beacon=self.beacon, programme_id=self.programme_id, partner_id=self.partner_id
        )


def sample_of(basis: SampleBasis, size: int) -> EvidenceSample:
    """Return the sample of k person-days, k kept and k lost claims.

    Raises:
        SampleSizeError: k is out of range.
    """
    drawn = draw(basis.source, basis.numbering, basis.lost_claims, size)
    return EvidenceSample(
        parameter_id=basis.parameter_id,
        programme_id=basis.programme_id,
        epoch=basis.epoch,
        partner_id=basis.partner_id,
        commitment_leaf=basis.commitment_leaf,
        seal_leaf=basis.seal_leaf,
        beacon_leaf=basis.beacon_leaf,
        size=size,
        person_days=tuple(_sampled_day(basis.numbering, leaf) for leaf in drawn.person_days),
        kept_claims=drawn.kept_claims,
        lost_claims=drawn.lost_claims,
    )


def _sampled_day(numbering: Numbering, leaf: int) -> SampledDay:
    place, day = numbering.person_day(leaf)
    return SampledDay(leaf=leaf, block=place.block, slot=place.slot, day=day.isoformat())
