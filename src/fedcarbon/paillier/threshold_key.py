"""What everyone knows about a threshold key, and the checks that keep its dealer honest.

Fouque-Poupard-Stern 2000 and Damgard-Jurik 2001 after Shoup 2000. The secret d (0 mod p'q', 1 mod
n) lies on a polynomial f of degree t - 1 over Z_(n p'q'); trustee i holds s_i = f(i). Public are
v, a square that generates the squares mod n^2, and v_i = v^(Delta s_i) with Delta = trustees!.

v comes out of a hash of n and is **never an n-th power**: with an n-th residue a proof says
nothing about s_i mod n, and a wrong share can carry a valid one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from math import factorial, prod
from typing import ClassVar, Final

import gmpy2
from gmpy2 import mpz

from fedcarbon.canonical.hashing import natural_bytes, u32
from fedcarbon.errors import CallerError, ConfigurationError, PeerError
from fedcarbon.paillier.keys import ModulusInvalidError, PublicKey, hash_below

# DESIGN section 8. The masks of section 11 leave room for the carries of exactly this many.
TRUSTEES_MAX: Final = 15

_LABEL_V: Final = b"fedcarbon/v1/paillier/v"


class ThresholdInvalidError(ConfigurationError):
    """A number of trustees or a threshold that this protocol does not allow."""

    code: ClassVar[str] = "THRESHOLD_INVALID"


class VerificationBaseInvalidError(ConfigurationError):
    """A verification base that is not the one that the hash of n gives."""

    code: ClassVar[str] = "VERIFICATION_BASE_INVALID"


class VerificationKeyInvalidError(ConfigurationError):
    """Verification keys that are not one unit mod n^2 per trustee."""

    code: ClassVar[str] = "VERIFICATION_KEY_INVALID"


class DegreeInvalidError(PeerError):
    """The dealer's shares do not lie on one polynomial of degree t - 1."""

    code: ClassVar[str] = "DEGREE_INVALID"


class TrusteeIndexError(CallerError):
    """A trustee index outside 1 to the number of trustees."""

    code: ClassVar[str] = "TRUSTEE_INDEX"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdKey:
    """A Paillier key whose private half is dealt to trustees; everything here is public."""

    public_key: PublicKey
    trustees: int
    """How many hold a share; at most `TRUSTEES_MAX`."""
    threshold: int
    """t: how many shares open a ciphertext; 2 t > trustees."""
    verification_base: int = field(repr=False)
    """v, as `derive_verification_base` gives it."""
    verification_keys: tuple[int, ...] = field(repr=False)
    """v_1, v_2, ... in the order of the trustees."""

    def __post_init__(self) -> None:
        """Check all that can be checked without any share.

        Raises:
            ThresholdInvalidError: see `check_threshold`.
            ModulusInvalidError: n shares a factor with 2 Delta.
            VerificationBaseInvalidError: v is not derived from n.
            VerificationKeyInvalidError: not exactly one unit in (0, n^2) per trustee.
        """
        check_threshold(trustees=self.trustees, threshold=self.threshold)
        n, n_squared = self.public_key.n, self.public_key.n_squared
        if gmpy2.gcd(2 * self.delta, n) != 1:
            raise ModulusInvalidError("n must share no factor with 2 Delta")
        if self.verification_base != derive_verification_base(n)[0]:
            raise VerificationBaseInvalidError("the verification base does not follow from n")
        if len(self.verification_keys) != self.trustees:
            raise VerificationKeyInvalidError(
                f"{self.trustees} trustees need as many verification keys, "
                f"not {len(self.verification_keys)}"
            )
        for index, key in enumerate(self.verification_keys, start=1):
            if not 0 < key < n_squared or gmpy2.gcd(key, n) != 1:
                raise VerificationKeyInvalidError(
                    f"the verification key of trustee {index} is no unit mod n^2"
                )

    @property
    def delta(self) -> int:
        """Return Delta, the factorial of the number of trustees."""
        return factorial(self.trustees)

    def verification_key(self, trustee: int) -> int:
        """Return v_i of trustee i.

        Raises:
            TrusteeIndexError: see `check_index`.
        """
        self.check_index(trustee)
        return self.verification_keys[trustee - 1]

    def check_index(self, trustee: int) -> None:
        """Accept a trustee index.

        Raises:
            TrusteeIndexError: not between 1 and the number of trustees.
        """
        if not 1 <= trustee <= self.trustees:
            raise TrusteeIndexError(f"there is no trustee {trustee} among {self.trustees}")


def check_threshold(*, trustees: int, threshold: int) -> None:
    """Accept `threshold` of `trustees`.

    A threshold of half or less would let two disjoint sets of trustees open two things.

    Raises:
        ThresholdInvalidError: 2 threshold <= trustees, threshold > trustees, or too many trustees.
    """
    if trustees > TRUSTEES_MAX:
        raise ThresholdInvalidError(f"at most {TRUSTEES_MAX} trustees are possible, not {trustees}")
    if not trustees < 2 * threshold <= 2 * trustees:
        raise ThresholdInvalidError(
            f"{threshold} of {trustees} is no majority of the trustees: choose more than half"
        )


def derive_verification_base(n: int) -> tuple[int, int]:
    """Return (v, counter): v is the square of a hash of n to [0, n^2), reduced mod n^2.

    The hash is squared so that v lies in the group of squares, where honest shares live and which
    has no small subgroup; nobody chose it, so it is an n-th power with probability 1/n. The
    counter rises until the hash is a unit.
    """
    n_squared = mpz(n) * n
    counter = 0
    while True:
        root = hash_below(_LABEL_V, int(n_squared), natural_bytes(n), u32(counter))
        if root > 1 and gmpy2.gcd(root, n) == 1:
            return int(mpz(root) * root % n_squared), counter
        counter += 1


def lagrange_integer(delta: int, indices: Collection[int], of: int, at: int) -> int:
    """Return Delta times the Lagrange coefficient of index `of` in `indices`, evaluated at `at`.

    Delta = trustees! makes it an integer (Shoup 2000): every denominator divides
    (of - 1)! (trustees - of)!, which divides Delta.
    """
    others = [index for index in indices if index != of]
    numerator = delta * prod(at - index for index in others)
    quotient, rest = divmod(numerator, prod(of - index for index in others))
    assert rest == 0, "a Lagrange coefficient times Delta is an integer"
    return quotient


def check_degree(key: ThresholdKey) -> None:
    """Accept verification keys whose exponents lie on one polynomial of degree t - 1.

    Checks prod_{j <= t} v_j^(L_ij) = v_i^Delta mod n^2 for every i > t, with L_ij as
    `lagrange_integer` gives it: the first t keys determine all others. Without it a dealer could
    give shares of which different subsets open to different values.

    Raises:
        DegreeInvalidError: the equation fails; the message names the first trustee for which.
    """
    n_squared, first = mpz(key.public_key.n_squared), range(1, key.threshold + 1)
    for index in range(key.threshold + 1, key.trustees + 1):
        left = mpz(1)
        for other in first:
            exponent = lagrange_integer(key.delta, first, of=other, at=index)
            left = left * gmpy2.powmod(key.verification_key(other), exponent, n_squared) % n_squared
        if left != gmpy2.powmod(key.verification_key(index), key.delta, n_squared):
            raise DegreeInvalidError(
                f"the verification key of trustee {index} is not on the polynomial of the first "
                f"{key.threshold}"
            )
