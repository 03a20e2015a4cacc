"""The proof that decryption shares were made with the dealt key share: encoding and equations.

Chaum-Pedersen 1992 in a group of unknown order, as Shoup 2000 and Damgard-Jurik 2001 use it, for a
whole batch at once. Trustee i shows that it knows x = Delta s_i with

    v_i = v^x        and        c_i^2 = (c^4)^x  for every pair (c, c_i) of the batch.

The pairs are folded first: with 128-bit weights w that a hash fixes after all pairs are known, let
C = prod c^w and S = prod c_i^w. One proof of S^2 = (C^4)^x stands for all, because the errors
c_i^2 / c^(4x) are squares mod n^2, a group whose order n p'q' has no factor below 2^128: errors
that are not all 1 cancel with probability 2^-128.

    mask r in [0, 2^(2|n| + bits(Delta) + lambda + kappa)),  a = v^r,  b = (C^4)^r
    e = 128 bits of hash(everything above, a, b),            z = r + e x

Making a proof needs the share and is elsewhere (`fedcarbon.paillier.shares`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import gmpy2
from gmpy2 import mpz
from typing_extensions import override

from fedcarbon.canonical.hashing import digest, expand_integer, natural_bytes, u32
from fedcarbon.errors import CallerError, MalformedError, PeerError
from fedcarbon.paillier.cipher import check_ciphertext
from fedcarbon.paillier.threshold_key import ThresholdKey

# DESIGN section 9.2: lambda bits of challenge, kappa bits of statistical hiding.
CHALLENGE_BITS: Final = 128
HIDING_BITS: Final = 80
WEIGHT_BITS: Final = 128

_LABEL_STATEMENT: Final = b"fedcarbon/v1/paillier/share-proof/statement"
_LABEL_WEIGHT: Final = b"fedcarbon/v1/paillier/share-proof/weight"
_LABEL_CHALLENGE: Final = b"fedcarbon/v1/paillier/share-proof/challenge"


class ShareProofInvalidError(PeerError):
    """A trustee's decryption shares or their proof do not hold."""

    code: ClassVar[str] = "SHARE_PROOF_INVALID"

    def __init__(self, trustee: int, finding: str) -> None:
        """Take the trustee's index and which check failed."""
        # Both stay in `args`, so that the error survives a process pool.
        super().__init__(trustee, finding)
        self.trustee: Final = trustee
        """Index of the trustee whose shares are not usable."""
        self.finding: Final = finding
        """The check that failed, in words."""

    @override
    def __str__(self) -> str:
        """Return who must act and why."""
        return f"the decryption shares of trustee {self.trustee} do not hold: {self.finding}"


def mask_bits(key: ThresholdKey) -> int:
    """Return the length of r: 2 |n| + bits(Delta) + lambda + kappa.

    x = Delta s_i is below 2^(2|n| + bits(Delta)), so r hides e x up to 2^-kappa.
    """
    return 2 * key.public_key.bits + key.delta.bit_length() + CHALLENGE_BITS + HIDING_BITS


