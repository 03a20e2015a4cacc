"""Leaves, tree and checkpoints."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.errors import MalformedError
from fedcarbon.ids import Role
from fedcarbon.transparency.checkpoint import (
    Checkpoint,
    ForkedRecordError,
    QuorumMissingError,
    quorum_of,
    require_head,
    witnessed,
)
from fedcarbon.transparency.envelope import SigningKey, sign
from fedcarbon.transparency.leaf import Leaf, LeafType, commit, may_read, may_read_file
from fedcarbon.transparency.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash, root_of
from fedcarbon.transparency.receipt import Receipt

KEYS = {f"trustee-{i}": SigningKey(bytes([i]) * 32) for i in range(1, 6)}
PUBLIC = {name: key.public for name, key in KEYS.items()}
PARAMETER_ID = bytes(32)


def cosign(name: str, size: int = 3, root: bytes = b"r" * 32, at_s: int = 1000) -> bytes:
    statement = Checkpoint(parameter_id=PARAMETER_ID, size=size, root=root, timestamp_s=at_s)
    return sign(statement, {name: KEYS[name]}).to_bytes()


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
        Receipt(leaf_index=1, accepted_at_s=1, **fields)


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


@pytest.mark.parametrize(("n", "t", "quorum"), [(5, 3, 4), (3, 2, 3), (1, 1, 1), (15, 8, 12)])
def test_two_quorums_share_an_honest_trustee(n: int, t: int, quorum: int) -> None:
    assert quorum_of(n, t) == quorum
    assert 2 * quorum - n >= t  # the overlap is larger than the t - 1 that may be corrupt


def test_a_quorum_witnesses_a_head_at_its_median_time() -> None:
    cosignatures = [cosign(f"trustee-{i}", at_s=1000 + i) for i in (4, 1, 3, 2)]

    head = witnessed(cosignatures, parameter_id=PARAMETER_ID, trustee_keys=PUBLIC, threshold=3)

    assert (head.size, head.timestamp_s) == (3, 1002)


@pytest.mark.parametrize(
    ("times_s", "wait_from_s"),
    [((1, 2, 9, 8), 8), ((9, 1, 8, 2, 7), 7), ((9, 9, 9, 9), 9)],
    ids=["two of four date it back", "two of five date it back", "nobody does"],
)
def test_a_wait_begins_when_an_honest_trustee_had_signed(
    times_s: tuple[int, ...], wait_from_s: int
) -> None:
    """Fewer than three of five are corrupt: the third smallest time is an honest one or later."""
    cosignatures = [cosign(f"trustee-{i}", at_s=at_s) for i, at_s in enumerate(times_s, start=1)]

    head = witnessed(cosignatures, parameter_id=PARAMETER_ID, trustee_keys=PUBLIC, threshold=3)

    assert head.wait_from_s == wait_from_s


def test_three_of_five_are_no_quorum() -> None:
    cosignatures = [cosign(f"trustee-{i}") for i in (1, 2, 3)] + [cosign("trustee-1", at_s=5)]

    with pytest.raises(QuorumMissingError, match="3 of the 4"):
        witnessed(cosignatures, parameter_id=PARAMETER_ID, trustee_keys=PUBLIC, threshold=3)


def test_trustees_that_signed_two_heads_are_noticed() -> None:
    cosignatures = [cosign(f"trustee-{i}") for i in (1, 2, 3)] + [
        cosign("trustee-4", root=b"x" * 32)
    ]

    with pytest.raises(ForkedRecordError):
        witnessed(cosignatures, parameter_id=PARAMETER_ID, trustee_keys=PUBLIC, threshold=3)


def test_a_checkpoint_of_another_parameter_set_is_refused() -> None:
    other = sign(
        Checkpoint(parameter_id=b"o" * 32, size=3, root=b"r" * 32, timestamp_s=1),
        {"trustee-4": KEYS["trustee-4"]},
    ).to_bytes()
    cosignatures = [*(cosign(f"trustee-{i}") for i in (1, 2, 3)), other]

    with pytest.raises(MalformedError):
        witnessed(cosignatures, parameter_id=PARAMETER_ID, trustee_keys=PUBLIC, threshold=3)


def test_a_cosignature_with_two_signatures_is_refused() -> None:
    """Whose time would it be?"""
    statement = Checkpoint(parameter_id=PARAMETER_ID, size=3, root=b"r" * 32, timestamp_s=1)
    double = sign(statement, {name: KEYS[name] for name in ("trustee-1", "trustee-2")}).to_bytes()
    cosignatures = [double, *(cosign(f"trustee-{i}") for i in (3, 4, 5))]

    with pytest.raises(MalformedError):
        witnessed(cosignatures, parameter_id=PARAMETER_ID, trustee_keys=PUBLIC, threshold=3)


def test_a_head_that_does_not_match_the_replayed_leaves_is_a_fork() -> None:
    frontier = Frontier()
    frontier.append(b"leaf")

    require_head(frontier, 1, frontier.root())

    with pytest.raises(ForkedRecordError):
        require_head(frontier, 1, EMPTY_ROOT)
    with pytest.raises(ForkedRecordError):
        require_head(frontier, 2, frontier.root())
