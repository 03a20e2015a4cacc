"""Dealing a threshold key from its two safe primes: for the key ceremony only.

The dealer sees everything once. What rests on it afterwards: that p and q are safe primes and
that it forgot them. What does not: that it dealt the right secret on the right polynomial, which
anyone checks (`check_degree`, `check_self_test`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

import gmpy2
from gmpy2 import mpz

from fedcarbon.errors import ConfigurationError
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.paillier.shares import KeyShare, verification_key_of
from fedcarbon.paillier.threshold_key import (
    ThresholdKey,
    check_threshold,
    derive_verification_base,
)

# Miller-Rabin rounds; the primes come from a library, so this catches mix-ups, not bad luck.
_PRIMALITY_ROUNDS: Final = 32


class PrimesInvalidError(ConfigurationError):
    """Two numbers that are not different safe primes of equal length."""

    code: ClassVar[str] = "PRIMES_INVALID"


def check_safe_primes(p: int, q: int) -> None:
    """Accept two different safe primes of equal bit length.

    Raises:
        PrimesInvalidError: they are not.
    """
    if p == q or p.bit_length() != q.bit_length():
        raise PrimesInvalidError("p and q must be different and equally long")
    for prime in (p, q):
        if not all(gmpy2.is_prime(number, _PRIMALITY_ROUNDS) for number in (prime, prime // 2)):
            raise PrimesInvalidError("p and q must be safe primes")


def deal(
    p: int, q: int, *, trustees: int, threshold: int, randbelow: Callable[[int], int]
) -> tuple[KeyShare, ...]:
    """Return one key share per trustee, in order.

    d = 0 mod p'q' and d = 1 mod n; f has degree t - 1 over Z_(n p'q') with f(0) = d; s_i = f(i).

    Args:
        p: a safe prime, p = 2 p' + 1.
        q: another one of the same length.
        trustees: how many shares.
        threshold: t, how many of them open a ciphertext.
        randbelow: uniform in [0, bound) from a CSPRNG.

    Raises:
        PrimesInvalidError: see `check_safe_primes`.
        ThresholdInvalidError: see `check_threshold`.
        ModulusInvalidError: n = p q cannot be a `PublicKey`.
    """
    check_safe_primes(p, q)
    check_threshold(trustees=trustees, threshold=threshold)
    n = PublicKey(n=p * q).n
    order = mpz(p // 2) * (q // 2)  # p'q'
    secret = order * gmpy2.invert(order, n)
    return share_secret(
        int(secret),
        modulus=int(n * order),
        trustees=trustees,
        threshold=threshold,
        randbelow=randbelow,
    )


def share_secret(
    secret: int, *, modulus: int, trustees: int, threshold: int, randbelow: Callable[[int], int]
) -> tuple[KeyShare, ...]:
    """Return f(1), ..., f(trustees) of a random f of degree `threshold` - 1 with f(0) = secret."""
    coefficients = [secret, *(randbelow(modulus) for _ in range(threshold - 1))]
    shares = []
    for index in range(1, trustees + 1):
        value = mpz(0)
        for coefficient in reversed(coefficients):
            value = (value * index + coefficient) % modulus
        shares.append(KeyShare(index=index, value=int(value)))
    return tuple(shares)


def threshold_key_of(n: int, shares: Sequence[KeyShare], threshold: int) -> ThresholdKey:
    """Return the public half of a dealt key: v from the hash of n, and every v_i.

    Args:
        n: the modulus.
        shares: all key shares, in the order of their indices.
        threshold: t.
    """
    public_key = PublicKey(n=n)
    base, _ = derive_verification_base(n)
    delta = int(gmpy2.fac(len(shares)))
    return ThresholdKey(
        public_key=public_key,
        trustees=len(shares),
        threshold=threshold,
        verification_base=base,
        verification_keys=tuple(
            verification_key_of(base, delta, public_key.n_squared, share) for share in shares
        ),
    )
