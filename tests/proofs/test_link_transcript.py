"""What the transcript of a link proof binds: without an item, a proof can be moved or forged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from gmpy2 import mpz

from fedcarbon.identity.ristretto import (
    pedersen,
    scaled,
    sum_of,
)
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.proofs import link
from fedcarbon.proofs.commitments import ProverTables, SlotNumbers
from fedcarbon.proofs.link import (
    DELTA_MAX,
    LinkCheck,
    LinkProof,
    LinkProofInvalidError,
    LinkStatement,
    link_challenge,
)
from fedcarbon.proofs.link_prover import (
    DeltaWitness,
    prove_opened,
)
from fedcarbon.proofs.link_verifier import verify_link
from fedcarbon.proofs.multi_power import multi_power
from fedcarbon.proofs.transcript import Transcript
from tests.proofs.link_world import Submission, failed_check, opened

BLOCKS = [[1_000, 0], [250, 7], [0, 0]]
TOTAL = 1_257


@pytest.fixture(scope="module")
def honest(tables: ProverTables) -> Submission:
    """Four claims of which the last is lost; what is submitted is 43 below the winning pieces."""
    return Submission(tables, BLOCKS, [800, 500, 0, 90])


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
