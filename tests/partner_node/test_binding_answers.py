"""Bindings: only what lies in the record and concerns one's own people is shown and signed."""

from __future__ import annotations

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.errors import SignatureInvalidError
from fedcarbon.opening.statements import BindingObjection, PartnerBinding
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import opening_pb2
from partner_node.bindings.answering import (
    BindingAnsweredError,
    BindingNotInRecordError,
    UnknownBindingError,
)
from tests.partner_node.fake_hub import HUB, NODE
from tests.partner_node.world import World


def test_a_binding_waits_for_its_holder_and_is_signed_on_confirmation(riders: World) -> None:
    binding_id = riders.hub.propose(riders.token_of(2))
    riders.settle()
    (shown,) = riders.node.pending_bindings()

    receipt = riders.node.answer_binding(binding_id, confirm=True)

    assert (shown.person_refs, shown.operator_id, shown.wallet_hint) == (
        ("rider-2",),
        "icbc",
        "1001",
    )
    assert riders.node.pending_bindings() == []
    assert riders.node.answer_binding(binding_id, confirm=True) == receipt
    body = riders.hub.leaves[-1][2]
    half = statements.decode(PartnerBinding, Envelope.from_bytes(body).payload)
    assert half.operator_leaf == riders.hub.bindings[0].operator_leaf
    assert (half.account_token, half.partner_id) == (riders.token_of(2), NODE)
    assert (half.operator_id, half.wallet_hint) == (shown.operator_id, shown.wallet_hint)
    assert riders.settle() == []


def test_an_objection_freezes_the_binding(riders: World) -> None:
    binding_id = riders.hub.propose(riders.token_of(2))
    riders.settle()

    riders.node.answer_binding(binding_id, confirm=False)

    body = riders.hub.leaves[-1][2]
    objection = statements.decode(BindingObjection, Envelope.from_bytes(body).payload)
    assert objection.binding_id == binding_id
    assert riders.hub.bindings[0].state == opening_pb2.BINDING_STATE_FROZEN


def test_an_answer_is_final(riders: World) -> None:
    binding_id = riders.hub.propose(riders.token_of(2))
    riders.settle()
    riders.node.answer_binding(binding_id, confirm=True)

    with pytest.raises(BindingAnsweredError):
        riders.node.answer_binding(binding_id, confirm=False)


def test_nobody_answers_a_binding_that_concerns_no_own_person(riders: World) -> None:
    stranger = riders.hub.propose(b"s" * 32)
    riders.settle()

    assert riders.node.pending_bindings() == []
    with pytest.raises(UnknownBindingError):
        riders.node.answer_binding(stranger, confirm=True)


def test_a_binding_that_was_frozen_elsewhere_needs_no_answer(riders: World) -> None:
    riders.hub.propose(riders.token_of(2))
    riders.settle()
    riders.hub.log(LeafType.BINDING_OBJECTION, b"signed by another partner")
    riders.hub.bindings[0].state = opening_pb2.BINDING_STATE_FROZEN

    riders.settle()

    assert riders.node.pending_bindings() == []


def test_a_binding_whose_leaf_is_another_is_refused(riders: World) -> None:
    riders.hub.propose(riders.token_of(2))
    riders.hub.bindings[0].operator_leaf_index -= 1

    with pytest.raises(BindingNotInRecordError):
        riders.settle()

    assert riders.node.pending_bindings() == []


def test_a_lie_about_the_wallet_is_signed_as_it_was_shown(riders: World) -> None:
    """So that no trustee counts the half: the operator bound a wallet that ends in 1001."""
    binding_id = riders.hub.propose(riders.token_of(2))
    riders.hub.bindings[0].wallet_hint = "77889900"
    riders.settle()
    (shown,) = riders.node.pending_bindings()

    riders.node.answer_binding(binding_id, confirm=True)

    body = riders.hub.leaves[-1][2]
    half = statements.decode(PartnerBinding, Envelope.from_bytes(body).payload)
    assert half.wallet_hint == shown.wallet_hint == "7788"


def test_a_receipt_that_the_hub_did_not_sign_is_refused(riders: World) -> None:
    binding_id = riders.hub.propose(riders.token_of(2))
    riders.settle()
    riders.hub.keys = riders.hub.keys | {HUB: riders.hub.keys[NODE]}

    with pytest.raises(SignatureInvalidError):
        riders.node.answer_binding(binding_id, confirm=True)


def test_several_bindings_are_read_page_by_page(
    riders: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("partner_node.bindings.answering.BINDINGS_PER_CALL", 2)
    ids = [riders.hub.propose(riders.token_of(1), bytes((i,)) * 16) for i in range(5)]

    riders.settle()

    assert [item.binding_id for item in riders.node.pending_bindings()] == ids
