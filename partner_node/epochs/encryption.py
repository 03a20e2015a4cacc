"""Encryption of packed blocks: one table per process, several processes for many blocks.

Randomisers are drawn from the source that the node was given, used once and never stored: what is
kept are ciphertexts, and a retry sends those.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from fedcarbon.paillier.cipher import Encryptor, ciphertext_to_bytes
from fedcarbon.paillier.keys import PublicKey

# Building the table in a fresh process costs about a second and a thousand encryptions.
POOL_FROM_BLOCKS: Final = 4_096
_BATCH: Final = 256

_worker: Encryptor | None = None
"""The table of a worker process; set once by `_prepare_worker`."""


class BlockEncryptor:
    """Encrypts plaintexts under one key; keep it for the life of the process."""

    def __init__(
        self,
        public_key: PublicKey,
        below: Callable[[int], int],
        *,
        processes: int = 1,
        pool_from_blocks: int = POOL_FROM_BLOCKS,
    ) -> None:
        """Take the key and the source of randomisers.

        Args:
            public_key: whom to encrypt for.
            below: uniform integers in [0, bound), from a cryptographic source.
            processes: how many processes may work; 1 keeps all work in this one.
            pool_from_blocks: fewer blocks than these are not worth other processes.
        """
        self._public_key = public_key
        self._below = below
        self._processes = processes
        self._pool_from_blocks = pool_from_blocks
        self._encryptor: Encryptor | None = None

    def encrypt(self, plaintexts: Sequence[int]) -> list[bytes]:
        """Return the ciphertext bytes of every plaintext, in order."""
        bound = 1 << self._public_key.randomiser_bits
        jobs = [(plaintext, self._below(bound)) for plaintext in plaintexts]
        if self._processes > 1 and len(jobs) >= self._pool_from_blocks:
            return self._encrypt_in_processes(jobs)
        if self._encryptor is None:
            self._encryptor = Encryptor(self._public_key)
        return _encrypt(self._encryptor, jobs)

    def _encrypt_in_processes(self, jobs: Sequence[tuple[int, int]]) -> list[bytes]:
        batches = [jobs[i : i + _BATCH] for i in range(0, len(jobs), _BATCH)]
        # Spawned, not forked: a forked child of a process with gRPC threads may hang.
        with ProcessPoolExecutor(
            max_workers=self._processes,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_prepare_worker,
            initargs=(self._public_key.n,),
        ) as pool:
            return [item for batch in pool.map(_encrypt_batch, batches) for item in batch]


def _prepare_worker(modulus: int) -> None:
    global _worker  # noqa: PLW0603 - a worker process has exactly one table
    _worker = Encryptor(PublicKey(n=modulus))


def _encrypt_batch(jobs: Sequence[tuple[int, int]]) -> list[bytes]:
    assert _worker is not None  # noqa: S101 - the pool's initializer ran first
    return _encrypt(_worker, jobs)


def _encrypt(encryptor: Encryptor, jobs: Sequence[tuple[int, int]]) -> list[bytes]:
    return [
        ciphertext_to_bytes(encryptor.public_key, encryptor.encrypt(plaintext, randomiser))
        for plaintext, randomiser in jobs
    ]
