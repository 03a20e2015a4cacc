"""Encrypted and proved blocks for tests, with tables that are built once per key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from fedcarbon.paillier.cipher import ciphertext_to_bytes
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import RangeContext, RangeProofShape
from fedcarbon.proofs.range_prover import encrypt_and_prove
from fedcarbon.submission.chunk_file import ChunkEntry, EntryShape


@cache
def tables_of(key: ProofKey, bound_max: int) -> ProverTables:
    """Return the tables for bounds up to `bound_max`."""
    return ProverTables(key, bound_max=bound_max)


def proved_entry(
    key: ProofKey,
    context: RangeContext,
    *,
    values: Sequence[int],
    bounds: Sequence[int],
    cap_ug: int,
    randbelow: Callable[[int], int],
) -> ChunkEntry:
    """Return the entry of one block.

    A value above its bound is proved under the bound that would fit: a proof that holds for
    nobody who takes the bounds from the record.
    """
    proved = encrypt_and_prove(
        tables_of(key, cap_ug),
        context,
        values=values,
        bounds=[max(pair) for pair in zip(values, bounds, strict=True)],
        randbelow=randbelow,
    )
    return ChunkEntry(
        context.block,
        ciphertext_to_bytes(key.public_key, proved.ciphertext),
        RangeProofShape.of(key, cap_ug).encode(proved.proof),
    )


def unproved_entry(key: ProofKey, block: int, ciphertext: int | bytes, cap_ug: int) -> ChunkEntry:
    """Return an entry with a proof of zeros, which holds for nothing."""
    shape = EntryShape.of(key, cap_ug)
    data = (
        ciphertext
        if isinstance(ciphertext, bytes)
        else ciphertext.to_bytes(shape.ciphertext_bytes, "big")
    )
    return ChunkEntry(block, data, bytes(shape.proof_bytes))
