"""Token and commitment of every claim: most of the work of phase 1a, so it goes to the engine.

The task is pure: what is drawn by chance comes in with the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from typing_extensions import override

from fedcarbon.engine.port import Task
from fedcarbon.identity.blinding import SecretOutput
from fedcarbon.identity.claims import hidden_claim
from fedcarbon.identity.commitment_list import list_leaf, piece_commitment
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.ristretto import Element, scalar_of_wide, scalar_to_bytes
from fedcarbon.identity.tokens import claim_token, object_token
from fedcarbon.methodology.occupancy import NO_TIME_S
from fedcarbon.transparency.merkle import leaf_hash
from fedcarbon.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimTask(Task):
    """From `secret, slot_owner, slot_group, slot_start_s, piece_ug, wide, pad_token` to claims.

    A row without a secret is a pad: its token is drawn.
    """

    domain: str
    """The exclusivity domain."""
    generator: Element
    """G' of the parameter set."""

    @property
    @override
    def schema(self) -> pa.Schema:
        """The columns of what comes out."""
        return pa.schema(
            [("token", pa.binary()), ("blinding", pa.binary()), ("commitment", pa.binary())]
        )

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return token, blinding and commitment of every row."""
        names = ("secret", "slot_owner", "slot_group", "slot_start_s", "pad_token")
        tokens = map(self._token, *(batch.column(name).to_pylist() for name in names))
        blindings = [scalar_of_wide(wide) for wide in batch.column("wide").to_pylist()]
        pieces = batch.column("piece_ug").to_pylist()
        return pa.RecordBatch.from_arrays(
            [
                pa.array(tokens, pa.binary()),
                pa.array(map(scalar_to_bytes, blindings), pa.binary()),
                pa.array(
                    (
                        piece_commitment(piece_ug, blinding, self.generator)
                        for piece_ug, blinding in zip(pieces, blindings, strict=True)
                    ),
                    pa.binary(),
                ),
            ],
            schema=self.schema,
        )

    def _token(
        self,
        secret: bytes | None,
        owner: str,
        group: str,
        start_s: Seconds,
        pad_token: bytes | None,
    ) -> bytes:
        if secret is None:
            assert pad_token is not None  # noqa: S101 - our own caller
            return pad_token
        if not owner:
            output = SecretOutput(label=KeyLabel.CLAIM, value=secret)
            return claim_token(output, self.domain, group, start_s)
        output = SecretOutput(label=KeyLabel.OBJECT, value=secret)
        return object_token(output, self.domain, group, None if start_s == NO_TIME_S else start_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLeafTask(Task):
    """From `token, rank, salt, commitment` to the hashes of the list's leaves, in order."""

    @property
    @override
    def schema(self) -> pa.Schema:
        """The columns of what comes out."""
        return pa.schema([("token", pa.binary()), ("node", pa.binary())])

    @override
    def work(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the token and the hashed leaf of every row."""
        names = ("token", "rank", "salt", "commitment")
        rows = zip(*(batch.column(name).to_pylist() for name in names), strict=True)
        nodes = (
            leaf_hash(list_leaf(hidden_claim(token, rank, salt), commitment))
            for token, rank, salt, commitment in rows
        )
        return pa.RecordBatch.from_arrays(
            [batch.column("token").cast(pa.binary()), pa.array(nodes, pa.binary())],
            schema=self.schema,
        )
