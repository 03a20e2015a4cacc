"""Encryption of blocks: in this process or in several, always with fresh randomisers."""

from __future__ import annotations

import secrets

import phe

from fedcarbon.paillier.keys import PublicKey
from partner_node.epochs.encryption import BlockEncryptor
from tests.keys.primes import Primes


def decrypted(primes: Primes, ciphertexts: list[bytes]) -> list[int]:
    private = phe.PaillierPrivateKey(phe.PaillierPublicKey(primes.n), primes.p, primes.q)
    return [private.raw_decrypt(int.from_bytes(item, "big")) for item in ciphertexts]


def test_blocks_decrypt_to_their_plaintexts_in_order(tiny_primes: Primes) -> None:
    encryptor = BlockEncryptor(PublicKey(n=tiny_primes.n), secrets.randbelow)

    ciphertexts = encryptor.encrypt([0, 0, 7, 1 << 60])

    assert decrypted(tiny_primes, ciphertexts) == [0, 0, 7, 1 << 60]
    assert len(set(ciphertexts)) == 4


def test_several_processes_give_the_same_plaintexts(tiny_primes: Primes) -> None:
    encryptor = BlockEncryptor(
        PublicKey(n=tiny_primes.n), secrets.randbelow, processes=2, pool_from_blocks=2
    )
    plaintexts = list(range(600))

    ciphertexts = encryptor.encrypt(plaintexts)

    assert decrypted(tiny_primes, ciphertexts) == plaintexts
    assert len(set(ciphertexts)) == 600


def test_every_block_draws_one_randomiser_of_half_the_modulus(tiny_primes: Primes) -> None:
    bounds: list[int] = []

    def below(bound: int) -> int:
        bounds.append(bound)
        return secrets.randbelow(bound)

    BlockEncryptor(PublicKey(n=tiny_primes.n), below).encrypt([1, 2, 3])

    assert bounds == [1 << tiny_primes.n.bit_length() // 2] * 3


def test_nothing_to_encrypt_is_nothing(tiny_primes: Primes) -> None:
    assert BlockEncryptor(PublicKey(n=tiny_primes.n), secrets.randbelow).encrypt([]) == []
