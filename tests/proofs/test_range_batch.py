"""Batches of range proofs: what they accept is what single checks accept, and why three weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import (
    RangeCheck,
    RangeContext,
    RangeProof,
    RangeProofInvalidError,
    RangeStatement,
)
from fedcarbon.proofs.range_prover import RangeJob, encrypt_and_prove, encrypt_and_prove_all
from fedcarbon.proofs.range_verifier import Claim, invalid_proofs, verify, verify_all
from tests.chance import seeded
from tests.proofs.conftest import BOUNDS, CAP_UG, VALUES
from tests.proofs.dishonest import Attacker, check_that_fails, roots_of

BLOCKS = 7


@pytest.fixture(scope="module")
def claims(tables: ProverTables, context: RangeContext) -> list[Claim]:
    """Seven proofs that hold, of blocks 0 to 6."""
    chance, made = seeded(6), []
    for block in range(BLOCKS):
        where = dataclasses.replace(context, block=block)
        proved = encrypt_and_prove(
            tables, where, values=VALUES, bounds=BOUNDS, randbelow=chance.randrange
        )
        statement = RangeStatement(context=where, bounds=BOUNDS, ciphertext=proved.ciphertext)
        made.append((statement, proved.proof))
    return made


def with_tau(proof: RangeProof, step: int) -> RangeProof:
    return dataclasses.replace(proof, range_response=proof.range_response + step)


def with_rho(proof: RangeProof, step: int) -> RangeProof:
    return dataclasses.replace(proof, blinding_response=proof.blinding_response + step)


def with_s(proof: RangeProof, step: int) -> RangeProof:
    return dataclasses.replace(proof, randomiser_response=proof.randomiser_response + step)


EQUATIONS = {
    RangeCheck.COMMITMENT: with_rho,
    RangeCheck.ENCRYPTION: with_s,
    RangeCheck.RANGE: with_tau,
}


def found(key: ProofKey, claims: list[Claim], seed: int = 1) -> dict[int, RangeCheck]:
    """Return the check that fails per block."""
    return {
        error.context.block: error.check
        for error in invalid_proofs(key, claims, seeded(seed).randrange)
    }


def equal_weights(bound: int) -> int:
    """Draw like a verifier that saves its chance."""
    return bound - 1


def test_empty_batch(key: ProofKey) -> None:
    def unasked(bound: int) -> int:
        raise AssertionError(bound)

    verify_all(key, [], unasked)
    assert invalid_proofs(key, [], unasked) == []


@pytest.mark.parametrize("count", [1, 2, 3, BLOCKS])
def test_honest_proofs_hold_in_batches_of_any_size(
    key: ProofKey, claims: list[Claim], count: int
) -> None:
    verify_all(key, claims[:count], seeded(count).randrange)


def test_a_batch_draws_three_weights_of_128_bits_per_proof(
    key: ProofKey, claims: list[Claim]
) -> None:
    drawn: list[int] = []
    chance = seeded(2)

    def counting(bound: int) -> int:
        drawn.append(bound)
        return chance.randrange(bound)

    verify_all(key, claims, counting)

    assert drawn == [1 << 128] * 3 * BLOCKS


@pytest.mark.parametrize("check", EQUATIONS)
def test_cancelling_errors(key: ProofKey, claims: list[Claim], check: RangeCheck) -> None:
    # One answer is too large by 1, the other too small: the product of both blocks is right.
    spoil = EQUATIONS[check]
    attacked = list(claims)
    for block, step in ((2, 1), (5, -1)):
        statement, proof = claims[block]
        attacked[block] = (statement, spoil(proof, step))

    verify_all(key, attacked, equal_weights)
    assert found(key, attacked) == {2: check, 5: check}


def test_equal_weights_pass(key: ProofKey, claims: list[Claim]) -> None:
    # They accept every honest batch as well: only the attack above shows what they are worth.
    verify_all(key, claims, equal_weights)
    verify_all(key, claims, seeded(1).randrange)


def test_same_weight_two_equations(key: ProofKey, claims: list[Claim]) -> None:
    # h^rho_f and h^tau_f stand in one folded equation: under one weight their errors cancel.
    statement, proof = claims[3]
    attacked = [*claims[:3], (statement, with_tau(with_rho(proof, 1), -1)), *claims[4:]]
    chance, drawn = seeded(8), list[int]()

    def same_for_both(bound: int) -> int:
        # Weights are drawn for (2), then (3), then (4).
        drawn.append(drawn[-2 * BLOCKS] if len(drawn) >= 2 * BLOCKS else chance.randrange(bound))
        return drawn[-1]

    verify_all(key, attacked, same_for_both)
    assert found(key, attacked) == {3: RangeCheck.COMMITMENT}


@pytest.mark.parametrize("block", [0, BLOCKS // 2, BLOCKS - 1])
@pytest.mark.parametrize("check", EQUATIONS)
def test_bad_block_first_last_middle(
    key: ProofKey, claims: list[Claim], block: int, check: RangeCheck
) -> None:
    statement, proof = claims[block]
    attacked = list(claims)
    attacked[block] = (statement, EQUATIONS[check](proof, 1))

    with pytest.raises(RangeProofInvalidError) as caught:
        verify_all(key, attacked, seeded(block).randrange)

    assert (caught.value.context, caught.value.check) == (statement.context, check)
    assert found(key, attacked) == {block: check}


def test_bisect_names_block_and_equation(key: ProofKey, claims: list[Claim]) -> None:
    spoilt: dict[int, tuple[RangeCheck, Callable[[Claim], Claim]]] = {
        0: (RangeCheck.RANGE, lambda claim: (claim[0], with_tau(claim[1], 1))),
        1: (
            RangeCheck.SHAPE,
            lambda claim: (dataclasses.replace(claim[0], bounds=BOUNDS[1:]), claim[1]),
        ),
        2: (
            RangeCheck.GROUP,
            lambda claim: (claim[0], dataclasses.replace(claim[1], linear=0)),
        ),
        4: (RangeCheck.ENCRYPTION, lambda claim: (claim[0], with_s(claim[1], 1))),
        5: (RangeCheck.RESPONSE_SIZE, lambda claim: (claim[0], with_tau(claim[1], 1 << 4000))),
        6: (RangeCheck.COMMITMENT, lambda claim: (claim[0], with_rho(claim[1], -1))),
    }
    attacked = [
        spoilt[block][1](claim) if block in spoilt else claim for block, claim in enumerate(claims)
    ]

    errors = invalid_proofs(key, attacked, seeded(1).randrange)

    assert [(error.context.block, error.check) for error in errors] == [
        (block, check) for block, (check, _) in spoilt.items()
    ]
    for error in errors:
        assert f"block {error.context.block} in epoch 3 fails check ({error.check})" in str(error)
    with pytest.raises(RangeProofInvalidError, match="block 0 in epoch 3"):
        verify_all(key, attacked, seeded(1).randrange)


def test_a_batch_of_nothing_but_bad_proofs_names_them_all(
    key: ProofKey, claims: list[Claim]
) -> None:
    attacked = [(statement, with_s(proof, 1)) for statement, proof in claims]

    assert found(key, attacked) == dict.fromkeys(range(BLOCKS), RangeCheck.ENCRYPTION)


def test_sign_agrees_single_and_batch(attacker: Attacker, claims: list[Claim]) -> None:
    # -C holds the same plaintext as C (-1 is an n-th power), and has the same Jacobi symbol. Who
    # proves over -C is accepted alone and in a batch, where signs would otherwise multiply up.
    key = attacker.key
    fitting, s = attacker.statement(BOUNDS, VALUES)
    statement = attacker.about(BOUNDS, key.public_key.n_squared - fitting.ciphertext)
    proof = attacker.prove(statement, roots_of(VALUES, BOUNDS, attacker.chance), s)

    verify(key, statement, proof)
    for seed in range(4):
        verify_all(key, [*claims, (statement, proof)], seeded(seed).randrange)
        verify_all(key, [(statement, proof)], seeded(seed).randrange)


@pytest.mark.parametrize("seed", range(6))
def test_single_and_batch_agree_on_a_mixture(key: ProofKey, claims: list[Claim], seed: int) -> None:
    chance = seeded(seed)
    attacked, bad = [], {}
    for block, (statement, proof) in enumerate(claims):
        check = chance.choice([None, *EQUATIONS])
        if check is not None:
            bad[block] = check
            attacked.append((statement, EQUATIONS[check](proof, chance.choice([-1, 1]))))
            assert check_that_fails(key, *attacked[-1]) == check
        else:
            attacked.append((statement, proof))
            verify(key, statement, proof)

    assert found(key, attacked, seed) == bad


def test_two_proofs_that_trade_their_statements_are_both_refused(
    key: ProofKey, claims: list[Claim]
) -> None:
    attacked = list(claims)
    attacked[1], attacked[2] = (claims[1][0], claims[2][1]), (claims[2][0], claims[1][1])

    assert found(key, attacked) == {1: RangeCheck.COMMITMENT, 2: RangeCheck.COMMITMENT}


def test_blocks_proved_together_are_those_proved_alone(
    tables: ProverTables, context: RangeContext
) -> None:
    places = [dataclasses.replace(context, block=block) for block in range(40)]
    values = [[block, CAP_UG - block, CAP_UG, 0] for block in range(40)]

    together = encrypt_and_prove_all(
        tables,
        [
            RangeJob(place, of_block, BOUNDS, seeded(place.block).randrange)
            for place, of_block in zip(places, values, strict=True)
        ],
    )

    assert together == [
        encrypt_and_prove(
            tables, place, values=of_block, bounds=BOUNDS, randbelow=seeded(place.block).randrange
        )
        for place, of_block in zip(places, values, strict=True)
    ]


def test_of_no_blocks_nothing_is_proved(tables: ProverTables) -> None:
    assert encrypt_and_prove_all(tables, []) == []
