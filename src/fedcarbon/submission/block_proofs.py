"""The range proofs of a submission's blocks, as whoever checks them puts the statements together.

Hub, trustees and auditors check the same entries under the same bounds, each for itself. Where that
is done is theirs to say: `fedcarbon.engine.tasks.verifying` does it wherever there is room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.proofs.commitments import ProofKey, RandomBelow
from fedcarbon.proofs.range_proof import (
    RangeContext,
    RangeProofInvalidError,
    RangeProofShape,
    RangePurpose,
    RangeStatement,
)
from fedcarbon.proofs.range_verifier import Claim, invalid_proofs
from fedcarbon.submission.chunk_file import ChunkEntry
from fedcarbon.units import MicrogramsCO2e

BATCH_BLOCKS: Final = 256
"""Proofs that are folded at once: beyond, the time per proof hardly falls any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedBlocks:
    """Some blocks of one partner in one epoch, with the bounds that the record gives them."""

    programme_id: ProgrammeId
    partner_id: PartyId
    epoch: EpochIndex
    cap_ug: MicrogramsCO2e
    """The largest bound of the programme, which fixes the width of a proof."""
    entries: tuple[ChunkEntry, ...] = field(repr=False)
    bounds_ug: tuple[tuple[MicrogramsCO2e, ...], ...] = field(repr=False)
    """B_j of every slot, per entry."""

    def batches(self, size: int = BATCH_BLOCKS) -> Iterator[ProvedBlocks]:
        """Return the blocks in batches that are worth checking at once."""
        for start in range(0, len(self.entries), size):
            yield replace(
                self,
                entries=self.entries[start : start + size],
                bounds_ug=self.bounds_ug[start : start + size],
            )

    def context(self, block: int) -> RangeContext:
        """Return where the ciphertext of a block belongs."""
        return block_context(self.programme_id, self.partner_id, self.epoch, block)


CheckBlocks = Callable[[ProofKey, ProvedBlocks], None]
"""Accepts blocks whose range proofs all hold, wherever the work is done.

Raises `RangeProofInvalidError` of the first block whose proof does not.
"""


def block_context(
    programme_id: ProgrammeId, partner_id: PartyId, epoch: EpochIndex, block: int
) -> RangeContext:
    """Return where a submitted block belongs."""
    return RangeContext(
        purpose=RangePurpose.BLOCK,
        programme_id=programme_id,
        party_id=partner_id,
        epoch=epoch,
        block=block,
    )


def verify_blocks(key: ProofKey, blocks: ProvedBlocks, randbelow: RandomBelow) -> None:
    """Accept blocks whose proofs all hold, in this process.

    Raises:
        RangeProofInvalidError: of the first block whose proof does not.
    """
    for error in invalid_blocks(key, blocks, randbelow=randbelow):
        raise error


def invalid_blocks(
    key: ProofKey, blocks: ProvedBlocks, *, randbelow: RandomBelow
) -> list[RangeProofInvalidError]:
    """Return why every block fails that does, ascending.

    Args:
        key: of the parameter set.
        blocks: every ciphertext and proof of the shape that `key` and the cap give.
        randbelow: the checker's own source; see `range_verifier.verify_all`.
    """
    shape = RangeProofShape.of(key, blocks.cap_ug)
    claims: list[Claim] = []
    for entry, bounds in zip(blocks.entries, blocks.bounds_ug, strict=True):
        statement = RangeStatement(
            context=blocks.context(entry.block),
            bounds=bounds,
            ciphertext=int.from_bytes(entry.ciphertext, "big"),
        )
        claims.append((statement, shape.decode(entry.proof)))
    return invalid_proofs(key, claims, randbelow)
