"""Multiplying ciphertexts: one product per block, wherever there is room; no secret is in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import pyarrow as pa
from typing_extensions import override

from fedcarbon.engine.port import Engine, Task, row_by_row
from fedcarbon.paillier.cipher import ciphertext_to_bytes, product
from fedcarbon.paillier.keys import PublicKey

BATCH_BLOCKS: Final = 2_000
"""Some megabytes, and some ten milliseconds of work: fewer are not worth another process."""

FACTORS: Final = pa.schema({"block": pa.int64(), "factors": pa.list_(pa.binary())})
"""Of a block: its number, and every encoded ciphertext."""
PRODUCTS: Final = pa.schema({"block": pa.int64(), "product": pa.binary()})


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplyBlocks(Task):
    """Multiplies the ciphertexts of blocks: `FACTORS` in, `PRODUCTS` out."""

    public_key: PublicKey

    @property
    @override
    def schema(self) -> pa.Schema:
        """`PRODUCTS`."""
        return PRODUCTS

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the product of every block.

        Raises:
            CiphertextLengthError, CiphertextRangeError, CiphertextNotUnitError: see
                `fedcarbon.paillier.cipher.product`.
        """
        blocks, rows = batch.columns
        products = [
            ciphertext_to_bytes(self.public_key, product(self.public_key, row))
            for row in rows.to_pylist()
        ]
        return pa.record_batch([blocks, products], schema=PRODUCTS)


def products(
    public_key: PublicKey, factors: Iterable[tuple[int, Sequence[bytes]]], engine: Engine
) -> dict[int, bytes]:
    """Return the product of every block's ciphertexts, as encoded bytes, ascending by block.

    Args:
        public_key: of all ciphertexts.
        factors: blocks, ascending, each with its encoded ciphertexts, at least one.
        engine: where they are multiplied.

    Raises:
        EngineAnswerError: not every block came back.
    """
    rows = pa.RecordBatchReader.from_batches(FACTORS, _batches(factors))
    done: dict[int, bytes] = {}
    for batch in row_by_row(engine, MultiplyBlocks(public_key=public_key), rows, "block"):
        blocks, multiplied = (column.to_pylist() for column in batch.columns)
        done.update(zip(blocks, multiplied, strict=True))
    return done


def _batches(factors: Iterable[tuple[int, Sequence[bytes]]]) -> Iterator[pa.RecordBatch]:
    left = iter(factors)
    while part := list(islice(left, BATCH_BLOCKS)):
        yield pa.record_batch(list(zip(*part, strict=True)), schema=FACTORS)
