"""Known answers of RFC 9497 for one key; the threshold protocol is held to them as well."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fedcarbon.errors import MalformedError
from fedcarbon.identity import dleq, oprf, ristretto
from fedcarbon.identity.dleq import CompositeRule, DleqProof
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.oprf import Mode
from fedcarbon.identity.ristretto import Element, RandomBelow, Scalar
from fedcarbon.identity.shares import deal_voprf, evaluate
from fedcarbon.identity.threshold import combine, verify

VECTORS = Path(__file__).parent.parent / "vectors" / "rfc9497.json"


class KnownAnswer(NamedTuple):
    suite: dict[str, Any]
    vector: dict[str, Any]

    @property
    def mode(self) -> Mode:
        return Mode(self.suite["mode"])

    @property
    def secret(self) -> Scalar:
        return ristretto.scalar_from_bytes(bytes.fromhex(self.suite["skSm"]))

    def items(self, name: str) -> list[bytes]:
        return [bytes.fromhex(item) for item in self.vector[name].split(",")]

    def elements(self, name: str) -> list[Element]:
        return [ristretto.element(item) for item in self.items(name)]

    def blinds(self) -> list[Scalar]:
        return [ristretto.scalar_from_bytes(item) for item in self.items("Blind")]


def known_answers(*modes: Mode) -> list[Any]:
    return [
        pytest.param(KnownAnswer(suite, vector), id=f"mode {suite['mode']}, vector {position + 1}")
        for suite in json.loads(VECTORS.read_text())["suites"]
        if suite["mode"] in modes
        for position, vector in enumerate(suite["vectors"])
    ]


both_modes = pytest.mark.parametrize("known", known_answers(Mode.OPRF, Mode.VOPRF))
verifiable = pytest.mark.parametrize("known", known_answers(Mode.VOPRF))


@both_modes
def test_a_derived_key_pair_is_the_known_one(known: KnownAnswer) -> None:
    seed, info = bytes.fromhex(known.suite["seed"]), bytes.fromhex(known.suite["keyInfo"])

    secret, public = oprf.derive_key_pair(seed, info, known.mode)

    assert secret == known.secret
    assert public.hex() == known.suite.get("pkSm", public.hex())


@both_modes
def test_the_context_string_is_the_one_in_the_group_tag(known: KnownAnswer) -> None:
    tag = b"HashToGroup-" + oprf.context_string(known.mode)

    assert tag.hex() == known.suite["groupDST"]


@both_modes
def test_blinded_evaluated_and_final_values_are_the_known_ones(known: KnownAnswer) -> None:
    inputs, blinds = known.items("Input"), known.blinds()

    blinded = [oprf.blind(*pair, known.mode) for pair in zip(inputs, blinds, strict=True)]
    evaluated = [oprf.blind_evaluate(known.secret, point) for point in blinded]
    outputs = [oprf.finalize(*row) for row in zip(inputs, blinds, evaluated, strict=True)]

    assert blinded == known.elements("BlindedElement")
    assert evaluated == known.elements("EvaluationElement")
    assert outputs == known.items("Output")


@verifiable
def test_single_and_batched_proofs_are_the_known_ones(known: KnownAnswer) -> None:
    public = ristretto.multiply_base(known.secret)
    blinded, evaluated = known.elements("BlindedElement"), known.elements("EvaluationElement")
    proof_scalar = ristretto.scalar_from_bytes(bytes.fromhex(known.vector["Proof"]["r"]))

    proof = dleq.generate_proof(
        known.secret, public, blinded, evaluated, proof_scalar, rule=CompositeRule.RFC9497
    )

    assert proof.to_bytes().hex() == known.vector["Proof"]["proof"]
    assert DleqProof.from_bytes(proof.to_bytes()) == proof
    dleq.verify_proof(public, blinded, evaluated, proof, rule=CompositeRule.RFC9497)


@verifiable
@pytest.mark.parametrize(("trustees", "threshold"), [(1, 1), (2, 2), (3, 2), (5, 3)])
def test_every_choice_of_t_trustees_gives_the_single_key_result(
    known: KnownAnswer, trustees: int, threshold: int, random_below: RandomBelow
) -> None:
    key_draws = iter([known.secret - 1])
    key, shares = deal_voprf(
        KeyLabel.ACCOUNT, trustees, threshold, lambda bound: next(key_draws, random_below(bound))
    )
    blinded = known.elements("BlindedElement")
    verified = [verify(key, blinded, evaluate(share, blinded, random_below)) for share in shares]

    for chosen in combinations(verified, threshold):
        evaluated = combine(chosen)
        outputs = [
            oprf.finalize(*row)
            for row in zip(known.items("Input"), known.blinds(), evaluated, strict=True)
        ]

        assert list(evaluated) == known.elements("EvaluationElement")
        assert outputs == known.items("Output")


def test_an_input_over_the_rfc_limit_is_refused() -> None:
    oprf.hash_to_group(bytes(oprf.INPUT_BYTES_MAX))

    with pytest.raises(MalformedError):
        oprf.hash_to_group(bytes(oprf.INPUT_BYTES_MAX + 1))
