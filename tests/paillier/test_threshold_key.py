from __future__ import annotations

import dataclasses
from itertools import combinations
from math import factorial

import gmpy2
import pytest

from fedcarbon.paillier.dealing import share_secret, threshold_key_of
from fedcarbon.paillier.keys import ModulusInvalidError, PublicKey
from fedcarbon.paillier.threshold_key import (
    DegreeInvalidError,
    ThresholdInvalidError,
    ThresholdKey,
    TrusteeIndexError,
    VerificationBaseInvalidError,
    VerificationKeyInvalidError,
    check_degree,
    check_threshold,
    derive_verification_base,
    lagrange_integer,
)
from tests.keys.primes import Primes
from tests.paillier.conftest import Dealt
from tests.vectors.stream import SeededStream


@pytest.mark.parametrize(("threshold", "trustees"), [(1, 1), (2, 2), (2, 3), (3, 5), (8, 15)])
def test_a_majority_of_at_most_fifteen_is_a_threshold(threshold: int, trustees: int) -> None:
    check_threshold(trustees=trustees, threshold=threshold)


IMPOSSIBLE_THRESHOLDS = {
    "half_threshold_parameters_refused": (2, 4),
    "less than half": (2, 5),
    "more than all": (4, 3),
    "none of one": (0, 1),
    "no trustees": (0, 0),
    "sixteen_trustees_refused": (9, 16),
}


@pytest.mark.parametrize("attack", IMPOSSIBLE_THRESHOLDS)
def test_another_threshold_is_refused(attack: str, dealt: Dealt) -> None:
    threshold, trustees = IMPOSSIBLE_THRESHOLDS[attack]

    with pytest.raises(ThresholdInvalidError):
        check_threshold(trustees=trustees, threshold=threshold)
    with pytest.raises(ThresholdInvalidError):
        dataclasses.replace(dealt.key, trustees=trustees, threshold=threshold)


def test_the_verification_base_is_a_square_of_full_order(tiny_primes: Primes) -> None:
    n, n_squared = tiny_primes.n, tiny_primes.n**2
    p_half, q_half = tiny_primes.p // 2, tiny_primes.q // 2
    order = n * p_half * q_half

    base, counter = derive_verification_base(n)

    assert counter == 0
    assert pow(base, order, n_squared) == 1
    for prime in (tiny_primes.p, tiny_primes.q, p_half, q_half):
        assert pow(base, order // prime, n_squared) != 1


def test_the_counter_of_the_base_rises_over_non_units() -> None:
    smooth = 15_015

    counters = {derive_verification_base(smooth * k)[1] for k in range(1, 30)}

    assert max(counters) > 0


def test_a_base_that_does_not_follow_from_n_is_refused(dealt: Dealt) -> None:
    chosen = pow(dealt.key.verification_base, 2, dealt.key.public_key.n_squared)

    with pytest.raises(VerificationBaseInvalidError):
        dataclasses.replace(dealt.key, verification_base=chosen)


def test_verification_keys_are_one_unit_per_trustee(dealt: Dealt) -> None:
    keys, n = dealt.key.verification_keys, dealt.key.public_key.n

    for wrong in (0, -1, n, n * 5, keys[0] + n * n):
        with pytest.raises(VerificationKeyInvalidError, match="trustee 2"):
            dataclasses.replace(dealt.key, verification_keys=(keys[0], wrong, *keys[2:]))
    for count in (keys[:-1], (*keys, keys[0]), ()):
        with pytest.raises(VerificationKeyInvalidError, match="as many"):
            dataclasses.replace(dealt.key, verification_keys=count)


def test_a_modulus_with_a_small_factor_cannot_be_shared() -> None:
    # 5 divides 2 Delta for five trustees: M = L(c') (4 Delta^2)^-1 would not exist.
    n = 5 * gmpy2.next_prime(2**509)
    assert n.bit_length() == 512

    with pytest.raises(ModulusInvalidError, match="2 Delta"):
        ThresholdKey(
            public_key=PublicKey(n=int(n)),
            trustees=5,
            threshold=3,
            verification_base=4,
            verification_keys=(4,) * 5,
        )


@pytest.mark.parametrize("index", [-1, 0, 6])
def test_a_trustee_that_does_not_exist_has_no_key(dealt: Dealt, index: int) -> None:
    with pytest.raises(TrusteeIndexError):
        dealt.key.verification_key(index)


def test_lagrange_integers_interpolate_for_every_subset() -> None:
    delta = factorial(7)

    def polynomial(x: int) -> int:
        return 1000 - 37 * x + 5 * x**2 - 2 * x**3

    for subset in combinations(range(1, 8), 4):
        for at in (0, 1, 7):
            total = sum(
                lagrange_integer(delta, subset, of=index, at=at) * polynomial(index)
                for index in subset
            )
            assert total == delta * polynomial(at)


def test_honest_keys_pass_the_degree_check(dealt: Dealt) -> None:
    check_degree(dealt.key)


def test_dealer_with_wrong_degree(tiny_primes: Primes) -> None:
    # Degree 3 under a published threshold of 3: different subsets would open different values.
    shares = share_secret(
        12345,
        modulus=tiny_primes.n * (tiny_primes.p // 2) * (tiny_primes.q // 2),
        trustees=5,
        threshold=4,
        randbelow=SeededStream("wrong degree").randbelow,
    )

    check_degree(threshold_key_of(tiny_primes.n, shares, 4))
    with pytest.raises(DegreeInvalidError, match="trustee 4"):
        check_degree(threshold_key_of(tiny_primes.n, shares, 3))


def test_one_swapped_verification_key_fails_the_degree_check(dealt: Dealt) -> None:
    keys = dealt.key.verification_keys
    swapped = dataclasses.replace(dealt.key, verification_keys=(*keys[:4], keys[3]))

    with pytest.raises(DegreeInvalidError, match="trustee 5"):
        check_degree(swapped)
