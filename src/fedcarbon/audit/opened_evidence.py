"""What a node opens to an auditor on site: drawn leaves, what belongs to them, and slot proofs.

The partner signs it, so that what does not hold is evidence against it. It holds what people did
under the platform's own references: it stays with the auditor on site and never enters the record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from fedcarbon.audit.claim_table import ClaimTable
from fedcarbon.audit.evidence_sample import EvidenceSample
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.evidence.leaf import SALT_BYTES, ClaimEvidence, PersonDayEvidence
from fedcarbon.ids import PartyId, checked_name
from fedcarbon.proofs.slot_value import SlotProof
from fedcarbon.units import MicrogramsCO2e


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafOpening:
    """Where a leaf stands, its salt, and the way from it to the evidence root."""

    number: int
    salt: bytes = field(repr=False)
    path: tuple[bytes, ...]
    """RFC 6962 inclusion proof, from the leaf upwards."""

    def __post_init__(self) -> None:
        """Check the salt's size."""
        if len(self.salt) != SALT_BYTES:
            raise MalformedError(f"a salt of evidence has {SALT_BYTES} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedClaim:
    """One claim with what stands behind it."""

    opening: LeafOpening
    evidence: ClaimEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedDay:
    """One person-day with what stands behind it."""

    opening: LeafOpening
    evidence: PersonDayEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSlot:
    """What the submission holds for one account over the whole epoch, with its proof."""

    block: int
    slot: int
    value_ug: MicrogramsCO2e
    proof: SlotProof


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedEvidence(Statement):
    """Everything that a sample asks for, signed by the partner."""

    KIND: ClassVar[str] = "opened_evidence"

    partner_id: PartyId
    sample: EvidenceSample
    claims: tuple[OpenedClaim, ...]
    """The drawn claims and those of every opened day, ascending by number."""
    person_days: tuple[OpenedDay, ...]
    """All days of every drawn account, ascending by number."""
    slots: tuple[OpenedSlot, ...]
    """One per drawn account, ascending by place."""
    table: ClaimTable
    """What every claim of the list is worth, drawn or not."""

    def __post_init__(self) -> None:
        """Check the orders, so that nothing stands twice."""
        checked_name(self.partner_id)
        numbers = [item.opening.number for item in self.claims]
        days = [item.opening.number for item in self.person_days]
        places = [(item.block, item.slot) for item in self.slots]
        if (
            numbers != sorted(set(numbers))
            or days != sorted(set(days))
            or places != sorted(set(places))
        ):
            raise MalformedError("opened leaves and slots ascend and stand once")
