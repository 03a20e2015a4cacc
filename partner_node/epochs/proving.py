"""Encrypting and proving packed blocks, through the engine: here in all processes, or on a cluster.

All randomness of a block comes from one seed, together with everything that the block says: it is
drawn freshly for every run, used and forgotten. Whoever keeps it can do the same blocks again and
gets the same bytes; with other values it gives other randomness, so that two proofs never share a
mask. What is kept otherwise is what was sent, because a retry sends the same bytes, and the witness
of every block, without which the node could say nothing more about its commitments. Every proof is
checked where it was made before anybody else sees it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
from typing_extensions import override

from fedcarbon.canonical.hashing import u64
from fedcarbon.canonical.stream import SEED_BYTES, SeededStream
from fedcarbon.engine.port import Engine, Task, row_by_row
from fedcarbon.paillier.cipher import ciphertext_to_bytes
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.proofs.range_proof import RangeContext, RangeProofShape, RangeStatement
from fedcarbon.proofs.range_prover import RangeJob, encrypt_and_prove_all
from fedcarbon.proofs.range_verifier import verify_all
from fedcarbon.submission.block_proofs import BATCH_BLOCKS
from fedcarbon.submission.chunk_file import ChunkEntry
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.wire.power_tables import prover_tables

_LABEL: Final = b"fedcarbon/v1/prover-randomness"

BLOCK: Final = "block"
VALUES: Final = "values"
BOUNDS: Final = "bounds"
CIPHERTEXT: Final = "ciphertext"
PROOF: Final = "proof"
WITNESS: Final = "witness"
"""Columns."""

PACKED_BLOCKS: Final = pa.schema(
    {BLOCK: pa.int64(), VALUES: pa.list_(pa.int64()), BOUNDS: pa.list_(pa.int64())}
)
"""Of a block: its number, and v_j and B_j of every slot."""
PROVED_BLOCKS: Final = pa.schema(
    {BLOCK: pa.int64(), CIPHERTEXT: pa.binary(), PROOF: pa.binary(), WITNESS: pa.binary()}
)
"""The parts of a chunk's entry, and the witness (`RangeWitness.to_bytes`), which stays."""


