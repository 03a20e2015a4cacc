"""Link proofs: what is submitted is at most what the winning claims committed to.

The attacks are named as in the list of attacks that must fail. Where a check or an item of the
transcript is what stops one, the weak variant without it is built too, and the attack succeeds
there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from fedcarbon.errors import MalformedError
from fedcarbon.identity.ristretto import (
    IDENTITY,
    ORDER,
    pedersen,
    scaled,
    sum_of,
)
from fedcarbon.proofs import link_verifier
from fedcarbon.proofs.commitments import ProofKey, ProverTables, SlotNumbers
from fedcarbon.proofs.link import (
    DELTA_MAX,
    LinkCheck,
    LinkProof,
    LinkProofShape,
)
from fedcarbon.proofs.link_prover import (
    DeltaOutOfRangeError,
    prove_link,
)
from fedcarbon.proofs.link_verifier import verify_link
from tests.chance import seeded
from tests.proofs.link_world import Submission, failed_check, opened

BLOCKS = [[1_000, 0], [250, 7], [0, 0]]
TOTAL = 1_257


@pytest.fixture(scope="module")
def honest(tables: ProverTables) -> Submission:
    """Four claims of which the last is lost; what is submitted is 43 below the winning pieces."""
    return Submission(tables, BLOCKS, [800, 500, 0, 90])


def test_an_honest_proof_holds_and_survives_its_encoding(honest: Submission) -> None:
    statement, proof = honest.statement([3]), honest.proof([3])
    shape = LinkProofShape.of(honest.key, statement)

    data = shape.encode(proof)

    assert len(data) == shape.proof_bytes
    assert shape.decode(data) == proof
    verify_link(honest.key, statement, shape.decode(data))


@pytest.mark.parametrize(
    ("pieces", "lost"),
    [
        ([TOTAL], []),  # nothing is below
        ([TOTAL + DELTA_MAX], []),
        ([TOTAL + 1, 99], [1]),
        ([TOTAL + DELTA_MAX // 2], []),  # the roots are a perfect square
        ([TOTAL + DELTA_MAX // 2 + 1], []),
    ],
)
def test_every_difference_below_two_to_the_sixty_is_provable(
    tables: ProverTables, pieces: list[int], lost: list[int]
) -> None:
    submission = Submission(tables, BLOCKS, pieces)

    verify_link(submission.key, submission.statement(lost), submission.proof(lost))


def test_cap_truncation_accepted(tables: ProverTables) -> None:
    """Two claims of a person are worth more than the cap; the rest is simply not submitted."""
    submission = Submission(tables, [[50_000_000_000]], [30_000_000_000, 30_000_000_000])

    verify_link(submission.key, submission.statement(), submission.proof())


def test_withdrawn_winner_accepted(tables: ProverTables) -> None:
    """Whoever won and left in the meantime has no slot, and costs nobody anything."""
    submission = Submission(tables, [[0, 400]], [400, 2_600])

    verify_link(submission.key, submission.statement(), submission.proof())


def test_who_claimed_nothing_proves_that_all_slots_are_zero(tables: ProverTables) -> None:
    submission = Submission(tables, [[0], [0]], [])
    assert submission.statement().winnings == IDENTITY

    verify_link(submission.key, submission.statement(), submission.proof())


def test_who_claimed_nothing_cannot_submit_anything(tables: ProverTables) -> None:
    submission = Submission(tables, [[1], [0]], [])

    with pytest.raises(DeltaOutOfRangeError):
        submission.proof()
    forged = opened(submission, delta=-1)

    assert failed_check(submission.key, submission.statement(), forged) is LinkCheck.RANGE


# --- attacks on the content ----------------------------------------------------------------------


def test_drop_lost_claim_keep_total(tables: ProverTables) -> None:
    """The partner keeps the grams of a lost claim in its sum, and proves with all claims."""
    submission = Submission(tables, BLOCKS, [TOTAL - 90, 90])
    proof = submission.proof()
    verify_link(submission.key, submission.statement(), proof)

    check = failed_check(submission.key, submission.statement([1]), proof)

    assert check is LinkCheck.COMMITMENT  # another K is another challenge


def test_drop_lost_claim_keep_total_with_a_challenge_over_the_true_sum(
    tables: ProverTables,
) -> None:
    """The same with a proof made for the true K: the link equation is what fails."""
    submission = Submission(tables, BLOCKS, [TOTAL - 90, 90])
    forged = prove_link(
        submission.key,
        submission.statement([1]),
        submission.witness(),
        submission.chance.randrange,
    )

    assert failed_check(submission.key, submission.statement([1]), forged) is LinkCheck.LINK


def test_block_left_out(tables: ProverTables) -> None:
    """The partner proves all blocks but the one that holds too much."""
    submission = Submission(tables, [[100], [9_000]], [100])
    rest = submission.statement(blocks=[0])
    proof = prove_link(
        submission.key, rest, submission.witness(blocks=[0]), submission.chance.randrange
    )
    verify_link(submission.key, rest, proof)

    whole = prove_link(
        submission.key,
        submission.statement(),
        submission.witness(blocks=[0]),
        submission.chance.randrange,
    )

    assert failed_check(submission.key, submission.statement(), proof) is LinkCheck.COMMITMENT
    assert failed_check(submission.key, submission.statement(), whole) is LinkCheck.COMMITMENT


def without_range_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build the weak verifier that does not apply check (4)."""
    strong: Callable[..., bool] = link_verifier._holds

    def holds(key: ProofKey, bases: Sequence[int], *rest: Any) -> bool:
        return bases[0] == key.constant_generator or strong(key, bases, *rest)

    monkeypatch.setattr(link_verifier, "_holds", holds)


