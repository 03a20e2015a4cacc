"""Encrypting and proving packed blocks: tables once per process, several processes for many blocks.

Randomness is drawn, used once and forgotten; what is kept is what was sent, because a retry sends
the same bytes, and the witness of every block, without which the node could say nothing more about
its commitments. Every proof is checked here before anybody else sees it.
"""

from __future__ import annotations

import multiprocessing
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fedcarbon.paillier.cipher import ciphertext_to_bytes
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import RangeContext, RangeProofShape, RangeStatement
from fedcarbon.proofs.range_prover import RangeJob, encrypt_and_prove_all
from fedcarbon.proofs.range_verifier import verify_all
from fedcarbon.submission.block_proofs import BATCH_BLOCKS
from fedcarbon.submission.chunk_file import ChunkEntry
from fedcarbon.units import MicrogramsCO2e

# Building the tables in a fresh process costs seconds: a hundred proofs.
POOL_FROM_BLOCKS: Final = 512

_worker: BlockProver | None = None
"""The prover of a worker process; set once by `_prepare_worker`."""


class BlockJob(NamedTuple):
    """One block to encrypt and prove."""

    context: RangeContext
    values_ug: tuple[MicrogramsCO2e, ...]
    bounds_ug: tuple[MicrogramsCO2e, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedEntry:
    """What is sent of a block, and what stays."""

    entry: ChunkEntry
    witness: bytes = field(repr=False)
    """See `fedcarbon.proofs.range_prover.RangeWitness.to_bytes`."""


class BlockProver:
    """Encrypts and proves blocks of one programme; keep it for the life of the process."""

    def __init__(
        self,
        key: ProofKey,
        cap_ug: MicrogramsCO2e,
        below: Callable[[int], int],
        *,
        processes: int = 1,
        pool_from_blocks: int = POOL_FROM_BLOCKS,
    ) -> None:
        """Take the key, the largest bound and the source of randomness.

        Args:
            key: of the parameter set.
            cap_ug: cap of one account over an epoch.
            below: uniform integers in [0, bound), from a cryptographic source; other processes
                draw from the operating system themselves.
            processes: how many processes may work; 1 keeps all work in this one.
            pool_from_blocks: fewer blocks than these are not worth other processes.
        """
        self._key: Final = key
        self.cap_ug: Final = cap_ug
        self._below: Final = below
        self._processes: Final = processes
        self._pool_from_blocks: Final = pool_from_blocks
        self._shape: Final = RangeProofShape.of(key, cap_ug)
        self._tables: ProverTables | None = None

    def prove(self, jobs: Sequence[BlockJob]) -> list[ProvedEntry]:
        """Return every block encrypted and proved, in order.

        Raises:
            ValueOutOfRangeError: a value is above its bound.
            RangeProofInvalidError: a proof of our own does not hold: a broken build or machine.
        """
        batches = [jobs[i : i + BATCH_BLOCKS] for i in range(0, len(jobs), BATCH_BLOCKS)]
        if self._processes == 1 or len(jobs) < self._pool_from_blocks:
            return [item for batch in batches for item in self._prove_batch(batch)]
        # Spawned, not forked: a forked child of a process with gRPC threads may hang.
        with ProcessPoolExecutor(
            max_workers=self._processes,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_prepare_worker,
            initargs=(self._key.warmed, self.cap_ug),
        ) as pool:
            return [item for batch in pool.map(_prove_batch, batches) for item in batch]

    def _prove_batch(self, jobs: Sequence[BlockJob]) -> list[ProvedEntry]:
        if self._tables is None:
            self._tables = ProverTables(self._key, bound_max=self.cap_ug)
        proved = encrypt_and_prove_all(
            self._tables,
            [RangeJob(job.context, job.values_ug, job.bounds_ug) for job in jobs],
            self._below,
        )
        statements = [
            RangeStatement(context=job.context, bounds=job.bounds_ug, ciphertext=item.ciphertext)
            for job, item in zip(jobs, proved, strict=True)
        ]
        verify_all(
            self._key,
            [(statement, item.proof) for statement, item in zip(statements, proved, strict=True)],
            self._below,
        )
        return [
            ProvedEntry(
                entry=ChunkEntry(
                    job.context.block,
                    ciphertext_to_bytes(self._key.public_key, item.ciphertext),
                    self._shape.encode(item.proof),
                ),
                witness=item.witness.to_bytes(self._key, self.cap_ug),
            )
            for job, item in zip(jobs, proved, strict=True)
        ]


def _prepare_worker(key: ProofKey, cap_ug: MicrogramsCO2e) -> None:
    global _worker  # noqa: PLW0603 - a worker process has exactly one prover
    _worker = BlockProver(key, cap_ug, secrets.randbelow)


def _prove_batch(jobs: Sequence[BlockJob]) -> list[ProvedEntry]:
    assert _worker is not None  # noqa: S101 - the pool's initializer ran first
    return _worker.prove(jobs)
