from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from fedcarbon.identity import oprf, ristretto
from fedcarbon.identity.beacon import combine_beacon
from fedcarbon.identity.blinding import blind_batch
from fedcarbon.identity.labels import KeyLabel, KeyUseRefusedError
from fedcarbon.identity.ristretto import RandomBelow
from fedcarbon.identity.shares import VoprfKeyShare, deal_voprf, evaluate, evaluate_input
from fedcarbon.identity.threshold import (
    DuplicateEvaluationError,
    EvaluationProofInvalidError,
    ThresholdVoprfKey,
    TooFewEvaluationsError,
)

QUESTION = b"tie, domain, epoch 7, leaf"

Dealt = tuple[ThresholdVoprfKey, tuple[VoprfKeyShare, ...]]


@pytest.fixture
def dealt(random_below: RandomBelow) -> Dealt:
    return deal_voprf(KeyLabel.BEACON, 5, 3, random_below)


def test_every_choice_of_trustees_gives_the_same_beacon(
    dealt: Dealt, random_below: RandomBelow
) -> None:
    key, shares = dealt
    partials = [evaluate_input(share, QUESTION, random_below) for share in shares]

    beacons = {combine_beacon(key, QUESTION, chosen) for chosen in combinations(partials, 3)}

    assert len(beacons) == 1
    assert len(beacons.pop()) == oprf.OUTPUT_BYTES


def test_another_question_gives_another_beacon(dealt: Dealt, random_below: RandomBelow) -> None:
    key, shares = dealt

    beacons = {
        combine_beacon(
            key, question, [evaluate_input(share, question, random_below) for share in shares[:3]]
        )
        for question in (QUESTION, b"sample" + QUESTION)
    }

    assert len(beacons) == 2


def test_an_answer_to_another_question_is_refused(dealt: Dealt, random_below: RandomBelow) -> None:
    key, shares = dealt
    honest = [evaluate_input(share, QUESTION, random_below) for share in shares[:2]]
    stray = evaluate_input(shares[2], b"another question", random_below)

    with pytest.raises(EvaluationProofInvalidError) as caught:
        combine_beacon(key, QUESTION, [*honest, stray])

    assert caught.value.trustee_index == 3


def test_too_few_or_repeated_answers_make_no_beacon(
    dealt: Dealt, random_below: RandomBelow
) -> None:
    key, shares = dealt
    first, second = (evaluate_input(share, QUESTION, random_below) for share in shares[:2])

    with pytest.raises(TooFewEvaluationsError):
        combine_beacon(key, QUESTION, [first, second])
    with pytest.raises(DuplicateEvaluationError):
        combine_beacon(key, QUESTION, [first, second, second])


def test_blinded_element_under_the_beacon_key(dealt: Dealt, random_below: RandomBelow) -> None:
    # Nobody can ask the beacon key to evaluate an element of their choice ...
    _, shares = dealt
    chosen = ristretto.multiply_base(12345)
    with pytest.raises(KeyUseRefusedError):
        evaluate(shares[0], [chosen], random_below)
    with pytest.raises(KeyUseRefusedError):
        blind_batch(KeyLabel.BEACON, [b"tomorrow"], random_below)

    # ... and bytes that happen to be an element are hashed like any other input.
    answer = evaluate_input(shares[0], chosen, random_below)

    assert answer.elements != (ristretto.multiply(shares[0].scalar, chosen),)


@pytest.mark.parametrize("label", [KeyLabel.ACCOUNT, KeyLabel.CLAIM, KeyLabel.OBJECT])
def test_no_other_key_evaluates_an_input_in_clear(
    label: KeyLabel, dealt: Dealt, random_below: RandomBelow
) -> None:
    key, shares = dealt

    with pytest.raises(KeyUseRefusedError):
        evaluate_input(replace(shares[0], label=label), QUESTION, random_below)
    with pytest.raises(KeyUseRefusedError):
        combine_beacon(replace(key, label=label), QUESTION, [])
