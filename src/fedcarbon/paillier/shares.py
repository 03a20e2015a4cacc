"""Key shares and decryption shares: for trustees only.

The hub and the partner nodes must not import this module (an import contract checks it).

A key share's exponent meets only `gmpy2.powmod_sec`, GMP's constant-time power: shares are computed
on request, over a network, with the same secret for years, and it costs half as much again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import gmpy2
from gmpy2 import mpz
from typing_extensions import override

from fedcarbon.errors import ConfigurationError
from fedcarbon.paillier.cipher import check_ciphertext
from fedcarbon.paillier.combine import ShareBatch
from fedcarbon.paillier.share_proof import ShareProof, ShareStatement, fold, mask_bits
from fedcarbon.paillier.threshold_key import ThresholdKey


class KeyShareMismatchError(ConfigurationError):
    """A key share that does not belong to its trustee's verification key."""

    code: ClassVar[str] = "KEY_SHARE_MISMATCH"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class KeyShare:
    """s_i: one trustee's share of the private key."""

    index: int
    """i, from 1."""
    value: int
    """s_i = f(i), in [1, n p'q'); 0 has a chance of 2^-2|n| and would not be a secret."""

    def __post_init__(self) -> None:
        """Check the ranges that are visible without p and q."""
        if self.index < 1 or self.value < 1:
            raise KeyShareMismatchError("the index and the value of a key share are positive")

    @override
    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"KeyShare(index={self.index}, value=<redacted>)"


def verification_key_of(public_base: int, delta: int, modulus: int, share: KeyShare) -> int:
    """Return v_i = v^(Delta s_i) mod n^2, given v, Delta and n^2."""
    return int(gmpy2.powmod_sec(public_base, delta * share.value, modulus))


def check_key_share(key: ThresholdKey, share: KeyShare) -> None:
    """Accept a share that belongs to its verification key; for a trustee that starts.

    Raises:
        TrusteeIndexError: the index is out of range.
        KeyShareMismatchError: v^(Delta s_i) is not v_i.
    """
    expected = key.verification_key(share.index)
    found = verification_key_of(key.verification_base, key.delta, key.public_key.n_squared, share)
    if found != expected:
        raise KeyShareMismatchError(
            f"the key share of trustee {share.index} does not match its verification key"
        )


def decryption_share(key: ThresholdKey, share: KeyShare, ciphertext: int) -> int:
    """Return c_i = c^(2 Delta s_i) mod n^2.

    Raises:
        CiphertextRangeError, CiphertextNotUnitError: the ciphertext is no unit mod n^2.
    """
    check_ciphertext(key.public_key, ciphertext)
    exponent = 2 * key.delta * share.value
    return int(gmpy2.powmod_sec(ciphertext, exponent, key.public_key.n_squared))


def prove_shares(
    key: ThresholdKey,
    share: KeyShare,
    ciphertexts: Sequence[int],
    shares: Sequence[int],
    *,
    parameter_id: bytes,
    context: bytes,
    randbelow: Callable[[int], int],
) -> ShareProof:
    """Return one proof that all `shares` were made from `ciphertexts` with this key share.

    Args:
        key: the threshold key.
        share: the trustee's secret.
        ciphertexts: every c of the batch, at least one.
        shares: every c_i, in the same order, as `decryption_share` made them.
        parameter_id: id of the parameter set.
        context: where the shares belong; another context needs another proof.
        randbelow: uniform in [0, bound) from a CSPRNG. A mask that is predictable, or used twice,
            gives the key share away.
    """
    assert ciphertexts, "a proof is about at least one share"
    modulus = key.public_key.n_squared
    statement = ShareStatement(
        key=key,
        parameter_id=parameter_id,
        trustee=share.index,
        context=context,
        ciphertexts=tuple(ciphertexts),
        shares=tuple(shares),
    )
    folded = fold(statement)
    mask = randbelow(1 << mask_bits(key))
    base = int(gmpy2.powmod_sec(key.verification_base, mask, modulus))
    pairs = int(gmpy2.powmod_sec(gmpy2.powmod(folded.ciphertext, 4, modulus), mask, modulus))
    e = folded.challenge(key, base, pairs)
    return ShareProof(
        commitment_base=base,
        commitment_pairs=pairs,
        response=int(mask + mpz(e) * key.delta * share.value),
    )


def share_batch(
    key: ThresholdKey,
    share: KeyShare,
    ciphertexts: Sequence[int],
    *,
    parameter_id: bytes,
    context: bytes,
    randbelow: Callable[[int], int],
) -> ShareBatch:
    """Return a trustee's whole answer: the shares of all `ciphertexts` and their proof.

    The arguments and what is raised are those of `decryption_share` and `prove_shares`.
    """
    shares = tuple(decryption_share(key, share, ciphertext) for ciphertext in ciphertexts)
    proof = prove_shares(
        key,
        share,
        ciphertexts,
        shares,
        parameter_id=parameter_id,
        context=context,
        randbelow=randbelow,
    )
    return ShareBatch(trustee=share.index, shares=shares, proof=proof)
