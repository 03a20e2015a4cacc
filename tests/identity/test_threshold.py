from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.identity import oprf, ristretto
from fedcarbon.identity.blinding import BlindedBatch, blind_batch, finalize_batch
from fedcarbon.identity.dleq import BATCH_ELEMENTS_MAX, BatchSizeError
from fedcarbon.identity.labels import KeyLabel, KeyUseRefusedError, evaluation_input
from fedcarbon.identity.ristretto import (
    ORDER,
    Element,
    ElementInvalidError,
    RandomBelow,
    Scalar,
    ScalarInvalidError,
)
from fedcarbon.identity.shares import VoprfKeyShare, check_share, deal_voprf, evaluate
from fedcarbon.identity.threshold import (
    TRUSTEES_MAX,
    DuplicateEvaluationError,
    EvaluationProofInvalidError,
    EvaluationsDifferError,
    PartialEvaluation,
    SharesDoNotMatchPublicKeyError,
    ThresholdVoprfKey,
    TooFewEvaluationsError,
    VerifiedEvaluation,
    VoprfThresholdRefusedError,
    check_threshold,
    combine,
    lagrange_at_zero,
    verify,
)


@dataclass(frozen=True)
class Federation:
    """Five trustees, three of whom must answer, and one asker's batch."""

    key: ThresholdVoprfKey
    shares: tuple[VoprfKeyShare, ...]
    batch: BlindedBatch
    random_below: RandomBelow

    def answers(self) -> list[PartialEvaluation]:
        return [evaluate(share, self.batch.blinded, self.random_below) for share in self.shares]

    def verified(self) -> list[VerifiedEvaluation]:
        return [verify(self.key, self.batch.blinded, answer) for answer in self.answers()]


@pytest.fixture
def federation(random_below: RandomBelow) -> Federation:
    key, shares = deal_voprf(KeyLabel.CLAIM, 5, 3, random_below)
    batch = blind_batch(KeyLabel.CLAIM, [b"alice", b"bob", b"carol"], random_below)
    return Federation(key, shares, batch, random_below)


def test_every_three_of_five_trustees_give_the_same_outputs(federation: Federation) -> None:
    chosen = combinations(federation.verified(), 3)

    outputs = {tuple(finalize_batch(federation.batch, subset)) for subset in chosen}

    assert len(outputs) == 1


def test_more_answers_than_needed_and_any_order_give_the_same_outputs(
    federation: Federation,
) -> None:
    verified = federation.verified()

    expected = finalize_batch(federation.batch, verified[:3])

    assert finalize_batch(federation.batch, verified) == expected
    assert finalize_batch(federation.batch, verified[::-1]) == expected


