"""A proof that a modulus is square-free: n-th roots of hashed elements.

After Goldberg, Reyzin, Sagga and Baldimtsi 2019, "Efficient Noninteractive Certification of RSA
Moduli and Beyond", section 3. The statement is gcd(n, phi(n)) = 1, which excludes every square
factor: p^2 | n gives p | phi(n). Paillier needs exactly this, or two plaintexts share a ciphertext.

The proof is sigma_i = rho_i^(1/n) mod n for m elements rho_i that a hash of n gives.

Soundness. Suppose a prime r divides both n and phi(n), and n has no prime factor below alpha; so
r >= alpha. Then some prime power p^k of n has r | phi(p^k), so x -> x^n is at least r-to-one on
the units mod p^k, and at most 1/r <= 1/alpha of the units mod n have an n-th root at all. The
rho_i are units (others are skipped) and, the hash taken as random, uniform and independent. All m
have roots with probability at most alpha^-m <= 2^-128. Who makes n may try many; every try is a
hash. Zero knowledge is not at stake: for gcd(n, phi(n)) = 1 the roots of random elements are
what anyone gets by choosing sigma first.
"""

from __future__ import annotations

from math import gcd
from typing import ClassVar, Final

import gmpy2

from fedcarbon.errors import PeerError
from fedcarbon.paillier.keys import HASH_EXCESS_BITS
from fedcarbon.proofs.transcript import Transcript

ALPHA_BITS: Final = 16
"""log2(alpha): the verifier divides by every prime below alpha = 2^16 itself."""

SOUNDNESS_BITS: Final = 128

ROOTS: Final = -(-SOUNDNESS_BITS // ALPHA_BITS)
"""m = ceil(128 / log2(alpha)) = 8: how many roots a proof has."""


class SquareFreeProofInvalidError(PeerError):
    """A modulus is not shown to be square-free: its maker must not be trusted with it."""

    code: ClassVar[str] = "SQUARE_FREE_PROOF_INVALID"


def hashed_elements(modulus: int) -> tuple[int, ...]:
    """Return rho_1, ..., rho_m: units mod `modulus` that follow from it alone."""
    bits = modulus.bit_length()
    transcript = Transcript(b"square-free")
    transcript.absorb_int(b"bits", bits, bits=32)
    transcript.absorb_int(b"modulus", modulus, bits=bits)
    elements: list[int] = []
    while len(elements) < ROOTS:
        element = transcript.challenge(b"element", bits=bits + HASH_EXCESS_BITS) % modulus
        if gcd(element, modulus) == 1:
            elements.append(element)
    return tuple(elements)


def prove_square_free(p: int, q: int) -> tuple[int, ...]:
    """Return sigma_1, ..., sigma_m for the modulus p q.

    Args:
        p: a prime.
        q: another prime; gcd(p q, (p - 1)(q - 1)) = 1.

    Raises:
        ValueError: n has no inverse mod phi(n), so there is nothing to prove.
    """
    modulus, order = p * q, (p - 1) * (q - 1)
    exponent = pow(modulus, -1, order)
    return tuple(
        int(gmpy2.powmod_sec(element, exponent, modulus)) for element in hashed_elements(modulus)
    )


def verify_square_free(modulus: int, roots: tuple[int, ...]) -> None:
    """Accept a modulus with its proof.

    Raises:
        SquareFreeProofInvalidError: a check fails; the message holds its number.
    """
    # (1) no prime factor below alpha
    if modulus < 1 << ALPHA_BITS or gmpy2.gcd(modulus, gmpy2.primorial(1 << ALPHA_BITS)) != 1:
        raise SquareFreeProofInvalidError(f"(1) a prime factor is below 2^{ALPHA_BITS}")
    # (2) m roots, each reduced
    if len(roots) != ROOTS or not all(0 < root < modulus for root in roots):
        raise SquareFreeProofInvalidError(f"(2) there are not {ROOTS} reduced roots")
    # (3) sigma_i^n = rho_i mod n
    for index, element in enumerate(hashed_elements(modulus)):
        if gmpy2.powmod(roots[index], modulus, modulus) != element:
            raise SquareFreeProofInvalidError(f"(3) root {index} is not a root of its element")
