"""Honest shares open, whoever gives them; what is no set of shares does not."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.paillier.cipher import CiphertextNotUnitError, CiphertextRangeError, product
from fedcarbon.paillier.combine import (
    CombinedNotOneError,
    DuplicateTrusteeError,
    SelfTestFailedError,
    TooFewSharesError,
    check_self_test,
    combine,
    decrypt,
    self_test_ciphertexts,
)
from fedcarbon.paillier.dealing import share_secret, threshold_key_of
from fedcarbon.paillier.share_proof import ShareProofInvalidError
from fedcarbon.paillier.shares import decryption_share, share_batch
from fedcarbon.paillier.threshold_key import TrusteeIndexError, check_degree
from tests.keys.primes import Primes, load_primes
from tests.paillier.conftest import CONTEXT, PARAMETER_ID, Dealt, dealt_with
from tests.vectors.stream import SeededStream


def shares_of(dealt: Dealt, indices: tuple[int, ...], ciphertext: int) -> dict[int, int]:
    return {
        index: decryption_share(dealt.key, dealt.shares[index - 1], ciphertext) for index in indices
    }


@settings(max_examples=10)
@given(data=st.data())
def test_any_three_of_five_open_the_same_plaintext(dealt: Dealt, data: st.DataObject) -> None:
    message = data.draw(st.integers(0, dealt.key.public_key.n - 1))
    ciphertext = dealt.encrypt(message)
    shares = shares_of(dealt, (1, 2, 3, 4, 5), ciphertext)

    for subset in combinations(range(1, 6), 3):
        assert combine(dealt.key, {index: shares[index] for index in subset}) == message


@pytest.mark.parametrize("subset", [(1, 2, 4, 5), (1, 2, 3, 4, 5)])
def test_more_shares_than_needed_open_it_too(dealt: Dealt, subset: tuple[int, ...]) -> None:
    ciphertext = dealt.encrypt(97_000)

    assert combine(dealt.key, shares_of(dealt, subset, ciphertext)) == 97_000


@pytest.mark.parametrize(("threshold", "trustees"), [(1, 1), (2, 3), (4, 7), (8, 15)])
def test_other_numbers_of_trustees_open_it_too(
    tiny_primes: Primes, threshold: int, trustees: int
) -> None:
    dealt = dealt_with(tiny_primes, trustees=trustees, threshold=threshold)
    ciphertext = dealt.encrypt(88_000)
    last = tuple(range(trustees - threshold + 1, trustees + 1))

    check_degree(dealt.key)
    assert combine(dealt.key, shares_of(dealt, last, ciphertext)) == 88_000


def test_a_sum_of_partners_opens_to_the_sum(dealt: Dealt) -> None:
    key = dealt.key.public_key
    stored = [dealt.encrypt(10**k).to_bytes(key.ciphertext_bytes, "big") for k in range(6)]

    total = product(key, stored)

    assert combine(dealt.key, shares_of(dealt, (2, 3, 5), total)) == 111_111


@pytest.mark.parametrize("bits", ["2048", "3072"])
def test_a_whole_opening_at_production_sizes(bits: str) -> None:
    dealt = dealt_with(load_primes(bits), trustees=3, threshold=2)
    messages = [0, 1, dealt.key.public_key.n - 1]
    ciphertexts = [dealt.encrypt(message) for message in messages]

    decryption = decrypt(
        dealt.key,
        ciphertexts,
        dealt.answers([1, 3], ciphertexts),
        parameter_id=PARAMETER_ID,
        context=CONTEXT,
    )

    assert decryption.plaintexts == tuple(messages)
    assert decryption.trustees == (1, 3)


def test_fewer_than_t(dealt: Dealt) -> None:
    ciphertext = dealt.encrypt(5)

    with pytest.raises(TooFewSharesError, match="2 shares are there, 3 of 5"):
        combine(dealt.key, shares_of(dealt, (1, 2), ciphertext))
    with pytest.raises(TooFewSharesError):
        combine(dealt.key, {})
    with pytest.raises(TooFewSharesError, match="2 trustees gave good shares"):
        decrypt(
            dealt.key,
            [ciphertext],
            dealt.answers([1, 2], [ciphertext]),
            parameter_id=PARAMETER_ID,
            context=CONTEXT,
        )


def test_duplicate_index(dealt: Dealt) -> None:
    ciphertext = dealt.encrypt(5)

    with pytest.raises(DuplicateTrusteeError, match="trustee 2"):
        decrypt(
            dealt.key,
            [ciphertext],
            dealt.answers([1, 2, 2], [ciphertext]),
            parameter_id=PARAMETER_ID,
            context=CONTEXT,
        )


def test_a_bad_batch_and_a_good_one_of_one_trustee_are_a_duplicate_too(dealt: Dealt) -> None:
    ciphertext = dealt.encrypt(5)
    bad = dealt.answer(2, [ciphertext], context=b"another opening")

    with pytest.raises(DuplicateTrusteeError, match="trustee 2"):
        decrypt(
            dealt.key,
            [ciphertext],
            [bad, *dealt.answers([1, 2, 3], [ciphertext])],
            parameter_id=PARAMETER_ID,
            context=CONTEXT,
        )


@pytest.mark.parametrize("index", [0, 6, -1])
def test_an_index_out_of_range_is_refused(dealt: Dealt, index: int) -> None:
    shares = shares_of(dealt, (1, 2), dealt.encrypt(5))

    with pytest.raises(TrusteeIndexError):
        combine(dealt.key, {**shares, index: shares[1]})


def test_combined_not_one_mod_n(dealt: Dealt) -> None:
    shares = shares_of(dealt, (1, 2, 3), dealt.encrypt(5))
    other = shares_of(dealt, (3,), dealt.encrypt(5))

    with pytest.raises(CombinedNotOneError, match=r"\[1, 2, 3\]"):
        combine(dealt.key, {**shares, **other})


def test_a_share_that_is_no_unit_is_refused(dealt: Dealt) -> None:
    shares = shares_of(dealt, (1, 2, 3), dealt.encrypt(5))

    with pytest.raises(CiphertextRangeError):
        combine(dealt.key, {**shares, 3: 0})
    with pytest.raises(CiphertextNotUnitError):
        combine(dealt.key, {**shares, 3: dealt.primes.p})


def test_a_ciphertext_that_is_no_unit_gets_no_share(dealt: Dealt) -> None:
    with pytest.raises(CiphertextRangeError):
        decryption_share(dealt.key, dealt.shares[0], 0)
    with pytest.raises(CiphertextNotUnitError):
        decryption_share(dealt.key, dealt.shares[0], dealt.primes.n)


def test_an_honest_dealer_passes_the_self_test(dealt: Dealt) -> None:
    ciphertexts = list(self_test_ciphertexts(dealt.key.public_key))

    check_self_test(
        dealt.key,
        dealt.answers([1, 2, 3, 4, 5], ciphertexts),
        parameter_id=PARAMETER_ID,
        context=CONTEXT,
    )


def test_the_self_test_needs_every_trustee(dealt: Dealt) -> None:
    ciphertexts = list(self_test_ciphertexts(dealt.key.public_key))

    with pytest.raises(TooFewSharesError, match="all 5 trustees, 4 answered"):
        check_self_test(
            dealt.key,
            dealt.answers([1, 2, 3, 5], ciphertexts),
            parameter_id=PARAMETER_ID,
            context=CONTEXT,
        )


def test_the_self_test_needs_every_proof(dealt: Dealt) -> None:
    ciphertexts = list(self_test_ciphertexts(dealt.key.public_key))
    batches = dealt.answers([1, 2, 3, 4], ciphertexts)

    with pytest.raises(ShareProofInvalidError, match="trustee 5"):
        check_self_test(
            dealt.key,
            [*batches, dealt.answer(5, ciphertexts, context=b"another")],
            parameter_id=PARAMETER_ID,
            context=CONTEXT,
        )


DISHONEST_DEALERS = {
    "dealer_with_d_three": (3, SelfTestFailedError),
    "dealer with d = 1 mod n but not 0 mod p'q'": (1, CombinedNotOneError),
}


@pytest.mark.parametrize("attack", DISHONEST_DEALERS)
def test_a_dealer_of_another_secret_is_caught_by_the_self_test(
    tiny_primes: Primes, attack: str
) -> None:
    n, order = tiny_primes.n, (tiny_primes.p // 2) * (tiny_primes.q // 2)
    factor, error = DISHONEST_DEALERS[attack]
    # Three times d = (0 mod p'q', 1 mod n) multiplies every opening; 1 is 1 everywhere.
    secret = factor * order * pow(order, -1, n) % (n * order) if factor == 3 else factor
    stream = SeededStream(attack)
    shares = share_secret(
        secret, modulus=n * order, trustees=3, threshold=2, randbelow=stream.randbelow
    )
    key = threshold_key_of(n, shares, 2)
    batches = [
        share_batch(
            key,
            share,
            self_test_ciphertexts(key.public_key),
            parameter_id=PARAMETER_ID,
            context=CONTEXT,
            randbelow=stream.randbelow,
        )
        for share in shares
    ]

    check_degree(key)
    with pytest.raises(error):
        check_self_test(key, batches, parameter_id=PARAMETER_ID, context=CONTEXT)