class BlockJob(NamedTuple):
    """One block to encrypt and prove."""

    context: RangeContext
    values_ug: tuple[MicrogramsCO2e, ...]
    bounds_ug: tuple[MicrogramsCO2e, ...]

    @override
    def __repr__(self) -> str:
        """Return where it belongs; values are secret."""
        return f"BlockJob({self.context})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedEntry:
    """What is sent of a block, and what stays."""

    entry: ChunkEntry
    witness: bytes = field(repr=False)
    """See `fedcarbon.proofs.range_prover.RangeWitness.to_bytes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveBlocks(Task):
    """Encrypts and proves blocks: `PACKED_BLOCKS` in, `PROVED_BLOCKS` out."""

    key: ProofKey = field(repr=False)
    cap_ug: MicrogramsCO2e
    """Cap of one account over an epoch: the largest bound."""
    context: RangeContext
    """Where the blocks belong; the number is every row's own."""
    seed: bytes = field(repr=False)
    """32 bytes that nobody else knows."""
    tables: Path | None = None
    """The folder of the table file, where a folder is shared: see `prover_tables`."""

    @property
    @override
    def schema(self) -> pa.Schema:
        """`PROVED_BLOCKS`."""
        return PROVED_BLOCKS

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return every block encrypted and proved.

        Raises:
            ValueOutOfRangeError: a value is above its bound.
            RangeProofInvalidError: a proof of our own does not hold: a broken build or machine.
        """
        tables = prover_tables(self.key, self.cap_ug, self.tables)
        shape = RangeProofShape.of(self.key, self.cap_ug)
        jobs = []
        for block, values, bounds in _rows_of(batch, PACKED_BLOCKS.names):
            context = replace(self.context, block=block)
            chance = self._stream(context, values, bounds)
            jobs.append(RangeJob(context, values, tuple(bounds), chance.below))
        proved = encrypt_and_prove_all(tables, jobs)
        claims = [
            (
                RangeStatement(
                    context=job.context, bounds=tuple(job.bounds), ciphertext=done.ciphertext
                ),
                done.proof,
            )
            for job, done in zip(jobs, proved, strict=True)
        ]
        verify_all(self.key, claims, secrets.randbelow)
        public_key = self.key.public_key
        columns = [
            batch.column(BLOCK),
            [ciphertext_to_bytes(public_key, done.ciphertext) for done in proved],
            [shape.encode(done.proof) for done in proved],
            [done.witness.to_bytes(self.key, self.cap_ug) for done in proved],
        ]
        return pa.record_batch(columns, schema=PROVED_BLOCKS)

    def _stream(
        self, context: RangeContext, values: Sequence[int], bounds: Sequence[int]
    ) -> SeededStream:
        """Return the randomness of one block: another if anything about the block is another."""
        return SeededStream(
            _LABEL,
            self.seed,
            self.key.parameter_id,
            context.purpose.encode(),
            context.programme_id.encode(),
            context.party_id.encode(),
            u64(context.epoch),
            u64(context.block),
            context.subject,
            *(number.to_bytes(8, "big", signed=True) for number in (*values, *bounds)),
        )


class BlockProver:
    """Encrypts and proves blocks of one programme."""

    def __init__(
        self,
        engine: Engine,
        key: ProofKey,
        cap_ug: MicrogramsCO2e,
        octets: Callable[[int], bytes],
        tables: Path | None = None,
    ) -> None:
        """Take where the work is done, the key, the largest bound and the source of randomness.

        Args:
            engine: stays the caller's.
            key: of the parameter set.
            cap_ug: cap of one account over an epoch.
            octets: so many uniform bytes, from a cryptographic source.
            tables: the folder where the workers find each other's tables; None where they share
                no disk.
        """
        self._engine: Final = engine
        self._key: Final = key
        self.cap_ug: Final = cap_ug
        self._octets: Final = octets
        self._tables: Final = tables

    def stream(self, jobs: Iterable[BlockJob], seed: bytes | None = None) -> Iterator[ProvedEntry]:
        """Yield every block encrypted and proved, in order, as it is done.

        Jobs are taken as they are needed: neither they nor the results are ever held together.

        Args:
            jobs: their contexts differ in nothing but the block.
            seed: 32 secret bytes; the same again give the same bytes for the same blocks. By
                default fresh ones, which are forgotten.

        Raises:
            ValueOutOfRangeError: a value is above its bound.
            RangeProofInvalidError: a proof of our own does not hold: a broken build or machine.
            EngineAnswerError: not every block came back.
        """
        rest = iter(jobs)
        first = next(rest, None)
        if first is None:
            return
        task = ProveBlocks(
            key=self._key.warmed,
            cap_ug=self.cap_ug,
            context=replace(first.context, block=0),
            seed=self._octets(SEED_BYTES) if seed is None else seed,
            tables=self._tables,
        )
        batches = _batches(task.context, chain([first], rest))
        rows = pa.RecordBatchReader.from_batches(PACKED_BLOCKS, batches)
        for batch in row_by_row(self._engine, task, rows, BLOCK):
            for block, ciphertext, proof, witness in _rows_of(batch, PROVED_BLOCKS.names):
                yield ProvedEntry(entry=ChunkEntry(block, ciphertext, proof), witness=witness)

    def prove(self, jobs: Iterable[BlockJob]) -> list[ProvedEntry]:
        """Return every block encrypted and proved, in order: see `stream`."""
        return list(self.stream(jobs))


def _rows_of(batch: pa.RecordBatch, columns: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    return zip(*(batch.column(name).to_pylist() for name in columns), strict=True)


def _batches(context: RangeContext, jobs: Iterator[BlockJob]) -> Iterator[pa.RecordBatch]:
    while part := list(islice(jobs, BATCH_BLOCKS)):
        assert {replace(job.context, block=0) for job in part} == {context}, "one submission"  # noqa: S101
        columns = [
            [job.context.block for job in part],
            [job.values_ug for job in part],
            [job.bounds_ug for job in part],
        ]
        yield pa.record_batch(columns, schema=PACKED_BLOCKS)
