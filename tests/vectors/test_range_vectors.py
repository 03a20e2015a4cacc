"""The known answers of slot range proofs: two verifiers that share no code give the same ones."""

from __future__ import annotations

import functools
import json
from typing import Any, Final

import pytest

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.proofs.range_proof import (
    RangeCheck,
    RangeContext,
    RangeProofInvalidError,
    RangeProofShape,
    RangePurpose,
    RangeStatement,
)
from fedcarbon.proofs.range_verifier import invalid_proofs, verify
from tests.chance import seeded
from tests.keys.primes import TINY, load_primes
from tests.vectors.generate import FOLDER
from tests.vectors.generate_range import HOLDS, PARAMETER_ID, proof_key
from tools.verify_minimal import Broken, Context, Moduli, check_range, range_challenges

FILE: Final = json.loads((FOLDER / "range_proof.json").read_text(encoding="utf-8"))
CLAIMS: Final = {claim["name"]: claim for claim in FILE["claims"]}


def statement_of(claim: dict[str, Any]) -> RangeStatement:
    return RangeStatement(
        context=RangeContext(
            purpose=RangePurpose(claim["purpose"]),
            programme_id=ProgrammeId(claim["programme_id"]),
            party_id=PartyId(claim["party_id"]),
            epoch=EpochIndex(claim["epoch"]),
            block=claim["block"],
            subject=bytes.fromhex(claim["subject"]),
        ),
        bounds=tuple(int(bound, 16) for bound in claim["bounds"]),
        ciphertext=int(claim["ciphertext"], 16),
    )


def test_names_are_unique_and_every_check_is_failed_at_least_once() -> None:
    assert len(CLAIMS) == len(FILE["claims"])
    assert bytes.fromhex(FILE["parameter_id"]) == PARAMETER_ID
    assert {claim["expected"] for claim in CLAIMS.values()} == {HOLDS, *RangeCheck}
    assert [claim["key"] for claim in CLAIMS.values() if claim["expected"] == HOLDS] == [
        TINY,
        TINY,
        "2048",
        "3072",
    ]


@pytest.mark.parametrize("name", CLAIMS)
def test_the_verifier_gives_the_known_answer(name: str) -> None:
    claim = CLAIMS[name]
    key = proof_key(claim["key"])
    shape = RangeProofShape.of(key, int(claim["bound_max"], 16))
    proof = shape.decode(bytes.fromhex(claim["proof"]))
    statement = statement_of(claim)

    errors = invalid_proofs(key, [(statement, proof)], seeded(1).randrange)

    found = HOLDS
    try:
        verify(key, statement, proof)
    except RangeProofInvalidError as error:
        found = error.check
    assert found == claim["expected"]
    assert [error.check for error in errors] == [found] * (found != HOLDS)


@functools.cache
def moduli(name: str) -> Moduli:
    primes = load_primes(name)
    return Moduli(primes.n, primes.big_n, PARAMETER_ID)


def context_of(claim: dict[str, Any]) -> Context:
    return Context(
        purpose=claim["purpose"],
        programme=claim["programme_id"],
        party=claim["party_id"],
        epoch=claim["epoch"],
        block=claim["block"],
        subject=bytes.fromhex(claim["subject"]),
        bounds=tuple(int(bound, 16) for bound in claim["bounds"]),
        largest_bits=int(claim["bound_max"], 16).bit_length(),
    )


@pytest.mark.parametrize("name", CLAIMS)
def test_the_second_verifier_gives_the_same_answer(name: str) -> None:
    """It is written from the page alone, and names the check that fails first."""
    claim = CLAIMS[name]
    proof, found = bytes.fromhex(claim["proof"]), HOLDS
    try:
        check_range(moduli(claim["key"]), context_of(claim), int(claim["ciphertext"], 16), proof)
    except Broken as error:
        found = error.text[1 : error.text.index(")")]

    assert found == claim["expected"]


@pytest.mark.parametrize(
    "name", [name for name, claim in CLAIMS.items() if claim["expected"] == HOLDS]
)
def test_the_second_verifier_draws_the_same_challenges(name: str) -> None:
    claim = CLAIMS[name]
    at, proof = moduli(claim["key"]), bytes.fromhex(claim["proof"])
    width = at.group_bits // 8
    shown = [int.from_bytes(proof[i * width : i * width + width], "big") for i in range(4)]
    shown.append(int.from_bytes(proof[4 * width : 4 * width + at.width], "big"))

    gammas, e = range_challenges(at, context_of(claim), int(claim["ciphertext"], 16), shown)

    assert [f"{gamma:x}" for gamma in gammas] == claim["gammas"]
    assert f"{e:x}" == claim["e"]


@pytest.mark.parametrize(
    "name", [name for name, claim in CLAIMS.items() if claim["expected"] == HOLDS]
)
def test_what_a_claim_that_holds_shows_of_its_prover_fits(name: str) -> None:
    claim = CLAIMS[name]
    primes = load_primes(claim["key"])
    at, n = moduli(claim["key"]), primes.n
    values, bounds = ([int(x, 16) for x in claim[what]] for what in ("values", "bounds"))
    roots = [[int(x, 16) for x in slot] for slot in claim["roots"]]

    for value, bound, slot in zip(values, bounds, roots, strict=True):
        assert sum(root * root for root in slot) == 4 * value * (bound - value) + 1
    packed = sum(value << 112 * j for j, value in enumerate(values))
    blinded = pow(at.H, int(claim["s"], 16), n * n)
    assert int(claim["ciphertext"], 16) == (1 + n * packed) * blinded % (n * n)
    numbers = [*values, *(slot[i] for i in range(3) for slot in roots), 0, int(claim["rho"], 16)]
    committed = 1
    for generator, number in zip(at.g.values(), numbers, strict=True):
        committed = committed * pow(generator, number, at.N) % at.N
    shown = int.from_bytes(bytes.fromhex(claim["proof"])[: primes.big_n.bit_length() // 8], "big")
    assert min(committed, at.N - committed) == shown
