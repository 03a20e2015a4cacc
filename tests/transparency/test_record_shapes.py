"""Leaves, tree and receipts."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.errors import MalformedError
from fedcarbon.ids import Role
from fedcarbon.transparency.leaf import Leaf, LeafType, commit, may_read, may_read_file
from fedcarbon.transparency.merkle import EMPTY_ROOT, leaf_hash, node_hash, root_of
from fedcarbon.transparency.receipt import Receipt


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_frontier_gives_the_root_of_the_rfc(leaves: list[bytes]) -> None:
    assert root_of(leaves) == naive_root(leaves)


def test_a_published_root_is_met() -> None:
    # RFC 6962 reference data of the certificate-transparency project: the first eight test leaves.
    leaves = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243")]
    leaves += [bytes.fromhex("5051525354555657"), bytes.fromhex("606162636465666768696a6b6c6d6e6f")]

    root = root_of(leaves)

    assert root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert root_of([]) == EMPTY_ROOT


def test_a_leaf_round_trips_and_binds_type_salt_and_body() -> None:
    leaf = commit(LeafType.SEAL, b"s" * 32, b"body")

    assert Leaf.from_bytes(leaf.to_bytes()) == leaf
    assert commit(LeafType.EPOCH_PLAN, b"s" * 32, b"body").commitment != leaf.commitment
    assert commit(LeafType.SEAL, b"t" * 32, b"body").commitment != leaf.commitment
    assert commit(LeafType.SEAL, b"s" * 32, b"bodx").commitment != leaf.commitment


@pytest.mark.parametrize(
    "data",
    [b"", b"\x27\x01" + bytes(31), b"\xff\x01" + bytes(32), b"\x27\x02" + bytes(32)],
    ids=["nothing", "too short", "unknown type", "unknown version"],
)
def test_bytes_that_are_no_leaf_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        Leaf.from_bytes(data)


@pytest.mark.parametrize("salt", [b"", b"s" * 31, b"s" * 33])
def test_a_salt_of_another_size_commits_to_nothing(salt: bytes) -> None:
    """A short one could be guessed together with the body."""
    with pytest.raises(MalformedError):
        commit(LeafType.SEAL, salt, b"body")


@pytest.mark.parametrize("field", ["parameter_id", "message_sha256", "leaf", "salt"])
def test_a_receipt_has_fields_of_the_right_size(field: str) -> None:
    fields: dict[str, bytes] = dict.fromkeys(("parameter_id", "message_sha256", "salt"), bytes(32))
    fields |= {"leaf": bytes(34), field: b"short"}

    with pytest.raises(MalformedError):
        Receipt(leaf_index=1, accepted_at_s=1, merge_by_s=1, **fields)


def test_a_receipt_promises_nothing_for_the_past() -> None:
    hashes = dict.fromkeys(("parameter_id", "message_sha256", "salt"), bytes(32))

    with pytest.raises(MalformedError):
        Receipt(leaf_index=1, leaf=bytes(34), accepted_at_s=9, merge_by_s=8, **hashes)


def test_partners_read_no_enrolments_and_trustees_no_tokens() -> None:
    assert not may_read(Role.PARTNER, LeafType.ENROLMENT_BATCH)
    assert not may_read(Role.WALLET_OPERATOR, LeafType.OPENING_RESULT)
    assert may_read(Role.TRUSTEE, LeafType.CLAIM_LIST)
    assert may_read_file(Role.TRUSTEE, LeafType.CLAIM_LIST, holds_tokens=False)
    assert not may_read_file(Role.TRUSTEE, LeafType.CLAIM_LIST, holds_tokens=True)
    assert may_read_file(Role.AUDITOR, LeafType.CLAIM_LIST, holds_tokens=True)
    assert not may_read_file(Role.PARTNER, LeafType.CLAIM_LIST, holds_tokens=False)
    assert not may_read(Role.TRUSTEE, LeafType.LEDGER_BATCH)
    assert may_read(Role.TRUSTEE, LeafType.PLACE_BATCH)
    assert may_read(Role.AUDITOR, LeafType.LEDGER_BATCH)
