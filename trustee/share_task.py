"""Decryption shares of many ciphertexts, in the processes of the trustee's own machine.

The key share goes to those processes and never farther: a trustee has no cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import pyarrow as pa
from typing_extensions import override

from fedcarbon.engine.local import LocalEngine
from fedcarbon.engine.port import Task
from fedcarbon.paillier.cipher import ciphertext_from_bytes, ciphertext_to_bytes
from fedcarbon.paillier.shares import KeyShare, decryption_share, prove_shares
from fedcarbon.paillier.threshold_key import ThresholdKey
from fedcarbon.parameters.parameter_set import ParameterSet
from trustee.own_keys import OwnKeys

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


class ProvedShares(NamedTuple):
    """Shares and what proves them."""

    shares: list[bytes]
    """One per ciphertext, in order."""
    proof: bytes
    """One for all of them."""


def proved_shares(
    engine: LocalEngine,
    keys: OwnKeys,
    parameters: ParameterSet,
    ciphertexts: Sequence[bytes],
    context: bytes,
) -> ProvedShares:
    """Return a trustee's shares of some ciphertexts with one proof.

    Args:
        engine: where they are made.
        keys: the trustee's.
        parameters: of the record.
        ciphertexts: what is opened.
        context: what the proof is bound to.

    Raises:
        CallerError: see `ShareCiphertexts.work`.
    """
    key, own = parameters.threshold_key, keys.secrets.paillier
    shares = shares_of(engine, ShareCiphertexts(key=key, share=own), ciphertexts)
    proof = prove_shares(
        key,
        own,
        [ciphertext_from_bytes(parameters.public_key, data) for data in ciphertexts],
        [ciphertext_from_bytes(parameters.public_key, data) for data in shares],
        parameter_id=parameters.parameter_id,
        context=context,
        randbelow=keys.random_below,
    )
    return ProvedShares(shares, proof.to_bytes(key))


def _batches(data: Sequence[bytes]) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(data), BATCH_ROWS):
        yield pa.record_batch([list(data[start : start + BATCH_ROWS])], schema=CIPHERTEXTS)
