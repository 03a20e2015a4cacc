"""The self-test leaf: shares of two known ciphertexts that must open to 1 and 0.

A dealer with a wrong decryption exponent (say d = 3 mod n instead of 1) would multiply every
opening without breaking any other check; here it is caught (DESIGN section 8). Anyone can check the
leaf: the shares carry proofs against the published verification keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fedcarbon.canonical.hashing import DIGEST_BYTES, digest
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.ids import PartyId
from fedcarbon.paillier.combine import ShareBatch
from fedcarbon.paillier.combine import check_self_test as check_batches
from fedcarbon.paillier.share_proof import ShareProof
from fedcarbon.parameters.parameter_set import ParameterSet, ParametersInvalidError
from fedcarbon.units import Natural

SHARES: int = 2
"""One for 1 + n, one for H."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrusteeSelfTest:
    """One trustee's shares of 1 + n and H, proved in one batch."""

    trustee_id: PartyId
    shares: tuple[Natural, ...]
    proof: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest(Statement):
    """Published by the dealer beside the parameter set; the second leaf of the record."""

    KIND: ClassVar[str] = "self_test"

    parameter_id: bytes
    trustees: tuple[TrusteeSelfTest, ...]

    def __post_init__(self) -> None:
        """Check sizes."""
        if len(self.parameter_id) != DIGEST_BYTES:
            raise MalformedError("a parameter id has 32 bytes")
        if any(len(entry.shares) != SHARES for entry in self.trustees):
            raise MalformedError("each trustee has one share per self-test ciphertext")


def self_test_context(parameter_id: bytes) -> bytes:
    """Return what the shares of a self-test are bound to, instead of an opening."""
    return digest(b"fedcarbon/v1/self-test", parameter_id)


def check_self_test(parameters: ParameterSet, self_test: SelfTest) -> None:
    """Check every trustee's proof, and that the shares open to 1 and 0.

    Raises:
        ParametersInvalidError: naming what does not hold.
    """
    if self_test.parameter_id != parameters.parameter_id:
        raise ParametersInvalidError("the self-test belongs to another parameter set")
    if tuple(entry.trustee_id for entry in self_test.trustees) != parameters.trustee_ids:
        raise ParametersInvalidError("the self-test must name every trustee, in order")
    key = parameters.threshold_key
    try:
        batches = [
            ShareBatch(
                trustee=index,
                shares=tuple(map(int, entry.shares)),
                proof=ShareProof.from_bytes(key, entry.proof),
            )
            for index, entry in enumerate(self_test.trustees, start=1)
        ]
        check_batches(
            key,
            batches,
            parameter_id=parameters.parameter_id,
            context=self_test_context(parameters.parameter_id),
        )
    except FedcarbonError as error:
        raise ParametersInvalidError(f"the self-test is refused: {error}") from error
