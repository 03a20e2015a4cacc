from __future__ import annotations

from dataclasses import replace

import pytest

from fedcarbon.identity import dleq, ristretto
from fedcarbon.identity.dleq import (
    BATCH_ELEMENTS_MAX,
    BatchSizeError,
    CompositeRule,
    DleqProof,
    DleqProofInvalidError,
)
from fedcarbon.identity.ristretto import (
    ORDER,
    Element,
    RandomBelow,
    Scalar,
    ScalarInvalidError,
)

SECRET = Scalar(0xC0FFEE)
PUBLIC = ristretto.multiply_base(SECRET)
BLINDED = [ristretto.multiply_base(value) for value in (3, 5, 8, 13)]
EVALUATED = [ristretto.multiply(SECRET, point) for point in BLINDED]
PROOF = dleq.generate_proof(SECRET, PUBLIC, BLINDED, EVALUATED, Scalar(77))


@pytest.mark.parametrize("rule", CompositeRule)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_an_honest_proof_holds(rule: CompositeRule, count: int, random_below: RandomBelow) -> None:
    batch = (BLINDED[:count], EVALUATED[:count])

    proof = dleq.generate_proof(
        SECRET, PUBLIC, *batch, ristretto.random_scalar(random_below), rule=rule
    )

    dleq.verify_proof(PUBLIC, *batch, proof, rule=rule)


OTHER = ristretto.multiply_base(21)

FALSE_STATEMENTS = {
    "another key": (ristretto.multiply_base(SECRET + 1), BLINDED, EVALUATED),
    "one result is wrong": (PUBLIC, BLINDED, [*EVALUATED[:3], OTHER]),
    "two results are swapped": (PUBLIC, BLINDED, [*EVALUATED[2:], *EVALUATED[:2]]),
    "other questions": (PUBLIC, [*BLINDED[:3], OTHER], EVALUATED),
    "fewer elements": (PUBLIC, BLINDED[:3], EVALUATED[:3]),
    "another order": (PUBLIC, BLINDED[::-1], EVALUATED[::-1]),
    "errors that cancel with equal weights": (
        PUBLIC,
        BLINDED,
        [
            ristretto.add(EVALUATED[0], OTHER),
            ristretto.add(EVALUATED[1], ristretto.multiply(-1, OTHER)),
            *EVALUATED[2:],
        ],
    ),
}


@pytest.mark.parametrize("name", FALSE_STATEMENTS)
def test_a_proof_does_not_hold_for_another_statement(name: str) -> None:
    with pytest.raises(DleqProofInvalidError):
        dleq.verify_proof(*FALSE_STATEMENTS[name], PROOF)


@pytest.mark.parametrize(
    "proof",
    [
        replace(PROOF, challenge=Scalar((PROOF.challenge + 1) % ORDER)),
        replace(PROOF, response=Scalar((PROOF.response + 1) % ORDER)),
        DleqProof(challenge=PROOF.response, response=PROOF.challenge),
        replace(PROOF, challenge=Scalar(0)),
        replace(PROOF, response=Scalar(0)),
        DleqProof(challenge=Scalar(0), response=Scalar(0)),
        # s = -c k makes the first commitment the identity.
        replace(PROOF, response=Scalar(-PROOF.challenge * SECRET % ORDER)),
    ],
)
def test_a_changed_proof_is_refused(proof: DleqProof) -> None:
    with pytest.raises(DleqProofInvalidError):
        dleq.verify_proof(PUBLIC, BLINDED, EVALUATED, proof)


def test_a_proof_under_one_rule_does_not_hold_under_the_other() -> None:
    with pytest.raises(DleqProofInvalidError):
        dleq.verify_proof(PUBLIC, BLINDED, EVALUATED, PROOF, rule=CompositeRule.RFC9497)


@pytest.mark.parametrize(
    "data",
    [
        bytes(63),
        bytes(65),
        ORDER.to_bytes(32, "little") + bytes(32),
        bytes(32) + ORDER.to_bytes(32, "little"),
        # A second spelling of a valid proof.
        (PROOF.challenge + ORDER).to_bytes(32, "little") + PROOF.to_bytes()[32:],
    ],
)
def test_a_proof_has_one_encoding(data: bytes) -> None:
    with pytest.raises(ScalarInvalidError):
        DleqProof.from_bytes(data)


def changed_weights(rule: CompositeRule) -> list[bool]:
    """Tell for each pair whether its weight moves when the result of the last pair does."""
    before = dleq.composite_weights(PUBLIC, BLINDED, EVALUATED, rule=rule)
    after = dleq.composite_weights(PUBLIC, BLINDED, [*EVALUATED[:3], OTHER], rule=rule)
    return [first != second for first, second in zip(before, after, strict=True)]


def test_every_weight_depends_on_the_whole_batch() -> None:
    assert changed_weights(CompositeRule.WHOLE_BATCH) == [True, True, True, True]


def test_weights_of_the_rfc_can_be_searched_pair_by_pair() -> None:
    # Why the project does not use them: candidates for each position can be listed on their own
    # and joined so that the weighted errors cancel (generalised birthday).
    assert changed_weights(CompositeRule.RFC9497) == [False, False, False, True]


@pytest.mark.parametrize(
    ("blinded", "evaluated"),
    [
        ([], []),
        (BLINDED, EVALUATED[:3]),
        (BLINDED[:3], EVALUATED),
        ([OTHER] * (BATCH_ELEMENTS_MAX + 1), [OTHER] * (BATCH_ELEMENTS_MAX + 1)),
    ],
)
def test_an_empty_unequal_or_oversize_batch_is_refused(
    blinded: list[Element], evaluated: list[Element]
) -> None:
    with pytest.raises(BatchSizeError):
        dleq.verify_proof(PUBLIC, blinded, evaluated, PROOF)
