from __future__ import annotations

import gmpy2
import pytest

from fedcarbon.paillier.keys import (
    InsecureKeySizeError,
    ModulusInvalidError,
    PublicKey,
    blinding_base,
    derive_y,
    require_secure,
)
from tests.keys.primes import BITS_2048, BITS_3072, TINY, Primes, load_primes


@pytest.mark.parametrize(("name", "bits"), [(TINY, 512), (BITS_2048, 2048), (BITS_3072, 3072)])
def test_the_pre_made_primes_are_safe_primes_of_exact_size(name: str, bits: int) -> None:
    primes = load_primes(name)

    four = (primes.p, primes.q, primes.big_p, primes.big_q)
    assert len(set(four)) == 4
    assert all(gmpy2.is_prime(prime) and gmpy2.is_prime(prime // 2) for prime in four)
    assert primes.n.bit_length() == primes.big_n.bit_length() == bits


def test_sizes_follow_from_the_modulus(primes_3072: Primes) -> None:
    key = PublicKey(n=primes_3072.n)

    assert (key.bits, key.ciphertext_bytes, key.randomiser_bits) == (3072, 768, 1536)
    assert key.n_squared == primes_3072.n**2
    assert str(primes_3072.n) not in repr(key)


NO_MODULI = {
    "zero": 0,
    "negative": -(2**511) - 1,
    "even": 2**511 + 2,
    "not a whole number of 16-bit words": 2**510 + 1,
    "a square": (2**256 - 1) ** 2,
}


@pytest.mark.parametrize("name", NO_MODULI)
def test_a_number_of_another_shape_is_no_modulus(name: str) -> None:
    with pytest.raises(ModulusInvalidError):
        PublicKey(n=NO_MODULI[name])


def test_a_short_modulus_is_for_tests_only(tiny_primes: Primes, primes_2048: Primes) -> None:
    require_secure(PublicKey(n=primes_2048.n))

    with pytest.raises(InsecureKeySizeError, match="512 bits"):
        require_secure(PublicKey(n=tiny_primes.n))


def test_the_blinding_base_encrypts_zero_and_has_odd_order(tiny_primes: Primes) -> None:
    n, n_squared = tiny_primes.n, tiny_primes.n**2
    odd_part = (tiny_primes.p // 2) * (tiny_primes.q // 2)

    base = blinding_base(n)

    y, counter = derive_y(n)
    assert base == pow(y * y, n, n_squared)
    assert counter == 0
    assert pow(base, odd_part, n_squared) == 1
    assert gmpy2.jacobi(base, n) == 1


def test_the_counter_rises_over_hashes_that_are_no_units() -> None:
    # 3 * 5 * 7 * 11 * 13: more than half of all residues share a factor with it.
    smooth = 15_015
    found = {derive_y(smooth * k)[1] for k in range(1, 30)}

    assert max(found) > 0
    assert all(gmpy2.gcd(derive_y(smooth * k)[0], smooth * k) == 1 for k in range(1, 30))
