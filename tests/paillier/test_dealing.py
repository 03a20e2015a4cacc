from __future__ import annotations

import pytest

from fedcarbon.paillier.dealing import PrimesInvalidError, check_safe_primes, deal
from fedcarbon.paillier.keys import ModulusInvalidError
from fedcarbon.paillier.shares import KeyShare, KeyShareMismatchError, check_key_share
from fedcarbon.paillier.threshold_key import ThresholdInvalidError, TrusteeIndexError
from tests.keys.primes import Primes
from tests.paillier.conftest import Dealt
from tests.vectors.stream import SeededStream


def test_the_shares_lie_on_a_polynomial_through_the_secret(dealt: Dealt) -> None:
    primes = dealt.primes
    modulus = primes.n * (primes.p // 2) * (primes.q // 2)

    first, second, third = (share.value for share in dealt.shares[:3])

    # Degree 2: f(0) = 3 f(1) - 3 f(2) + f(3).
    secret = (3 * first - 3 * second + third) % modulus
    assert secret % primes.n == 1
    assert secret % (primes.p // 2) == secret % (primes.q // 2) == 0
    assert [share.index for share in dealt.shares] == [1, 2, 3, 4, 5]


def test_every_trustee_finds_its_share_in_order(dealt: Dealt) -> None:
    for share in dealt.shares:
        check_key_share(dealt.key, share)


def test_a_share_of_another_trustee_is_noticed_at_the_start(dealt: Dealt) -> None:
    with pytest.raises(KeyShareMismatchError, match="trustee 1"):
        check_key_share(dealt.key, KeyShare(index=1, value=dealt.shares[1].value))
    with pytest.raises(TrusteeIndexError):
        check_key_share(dealt.key, KeyShare(index=6, value=1))


@pytest.mark.parametrize(("index", "value"), [(0, 5), (-1, 5), (1, 0), (1, -5)])
def test_an_absurd_key_share_cannot_exist(index: int, value: int) -> None:
    with pytest.raises(KeyShareMismatchError):
        KeyShare(index=index, value=value)


def test_a_key_share_does_not_show_its_secret(dealt: Dealt) -> None:
    share = dealt.shares[0]

    assert repr(share) == str(share) == "KeyShare(index=1, value=<redacted>)"


def test_only_two_different_safe_primes_of_equal_length_are_dealt_from(
    tiny_primes: Primes, primes_2048: Primes
) -> None:
    p, q = tiny_primes.p, tiny_primes.q
    prime_but_not_safe = 2**127 - 1
    bad = {
        "equal": (p, p),
        "unequal length": (p, primes_2048.q),
        "composite": (p, q + 2),
        "not safe": (prime_but_not_safe, 2**127 - 3),
    }

    for pair in bad.values():
        with pytest.raises(PrimesInvalidError):
            check_safe_primes(*pair)
        with pytest.raises(PrimesInvalidError):
            deal(*pair, trustees=5, threshold=3, randbelow=SeededStream("bad").randbelow)


def test_a_wrong_threshold_is_not_dealt(tiny_primes: Primes) -> None:
    with pytest.raises(ThresholdInvalidError):
        deal(
            tiny_primes.p,
            tiny_primes.q,
            trustees=4,
            threshold=2,
            randbelow=SeededStream("half").randbelow,
        )


def test_a_product_of_odd_length_is_not_dealt() -> None:
    # 47 and 59 are safe primes of six bits, but 47 * 59 has twelve: no multiple of 16.
    with pytest.raises(ModulusInvalidError):
        deal(47, 59, trustees=1, threshold=1, randbelow=SeededStream("short").randbelow)
