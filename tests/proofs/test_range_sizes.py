"""The table "parameters to use" of the design, on keys of production size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.opening.masks import EDGE_SLOT_MAX, FULL_SLOT_MAX, mask_bounds
from fedcarbon.packing.layout import (
    PERSON_DAY_CAP_UG,
    SLOT_WIDTH_BITS,
    VALUE_BOUND,
    Layout,
)
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.paillier.share_proof import CHALLENGE_BITS, HIDING_BITS
from fedcarbon.paillier.threshold_key import TRUSTEES_MAX
from fedcarbon.proofs import sizes
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import (
    RangeContext,
    RangeProofShape,
    RangePurpose,
    RangeStatement,
)
from fedcarbon.proofs.range_prover import encrypt_and_prove
from fedcarbon.proofs.range_verifier import verify, verify_all
from tests.chance import seeded
from tests.keys.primes import BITS_2048, BITS_3072, load_primes
from tests.proofs.conftest import CAP_UG


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A column of the design's table; the share proof has its row in tests/paillier."""

    slots: int
    randomiser: tuple[int, int, int]
    blinding: tuple[int, int, int]
    proof_bytes: int
    blocks_per_million: int


ROWS = {
    BITS_2048: Row(
        slots=18,
        randomiser=(1_024, 1_232, 1_233),
        blinding=(2_128, 2_336, 2_337),
        proof_bytes=4_509,
        blocks_per_million=55_556,
    ),
    BITS_3072: Row(
        slots=27,
        randomiser=(1_536, 1_744, 1_745),
        blinding=(3_152, 3_360, 3_361),
        proof_bytes=6_713,
        blocks_per_million=37_038,
    ),
}


@cache
def real_key(bits: str) -> ProofKey:
    primes = load_primes(bits)
    public_key = PublicKey(n=primes.n)
    return ProofKey(
        parameter_id=bytes(32),
        public_key=public_key,
        commitment_modulus=primes.big_n,
        layout=Layout.for_modulus(public_key.bits),
    )


def test_the_security_parameters_are_those_of_the_design() -> None:
    assert (CHALLENGE_BITS, HIDING_BITS, sizes.WEIGHT_BITS) == (128, 80, 128)
    assert (SLOT_WIDTH_BITS, VALUE_BOUND) == (112, 1 << 56)
    assert PERSON_DAY_CAP_UG == CAP_UG == 5 * 10**10
    assert CAP_UG.bit_length() == 36
    assert (FULL_SLOT_MAX, EDGE_SLOT_MAX, TRUSTEES_MAX) == (2**112 - 1, 2**108 - 1, 15)
    assert sizes.value_mask_bits(CAP_UG) == 245
    assert sizes.value_response_bits(CAP_UG) == 246


@pytest.mark.parametrize("bits", ROWS)
def test_lengths_at_production_size(bits: str) -> None:
    row, key = ROWS[bits], real_key(bits)
    big_n, s_bits = key.commitment_modulus, key.public_key.randomiser_bits

    assert big_n != key.public_key.n
    assert big_n.bit_length() == key.public_key.bits == int(bits)
    assert key.layout.slots == row.slots
    assert row.slots * SLOT_WIDTH_BITS <= int(bits) - 2
    assert (
        s_bits,
        sizes.randomiser_mask_bits(s_bits),
        sizes.randomiser_response_bits(s_bits),
    ) == row.randomiser
    assert (
        sizes.blinding_bits(big_n),
        sizes.blinding_mask_bits(big_n),
        sizes.blinding_response_bits(big_n),
    ) == row.blinding
    assert -(-(10**6) // row.slots) == row.blocks_per_million


@pytest.mark.parametrize("bits", ROWS)
def test_the_bytes_of_a_proof_at_production_size(bits: str) -> None:
    row, key = ROWS[bits], real_key(bits)
    element, size = int(bits) // 8, RangeProofShape.of(key, CAP_UG)

    assert size.proof_bytes == row.proof_bytes
    assert size.widths[:5] == (element, element, element, element, 2 * element)
    assert set(size.widths[5:-3]) == {31}
    assert len(size.widths[5:-3]) == 4 * row.slots


@pytest.mark.parametrize("bits", ROWS)
def test_a_proof_holds_at_production_size(bits: str) -> None:
    key = real_key(bits)
    slots = key.layout.slots
    tables = ProverTables(key, bound_max=FULL_SLOT_MAX, window_bits=4)
    chance = seeded(int(bits))
    context = RangeContext(
        purpose=RangePurpose.MASK,
        programme_id=ProgrammeId("city"),
        party_id=PartyId("trustee-1"),
        epoch=EpochIndex(3),
        block=7,
        subject=b"opening",
    )
    bounds = mask_bounds(key.layout, {1})
    values = [chance.randrange(bound + 1) for bound in bounds]
    proved = encrypt_and_prove(
        tables, context, values=values, bounds=bounds, randbelow=chance.randrange
    )
    statement = RangeStatement(context=context, bounds=bounds, ciphertext=proved.ciphertext)
    shape = RangeProofShape.of(key, FULL_SLOT_MAX)

    verify(key, statement, proved.proof)
    verify_all(key, [(statement, proved.proof)], chance.randrange)
    encoded = shape.encode(proved.proof)
    assert len(encoded) == shape.proof_bytes
    assert shape.decode(encoded) == proved.proof
    assert len(bounds) == slots
