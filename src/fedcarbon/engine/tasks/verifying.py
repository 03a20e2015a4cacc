"""Checking the range proofs of a submission's blocks, wherever there is room.

What is checked is public among those who check, so that this work may go anywhere; where it is done
must be trusted with its yes alone. A proof that fails there is a row that says so, and is checked
again where its maker is accused: nobody is on the word of a machine elsewhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import pyarrow as pa
from typing_extensions import override

from fedcarbon.engine.port import Engine, EngineAnswerError, Task, row_by_row
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.submission.block_proofs import ProvedBlocks, invalid_blocks, verify_blocks
from fedcarbon.submission.chunk_file import ChunkEntry

ENTRIES: Final = pa.schema(
    {
        "block": pa.int64(),
        "ciphertext": pa.binary(),
        "proof": pa.binary(),
        "bounds": pa.list_(pa.int64()),
    }
)
"""An entry of a chunk, and B_j of every slot by the record."""
FINDINGS: Final = pa.schema({"block": pa.int64(), "check": pa.string(), "finding": pa.string()})
"""Of every block which check its proof fails and why; nothing if it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyBlocks(Task):
    """Checks proofs in batches: `ENTRIES` in, `FINDINGS` out.

    The weights that fold a batch are the checking process's own, drawn when the entries are there;
    what is found does not depend on them.
    """

    key: ProofKey = field(repr=False)
    blocks: ProvedBlocks
    """Whose blocks they are, without any: the entries are the rows."""

    @property
    @override
    def schema(self) -> pa.Schema:
        """`FINDINGS`."""
        return FINDINGS

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return what is found of every block."""
        blocks, ciphertexts, proofs, bounds = (column.to_pylist() for column in batch.columns)
        errors = invalid_blocks(
            self.key,
            replace(
                self.blocks,
                entries=tuple(map(ChunkEntry, blocks, ciphertexts, proofs)),
                bounds_ug=tuple(map(tuple, bounds)),
            ),
            randbelow=secrets.randbelow,
        )
        found = {error.context.block: error for error in errors}
        checks = [found[block].check.value if block in found else None for block in blocks]
        findings = [found[block].finding if block in found else None for block in blocks]
        return pa.record_batch([blocks, checks, findings], schema=FINDINGS)


class BlockVerifier:
    """Checks the proofs of whole chunks through an engine: a `CheckBlocks`."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        """Take where the work is done; it stays the caller's."""
        self._engine: Final = engine

    def __call__(self, key: ProofKey, blocks: ProvedBlocks) -> None:
        """Accept blocks whose proofs all hold.

        Raises:
            RangeProofInvalidError: of the first block whose proof does not.
            EngineAnswerError: not every block has an answer, or a proof that failed elsewhere holds
                here.
        """
        task = VerifyBlocks(key=key.warmed, blocks=replace(blocks, entries=(), bounds_ug=()))
        rows = pa.RecordBatchReader.from_batches(ENTRIES, _batches(blocks))
        for batch in row_by_row(self._engine, task, rows, "block"):
            for block in batch.filter(batch.column("check").is_valid()).column("block").to_pylist():
                verify_blocks(key, _alone(blocks, block), secrets.randbelow)
                raise EngineAnswerError(f"the proof of block {block} holds here, not elsewhere")


def _alone(blocks: ProvedBlocks, block: int) -> ProvedBlocks:
    place = [entry.block for entry in blocks.entries].index(block)
    return replace(
        blocks,
        entries=blocks.entries[place : place + 1],
        bounds_ug=blocks.bounds_ug[place : place + 1],
    )


def _batches(blocks: ProvedBlocks) -> Iterator[pa.RecordBatch]:
    for part in blocks.batches():
        numbers, ciphertexts, proofs = zip(*part.entries, strict=True)
        bounds = list(part.bounds_ug)
        yield pa.record_batch([numbers, ciphertexts, proofs, bounds], schema=ENTRIES)