def response_bits(key: ThresholdKey) -> int:
    """Return the longest z that is accepted: r + e x carries at most one bit."""
    return mask_bits(key) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareProof:
    """The proof for one batch of one trustee."""

    commitment_base: int = field(repr=False)
    """a = v^r mod n^2."""
    commitment_pairs: int = field(repr=False)
    """b = (C^4)^r mod n^2."""
    response: int = field(repr=False)
    """z = r + e x, an integer."""

    def to_bytes(self, key: ThresholdKey) -> bytes:
        """Return a | b | z, big-endian, each as wide as its longest legal value."""
        width = key.public_key.ciphertext_bytes
        return (
            self.commitment_base.to_bytes(width, "big")
            + self.commitment_pairs.to_bytes(width, "big")
            + self.response.to_bytes(_response_bytes(key), "big")
        )

    @classmethod
    def from_bytes(cls, key: ThresholdKey, data: bytes) -> ShareProof:
        """Return the proof that `data` encodes; the values are judged by `verify`.

        Raises:
            MalformedError: another length.
        """
        width = key.public_key.ciphertext_bytes
        expected = 2 * width + _response_bytes(key)
        if len(data) != expected:
            raise MalformedError(f"a share proof has {expected} bytes, not {len(data)}")
        return cls(
            commitment_base=int.from_bytes(data[:width], "big"),
            commitment_pairs=int.from_bytes(data[width : 2 * width], "big"),
            response=int.from_bytes(data[2 * width :], "big"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareStatement:
    """What one proof is about; the hash of every item is in weights and challenge."""

    key: ThresholdKey
    parameter_id: bytes
    """Id of the parameter set, which binds n, v and all v_i once more."""
    trustee: int
    """Index of the trustee, 1 to the number of trustees."""
    context: bytes = field(repr=False)
    """Where the shares belong: opening id, attempt, subset, mask hashes, in one encoding."""
    ciphertexts: tuple[int, ...] = field(repr=False)
    """c of every pair; units mod n^2."""
    shares: tuple[int, ...] = field(repr=False)
    """c_i of every pair, in the same order."""

    def items(self) -> tuple[bytes, ...]:
        """Return what the transcript binds, in order; numbers mod n^2 have one width."""
        width = self.key.public_key.ciphertext_bytes
        pairs = zip(self.ciphertexts, self.shares, strict=True)
        return (
            self.parameter_id,
            natural_bytes(self.key.public_key.n),
            u32(self.trustee),
            self.context,
            self.key.verification_base.to_bytes(width, "big"),
            self.key.verification_key(self.trustee).to_bytes(width, "big"),
            u32(len(self.ciphertexts)),
            *(number.to_bytes(width, "big") for pair in pairs for number in pair),
        )

    def digest(self) -> bytes:
        """Return the 32-byte hash of `items`."""
        return digest(_LABEL_STATEMENT, *self.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedStatement:
    """A statement after its pairs are folded into one: C, S and the hash of everything."""

    digest: bytes
    ciphertext: Any = field(repr=False)
    """C = prod c^w mod n^2, an `mpz`."""
    share: Any = field(repr=False)
    """S = prod c_i^w mod n^2, an `mpz`."""

    def challenge(self, key: ThresholdKey, commitment_base: int, commitment_pairs: int) -> int:
        """Return e in [0, 2^128) after both commitments."""
        width = key.public_key.ciphertext_bytes
        return expand_integer(
            _LABEL_CHALLENGE,
            self.digest,
            commitment_base.to_bytes(width, "big"),
            commitment_pairs.to_bytes(width, "big"),
            bits=CHALLENGE_BITS,
        )


def fold(statement: ShareStatement) -> FoldedStatement:
    """Return the statement's pairs as one pair, under weights that are fixed by all of them."""
    modulus = mpz(statement.key.public_key.n_squared)
    statement_digest = statement.digest()
    ciphertext, share = mpz(1), mpz(1)
    for position, pair in enumerate(zip(statement.ciphertexts, statement.shares, strict=True)):
        weight = expand_integer(_LABEL_WEIGHT, statement_digest, u32(position), bits=WEIGHT_BITS)
        ciphertext = ciphertext * gmpy2.powmod(pair[0], weight, modulus) % modulus
        share = share * gmpy2.powmod(pair[1], weight, modulus) % modulus
    return FoldedStatement(digest=statement_digest, ciphertext=ciphertext, share=share)


def verify(statement: ShareStatement, proof: ShareProof) -> None:
    """Accept shares that were made with the dealt key share.

    The ciphertexts are the verifier's own; everything else is the trustee's.

    Raises:
        ShareProofInvalidError: a check fails; it names the trustee and the check.
    """
    key, trustee = statement.key, statement.trustee
    modulus = mpz(key.public_key.n_squared)
    # (1) every share, and both commitments, are units in (0, n^2)
    try:
        for number in (*statement.shares, proof.commitment_base, proof.commitment_pairs):
            check_ciphertext(key.public_key, number)
    except CallerError as error:
        raise ShareProofInvalidError(trustee, "(1) a share or commitment is no unit") from error
    # (2) the response is as long as an honest one
    if proof.response < 0 or proof.response.bit_length() > response_bits(key):
        raise ShareProofInvalidError(trustee, "(2) the response is too long")
    folded = fold(statement)
    e = folded.challenge(key, proof.commitment_base, proof.commitment_pairs)
    # (3) v^z = a v_i^e: the exponent is the one of the verification key
    left = gmpy2.powmod(key.verification_base, proof.response, modulus)
    right = gmpy2.powmod(key.verification_key(trustee), e, modulus)
    if left != proof.commitment_base * right % modulus:
        raise ShareProofInvalidError(trustee, "(3) not the exponent of its verification key")
    # (4) (C^4)^z = b S^(2e): the same exponent made every share
    left = gmpy2.powmod(folded.ciphertext, 4 * proof.response, modulus)
    right = gmpy2.powmod(folded.share, 2 * e, modulus)
    if left != proof.commitment_pairs * right % modulus:
        raise ShareProofInvalidError(trustee, "(4) a share was made with another exponent")


def _response_bytes(key: ThresholdKey) -> int:
    return (response_bits(key) + 7) // 8
