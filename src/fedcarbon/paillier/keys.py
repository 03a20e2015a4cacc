"""The public Paillier key: a modulus, and a blinding base that nobody could choose.

Paillier 1999 with g = 1 + n. A ciphertext is Enc(m; s) = (1 + n m) H^s mod n^2 with
H = (y^2)^n mod n^2 (Damgard-Jurik-Nielsen 2010), so that s may have half the length of n
(Goldreich-Rosen: no new assumption). y comes out of a hash of n: there is nothing up a sleeve.

No private key is in this package: it exists only as shares (`fedcarbon.paillier.shares`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

import gmpy2
from gmpy2 import mpz

from fedcarbon.canonical.hashing import expand_integer, natural_bytes, u32
from fedcarbon.errors import ConfigurationError

MODULUS_BITS_MIN: Final = 2_048
"""DESIGN section 8: 3072 bits in production, 2048 allowed, less only inside tests."""

# With fewer than 128 bits of excess the reduced hash would visibly prefer small residues.
HASH_EXCESS_BITS: Final = 128

_LABEL_Y: Final = b"fedcarbon/v1/paillier/y"


class ModulusInvalidError(ConfigurationError):
    """A number that cannot be a Paillier modulus of this project."""

    code: ClassVar[str] = "MODULUS_INVALID"


class InsecureKeySizeError(ConfigurationError):
    """A modulus that is fit for tests only."""

    code: ClassVar[str] = "INSECURE_KEY_SIZE"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """n, and the sizes that follow from it."""

    n: int = field(repr=False)
    """n = p q with safe primes p and q; odd, and its bit length is a multiple of 16."""
    bits: int = field(init=False)
    """|n|, the bit length of n."""
    n_squared: int = field(init=False, repr=False, compare=False)
    """n^2, the modulus of ciphertexts."""

    def __post_init__(self) -> None:
        """Check the shape of n and fix what follows from it.

        Raises:
            ModulusInvalidError: n is even, a square, or not a whole number of 16-bit words long.
        """
        bits = self.n.bit_length()
        # Half of |n| is the length of s, and |n|/8 the width of n: both are whole numbers.
        if self.n < 1 or bits % 16 or self.n % 2 == 0:
            raise ModulusInvalidError(
                f"a modulus must be odd and a multiple of 16 bits long, not {bits} bits"
            )
        if gmpy2.is_square(self.n):
            raise ModulusInvalidError("a modulus must be a product of two different primes")
        object.__setattr__(self, "bits", bits)
        object.__setattr__(self, "n_squared", self.n * self.n)

    @property
    def ciphertext_bytes(self) -> int:
        """Return the width of an encoded ciphertext in bytes: 2 |n| / 8."""
        return self.bits // 4

    @property
    def randomiser_bits(self) -> int:
        """Return the length of s in bits: ceil(|n| / 2)."""
        return self.bits // 2


def require_secure(public_key: PublicKey) -> None:
    """Accept a key that may protect real people.

    Raises:
        InsecureKeySizeError: n is shorter than `MODULUS_BITS_MIN`.
    """
    if public_key.bits < MODULUS_BITS_MIN:
        raise InsecureKeySizeError(
            f"a modulus of {public_key.bits} bits is for tests only; use {MODULUS_BITS_MIN} or more"
        )


def derive_y(n: int) -> tuple[int, int]:
    """Return (y, counter): the first unit mod n, other than 0 and 1, that the hash of n gives.

    The hash of (label, n, counter) has |n| + 128 bits and is reduced mod n. A non-unit would
    reveal a factor of n, so the counter is 0 for every modulus that anyone will ever see.
    """
    counter = 0
    while True:
        y = hash_below(_LABEL_Y, n, natural_bytes(n), u32(counter))
        if y > 1 and gmpy2.gcd(y, n) == 1:
            return y, counter
        counter += 1


def blinding_base(n: int) -> int:
    """Return H = (y^2)^n mod n^2, an encryption of 0 of odd order."""
    y, _ = derive_y(n)
    # Reducing y^2 mod n first is sound: a^n mod n^2 depends on a mod n only.
    return int(gmpy2.powmod(mpz(y) * y % n, n, mpz(n) * n))


def hash_below(label: bytes, bound: int, *items: bytes) -> int:
    """Return a hash of the items in [0, bound), from `HASH_EXCESS_BITS` more bits than it has."""
    return expand_integer(label, *items, bits=bound.bit_length() + HASH_EXCESS_BITS) % bound
