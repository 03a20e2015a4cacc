"""Challenges: test vectors that a node encrypts and proves as it does blocks, and opens at once.

Cast or challenge (Benaloh 2006): whoever doubts a build has it encrypt known values and compares.
Everything is public afterwards, the randomness too, so a challenge must never count: its proof
is bound to the purpose `challenge`, and whoever counts blocks takes the purpose `block` only.

A challenge says of itself that it is one before anything is encrypted. It finds broken builds, not
a node that was made to behave while it is watched; for that there are the evidence audits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, checked_name
from fedcarbon.proofs.range_proof import RangeContext, RangePurpose
from fedcarbon.units import MicrogramsCO2e, Natural

CHALLENGE_ID_BYTES: Final = 32
NO_EPOCH: Final = EpochIndex(0)
"""A challenge belongs to no epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengedBlock:
    """One encrypted and proved block with everything that went into its ciphertext."""

    values_ug: tuple[MicrogramsCO2e, ...]
    """One value per slot."""
    randomiser: Natural
    """s of the ciphertext."""
    ciphertext: bytes
    """As it would stand in a chunk file."""
    proof: bytes
    """Likewise: the slot range proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge(Statement):
    """What a node publishes for a test vector; a file, not a leaf, and signed by nobody."""

    KIND: ClassVar[str] = "challenge"

    parameter_id: bytes
    programme_id: ProgrammeId
    partner_id: PartyId
    challenge_id: bytes
    """32 random bytes of the node; the proofs are bound to them."""
    cap_ug: MicrogramsCO2e
    """The bound of every slot: the programme's cap of one account over an epoch."""
    blocks: tuple[ChallengedBlock, ...]
    """Block i of the proofs is the i-th of them, from 0."""

    def __post_init__(self) -> None:
        """Check names and sizes."""
        checked_name(self.partner_id)
        checked_name(self.programme_id)
        sizes = (len(self.parameter_id), len(self.challenge_id))
        if sizes != (DIGEST_BYTES, CHALLENGE_ID_BYTES) or not self.blocks:
            raise MalformedError("a challenge has two ids of 32 bytes and at least one block")


def challenge_context(
    programme_id: ProgrammeId, partner_id: PartyId, challenge_id: bytes, block: int
) -> RangeContext:
    """Return where a challenged block belongs: nowhere that counts."""
    return RangeContext(
        purpose=RangePurpose.CHALLENGE,
        programme_id=programme_id,
        party_id=partner_id,
        epoch=NO_EPOCH,
        block=block,
        subject=challenge_id,
    )
