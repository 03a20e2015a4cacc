"""The published known answers are what the code gives, and they hold by plain arithmetic."""

from __future__ import annotations

import json
from math import factorial
from typing import Any

import pytest
from gmpy2 import powmod

from fedcarbon.identity.ristretto import Point
from fedcarbon.opening.links import check_link, link_statement
from fedcarbon.proofs.link import LinkContext, LinkProofInvalidError
from fedcarbon.units import MicrogramsCO2e
from tests.keys.ceremonies import dealt
from tests.vectors.generate import FILES, FOLDER, text_of


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_a_vector_file_is_what_its_generator_gives(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == text_of(name)


def number(text: str) -> int:
    return int(text, 16)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_the_threshold_vectors_hold_by_the_equations_of_the_paper(position: int) -> None:
    case = load("threshold_paillier.json")["cases"][position]
    n = number(case["p"]) * number(case["q"])
    modulus, delta = n * n, factorial(case["trustees"])
    base, y = number(case["blinding_base"]), number(case["y"])
    v = number(case["verification_base"])

    assert base == powmod(y * y, n, modulus)
    for share, key in zip(case["key_shares"], case["verification_keys"], strict=True):
        assert number(key) == powmod(v, delta * number(share), modulus)
    for entry in case["ciphertexts"]:
        blinded = (1 + n * number(entry["message"])) * powmod(base, number(entry["s"]), modulus)
        assert number(entry["c"]) == blinded % modulus
    for answer in case["answers"]:
        share = number(case["key_shares"][answer["trustee"] - 1])
        for entry, value in zip(case["ciphertexts"], answer["shares"], strict=True):
            assert number(value) == powmod(number(entry["c"]), 2 * delta * share, modulus)
        mask, e = number(answer["mask"]), number(answer["challenge"])
        width = n.bit_length() // 4
        proof = bytes.fromhex(answer["proof"])
        assert int.from_bytes(proof[:width], "big") == powmod(v, mask, modulus)
        folded = number(answer["folded_ciphertext"])
        assert int.from_bytes(proof[width : 2 * width], "big") == powmod(folded, 4 * mask, modulus)
        assert int.from_bytes(proof[2 * width :], "big") == mask + e * delta * share
    assert case["plaintexts"] == [entry["message"] for entry in case["ciphertexts"]]


@pytest.mark.parametrize("position", [0, 1])
def test_the_packing_vectors_hold_by_plain_arithmetic(position: int) -> None:
    case = load("packing.json")["cases"][position]

    for row in case["rows"]:
        total = sum(int(value) * 2 ** (112 * j) for j, value in enumerate(row["values_ug"]))
        assert number(row["plaintext"]) == total
    assert case["sum_values_ug"] == [str(2**56 - 1)] * case["slots"]
    masked = number(case["masked_sum"])
    for target in case["targets"]:
        assert masked >> 112 * target & (2**112 - 1) == 2**56 - 1
        assert all(number(mask) >> 112 * target & (2**112 - 1) == 0 for mask in case["masks"])


@pytest.mark.parametrize("position", [0, 1, 2])
def test_the_link_vectors_hold_and_their_changed_proofs_fail_by_their_number(position: int) -> None:
    case = load("link_proof.json")["cases"][position]
    parameters = dealt().parameters
    statement = link_statement(
        parameters,
        LinkContext(
            programme_id=case["programme"],
            party_id=case["party"],
            epoch=case["epoch"],
            plan_leaf=bytes.fromhex(case["plan_leaf"]),
            verdict_leaf=bytes.fromhex(case["verdict_leaf"]),
        ),
        cap_ug=MicrogramsCO2e(int(case["cap_ug"])),
        commitments={item["block"]: number(item["A"]) for item in case["blocks"]},
        winnings=Point(bytes.fromhex(case["K"])),
    )
    product = 1
    for item in case["blocks"]:
        product = product * number(item["A"]) % number(case["N"])
    assert number(case["A"]) in {product, number(case["N"]) - product}

    check_link(parameters, statement, bytes.fromhex(case["proof"]))
    for check, data in case["refused"].items():
        with pytest.raises(LinkProofInvalidError) as caught:
            check_link(parameters, statement, bytes.fromhex(data))
        assert caught.value.check == check
