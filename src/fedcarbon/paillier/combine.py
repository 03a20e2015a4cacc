"""Combining verified decryption shares into plaintexts; needs no secret.

    c' = prod c_i^(2 lambda_i) mod n^2,  lambda_i = Delta * (Lagrange coefficient at 0), integers
    M  = L(c') (4 Delta^2)^-1 mod n,     L(u) = (u - 1) / n

Whoever collects shares (the hub) stands here and in the public modules beside; it never imports
`fedcarbon.paillier.shares`, which knows what a key share is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import gmpy2
from gmpy2 import mpz

from fedcarbon.errors import CallerError, PeerError, StateError
from fedcarbon.paillier.cipher import check_ciphertext
from fedcarbon.paillier.keys import PublicKey, blinding_base
from fedcarbon.paillier.share_proof import (
    ShareProof,
    ShareProofInvalidError,
    ShareStatement,
    verify,
)
from fedcarbon.paillier.threshold_key import ThresholdKey, lagrange_integer


class TooFewSharesError(StateError):
    """Fewer than t usable shares are there; more trustees must answer."""

    code: ClassVar[str] = "TOO_FEW_SHARES"


class DuplicateTrusteeError(CallerError):
    """Two batches of shares carry the same trustee index."""

    code: ClassVar[str] = "DUPLICATE_TRUSTEE"


class CombinedNotOneError(PeerError):
    """The combined shares are not 1 mod n: not all of them are shares of this ciphertext."""

    code: ClassVar[str] = "COMBINED_NOT_ONE"


class SelfTestFailedError(PeerError):
    """The dealt key does not open 1 + n to 1 and H to 0: the dealer dealt another secret."""

    code: ClassVar[str] = "SELF_TEST_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareBatch:
    """One trustee's answer to a batch of ciphertexts."""

    trustee: int
    """Index of the trustee, 1 to the number of trustees."""
    shares: tuple[int, ...] = field(repr=False)
    """c_i for every ciphertext, in their order."""
    proof: ShareProof = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decryption:
    """The plaintexts of a batch, and which trustees answered wrongly."""

    plaintexts: tuple[int, ...] = field(repr=False)
    """M in [0, n) for every ciphertext, in their order."""
    trustees: tuple[int, ...]
    """The trustees whose shares were combined."""
    faults: tuple[ShareProofInvalidError, ...]
    """One per trustee whose batch does not hold: evidence to keep."""


def verify_shares(
    key: ThresholdKey,
    ciphertexts: Sequence[int],
    batch: ShareBatch,
    *,
    parameter_id: bytes,
    context: bytes,
) -> None:
    """Accept one trustee's shares of `ciphertexts`, all by one proof.

    Args:
        key: the threshold key.
        ciphertexts: what is opened, computed by the caller itself; units mod n^2.
        batch: the trustee's answer.
        parameter_id: id of the parameter set.
        context: the opening's own context, exactly as the trustee bound it.

    Raises:
        TrusteeIndexError: there is no such trustee.
        ShareProofInvalidError: the batch does not hold; it names the trustee.
    """
    key.check_index(batch.trustee)
    if not batch.shares or len(batch.shares) != len(ciphertexts):
        raise ShareProofInvalidError(
            batch.trustee, f"(0) {len(batch.shares)} shares for {len(ciphertexts)} ciphertexts"
        )
    statement = ShareStatement(
        key=key,
        parameter_id=parameter_id,
        trustee=batch.trustee,
        context=context,
        ciphertexts=tuple(ciphertexts),
        shares=batch.shares,
    )
    verify(statement, batch.proof)


