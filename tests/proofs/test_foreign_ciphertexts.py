"""Ciphertexts that somebody else made: copied and shifted, or encrypted by another library."""

from __future__ import annotations

import dataclasses

import gmpy2
import pytest
from phe import paillier as phe

from fedcarbon.ids import PartyId
from fedcarbon.packing.layout import SLOT_WIDTH_BITS, split_digits
from fedcarbon.paillier.cipher import add
from fedcarbon.proofs.commitments import ProofKey, joined
from fedcarbon.proofs.range_proof import RangeCheck
from fedcarbon.proofs.range_verifier import Claim
from tests.keys.primes import Primes
from tests.proofs.conftest import BOUNDS, CAP_UG, VALUES
from tests.proofs.dishonest import Attacker, check_that_fails, roots_of


@pytest.fixture(scope="module")
def private(tiny_primes: Primes) -> phe.PaillierPrivateKey:
    return phe.PaillierPrivateKey(
        phe.PaillierPublicKey(tiny_primes.n), tiny_primes.p, tiny_primes.q
    )


def shifted(key: ProofKey, ciphertext: int, slots: int) -> int:
    power = 1 << (SLOT_WIDTH_BITS * slots)
    return int(gmpy2.powmod(ciphertext, power, key.public_key.n_squared))


def test_shifted_copy_of_a_block(attacker: Attacker, private: phe.PaillierPrivateKey) -> None:
    # A metro's block holds a victim in slot 0 and nobody above. A sham partner submits the same
    # ciphertext moved up by one slot, in which its friend lives: the friend is opened at once.
    key = attacker.key
    sham = dataclasses.replace(
        attacker, context=dataclasses.replace(attacker.context, party_id=PartyId("sham"))
    )
    victim = (1_885_389, 0, 0, 0)
    statement, s = attacker.statement(BOUNDS, victim)
    proof = attacker.prove(statement, roots_of(victim, BOUNDS, attacker.chance), s)
    copy = shifted(key, statement.ciphertext, 1)

    # Without the proof it works: the opened slot of the friend shows what the victim saved.
    total = add(key.public_key, statement.ciphertext, copy)
    assert split_digits(key.layout, private.raw_decrypt(total)) == (1_885_389, 1_885_389, 0, 0)

    # With it, the sham partner has a choice of refusals.
    claim = sham.about(BOUNDS, copy)
    assert check_that_fails(key, claim, proof) == RangeCheck.COMMITMENT
    moved = dataclasses.replace(proof, mask_ciphertext=shifted(key, proof.mask_ciphertext, 1))
    assert check_that_fails(key, claim, moved) == RangeCheck.COMMITMENT
    for guess in ((0, 0, 0, 0), (0, 1_885_389, 0, 0)):
        # Even who guesses the value lacks the randomiser of the metro.
        own = sham.prove(claim, roots_of(guess, BOUNDS, sham.chance), 12_345)
        assert check_that_fails(key, claim, own) == RangeCheck.ENCRYPTION


def test_a_plain_copy_of_a_block_is_refused_too(attacker: Attacker, honest: Claim) -> None:
    statement, proof = honest
    context = dataclasses.replace(attacker.context, party_id=PartyId("sham"))
    copied = dataclasses.replace(statement, context=context)

    assert check_that_fails(attacker.key, copied, proof) == RangeCheck.COMMITMENT


def test_phe_ciphertext_adds_and_decrypts(
    attacker: Attacker, honest: Claim, private: phe.PaillierPrivateKey
) -> None:
    # Another library draws r where we take H^s: the Jacobi symbol of r^n is that of r. Half of its
    # ciphertexts break rule (1c) of intake; all of them add to ours and decrypt.
    key, (statement, proof) = attacker.key, honest
    public_key = key.public_key
    refused = 0
    for number in range(40):
        r_value = attacker.chance.randrange(2, public_key.n)
        foreign = private.public_key.raw_encrypt(number, r_value=r_value)
        total = add(public_key, statement.ciphertext, foreign)
        assert private.raw_decrypt(total) == joined(VALUES) + number
        symbol = gmpy2.jacobi(foreign, public_key.n)
        assert symbol == gmpy2.jacobi(r_value, public_key.n)
        check = check_that_fails(key, dataclasses.replace(statement, ciphertext=foreign), proof)
        assert check == (RangeCheck.COMMITMENT if symbol == 1 else RangeCheck.CIPHERTEXT)
        refused += symbol == -1

    assert 8 <= refused <= 32


def test_our_ciphertexts_decrypt_elsewhere(honest: Claim, private: phe.PaillierPrivateKey) -> None:
    assert private.raw_decrypt(honest[0].ciphertext) == joined(VALUES)
    assert VALUES[2] == CAP_UG
