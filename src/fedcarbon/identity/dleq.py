"""The batched proof that many elements were multiplied by the one secret of a public key.

RFC 9497 section 2.2. Its composite weights have two rules here. `CompositeRule.RFC9497` is the
letter of the RFC, for its vectors: there the weight of a pair depends on the key, the position
and that pair alone. A prover who may choose wrong results freely can then look for pairs whose
weighted errors cancel, one list of candidates per position: the generalised birthday problem,
about 2^28 candidates per position for 256 pairs (2^(252/(1+lg m)) for m). Trustees are not
trusted one by one, so everything in this project uses `CompositeRule.WHOLE_BATCH`: the seed of the
weights also hashes every pair, and changing any one of them changes all weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final

from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.identity import ristretto
from fedcarbon.identity.oprf import context_string, hash_to_scalar, two_byte_prefixed
from fedcarbon.identity.ristretto import (
    ORDER,
    SCALAR_BYTES,
    Element,
    ElementInvalidError,
    Scalar,
    ScalarInvalidError,
)

PROOF_BYTES: Final = 2 * SCALAR_BYTES
BATCH_ELEMENTS_MAX: Final = 4096
"""Limit of one batch; the RFC's two-byte positions would allow 65 536."""


class BatchSizeError(MalformedError):
    """A batch is empty, too long, or its two sides differ in length."""

    code: ClassVar[str] = "BATCH_SIZE"


class DleqProofInvalidError(PeerError):
    """A proof of equal discrete logarithms does not hold."""

    code: ClassVar[str] = "DLEQ_PROOF_INVALID"


class CompositeRule(Enum):
    """What the weights of a batch depend on."""

    RFC9497 = "rfc9497"
    """Key, position and pair: the RFC to the letter; for its vectors only."""
    WHOLE_BATCH = "whole_batch"
    """Also all pairs of the batch; equal in cost, sound for every batch size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DleqProof:
    """A proof: `c` and `s` of RFC 9497 section 2.2."""

    challenge: Scalar
    response: Scalar

    def to_bytes(self) -> bytes:
        """Return the 64 bytes c | s."""
        return ristretto.scalar_to_bytes(self.challenge) + ristretto.scalar_to_bytes(self.response)

    @classmethod
    def from_bytes(cls, data: bytes) -> DleqProof:
        """Return the proof that 64 bytes encode.

        Raises:
            ScalarInvalidError: another length, or a part is not canonical.
        """
        if len(data) != PROOF_BYTES:
            raise ScalarInvalidError(f"a proof has {PROOF_BYTES} bytes, got {len(data)}")
        return cls(
            challenge=ristretto.scalar_from_bytes(data[:SCALAR_BYTES]),
            response=ristretto.scalar_from_bytes(data[SCALAR_BYTES:]),
        )


def generate_proof(
    secret: Scalar,
    public: Element,
    blinded: Sequence[Element],
    evaluated: Sequence[Element],
    proof_scalar: Scalar,
    *,
    rule: CompositeRule = CompositeRule.WHOLE_BATCH,
) -> DleqProof:
    """Return the proof that evaluated[i] = secret * blinded[i] for all i.

    Args:
        secret: k with public = k * G.
        public: the public key.
        blinded: 1 to `BATCH_ELEMENTS_MAX` elements.
        evaluated: the products, in the same order.
        proof_scalar: r, uniform in [1, ORDER) and never used again: two proofs with one r reveal k.
        rule: what the weights depend on.

    Raises:
        BatchSizeError: see there.
    """
    weights = composite_weights(public, blinded, evaluated, rule=rule)
    first = ristretto.sum_of_products(weights, blinded)
    second = ristretto.multiply(secret, first)
    challenge = _challenge(
        public,
        first,
        second,
        ristretto.multiply_base(proof_scalar),
        ristretto.multiply(proof_scalar, first),
    )
    return DleqProof(
        challenge=challenge, response=Scalar((proof_scalar - challenge * secret) % ORDER)
    )


def verify_proof(
    public: Element,
    blinded: Sequence[Element],
    evaluated: Sequence[Element],
    proof: DleqProof,
    *,
    rule: CompositeRule = CompositeRule.WHOLE_BATCH,
) -> None:
    """Check that evaluated[i] = k * blinded[i] for all i, with public = k * G.

    Raises:
        BatchSizeError: see there.
        DleqProofInvalidError: the proof does not hold.
    """
    weights = composite_weights(public, blinded, evaluated, rule=rule)
    scalars = (proof.response, proof.challenge)
    try:
        first = ristretto.sum_of_products(weights, blinded)
        second = ristretto.sum_of_products(weights, evaluated)
        base_commitment = ristretto.add(
            ristretto.multiply_base(proof.response), ristretto.multiply(proof.challenge, public)
        )
        batch_commitment = ristretto.sum_of_products(scalars, (first, second))
    except ElementInvalidError as error:
        # An honest proof meets the identity with probability 2^-250.
        raise DleqProofInvalidError("a value of the proof is the identity") from error
    expected = _challenge(public, first, second, base_commitment, batch_commitment)
    if expected != proof.challenge:
        raise DleqProofInvalidError(
            f"the proof over {len(blinded)} elements does not hold for this public key"
        )


def composite_weights(
    public: Element,
    blinded: Sequence[Element],
    evaluated: Sequence[Element],
    *,
    rule: CompositeRule,
) -> list[Scalar]:
    """Return d_i of ComputeComposites (RFC 9497 section 2.2.1) under `rule`.

    Raises:
        BatchSizeError: no element, more than `BATCH_ELEMENTS_MAX`, or unequal lengths.
    """
    if len(blinded) != len(evaluated):
        raise BatchSizeError(f"{len(evaluated)} results for {len(blinded)} elements")
    check_batch_size(len(blinded))
    transcript = two_byte_prefixed(public) + two_byte_prefixed(b"Seed-" + context_string())
    if rule is CompositeRule.WHOLE_BATCH:
        # Elements have a fixed length, and the count fixes where the two sides meet.
        transcript += two_byte_prefixed(b"fedcarbon/v1/voprf-batch")
        transcript += len(blinded).to_bytes(2, "big") + b"".join(blinded) + b"".join(evaluated)
    prefix = two_byte_prefixed(hashlib.sha512(transcript).digest())
    return [
        hash_to_scalar(
            prefix
            + position.to_bytes(2, "big")
            + two_byte_prefixed(left)
            + two_byte_prefixed(right)
            + b"Composite"
        )
        for position, (left, right) in enumerate(zip(blinded, evaluated, strict=True))
    ]


def check_batch_size(count: int) -> None:
    """Check that a batch of `count` elements is accepted.

    Raises:
        BatchSizeError: no element, or more than `BATCH_ELEMENTS_MAX`.
    """
    if not 1 <= count <= BATCH_ELEMENTS_MAX:
        raise BatchSizeError(f"a batch has 1 to {BATCH_ELEMENTS_MAX} elements, got {count}")


def _challenge(*elements: Element) -> Scalar:
    """Return HashToScalar over public key, M, Z, t2 and t3, in this order."""
    return hash_to_scalar(b"".join(map(two_byte_prefixed, elements)) + b"Challenge")