@pytest.mark.parametrize("delta", [-5, -(1 << 80)])
def test_delta_negative(tables: ProverTables, monkeypatch: pytest.MonkeyPatch, delta: int) -> None:
    submission = Submission(tables, BLOCKS, [TOTAL + delta])
    forged = opened(submission, delta=delta)

    assert failed_check(submission.key, submission.statement(), forged) is LinkCheck.RANGE

    without_range_check(monkeypatch)
    verify_link(submission.key, submission.statement(), forged)


def test_delta_too_large(tables: ProverTables, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partner that says it won 2^60 more than it submits could hide a wrap-around there."""
    submission = Submission(tables, BLOCKS, [TOTAL + DELTA_MAX + 1])
    with pytest.raises(DeltaOutOfRangeError):
        submission.proof()
    forged = opened(submission, delta=DELTA_MAX + 1)

    assert failed_check(submission.key, submission.statement(), forged) is LinkCheck.RANGE

    without_range_check(monkeypatch)
    verify_link(submission.key, submission.statement(), forged)


def test_a_piece_that_is_negative_modulo_l_does_not_help_on_its_own(
    tables: ProverTables,
) -> None:
    """A sum of pieces below the slots is below them modulo l, too: no small delta fits."""
    submission = Submission(tables, BLOCKS, [TOTAL, -1])

    with pytest.raises(DeltaOutOfRangeError):
        submission.proof()


def test_pads_cancel_each_other(tables: ProverTables) -> None:
    """One pad holds a gram more and another one less, and the one less is a lost claim.

    The sum over the winners is 500 too high and the link proof accepts: it says nothing about how
    pieces are split. The weighted sum over all commitments of the epoch, pads as 0, sees it: an
    auditor with the node's table makes that check (`sum w_c K_c = R G + P G'`).
    """
    submission = Submission(tables, [[1_500]], [1_000, 500, -500])

    verify_link(submission.key, submission.statement([2]), submission.proof([2]))

    claims, chance = submission.claims, seeded(8)
    weights = [chance.getrandbits(128) for _ in claims.pieces]
    true_pieces = [1_000, 0, 0]
    left = sum_of(map(scaled, weights, claims.commitments))
    right = pedersen(
        sum(map(int.__mul__, weights, true_pieces)),
        sum(map(int.__mul__, weights, claims.blindings)),
        submission.statement().generator,
    )
    assert left != right


# --- attacks on the form -------------------------------------------------------------------------

FORMS: dict[str, tuple[Callable[[ProofKey, LinkProof], dict[str, Any]], LinkCheck]] = {
    "a response missing": (
        lambda _, proof: {"delta_responses": proof.delta_responses[:3]},
        LinkCheck.SHAPE,
    ),
    "A_d zero": (lambda _, __: {"delta_commitment": 0}, LinkCheck.GROUP),
    "A_d not canonical": (
        lambda key, proof: {"delta_commitment": key.commitment_modulus - proof.delta_commitment},
        LinkCheck.GROUP,
    ),
    "E1 zero": (lambda _, __: {"linear": 0}, LinkCheck.GROUP),
    "U the identity": (lambda _, __: {"mask_point": bytes(32)}, LinkCheck.GROUP),
    "U not canonical": (lambda _, __: {"mask_point": b"\xff" * 32}, LinkCheck.GROUP),
    "response negative": (
        lambda _, proof: {"responses": SlotNumbers.of_flat([-1, *proof.responses.flat[1:]])},
        LinkCheck.RESPONSE_SIZE,
    ),
    "response too long": (
        lambda _, proof: {"responses": SlotNumbers.of_flat([1 << 300, *proof.responses.flat[1:]])},
        LinkCheck.RESPONSE_SIZE,
    ),
    "delta response too long": (
        lambda _, proof: {"delta_responses": (1 << 300, *proof.delta_responses[1:])},
        LinkCheck.RESPONSE_SIZE,
    ),
    "rho negative": (lambda _, __: {"blinding_response": -1}, LinkCheck.RESPONSE_SIZE),
    "rho too long": (
        lambda _, proof: {"blinding_response": proof.blinding_response | 1 << 8_000},
        LinkCheck.RESPONSE_SIZE,
    ),
    "tau too long": (lambda _, __: {"range_response": 1 << 2_000}, LinkCheck.RESPONSE_SIZE),
    "r_f not reduced": (
        lambda _, proof: {"point_response": proof.point_response + ORDER},
        LinkCheck.RESPONSE_SIZE,
    ),
    "f changed": (
        lambda _, proof: {
            "responses": SlotNumbers.of_flat(
                [proof.responses.flat[0] + 1, *proof.responses.flat[1:]]
            )
        },
        LinkCheck.COMMITMENT,
    ),
    "rho changed": (
        lambda _, proof: {"blinding_response": proof.blinding_response ^ 1},
        LinkCheck.COMMITMENT,
    ),
    "f_d changed": (
        lambda _, proof: {
            "delta_responses": (proof.delta_responses[0] ^ 1, *proof.delta_responses[1:])
        },
        LinkCheck.DELTA,
    ),
    "tau changed": (
        lambda _, proof: {"range_response": proof.range_response ^ 1},
        LinkCheck.RANGE,
    ),
    "r_f changed": (
        lambda _, proof: {"point_response": (proof.point_response + 1) % ORDER},
        LinkCheck.LINK,
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_changed_proof_is_refused_by_its_number(honest: Submission, name: str) -> None:
    change, check = FORMS[name]
    proof = honest.proof([3])

    changed = dataclasses.replace(proof, **change(honest.key, proof))

    assert failed_check(honest.key, honest.statement([3]), changed) is check


def test_bytes_of_another_length_are_no_proof(honest: Submission) -> None:
    shape = LinkProofShape.of(honest.key, honest.statement())

    with pytest.raises(MalformedError):
        shape.decode(bytes(shape.proof_bytes - 1))


def test_a_submission_without_blocks_proves_nothing(honest: Submission) -> None:
    empty = dataclasses.replace(honest.statement([3]), commitments={})

    assert failed_check(honest.key, empty, honest.proof([3])) is LinkCheck.SHAPE