def combine(key: ThresholdKey, shares: Mapping[int, int]) -> int:
    """Return the plaintext M in [0, n) of which `shares` (trustee index to c_i) are shares.

    Exactly t shares are used, those of the lowest indices; any t give the same plaintext. The
    shares must have been verified: a wrong one gives a wrong plaintext or `CombinedNotOneError`.

    Raises:
        TooFewSharesError: fewer than t shares.
        TrusteeIndexError: an index is out of range.
        CiphertextRangeError, CiphertextNotUnitError: a share is no unit mod n^2.
        CombinedNotOneError: the result is not 1 mod n, so it is no power of 1 + n.
    """
    for index in shares:
        key.check_index(index)
    if len(shares) < key.threshold:
        raise TooFewSharesError(
            f"{len(shares)} shares are there, {key.threshold} of {key.trustees} are needed"
        )
    n, modulus = key.public_key.n, mpz(key.public_key.n_squared)
    indices = sorted(shares)[: key.threshold]
    combined = mpz(1)
    for index in indices:
        check_ciphertext(key.public_key, shares[index])
        exponent = 2 * lagrange_integer(key.delta, indices, of=index, at=0)
        combined = combined * gmpy2.powmod(shares[index], exponent, modulus) % modulus
    if combined % n != 1:
        raise CombinedNotOneError(f"the shares of trustees {indices} do not combine to 1 mod n")
    return int((combined - 1) // n * gmpy2.invert(4 * key.delta**2, n) % n)


def decrypt(
    key: ThresholdKey,
    ciphertexts: Sequence[int],
    batches: Sequence[ShareBatch],
    *,
    parameter_id: bytes,
    context: bytes,
) -> Decryption:
    """Verify every trustee's batch and combine any t good ones.

    Raises:
        DuplicateTrusteeError: two batches of one trustee.
        TrusteeIndexError: a batch of a trustee that does not exist.
        TooFewSharesError: fewer than t batches hold; its cause is the first that does not.
        CombinedNotOneError: see `combine`.
    """
    good: dict[int, ShareBatch] = {}
    faults: dict[int, ShareProofInvalidError] = {}
    for batch in batches:
        if batch.trustee in good or batch.trustee in faults:
            raise DuplicateTrusteeError(f"trustee {batch.trustee} answered twice")
        try:
            verify_shares(key, ciphertexts, batch, parameter_id=parameter_id, context=context)
        except ShareProofInvalidError as error:
            faults[batch.trustee] = error
        else:
            good[batch.trustee] = batch
    if len(good) < key.threshold:
        refused = f"; refused: trustees {sorted(faults)}" if faults else ""
        raise TooFewSharesError(
            f"{len(good)} trustees gave good shares, {key.threshold} are needed{refused}"
        ) from next(iter(faults.values()), None)
    used = sorted(good)[: key.threshold]
    return Decryption(
        plaintexts=tuple(
            combine(key, {index: good[index].shares[position] for index in used})
            for position in range(len(ciphertexts))
        ),
        trustees=tuple(used),
        faults=tuple(faults.values()),
    )


def self_test_ciphertexts(public_key: PublicKey) -> tuple[int, int]:
    """Return the two ciphertexts of the self-test: 1 + n and H."""
    return 1 + public_key.n, blinding_base(public_key.n)


def check_self_test(
    key: ThresholdKey, batches: Sequence[ShareBatch], *, parameter_id: bytes, context: bytes
) -> None:
    """Accept a dealt key of which every trustee's shares of 1 + n and H open to 1 and 0.

    Together with `check_degree` this takes the dealer out of correctness: d = 1 mod n follows from
    the first, d = 0 mod p'q' from the second. A dealer with d = 3 mod n would otherwise multiply
    every opening by three.

    Args:
        key: the threshold key; `check_degree` has accepted it.
        batches: the answer of every trustee to `self_test_ciphertexts`.
        parameter_id: id of the parameter set.
        context: the self-test's own context.

    Raises:
        TooFewSharesError: a trustee's batch is missing.
        ShareProofInvalidError: a batch does not hold.
        DuplicateTrusteeError, TrusteeIndexError, CombinedNotOneError: see `decrypt`.
        SelfTestFailedError: the plaintexts are not 1 and 0.
    """
    decryption = decrypt(
        key,
        self_test_ciphertexts(key.public_key),
        batches,
        parameter_id=parameter_id,
        context=context,
    )
    if decryption.faults:
        raise decryption.faults[0]
    if len(batches) != key.trustees:
        raise TooFewSharesError(
            f"the self-test needs all {key.trustees} trustees, {len(batches)} answered"
        )
    if decryption.plaintexts != (1, 0):
        raise SelfTestFailedError("the dealt key does not open 1 + n to 1 and H to 0")
