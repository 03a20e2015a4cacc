from __future__ import annotations

from math import gcd, prod

import gmpy2
import pytest

from fedcarbon.proofs.square_free import (
    ALPHA_BITS,
    ROOTS,
    SquareFreeProofInvalidError,
    hashed_elements,
    prove_square_free,
    verify_square_free,
)
from fedcarbon.proofs.transcript import Transcript
from tests.keys.primes import BITS_2048, BITS_3072, TINY, Primes, load_primes


@pytest.mark.parametrize("name", [TINY, BITS_2048, BITS_3072])
def test_both_moduli_of_a_ceremony_are_shown_to_be_square_free(name: str) -> None:
    primes = load_primes(name)

    verify_square_free(primes.n, prove_square_free(primes.p, primes.q))
    verify_square_free(primes.big_n, prove_square_free(primes.big_p, primes.big_q))


def test_a_proof_has_eight_roots_for_128_bits() -> None:
    assert ROOTS == 8
    assert ROOTS * ALPHA_BITS == 128


def best_roots(primes: list[int], modulus: int, elements: tuple[int, ...]) -> tuple[int, ...]:
    """What a prover who knows all prime factors can give: a root of every element that has one."""
    phi = prod(prime ** (primes.count(prime) - 1) * (prime - 1) for prime in sorted(set(primes)))
    common = gcd(modulus, phi)
    while gcd(modulus, phi // common) != 1:
        common *= gcd(modulus, phi // common)
    # On the subgroup of order phi / common the n-th power can be undone.
    inverse = pow(modulus, -1, phi // common)
    return tuple(pow(element, inverse, modulus) for element in elements)


def test_a_modulus_with_a_square_factor_has_no_proof(tiny_primes: Primes) -> None:
    p, q = tiny_primes.p, tiny_primes.q
    modulus = p * p * q

    with pytest.raises(SquareFreeProofInvalidError, match=r"\(3\)"):
        verify_square_free(modulus, best_roots([p, p, q], modulus, hashed_elements(modulus)))


def test_the_same_prover_succeeds_where_the_modulus_is_square_free(tiny_primes: Primes) -> None:
    p, q = tiny_primes.p, tiny_primes.q

    verify_square_free(p * q, best_roots([p, q], p * q, hashed_elements(p * q)))


def test_primes_of_which_one_divides_the_other_less_one_have_no_proof() -> None:
    # Square-free, but gcd(n, phi(n)) = p: Paillier would lose plaintexts here as well.
    p = int(gmpy2.next_prime(2**200))
    q = next(
        k * p + 1 for k in range(2, 10_000, 2) if gmpy2.is_prime(k * p + 1) and (k * p) % (p * p)
    )
    modulus = p * q

    with pytest.raises(ValueError, match="not invertible"):
        prove_square_free(p, q)
    with pytest.raises(SquareFreeProofInvalidError, match=r"\(3\)"):
        verify_square_free(modulus, best_roots([p, q], modulus, hashed_elements(modulus)))


def test_a_small_square_factor_has_roots_often_enough_to_be_divided_out() -> None:
    # One unit in three has a root mod 9 q. A verifier that asked for one root and did not divide
    # would accept one such modulus in three; ours divides by every prime below 2^16.
    accepted = 0
    q = int(gmpy2.next_prime(2**300))
    for _ in range(60):
        q = int(gmpy2.next_prime(q))
        if (q - 1) % 3 == 0:
            continue
        modulus = 9 * q
        elements = hashed_elements(modulus)
        roots = best_roots([3, 3, q], modulus, elements)
        accepted += pow(roots[0], modulus, modulus) == elements[0]
        with pytest.raises(SquareFreeProofInvalidError, match=r"\(1\)"):
            verify_square_free(modulus, roots)

    assert 3 <= accepted <= 25


@pytest.mark.parametrize("modulus", [0, 1, 65_535, 65_521 * 65_537, -5])
def test_a_modulus_that_is_small_or_has_a_small_factor_is_refused(modulus: int) -> None:
    with pytest.raises(SquareFreeProofInvalidError, match=r"\(1\)"):
        verify_square_free(modulus, (1,) * ROOTS)


def test_other_roots_are_refused(tiny_primes: Primes) -> None:
    n = tiny_primes.n
    roots = prove_square_free(tiny_primes.p, tiny_primes.q)
    attacks = {
        "one missing": (roots[1:], r"\(2\)"),
        "one too many": ((*roots, roots[0]), r"\(2\)"),
        "none": ((), r"\(2\)"),
        "zero": ((0, *roots[1:]), r"\(2\)"),
        "negative": ((roots[0] - n, *roots[1:]), r"\(2\)"),
        "not reduced": ((roots[0] + n, *roots[1:]), r"\(2\)"),
        "last one wrong": ((*roots[:-1], roots[-1] + 1), r"\(3\) root 7"),
        "negated": ((n - roots[0], *roots[1:]), r"\(3\) root 0"),
        "swapped": ((roots[1], roots[0], *roots[2:]), r"\(3\) root 0"),
    }

    for attack, finding in attacks.values():
        with pytest.raises(SquareFreeProofInvalidError, match=finding):
            verify_square_free(n, attack)


def test_roots_of_another_modulus_are_refused(tiny_primes: Primes) -> None:
    roots = prove_square_free(tiny_primes.big_p, tiny_primes.big_q)

    with pytest.raises(SquareFreeProofInvalidError):
        verify_square_free(tiny_primes.n, tuple(root % tiny_primes.n for root in roots))


def test_hashed_elements_skip_what_is_no_unit() -> None:
    smooth = 15_015
    bits = smooth.bit_length()
    transcript = Transcript(b"square-free")
    transcript.absorb_int(b"bits", bits, bits=32)
    transcript.absorb_int(b"modulus", smooth, bits=bits)
    plain = [transcript.challenge(b"element", bits=bits + 128) % smooth for _ in range(ROOTS)]

    elements = hashed_elements(smooth)

    assert all(gcd(element, smooth) == 1 for element in elements)
    assert any(gcd(element, smooth) != 1 for element in plain)
