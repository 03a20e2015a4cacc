"""Honest slot range proofs hold, alone and in batches, and survive their encoding."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phe import paillier as phe

from fedcarbon.errors import MalformedError
from fedcarbon.packing.layout import split_digits
from fedcarbon.proofs.commitments import ProofKey, ProverTables, SlotNumbers
from fedcarbon.proofs.range_proof import (
    RangeCheck,
    RangeContext,
    RangeProof,
    RangeProofInvalidError,
    RangeProofShape,
    RangeStatement,
)
from fedcarbon.proofs.range_prover import (
    ProvedBlock,
    RangeWitness,
    ValueOutOfRangeError,
    encrypt_and_prove,
)
from fedcarbon.proofs.range_verifier import Claim, verify, verify_all
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.keys.primes import Primes
from tests.proofs.conftest import BOUNDS, CAP_UG, VALUES, place
from tests.proofs.dishonest import check_that_fails

WIDEST = 2**112 - 1


@cache
def wide_tables() -> ProverTables:
    """Tables for bounds as wide as a slot."""
    return ProverTables(dealt().parameters.proof_key, bound_max=WIDEST)


def proved_block(
    context: RangeContext, values: Sequence[int], bounds: Sequence[int], seed: int = 1
) -> tuple[RangeStatement, ProvedBlock]:
    proved = encrypt_and_prove(
        wide_tables(), context, values=values, bounds=bounds, randbelow=seeded(seed).randrange
    )
    about = RangeStatement(context=context, bounds=tuple(bounds), ciphertext=proved.ciphertext)
    return about, proved


def test_an_honest_proof_holds_alone_in_a_batch_and_after_its_encoding(
    key: ProofKey, context: RangeContext
) -> None:
    slots = key.layout.slots
    shape = RangeProofShape.of(key, CAP_UG)
    claims = []
    for block, value in enumerate((0, 1, CAP_UG // 2, CAP_UG - 1, CAP_UG)):
        bounds = [CAP_UG] * (slots - 1) + [0]
        where = dataclasses.replace(context, block=block)
        statement, proved = proved_block(where, [value] * (slots - 1) + [0], bounds)
        claims.append((statement, shape.decode(shape.encode(proved.proof))))

    for statement, proof in claims:
        verify(key, statement, proof)
    verify_all(key, claims, seeded(2).randrange)


def test_top_slot_no_wrap(key: ProofKey, context: RangeContext, tiny_primes: Primes) -> None:
    # Every slot full to its last bit, as in a mask: the packed masks of the proof are longer than
    # n, the plaintext is not.
    full = [WIDEST] * key.layout.slots
    statement, proved = proved_block(context, full, full)

    verify(key, statement, proved.proof)
    private = phe.PaillierPrivateKey(
        phe.PaillierPublicKey(tiny_primes.n), tiny_primes.p, tiny_primes.q
    )
    assert split_digits(key.layout, private.raw_decrypt(statement.ciphertext)) == tuple(full)
    assert sum(f << 112 * j for j, f in enumerate(proved.proof.responses.v)) > key.public_key.n


@pytest.mark.parametrize("bound", [1, 3, 85, CAP_UG + 1, WIDEST])
def test_both_halves_of_an_odd_bound_hold(key: ProofKey, context: RangeContext, bound: int) -> None:
    values = [bound // 2, bound // 2 + 1, 0, bound]
    statement, proved = proved_block(context, values, [bound] * 4)

    verify(key, statement, proved.proof)


@pytest.mark.parametrize("value", [-1, CAP_UG + 1])
def test_the_prover_refuses_a_value_outside_its_bound(
    key: ProofKey, context: RangeContext, value: int
) -> None:
    slots = key.layout.slots
    with pytest.raises(ValueOutOfRangeError):
        proved_block(context, [value] + [0] * (slots - 1), [CAP_UG] * slots)


def test_nothing_secret_is_printed(context: RangeContext) -> None:
    statement, proved = proved_block(context, [7_777_777, 0, 0, 0], BOUNDS)
    witness = proved.witness

    for secret in (witness.blinding, witness.randomiser, 7_777_777, *witness.numbers.x):
        for thing in (statement, proved, witness, witness.numbers, proved.proof):
            assert len(str(secret)) < 5 or str(secret) not in repr(thing)


def test_the_error_survives_a_process_pool(key: ProofKey, honest: Claim) -> None:
    moved = dataclasses.replace(honest[0], bounds=(0, 0, 0, 0))
    with pytest.raises(RangeProofInvalidError) as caught:
        verify(key, moved, honest[1])

    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes

    assert (copy.check, copy.context, str(copy)) == (
        RangeCheck.RESPONSE_SIZE,
        moved.context,
        str(caught.value),
    )
    assert "'metro' for block 7 in epoch 3 fails check (1d)" in str(copy)


def test_a_witness_survives_its_encoding(key: ProofKey, context: RangeContext) -> None:
    _, proved = proved_block(context, VALUES, BOUNDS)
    encoded = proved.witness.to_bytes(key, CAP_UG)

    assert RangeWitness.from_bytes(key, CAP_UG, encoded) == proved.witness
    with pytest.raises(MalformedError, match="a witness has"):
        RangeWitness.from_bytes(key, CAP_UG, encoded[1:])


# ---- for any values, any bounds, any change, any bytes ----


@cache
def worked() -> Claim:
    """A proof that holds, for changing it."""
    statement, proved = proved_block(place(), VALUES, BOUNDS)
    return statement, proved.proof


BOUND = st.one_of(st.sampled_from([0, 1, 2, CAP_UG, WIDEST]), st.integers(0, WIDEST))
SLOT = BOUND.flatmap(lambda bound: st.tuples(st.integers(0, bound), st.just(bound)))


@settings(max_examples=60, deadline=None)
@given(st.lists(SLOT, min_size=4, max_size=4), st.integers(0, 1_000))
def test_an_honest_proof_always_holds(slots: list[tuple[int, int]], seed: int) -> None:
    values, bounds = zip(*slots, strict=True)
    key = wide_tables().key
    statement, proved = proved_block(place(), values, bounds, seed)
    shape = RangeProofShape.of(key, max(bounds))

    verify(key, statement, proved.proof)
    verify_all(key, [(statement, proved.proof)], seeded(seed).randrange)
    encoded = shape.encode(proved.proof)
    assert len(encoded) == shape.proof_bytes
    assert shape.decode(encoded) == proved.proof


NUMBERS = (
    "commitment",
    "mask_commitment",
    "linear",
    "constant",
    "mask_ciphertext",
    "blinding_response",
    "range_response",
    "randomiser_response",
)


def changed(proof: RangeProof, position: int, change: int) -> RangeProof:
    """Return the proof with one of its 8 + 4 k numbers another one."""
    if position < len(NUMBERS):
        name = NUMBERS[position]
        changes: dict[str, Any] = {name: getattr(proof, name) + change}
        return dataclasses.replace(proof, **changes)
    flat = list(proof.responses.flat)
    flat[position - len(NUMBERS)] += change
    return dataclasses.replace(proof, responses=SlotNumbers.of_flat(flat))


CHANGE = st.one_of(
    st.sampled_from([1, -1, 2, -2]), st.integers(-(2**600), 2**600), st.integers(-9, 9)
).filter(bool)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(NUMBERS) + 15), CHANGE)
def test_any_change_of_one_number_is_refused(position: int, change: int) -> None:
    statement, proof = worked()

    check_that_fails(wide_tables().key, statement, changed(proof, position, change))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_change_of_one_bit_of_the_bytes_is_refused(data: st.DataObject) -> None:
    key = wide_tables().key
    statement, proof = worked()
    shape = RangeProofShape.of(key, CAP_UG)
    encoded = shape.encode(proof)
    bit = data.draw(st.integers(0, 8 * len(encoded) - 1))
    flipped = bytearray(encoded)
    flipped[bit // 8] ^= 1 << bit % 8

    check_that_fails(key, statement, shape.decode(bytes(flipped)))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=3_000))
def test_bytes_of_any_length_are_decoded_or_malformed(data: bytes) -> None:
    shape = RangeProofShape.of(wide_tables().key, CAP_UG)

    with pytest.raises(MalformedError, match="a range proof has"):
        shape.decode(data[: shape.proof_bytes - 1])


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_random_bytes_decode_to_a_proof_that_is_refused(chance: Any) -> None:
    key = wide_tables().key
    statement, _ = worked()
    shape = RangeProofShape.of(key, CAP_UG)
    data = chance.randbytes(shape.proof_bytes)

    proof = shape.decode(data)

    assert shape.encode(proof) == data
    check_that_fails(key, statement, proof)


@pytest.mark.parametrize("off", [-1, 1])
def test_a_proof_of_another_length_is_malformed(key: ProofKey, honest: Claim, off: int) -> None:
    shape = RangeProofShape.of(key, CAP_UG)
    encoded = shape.encode(honest[1])

    with pytest.raises(MalformedError, match="a range proof has"):
        shape.decode(encoded[:off] if off < 0 else encoded + b"\x00")
    with pytest.raises(MalformedError, match="a range proof has"):
        RangeProofShape.of(key, WIDEST).decode(encoded)
