"""Multiplying ciphertexts: one product per block, in several processes when there is much to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from fedcarbon.paillier.cipher import ciphertext_to_bytes, product
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.wire.processes import ProcessMap

ALONE_MAX: Final = 20_000
"""Factors up to which starting processes costs more than it saves."""
BATCH_BLOCKS: Final = 500


def products(
    public_key: PublicKey,
    factors: Mapping[int, Sequence[bytes]],
    processes: ProcessMap,
    *,
    alone_max: int = ALONE_MAX,
) -> dict[int, bytes]:
    """Return the product of every block's ciphertexts, as encoded bytes, ascending by block.

    Args:
        public_key: of all ciphertexts.
        factors: block to encoded ciphertexts, at least one.
        processes: where batches are multiplied.
        alone_max: up to so many factors are multiplied in the caller's own process.
    """
    blocks = sorted(factors)
    rows = [list(factors[block]) for block in blocks]
    multiply = partial(_multiply, public_key.n)
    if sum(map(len, rows)) <= alone_max:
        return dict(zip(blocks, multiply(rows), strict=True))
    batches = [rows[i : i + BATCH_BLOCKS] for i in range(0, len(rows), BATCH_BLOCKS)]
    done = [data for batch in processes.map(multiply, batches) for data in batch]
    return dict(zip(blocks, done, strict=True))


def _multiply(n: int, rows: Sequence[Sequence[bytes]]) -> list[bytes]:
    public_key = PublicKey(n=n)
    return [ciphertext_to_bytes(public_key, product(public_key, row)) for row in rows]
