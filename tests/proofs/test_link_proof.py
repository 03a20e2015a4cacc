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
from gmpy2 import mpz

from fedcarbon.errors import MalformedError
from fedcarbon.identity.ristretto import (
    IDENTITY,
    ORDER,
    pedersen,
    scaled,
    sum_of,
)
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.proofs import link, link_verifier
from fedcarbon.proofs.commitments import ProofKey, ProverTables, SlotNumbers
from fedcarbon.proofs.link import (
    DELTA_MAX,
    LinkCheck,
    LinkProof,
    LinkProofInvalidError,
    LinkProofShape,
    LinkStatement,
    link_challenge,
)
from fedcarbon.proofs.link_prover import (
    DeltaOutOfRangeError,
    DeltaWitness,
    prove_link,
    prove_opened,
)
from fedcarbon.proofs.link_verifier import verify_link
from fedcarbon.proofs.multi_power import multi_power
from fedcarbon.proofs.transcript import Transcript
from tests.chance import seeded
from tests.proofs.link_world import Submission

BLOCKS = [[1_000, 0], [250, 7], [0, 0]]
TOTAL = 1_257


@pytest.fixture(scope="module")
def honest(tables: ProverTables) -> Submission:
    """Four claims of which the last is lost; what is submitted is 43 below the winning pieces."""
    return Submission(tables, BLOCKS, [800, 500, 0, 90])


def failed_check(key: ProofKey, statement: LinkStatement, proof: LinkProof) -> LinkCheck:
    with pytest.raises(LinkProofInvalidError) as caught:
        verify_link(key, statement, proof)
    return caught.value.check


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


