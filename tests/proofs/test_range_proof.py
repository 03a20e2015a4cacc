"""Honest slot range proofs hold, alone and in batches, and survive their encoding."""

from __future__ import annotations

import dataclasses

import pytest

from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import RangeContext, RangeProofShape, RangeStatement
from fedcarbon.proofs.range_prover import ValueOutOfRangeError, encrypt_and_prove
from fedcarbon.proofs.range_verifier import Claim, verify, verify_all
from tests.chance import seeded
from tests.proofs.conftest import CAP_UG


def _claim(
    tables: ProverTables, context: RangeContext, values: list[int], bounds: list[int]
) -> Claim:
    chance = seeded(1)
    proved = encrypt_and_prove(
        tables, context, values=values, bounds=bounds, randbelow=chance.randrange
    )
    statement = RangeStatement(context=context, bounds=tuple(bounds), ciphertext=proved.ciphertext)
    return statement, proved.proof


def test_an_honest_proof_holds_alone_in_a_batch_and_after_its_encoding(
    key: ProofKey, tables: ProverTables, context: RangeContext
) -> None:
    slots = key.layout.slots
    shape = RangeProofShape.of(key, CAP_UG)
    claims = []
    for block, value in enumerate((0, 1, CAP_UG // 2, CAP_UG - 1, CAP_UG)):
        bounds = [CAP_UG] * (slots - 1) + [0]
        where = dataclasses.replace(context, block=block)
        statement, proof = _claim(tables, where, [value] * (slots - 1) + [0], bounds)
        claims.append((statement, shape.decode(shape.encode(proof))))

    for statement, proof in claims:
        verify(key, statement, proof)
    verify_all(key, claims, seeded(2).randrange)


@pytest.mark.parametrize("value", [-1, CAP_UG + 1])
def test_the_prover_refuses_a_value_outside_its_bound(
    key: ProofKey, tables: ProverTables, context: RangeContext, value: int
) -> None:
    slots = key.layout.slots
    with pytest.raises(ValueOutOfRangeError):
        _claim(tables, context, [value] + [0] * (slots - 1), [CAP_UG] * slots)
