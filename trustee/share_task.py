"""Decryption shares of many ciphertexts, in the processes of the trustee's own machine.

The key share goes to those processes and never farther: a trustee has no cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
from typing_extensions import override

from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.port import Task
from fedcarbon.paillier.cipher import ciphertext_from_bytes, ciphertext_to_bytes
from fedcarbon.paillier.shares import KeyShare, decryption_share
from fedcarbon.paillier.threshold_key import ThresholdKey

BATCH_ROWS: Final = 16
"""About a second of work at 2048 bits."""

CIPHERTEXTS: Final = pa.schema({"ciphertext": pa.binary()})
SHARES: Final = pa.schema({"share": pa.binary()})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareCiphertexts(Task):
    """Makes this trustee's share of every ciphertext: `CIPHERTEXTS` in, `SHARES` out."""

    key: ThresholdKey = field(repr=False)
    share: KeyShare

    @property
    @override
    def schema(self) -> pa.Schema:
        """`SHARES`."""
        return SHARES

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return c^(2 Delta s_i) for every c.

        Raises:
            CiphertextLengthError, CiphertextRangeError, CiphertextNotUnitError: of the first
                ciphertext that is none.
        """
        public_key = self.key.public_key
        numbers = [
            decryption_share(self.key, self.share, ciphertext_from_bytes(public_key, data))
            for data in batch.column("ciphertext").to_pylist()
        ]
        shares = [ciphertext_to_bytes(public_key, number) for number in numbers]
        return pa.record_batch([shares], schema=SHARES)


def shares_of(engine: LocalEngine, task: ShareCiphertexts, data: Sequence[bytes]) -> list[bytes]:
    """Return the encoded share of every encoded ciphertext, in order.

    Raises:
        CallerError: see `ShareCiphertexts.work`.
    """
    rows = pa.RecordBatchReader.from_batches(CIPHERTEXTS, _batches(data))
    return [share for batch in engine.map(task, rows) for share in batch.column(0).to_pylist()]


def _batches(data: Sequence[bytes]) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(data), BATCH_ROWS):
        yield pa.record_batch([list(data[start : start + BATCH_ROWS])], schema=CIPHERTEXTS)