def opened(submission: Submission, *, delta: int, lost: Sequence[int] = ()) -> LinkProof:
    """Return a proof whose A_d holds `delta` and roots of 0, whatever would be true."""
    of_delta = DeltaWitness(numbers=(delta, 0, 0, 0), blinding=5)
    return prove_opened(
        submission.key,
        submission.statement(lost),
        submission.witness(lost),
        of_delta,
        submission.chance.randrange,
    )


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
    auditor with the node's table makes that check (`sum w_c K_c = P G + R G'`).
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
        lambda _, proof: {"blinding_response": proof.blinding_response << 4},
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


# --- the transcript ------------------------------------------------------------------------------


class _Leaky(Transcript):
    """A transcript that leaves items out."""

    omitted: frozenset[bytes] = frozenset()

    def absorb_bytes(self, label: bytes, item: bytes) -> None:
        if label not in self.omitted:
            super().absorb_bytes(label, item)


def leave_out(monkeypatch: pytest.MonkeyPatch, *labels: bytes) -> None:
    monkeypatch.setattr(_Leaky, "omitted", frozenset(labels))
    monkeypatch.setattr(link, "Transcript", _Leaky)


def elsewhere(**changes: Any) -> Callable[[LinkStatement], LinkStatement]:
    return lambda statement: dataclasses.replace(
        statement, context=dataclasses.replace(statement.context, **changes)
    )


REPLAYS: dict[str, tuple[bytes, Callable[[LinkStatement], LinkStatement]]] = {
    "link_proof_other_epoch": (b"epoch", elsewhere(epoch=EpochIndex(4))),
    "another party": (b"party", elsewhere(party_id=PartyId("bikes"))),
    "another programme": (b"programme", elsewhere(programme_id=ProgrammeId("town"))),
    "another plan": (b"plan", elsewhere(plan_leaf=b"\x20\x01" + b"q" * 32)),
    "other verdicts": (b"verdicts", elsewhere(verdict_leaf=b"\x25\x01" + b"w" * 32)),
    "other block numbers": (
        b"block",
        lambda statement: dataclasses.replace(
            statement,
            commitments={block + 1: a for block, a in statement.commitments.items()},
        ),
    ),
    "another largest bound": (
        b"B",
        lambda statement: dataclasses.replace(statement, bound_max=statement.bound_max - 1),
    ),
}


@pytest.mark.parametrize("name", REPLAYS)
def test_a_proof_for_one_place_is_none_for_another(
    honest: Submission, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    label, move = REPLAYS[name]
    moved = move(honest.statement([3]))
    assert failed_check(honest.key, moved, honest.proof([3])) is LinkCheck.COMMITMENT

    leave_out(monkeypatch, label)
    verify_link(honest.key, moved, honest.proof([3]))


def test_a_proof_is_bound_to_its_parameter_set(
    honest: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = dataclasses.replace(honest.key, parameter_id=b"x" * 32)
    assert failed_check(other, honest.statement([3]), honest.proof([3])) is LinkCheck.COMMITMENT

    leave_out(monkeypatch, b"parameters")
    verify_link(other, honest.statement([3]), honest.proof([3]))


ITEMS = (
    *(
        b"version",
        b"parameters",
        b"programme",
        b"party",
        b"epoch",
        b"plan",
        b"verdicts",
        b"k",
        b"B",
    ),
    *(b"blocks", b"block", b"A", b"G'", b"K", b"A_d", b"T", b"T_d", b"E1", b"E0", b"U"),
)


def test_every_item_of_the_transcript_counts(
    honest: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement, proof = honest.statement([3]), honest.proof([3])
    challenges = {link_challenge(honest.key, statement, proof)}

    for item in ITEMS:
        leave_out(monkeypatch, item)
        challenges.add(link_challenge(honest.key, statement, proof))

    assert len(challenges) == 1 + len(ITEMS)


Base = Callable[[Submission], LinkProof]
Solve = Callable[[Submission, LinkProof, int], dict[str, Any]]


def stolen(submission: Submission) -> LinkProof:
    """Return a proof that fails (5) only: its slots hold more than the claims."""
    of_delta = DeltaWitness(numbers=(0, 1, 0, 0), blinding=5)
    return prove_opened(
        submission.key,
        submission.statement(),
        submission.witness(),
        of_delta,
        submission.chance.randrange,
    )


def solved_u(submission: Submission, proof: LinkProof, e: int) -> dict[str, Any]:
    """Choose U after e, so that (5) holds."""
    statement = submission.statement()
    total = sum(proof.responses.v) + proof.delta_responses[0]
    left = pedersen(total, proof.point_response, statement.generator)
    return {"mask_point": sum_of((left, scaled(-e, statement.winnings)))}


def solved_t(submission: Submission, proof: LinkProof, e: int) -> dict[str, Any]:
    """Choose responses that fit (5), and then T after e, so that (2) holds."""
    key, statement = submission.key, submission.statement()
    # What the responses of the slots must be together, mod l, for this U.
    won = submission.witness().winnings
    short = (won - sum(submission.witness().numbers.v)) * e
    first, *others = proof.responses.flat
    numbers = (first + short, *others)
    blinding = proof.blinding_response
    power = multi_power(
        (*key.slot_generators, key.blinding_generator),
        (*numbers, blinding),
        mpz(key.commitment_modulus),
    )
    rest = multi_power((statement.product(key),), (-e,), mpz(key.commitment_modulus))
    return {
        "mask_commitment": key.canonical(power * rest),
        "responses": SlotNumbers.of_flat(numbers),
    }


def solved_e(submission: Submission, proof: LinkProof, e: int) -> dict[str, Any]:
    """Choose E0 after e, so that (4) holds for a negative difference."""
    key, f_d = submission.key, proof.delta_responses
    q = 4 * f_d[0] * (DELTA_MAX * e - f_d[0]) + e * e - sum(root * root for root in f_d[1:])
    modulus = mpz(key.commitment_modulus)
    bases = (key.constant_generator, key.blinding_generator, proof.linear)
    power = multi_power(bases, (q, proof.range_response, -e), modulus)
    return {"constant": key.canonical(power)}


def negative(submission: Submission) -> LinkProof:
    return opened(submission, delta=submission.witness().delta)


FORGERIES: dict[str, tuple[bytes, Base, Solve]] = {
    "omit_T_forgery": (b"T", stolen, solved_t),
    "omit_E_forgery": (b"E0", negative, solved_e),
    "U left out": (b"U", stolen, solved_u),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_commitment_that_the_challenge_leaves_out_can_be_chosen_after_it(
    tables: ProverTables, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The slots hold 7 grams that no claim has; without the item the proof holds all the same."""
    label, base, solve = FORGERIES[name]
    submission = Submission(tables, BLOCKS, [TOTAL - 7])
    statement = submission.statement()

    def forged() -> LinkProof:
        proof = base(submission)
        e = link_challenge(submission.key, statement, proof)
        return dataclasses.replace(proof, **solve(submission, proof, e))

    with pytest.raises(LinkProofInvalidError):
        verify_link(submission.key, statement, forged())

    leave_out(monkeypatch, label)

    verify_link(submission.key, statement, forged())
