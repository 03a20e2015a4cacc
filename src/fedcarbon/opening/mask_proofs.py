"""Masks as they travel: a ciphertext with the proof that it holds nothing in a target.

A mask is one byte string: the ciphertext (2 |n| / 8 bytes), then a slot range proof whose bounds
are `mask_bounds`, as wide as a full slot makes it. The proof binds trustee, opening and attempt, so
that nobody can show another's mask, its inverse or a mask of an earlier attempt; and who made it
knows what it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId
from fedcarbon.opening.mask_sets import MaskInvalidError
from fedcarbon.opening.masks import draw_mask, mask_bounds
from fedcarbon.opening.statements import OpeningStart
from fedcarbon.packing.layout import FULL_SLOT_MAX
from fedcarbon.paillier.cipher import ciphertext_to_bytes
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import (
    RangeContext,
    RangeProofInvalidError,
    RangeProofShape,
    RangePurpose,
    RangeStatement,
    mask_subject,
)
from fedcarbon.proofs.range_prover import encrypt_and_prove
from fedcarbon.proofs.range_verifier import Claim, invalid_proofs


def mask_tables(key: ProofKey, window_bits: int | None = None) -> ProverTables:
    """Return the tables with which masks are proved; see `ProverTables`."""
    return ProverTables(key, bound_max=FULL_SLOT_MAX, window_bits=window_bits)


def fresh_mask(
    tables: ProverTables,
    start: OpeningStart,
    trustee_id: PartyId,
    randbelow: Callable[[int], int],
) -> bytes:
    """Return a new mask of a trustee for an attempt; its plaintext and randomness end here.

    Args:
        tables: see `mask_tables`.
        start: the attempt; its mask hashes are not looked at.
        trustee_id: who masks.
        randbelow: uniform in [0, bound), from a cryptographic source.
    """
    key = tables.key
    targets = _targets(start)
    proved = encrypt_and_prove(
        tables,
        mask_context(start, trustee_id),
        values=draw_mask(key.layout, targets, randbelow),
        bounds=mask_bounds(key.layout, targets),
        randbelow=randbelow,
    )
    shape = RangeProofShape.of(key, FULL_SLOT_MAX)
    return ciphertext_to_bytes(key.public_key, proved.ciphertext) + shape.encode(proved.proof)


def mask_context(start: OpeningStart, trustee_id: PartyId) -> RangeContext:
    """Return where a trustee's mask belongs."""
    return RangeContext(
        purpose=RangePurpose.MASK,
        programme_id=start.programme_id,
        party_id=trustee_id,
        epoch=start.epoch,
        block=start.block,
        subject=mask_subject(start.opening_id, start.attempt),
    )


def mask_claim(key: ProofKey, start: OpeningStart, trustee_id: PartyId, mask: bytes) -> Claim:
    """Return what the proof of a mask must show, and the proof.

    Raises:
        MaskInvalidError: the bytes are no mask; it names the trustee.
    """
    width = key.public_key.ciphertext_bytes
    try:
        proof = RangeProofShape.of(key, FULL_SLOT_MAX).decode(mask[width:])
    except FedcarbonError as error:
        raise MaskInvalidError(f"the mask of {trustee_id!r} is no mask: {error}") from error
    statement = RangeStatement(
        context=mask_context(start, trustee_id),
        bounds=mask_bounds(key.layout, _targets(start)),
        ciphertext=int.from_bytes(mask[:width], "big"),
    )
    return statement, proof


def invalid_masks(
    key: ProofKey,
    shown: Iterable[tuple[OpeningStart, Sequence[bytes]]],
    randbelow: Callable[[int], int],
) -> list[RangeProofInvalidError]:
    """Return why every mask fails whose proof does, over many starts at once.

    Args:
        key: of the parameter set.
        shown: starts with one mask per trustee of the subset, in its order.
        randbelow: the verifier's own source of chance.

    Raises:
        MaskInvalidError: the bytes of a mask are none.
    """
    claims = [
        mask_claim(key, start, name, mask)
        for start, masks in shown
        for name, mask in zip(start.subset, masks, strict=True)
    ]
    return invalid_proofs(key, claims, randbelow)


def _targets(start: OpeningStart) -> list[int]:
    return [target.slot for target in start.targets]
