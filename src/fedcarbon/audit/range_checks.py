"""V11 and V17, the range proofs: every slot within its cap, every mask zero in the targets.

The bounds are the record's: the cap where a partner has an enrolled account, the mask's shape for
the targets of its start. Proofs are checked in batches, and every bad one is named.
"""

from __future__ import annotations

from collections.abc import Sequence

from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.errors import FedcarbonError
from fedcarbon.opening.mask_proofs import invalid_masks
from fedcarbon.opening.statements import OpeningStart
from fedcarbon.proofs.commitments import ProofKey, RandomBelow
from fedcarbon.submission.block_proofs import ProvedBlocks, invalid_blocks
from fedcarbon.submission.chunk_file import ChunkFile
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.submission.intake import IntakeContext


def block_findings(
    header: ChunkHeader,
    chunk: ChunkFile,
    context: IntakeContext,
    randbelow: RandomBelow,
    leaf: int,
) -> list[Finding]:
    """Return what is wrong with the range proofs of a chunk that passed the rules before.

    Args:
        header: of the chunk.
        chunk: its entries.
        context: bounds and key.
        randbelow: the auditor's own source of chance.
        leaf: the header's.
    """
    blocks = ProvedBlocks(
        programme_id=header.programme_id,
        partner_id=header.partner_id,
        epoch=header.epoch,
        cap_ug=context.cap_ug,
        entries=tuple(chunk),
        bounds_ug=tuple(context.bounds_ug(block) for block in chunk.blocks()),
    )
    return [
        Finding(
            check=CheckId.RANGE_PROOFS,
            code=error.code,
            subject=f"block {error.context.block} of {header.partner_id} in epoch {header.epoch}",
            text=f"{error}; the hub must not have admitted it",
            leaf=leaf,
        )
        for batch in blocks.batches()
        for error in invalid_blocks(context.key, batch, randbelow=randbelow)
    ]


def mask_findings(
    key: ProofKey,
    shown: Sequence[tuple[OpeningStart, Sequence[bytes]]],
    randbelow: RandomBelow,
    leaf: int,
) -> list[Finding]:
    """Return what is wrong with the proofs of masks that match their hashes.

    Args:
        key: of the parameter set.
        shown: starts with one mask per trustee of the subset, in its order.
        randbelow: the auditor's own source of chance.
        leaf: a result of the batch.
    """
    try:
        errors: Sequence[FedcarbonError] = invalid_masks(key, shown, randbelow)
    except FedcarbonError as error:
        errors = [error]
    return [
        Finding(
            check=CheckId.MASKS,
            code=error.code,
            subject=f"a mask of the shares named by leaf {leaf}",
            text=f"{error}; nothing must have been opened with it",
            leaf=leaf,
        )
        for error in errors
    ]