@settings(max_examples=15, deadline=None)
@given(
    data=st.data(),
    secret=st.integers(min_value=1, max_value=ORDER - 1),
    subjects=st.lists(st.binary(max_size=40), min_size=1, max_size=4),
    trustees=st.integers(min_value=1, max_value=7),
)
def test_a_threshold_output_is_the_single_key_output(
    data: st.DataObject, secret: int, subjects: list[bytes], trustees: int
) -> None:
    threshold = data.draw(st.integers(min_value=trustees // 2 + 1, max_value=trustees))
    below = st.integers(min_value=0, max_value=ORDER - 2)
    coefficients = iter([secret - 1, *(data.draw(below) for _ in range(threshold - 1))])
    key, shares = deal_voprf(
        KeyLabel.ACCOUNT, trustees, threshold, lambda _bound: next(coefficients)
    )
    chosen = data.draw(st.permutations(shares))[:threshold]
    batch = blind_batch(KeyLabel.ACCOUNT, subjects, lambda _bound: data.draw(below))

    verified = [
        verify(key, batch.blinded, evaluate(share, batch.blinded, lambda _bound: data.draw(below)))
        for share in chosen
    ]
    outputs = finalize_batch(batch, verified)

    for subject, output in zip(subjects, outputs, strict=True):
        oprf_input = evaluation_input(KeyLabel.ACCOUNT, subject)
        hashed = oprf.hash_to_group(oprf_input)
        assert output.label is KeyLabel.ACCOUNT
        assert output.value == oprf.output_of(
            oprf_input, oprf.blind_evaluate(Scalar(secret), hashed)
        )


def test_coefficients_interpolate_a_polynomial_at_zero() -> None:
    points = {index: 7 + 5 * index + 3 * index**2 for index in (2, 11, 15)}

    weighted = zip(lagrange_at_zero(list(points)), points.values(), strict=True)

    assert sum(weight * value for weight, value in weighted) % ORDER == 7


# --- the key -------------------------------------------------------------------------------------


def test_a_dealt_key_and_its_shares_pass_their_checks(federation: Federation) -> None:
    federation.key.check()
    for share in federation.shares:
        check_share(federation.key, share)


def tampered_keys(key: ThresholdVoprfKey) -> dict[str, ThresholdVoprfKey]:
    first, second, *rest = key.trustee_publics
    other = ristretto.multiply_base(4711)
    return {
        "another public key": replace(key, public=other),
        "a public share exchanged": replace(key, trustee_publics=(first, other, *rest)),
        "two public shares swapped": replace(key, trustee_publics=(second, first, *rest)),
        "one public share twice": replace(key, trustee_publics=(first, first, *rest)),
        "a commitment exchanged": replace(key, commitments=(*key.commitments[:2], other)),
        "public key and first commitment exchanged": replace(
            key, public=other, commitments=(other, *key.commitments[1:])
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        "another public key",
        "a public share exchanged",
        "two public shares swapped",
        "one public share twice",
        "a commitment exchanged",
        "public key and first commitment exchanged",
    ],
)
def test_shares_do_not_match_public_key(name: str, federation: Federation) -> None:
    tampered = tampered_keys(federation.key)[name]

    with pytest.raises(SharesDoNotMatchPublicKeyError):
        tampered.check()


def test_commitments_that_cancel_at_a_trustee_are_refused() -> None:
    one, minus_one = ristretto.multiply_base(1), ristretto.multiply_base(-1)
    key = ThresholdVoprfKey(
        label=KeyLabel.OBJECT, public=one, trustee_publics=(one, one), commitments=(one, minus_one)
    )

    with pytest.raises(SharesDoNotMatchPublicKeyError):
        key.check()


def test_a_dealer_with_the_wrong_degree_is_caught(random_below: RandomBelow) -> None:
    # Shares on a parabola, published with the two commitments of a line: any two trustees would
    # be thought enough, and would compute rubbish.
    key, shares = deal_voprf(KeyLabel.ACCOUNT, 3, 3, random_below)
    claimed = replace(key, commitments=key.commitments[:2])

    with pytest.raises(SharesDoNotMatchPublicKeyError):
        claimed.check()
    assert len(shares) == 3


def test_a_share_of_another_trustee_or_dealing_is_refused(federation: Federation) -> None:
    other_key, other_shares = deal_voprf(KeyLabel.CLAIM, 5, 3, federation.random_below)
    misnumbered = replace(federation.shares[0], trustee_index=2)
    unknown = replace(federation.shares[0], trustee_index=6)

    for share in (misnumbered, unknown, other_shares[0]):
        with pytest.raises(SharesDoNotMatchPublicKeyError):
            check_share(federation.key, share)
    with pytest.raises(KeyUseRefusedError):
        check_share(replace(other_key, label=KeyLabel.ACCOUNT), other_shares[0])


@pytest.mark.parametrize(
    ("trustees", "threshold"),
    [(4, 2), (5, 2), (2, 1), (3, 4), (1, 0), (0, 0), (TRUSTEES_MAX + 1, 9)],
)
def test_half_a_threshold_or_sixteen_trustees_are_refused(
    trustees: int, threshold: int, random_below: RandomBelow
) -> None:
    with pytest.raises(VoprfThresholdRefusedError):
        deal_voprf(KeyLabel.ACCOUNT, trustees, threshold, random_below)


def test_fifteen_trustees_are_allowed() -> None:
    check_threshold(trustees=TRUSTEES_MAX, threshold=8)


def test_identity_point_refused_in_a_key(federation: Federation) -> None:
    with pytest.raises(ElementInvalidError):
        replace(federation.key, public=Element(bytes(32)))


@pytest.mark.parametrize("value", [0, ORDER, -1])
def test_a_share_outside_the_field_is_refused(value: int) -> None:
    with pytest.raises(ScalarInvalidError):
        VoprfKeyShare(label=KeyLabel.CLAIM, trustee_index=1, scalar=Scalar(value))


# --- what a trustee refuses ----------------------------------------------------------------------


def test_identity_point_refused(federation: Federation) -> None:
    with pytest.raises(ElementInvalidError):
        evaluate(federation.shares[0], [bytes(32)], federation.random_below)


def test_a_non_canonical_question_is_refused(federation: Federation) -> None:
    # libsodium ignores the top bit: without the check, one element could be asked twice.
    point = federation.batch.blinded[0]
    spelled_otherwise = point[:-1] + bytes([point[-1] | 0x80])

    with pytest.raises(ElementInvalidError):
        evaluate(federation.shares[0], [spelled_otherwise], federation.random_below)


@pytest.mark.parametrize("count", [0, BATCH_ELEMENTS_MAX + 1])
def test_a_batch_outside_its_limits_is_refused(count: int, federation: Federation) -> None:
    question = [federation.batch.blinded[0]] * count

    with pytest.raises(BatchSizeError):
        evaluate(federation.shares[0], question, federation.random_below)
    with pytest.raises(BatchSizeError):
        blind_batch(KeyLabel.CLAIM, [b"x"] * count, federation.random_below)


# --- what an asker refuses -----------------------------------------------------------------------


def bad_answers(federation: Federation) -> dict[str, PartialEvaluation]:
    share, random_below = federation.shares[1], federation.random_below
    question = federation.batch.blinded
    honest = evaluate(share, question, random_below)
    first, second, third = honest.elements
    wrong_key = replace(share, scalar=Scalar(share.scalar + 1))
    high_bit = first[:-1] + bytes([first[-1] | 0x80])
    return {
        "evaluated with another key": evaluate(wrong_key, question, random_below),
        "answer of another trustee": replace(
            evaluate(federation.shares[0], question, random_below), trustee_index=2
        ),
        "number of another trustee": replace(honest, trustee_index=3),
        "number of no trustee": replace(honest, trustee_index=6),
        "number zero": replace(honest, trustee_index=0),
        # Counted from the end, zero would be trustee 5 once more.
        "number zero of the last trustee": replace(
            evaluate(federation.shares[4], question, random_below), trustee_index=0
        ),
        "two evaluations swapped": replace(honest, elements=(second, first, third)),
        "one evaluation missing": replace(honest, elements=(first, second)),
        "one evaluation too many": replace(honest, elements=(*honest.elements, third)),
        "no evaluation": replace(honest, elements=()),
        "identity point": replace(honest, elements=(first, second, bytes(32))),
        "non-canonical element": replace(honest, elements=(high_bit, second, third)),
        "proof over other elements": replace(
            honest, proof=evaluate(share, question[:2], random_below).proof
        ),
        "proof cut short": replace(honest, proof=honest.proof[:-1]),
        "proof of zeros": replace(honest, proof=bytes(64)),
    }


@pytest.mark.parametrize(
    "name",
    [
        "evaluated with another key",
        "answer of another trustee",
        "number of another trustee",
        "number of no trustee",
        "number zero",
        "number zero of the last trustee",
        "two evaluations swapped",
        "one evaluation missing",
        "one evaluation too many",
        "no evaluation",
        "identity point",
        "non-canonical element",
        "proof over other elements",
        "proof cut short",
        "proof of zeros",
    ],
)
def test_evaluation_wrong_key_and_other_bad_answers_name_the_trustee(
    name: str, federation: Federation
) -> None:
    answer = bad_answers(federation)[name]

    with pytest.raises(EvaluationProofInvalidError, match="trustee") as caught:
        verify(federation.key, federation.batch.blinded, answer)

    assert caught.value.trustee_index == answer.trustee_index
    assert caught.value.code == "EVALUATION_PROOF_INVALID"


def test_an_answer_is_not_accepted_for_another_batch(federation: Federation) -> None:
    other = blind_batch(KeyLabel.CLAIM, [b"alice", b"bob", b"carol"], federation.random_below)

    with pytest.raises(EvaluationProofInvalidError):
        verify(federation.key, other.blinded, federation.answers()[0])


def test_fewer_than_t_evaluations_do_not_combine(federation: Federation) -> None:
    with pytest.raises(TooFewEvaluationsError):
        combine(federation.verified()[:2])
    with pytest.raises(TooFewEvaluationsError):
        combine([])


def test_duplicate_index_does_not_count_twice(federation: Federation) -> None:
    first, second, *_ = federation.verified()

    with pytest.raises(DuplicateEvaluationError):
        combine([first, second, first])


def test_answers_under_different_keys_do_not_combine(federation: Federation) -> None:
    """Two keys for one label, as after a change of salt."""
    key, shares = deal_voprf(KeyLabel.CLAIM, 5, 3, federation.random_below)
    other = replace(federation, key=key, shares=shares)
    mixed = [*federation.verified()[:2], *other.verified()[2:]]

    with pytest.raises(EvaluationsDifferError):
        combine(mixed)


def test_answers_to_different_questions_do_not_combine(federation: Federation) -> None:
    other = replace(
        federation, batch=blind_batch(KeyLabel.CLAIM, [b"a", b"b", b"c"], federation.random_below)
    )
    mixed = [*federation.verified()[:2], *other.verified()[2:]]

    with pytest.raises(EvaluationsDifferError):
        combine(mixed)
    with pytest.raises(EvaluationsDifferError):
        finalize_batch(other.batch, federation.verified())


def test_receipt_evaluated_under_the_claim_key(federation: Federation) -> None:
    # Asking the claim key about a receipt, to spare the object quota, gives another output, and
    # the answer cannot be passed off as one of the object key.
    object_key, object_shares = deal_voprf(KeyLabel.OBJECT, 5, 3, federation.random_below)
    receipt = blind_batch(KeyLabel.OBJECT, [b"receipt 1"], federation.random_below)
    smuggled = replace(receipt, label=KeyLabel.CLAIM)

    def answers(
        key: ThresholdVoprfKey, shares: tuple[VoprfKeyShare, ...]
    ) -> list[VerifiedEvaluation]:
        partials = [evaluate(s, receipt.blinded, federation.random_below) for s in shares]
        return [verify(key, receipt.blinded, partial) for partial in partials]

    right = finalize_batch(receipt, answers(object_key, object_shares))
    wrong = finalize_batch(smuggled, answers(federation.key, federation.shares))

    assert right[0].value != wrong[0].value
    with pytest.raises(EvaluationsDifferError):
        finalize_batch(receipt, answers(federation.key, federation.shares))


def test_one_subject_has_unrelated_inputs_under_the_four_keys() -> None:
    assert len({evaluation_input(label, b"alice") for label in KeyLabel}) == len(KeyLabel)


def test_secrets_do_not_show_in_a_repr(federation: Federation) -> None:
    share, batch = federation.shares[0], federation.batch
    (output, *_) = finalize_batch(batch, federation.verified())

    assert repr(share) == "VoprfKeyShare(claim, 1, <redacted>)"
    assert repr(batch) == "BlindedBatch(claim, 3 elements, <redacted>)"
    assert repr(output) == "SecretOutput(claim, <redacted>)"
    for text in (f"{share}", f"{batch}", f"{output}", f"{[share, batch, output]}"):
        assert "alice" not in text
        assert str(share.scalar) not in text
        assert output.value.hex() not in text
        assert not any(str(blind) in text for blind in batch.blinds)
