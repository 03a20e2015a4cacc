"""Multiplying ciphertexts: one product per block, in several processes when there is much to do."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Final

from fedcarbon.paillier.cipher import ciphertext_to_bytes, product
from fedcarbon.paillier.keys import PublicKey

ALONE_MAX: Final = 20_000
"""Factors up to which starting processes costs more than it saves."""
BATCH_BLOCKS: Final = 500


class Multiplier:
    """Multiplies the ciphertexts of many blocks; holds a process pool once it was needed."""

    def __init__(
        self, public_key: PublicKey, *, workers: int | None = None, alone_max: int = ALONE_MAX
    ) -> None:
        """Take the key.

        Args:
            public_key: of all ciphertexts.
            workers: processes; by default one per core.
            alone_max: up to so many factors are multiplied in the caller's own process.
        """
        self._public_key = public_key
        self._workers = workers or os.cpu_count() or 1
        self._alone_max = alone_max
        self._pool: ProcessPoolExecutor | None = None

    def products(self, factors: Mapping[int, Sequence[bytes]]) -> dict[int, bytes]:
        """Return the product of every block's ciphertexts, as encoded bytes, ascending by block.

        Args:
            factors: block to encoded ciphertexts, at least one.
        """
        blocks = sorted(factors)
        rows = [list(factors[block]) for block in blocks]
        multiply = partial(_multiply, self._public_key.n)
        if self._workers == 1 or sum(map(len, rows)) <= self._alone_max:
            return dict(zip(blocks, multiply(rows), strict=True))
        batches = [rows[i : i + BATCH_BLOCKS] for i in range(0, len(rows), BATCH_BLOCKS)]
        done = [data for batch in self._processes().map(multiply, batches) for data in batch]
        return dict(zip(blocks, done, strict=True))

    def close(self) -> None:
        """Let the processes go."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _processes(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Not fork: gRPC's and the database's threads do not survive it.
            self._pool = ProcessPoolExecutor(
                self._workers, mp_context=multiprocessing.get_context("spawn")
            )
        return self._pool


def _multiply(n: int, rows: Sequence[Sequence[bytes]]) -> list[bytes]:
    public_key = PublicKey(n=n)
    return [ciphertext_to_bytes(public_key, product(public_key, row)) for row in rows]
