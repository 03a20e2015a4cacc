"""Proofs and cosignatures as clients of the hub see them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fedcarbon.ids import PartyId, Role
from fedcarbon.transparency.checkpoint import TreeHead, head_in
from fedcarbon.transparency.merkle import leaf_hash, root_of
from fedcarbon.transparency.merkle_proofs import verify_consistency, verify_inclusion
from fedcarbon.transparency.note import SignedNote
from fedcarbon.v1 import record_pb2
from tests.hub.clients import Clients, refused
from tests.hub.federation import AUDITOR, BIKES, METRO, PARTNERS, key_of


def test_proofs_lead_from_leaves_and_earlier_heads_to_the_head(clients: Clients) -> None:
    federation, auditor = clients.federation, clients.of(AUDITOR)
    federation.enrol_people(METRO, [1])
    leaves = auditor.list_leaves(record_pb2.ListLeavesRequest(limit=1000)).leaves
    size, root = federation.hub.read_now(federation.hub.record.head)

    for leaf in leaves:
        request = record_pb2.GetInclusionProofRequest(leaf_index=leaf.index, size=size)
        verify_inclusion(
            auditor.get_inclusion_proof(request).hashes,
            index=leaf.index,
            size=size,
            leaf_hash=leaf_hash(leaf.leaf),
            root=root,
        )
    for first in range(1, size + 1):
        request2 = record_pb2.GetConsistencyProofRequest(first_size=first, second_size=size)
        verify_consistency(
            auditor.get_consistency_proof(request2).hashes,
            first=first,
            second=size,
            first_root=root_of(leaf.leaf for leaf in leaves[:first]),
            second_root=root,
        )


@pytest.mark.parametrize(("index", "size"), [(2, 2), (0, 10_000), ((1 << 64) - 1, 2), (0, 0)])
def test_a_leaf_beyond_the_tree_has_no_proof(clients: Clients, index: int, size: int) -> None:
    request = record_pb2.GetInclusionProofRequest(leaf_index=index, size=size)

    assert refused(lambda: clients.of(AUDITOR).get_inclusion_proof(request)) == "BEYOND_RECORD"


@pytest.mark.parametrize(("first", "second"), [(0, 2), (3, 2), (1, 10_000)])
def test_a_tree_that_does_not_begin_the_other_has_no_proof(
    clients: Clients, first: int, second: int
) -> None:
    request = record_pb2.GetConsistencyProofRequest(first_size=first, second_size=second)

    assert refused(lambda: clients.of(AUDITOR).get_consistency_proof(request)) == "BEYOND_RECORD"


# --- cosignatures of partners --------------------------------------------------------------------


@pytest.fixture
def head(clients: Clients) -> TreeHead:
    """A head that a quorum of trustees has signed."""
    known = asyncio.run(clients.federation.trustees.witness())
    return head_in(known.note)


def hand_in(clients: Clients, note: SignedNote, name: PartyId = METRO) -> None:
    request = record_pb2.CreateCosignatureRequest(note=note.to_bytes())
    clients.of(name).create_cosignature(request)


def cosigners(clients: Clients) -> list[str]:
    newest = clients.of(AUDITOR).get_checkpoint(record_pb2.GetCheckpointRequest()).checkpoint
    names = [item.name for item in SignedNote.from_bytes(newest.note).signatures]
    return [name for name in names if name in PARTNERS]


def test_a_partners_cosignature_stands_in_the_note_once(clients: Clients, head: TreeHead) -> None:
    told: list[str] = []
    clients.federation.hub.on_cosignature = lambda: told.append("look")

    hand_in(clients, head.cosigned(METRO, key_of(METRO), 1000))
    hand_in(clients, head.cosigned(METRO, key_of(METRO), 2000))
    hand_in(clients, head.cosigned(BIKES, key_of(BIKES), 1000), BIKES)

    assert cosigners(clients) == [BIKES, METRO]
    assert told == ["look"] * 3
    exported = clients.federation.folder / "record" / "checkpoint"
    newest = clients.of(AUDITOR).get_checkpoint(record_pb2.GetCheckpointRequest()).checkpoint
    assert exported.read_bytes() == newest.note
    assert (exported.parent / "checkpoints" / f"{head.size}.txt").read_bytes() == newest.note


def other_head(head: TreeHead, **changes: Any) -> SignedNote:
    return replace(head, **changes).cosigned(METRO, key_of(METRO), 1000)


WRONG_COSIGNATURES: dict[str, tuple[Callable[[TreeHead], SignedNote], str]] = {
    "another partner's": (
        lambda head: head.cosigned(BIKES, key_of(BIKES), 1000),
        "SIGNATURE_INVALID",
    ),
    "a stranger's key": (
        lambda head: head.cosigned(METRO, key_of(AUDITOR), 1000),
        "SIGNATURE_INVALID",
    ),
    "the hub's own": (lambda head: head.signed(key_of(METRO)), "SIGNATURE_INVALID"),
    "moved from another head": (
        lambda head: replace(other_head(head, root=bytes(32)), text=head.text),
        "SIGNATURE_INVALID",
    ),
    "of another parameter set": (
        lambda head: other_head(head, parameter_id=bytes(32)),
        "MALFORMED",
    ),
    "over a head that no quorum signed": (
        lambda head: other_head(head, size=head.size - 1),
        "HEAD_NOT_WITNESSED",
    ),
    "over another root": (lambda head: other_head(head, root=bytes(32)), "FORKED_RECORD"),
}


@pytest.mark.parametrize("what", WRONG_COSIGNATURES)
def test_a_wrong_cosignature_is_refused(clients: Clients, head: TreeHead, what: str) -> None:
    note, code = WRONG_COSIGNATURES[what]

    assert refused(lambda: hand_in(clients, note(head))) == code
    assert cosigners(clients) == []


def test_only_an_admitted_partner_hands_in_a_cosignature(clients: Clients, head: TreeHead) -> None:
    stranger = PartyId("stranger")
    note = head.cosigned(stranger, key_of(stranger), 1000)
    request = record_pb2.CreateCosignatureRequest(note=note.to_bytes())
    unadmitted = clients.of(stranger, Role.PARTNER)

    assert refused(lambda: unadmitted.create_cosignature(request)) == "NOT_ADMITTED"
    assert refused(lambda: hand_in(clients, note, AUDITOR)) == "ROLE_NOT_ALLOWED"
