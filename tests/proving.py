"""Encrypted and proved blocks for tests, with tables that are built once per key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from fedcarbon.paillier.cipher import ciphertext_to_bytes
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.link import DELTA_MAX, LinkProofShape, LinkStatement
from fedcarbon.proofs.link_prover import DeltaWitness, LinkWitness, prove_link, prove_opened
from fedcarbon.proofs.range_proof import RangeContext, RangeProofShape
from fedcarbon.proofs.range_prover import RangeWitness, encrypt_and_prove
from fedcarbon.submission.chunk_file import ChunkEntry, EntryShape
from tests.chance import Random


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
    encoded = RangeProofShape.of(key, cap_ug).encode(proved.proof)
    _WITNESSES[proved.proof.commitment] = proved.witness
    return ChunkEntry(
        context.block, ciphertext_to_bytes(key.public_key, proved.ciphertext), encoded
    )


_WITNESSES: dict[int, RangeWitness] = {}
"""What the prover of each commitment knows: tests play all parties."""


def link_proof_of(
    parameters: ParameterSet, statement: LinkStatement, won: tuple[int, int], chance: Random
) -> bytes:
    """Return a link proof for blocks that `proved_entry` made, true or not.

    Args:
        parameters: the parameter set.
        statement: what a verifier will compute.
        won: sums of pieces and of randomness of the winning claims.
        chance: of the masks.
    """
    key = parameters.proof_key
    witness = LinkWitness.of(
        [_WITNESSES[commitment] for commitment in statement.commitments.values()],
        winnings=won[0],
        winnings_blinding=won[1],
    )
    if 0 <= witness.delta <= DELTA_MAX:
        proof = prove_link(key, statement, witness, chance.randrange)
    else:
        of_delta = DeltaWitness(numbers=(witness.delta, 0, 0, 0), blinding=0)
        proof = prove_opened(key, statement, witness, of_delta, chance.randrange)
    return LinkProofShape.of(key, statement).encode(proof)


def unproved_entry(key: ProofKey, block: int, ciphertext: int | bytes, cap_ug: int) -> ChunkEntry:
    """Return an entry with a proof of zeros, which holds for nothing."""
    shape = EntryShape.of(key, cap_ug)
    data = (
        ciphertext
        if isinstance(ciphertext, bytes)
        else ciphertext.to_bytes(shape.ciphertext_bytes, "big")
    )
    return ChunkEntry(block, data, bytes(shape.proof_bytes))
