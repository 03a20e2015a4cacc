from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phe import paillier as phe

from fedcarbon.paillier.cipher import (
    CiphertextLengthError,
    CiphertextNotUnitError,
    CiphertextRangeError,
    Encryptor,
    PlaintextOutOfRangeError,
    RandomiserOutOfRangeError,
    add,
    check_ciphertext,
    ciphertext_from_bytes,
    ciphertext_to_bytes,
    product,
)
from fedcarbon.paillier.combine import combine
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.paillier.shares import decryption_share
from tests.keys.primes import TINY, Primes, load_primes
from tests.paillier.conftest import Dealt

PRIMES = load_primes(TINY)
KEY = PublicKey(n=PRIMES.n)
ENCRYPTOR = Encryptor(KEY)
PHE_PUBLIC = phe.PaillierPublicKey(KEY.n)
PHE_PRIVATE = phe.PaillierPrivateKey(PHE_PUBLIC, PRIMES.p, PRIMES.q)

messages = st.integers(0, KEY.n - 1)
randomisers = st.integers(0, 2**KEY.randomiser_bits - 1)


def decrypted(ciphertext: int) -> int:
    return int(PHE_PRIVATE.raw_decrypt(ciphertext))


@given(message=messages, s=randomisers)
def test_phe_with_the_full_key_decrypts_our_ciphertext(message: int, s: int) -> None:
    assert decrypted(ENCRYPTOR.encrypt(message, s)) == message


def test_phe_decrypts_at_2048_bits_too(primes_2048: Primes) -> None:
    key = PublicKey(n=primes_2048.n)
    private = phe.PaillierPrivateKey(phe.PaillierPublicKey(key.n), primes_2048.p, primes_2048.q)

    ciphertext = Encryptor(key, window_bits=4).encrypt(key.n - 20, 2**key.randomiser_bits - 1)

    assert private.raw_decrypt(ciphertext) == key.n - 20


@settings(max_examples=20)
@given(ours=messages, theirs=messages, s=randomisers)
def test_a_phe_ciphertext_adds_to_ours_and_the_trustees_decrypt_it(
    dealt: Dealt, ours: int, theirs: int, s: int
) -> None:
    total = add(KEY, ENCRYPTOR.encrypt(ours, s), int(PHE_PUBLIC.raw_encrypt(theirs)))

    shares = {
        index: decryption_share(dealt.key, dealt.shares[index - 1], total) for index in (1, 3, 5)
    }
    assert combine(dealt.key, shares) == (ours + theirs) % KEY.n


@given(values=st.lists(st.tuples(messages, randomisers), max_size=6))
def test_a_product_of_ciphertexts_holds_the_sum_of_plaintexts(
    values: list[tuple[int, int]],
) -> None:
    stored = [ciphertext_to_bytes(KEY, ENCRYPTOR.encrypt(m, s)) for m, s in values]

    assert decrypted(product(KEY, iter(stored))) == sum(m for m, _ in values) % KEY.n


def test_the_empty_product_is_an_encryption_of_zero() -> None:
    assert product(KEY, []) == 1
    assert decrypted(1) == 0


@pytest.mark.parametrize("message", [-1, KEY.n])
def test_a_plaintext_out_of_range_is_not_encrypted(message: int) -> None:
    with pytest.raises(PlaintextOutOfRangeError):
        ENCRYPTOR.encrypt(message, 1)


@pytest.mark.parametrize("s", [-1, 2**KEY.randomiser_bits])
def test_a_randomiser_out_of_range_is_not_used(s: int) -> None:
    with pytest.raises(RandomiserOutOfRangeError):
        ENCRYPTOR.encrypt(1, s)


@given(message=messages, s=randomisers)
def test_a_stored_ciphertext_comes_back(message: int, s: int) -> None:
    ciphertext = ENCRYPTOR.encrypt(message, s)

    data = ciphertext_to_bytes(KEY, ciphertext)

    assert len(data) == KEY.ciphertext_bytes == 128
    assert ciphertext_from_bytes(KEY, data) == ciphertext


NO_CIPHERTEXTS = {
    "zero": (0, CiphertextRangeError),
    "n squared": (KEY.n_squared, CiphertextRangeError),
    "one plus n squared": (KEY.n_squared + 1, CiphertextRangeError),
    "n": (KEY.n, CiphertextNotUnitError),
    "a multiple of n": (KEY.n * 77, CiphertextNotUnitError),
    "a multiple of p": (PRIMES.p * 77, CiphertextNotUnitError),
}


@pytest.mark.parametrize("name", NO_CIPHERTEXTS)
def test_a_number_that_is_no_unit_below_n_squared_is_refused_everywhere(name: str) -> None:
    number, error = NO_CIPHERTEXTS[name]
    good = ENCRYPTOR.encrypt(1, 2)
    data = number.to_bytes(KEY.ciphertext_bytes, "big")

    with pytest.raises(error):
        check_ciphertext(KEY, number)
    with pytest.raises(error):
        ciphertext_from_bytes(KEY, data)
    with pytest.raises(error):
        ciphertext_to_bytes(KEY, number)
    with pytest.raises(error):
        add(KEY, good, number)
    with pytest.raises(error):
        add(KEY, number, good)
    with pytest.raises(error):
        product(KEY, [ciphertext_to_bytes(KEY, good), data, ciphertext_to_bytes(KEY, good)])


def test_a_negative_number_is_no_ciphertext() -> None:
    with pytest.raises(CiphertextRangeError):
        check_ciphertext(KEY, -1)


@pytest.mark.parametrize("change", ["one byte short", "one byte long", "empty"])
def test_an_encoding_of_another_length_is_refused(change: str) -> None:
    data = ciphertext_to_bytes(KEY, ENCRYPTOR.encrypt(1, 2))
    other = {"one byte short": data[:-1], "one byte long": b"\0" + data, "empty": b""}[change]

    with pytest.raises(CiphertextLengthError):
        ciphertext_from_bytes(KEY, other)
    with pytest.raises(CiphertextLengthError):
        product(KEY, [data, other])


def test_an_encryptor_shows_only_its_size() -> None:
    assert repr(ENCRYPTOR) == "Encryptor(bits=512)"
