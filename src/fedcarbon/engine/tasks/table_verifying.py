"""Checking the range proofs of a table's blocks, wherever there is room; see `verifying`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
from typing_extensions import override

from fedcarbon.disclosure.block_file import TableEntry, TableRef, claim_of, rows_of
from fedcarbon.engine.port import Engine, EngineAnswerError, Task, row_by_row
from fedcarbon.engine.tasks.verifying import FINDINGS
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.proofs.range_verifier import invalid_proofs
from fedcarbon.submission.block_proofs import BATCH_BLOCKS

TABLE_ENTRIES: Final = pa.schema(
    {"block": pa.int64(), "ciphertext": pa.binary(), "proof": pa.binary()}
)
"""A block of a table's file, with its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyTableBlocks(Task):
    """Checks proofs in batches: `TABLE_ENTRIES` in, `FINDINGS` out.

    Bounds of tables are wider than a column of numbers, so they travel with the task.
    """

    key: ProofKey = field(repr=False)
    ref: TableRef
    limits: tuple[tuple[int, ...], ...] = field(repr=False)
    """The most that each slot may hold, per block."""

    @property
    @override
    def schema(self) -> pa.Schema:
        """`FINDINGS`."""
        return FINDINGS

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return what is found of every block."""
        rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        claims = [
            claim_of(self.key, self.ref, block, TableEntry(*entry), self.limits[block])
            for block, *entry in rows
        ]
        blocks = [statement.context.block for statement, _ in claims]
        errors = invalid_proofs(self.key, claims, secrets.randbelow)
        found = {error.context.block: error for error in errors}
        checks = [found[block].check.value if block in found else None for block in blocks]
        findings = [found[block].finding if block in found else None for block in blocks]
        return pa.record_batch([blocks, checks, findings], schema=FINDINGS)


def verify_table(
    engine: Engine,
    key: ProofKey,
    ref: TableRef,
    entries: Sequence[TableEntry],
    bounds: Sequence[int],
) -> None:
    """Accept the blocks of a file whose proofs all hold.

    Args:
        engine: where the work is done; it stays the caller's.
        key: of the parameter set.
        ref: whose they are.
        entries: all blocks of the file.
        bounds: the most that each value of the vector may be.

    Raises:
        RangeProofInvalidError: of the first block whose proof does not.
        EngineAnswerError: not every block has an answer, or a proof that failed elsewhere holds
            here.
    """
    limits = tuple(rows_of(key.layout, bounds))
    task = VerifyTableBlocks(key=key.warmed, ref=ref, limits=limits)
    rows = pa.RecordBatchReader.from_batches(TABLE_ENTRIES, _batches(entries))
    for batch in row_by_row(engine, task, rows, "block"):
        for block in batch.filter(batch.column("check").is_valid()).column("block").to_pylist():
            claim = claim_of(key, ref, block, entries[block], limits[block])
            for error in invalid_proofs(key, [claim], secrets.randbelow):
                raise error
            raise EngineAnswerError(f"the proof of block {block} holds here, not elsewhere")


def _batches(entries: Sequence[TableEntry]) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(entries), BATCH_BLOCKS):
        part = entries[start : start + BATCH_BLOCKS]
        numbers = list(range(start, start + len(part)))
        columns = [numbers, [one.ciphertext for one in part], [one.proof for one in part]]
        yield pa.record_batch(columns, schema=TABLE_ENTRIES)
