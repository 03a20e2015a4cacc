"""Inclusion and consistency proofs: published known answers, and every proof of small trees."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.transparency.merkle import leaf_hash, root_of
from fedcarbon.transparency.merkle_proofs import (
    ConsistencyProofInvalidError,
    InclusionProofInvalidError,
    NodeReader,
    consistency_proof,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "rfc6962_proofs.json").read_text(encoding="utf-8")
)
SIZES = range(1, 34)
LEAVES = [bytes([number]) for number in SIZES]


def decoded(text: str) -> bytes:
    return base64.b64decode(text)


def hashes_of(case: dict[str, Any]) -> list[bytes]:
    return [decoded(item) for item in case["proof"] or []]


def check_inclusion(case: dict[str, Any]) -> None:
    verify_inclusion(
        hashes_of(case),
        index=case["leafIdx"],
        size=case["treeSize"],
        leaf_hash=decoded(case["leafHash"]),
        root=decoded(case["root"]),
    )


def check_consistency(case: dict[str, Any]) -> None:
    verify_consistency(
        hashes_of(case),
        first=case["size1"],
        second=case["size2"],
        first_root=decoded(case["root1"]),
        second_root=decoded(case["root2"]),
    )


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: case["name"])
def test_a_published_inclusion_proof_is_judged_as_published(case: dict[str, Any]) -> None:
    if not case["wantErr"]:
        check_inclusion(case)
        return
    with pytest.raises(InclusionProofInvalidError) as caught:
        check_inclusion(case)
    assert caught.value.code == "INCLUSION_PROOF_INVALID"


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: case["name"])
def test_a_published_consistency_proof_is_judged_as_published(case: dict[str, Any]) -> None:
    if not case["wantErr"]:
        check_consistency(case)
        return
    with pytest.raises(ConsistencyProofInvalidError) as caught:
        check_consistency(case)
    assert caught.value.code == "CONSISTENCY_PROOF_INVALID"


def nodes_of(leaves: list[bytes]) -> NodeReader:
    def node(level: int, index: int) -> bytes:
        part = leaves[index << level : (index + 1) << level]
        assert len(part) == 1 << level
        return root_of(part)

    return node


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_of_a_tree_is_shown_to_be_in_it_and_nowhere_else(size: int) -> None:
    leaves, root = LEAVES[:size], root_of(LEAVES[:size])
    for index, leaf in enumerate(leaves):
        proof = inclusion_proof(nodes_of(leaves), index, size)

        verify_inclusion(proof, index=index, size=size, leaf_hash=leaf_hash(leaf), root=root)
        for other in range(size):
            if other != index:
                with pytest.raises(InclusionProofInvalidError):
                    verify_inclusion(
                        proof, index=other, size=size, leaf_hash=leaf_hash(leaf), root=root
                    )


@pytest.mark.parametrize("second", SIZES)
def test_every_tree_is_shown_to_begin_with_each_smaller_one(second: int) -> None:
    second_root = root_of(LEAVES[:second])
    for first in range(1, second + 1):
        proof = consistency_proof(nodes_of(LEAVES[:second]), first, second)
        first_root = root_of(LEAVES[:first])

        verify_consistency(
            proof, first=first, second=second, first_root=first_root, second_root=second_root
        )
        with pytest.raises(ConsistencyProofInvalidError):
            verify_consistency(
                proof, first=first, second=second, first_root=bytes(32), second_root=second_root
            )
