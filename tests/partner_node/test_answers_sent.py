"""Holders' answers: one that the hub refuses holds up nobody else's."""

from __future__ import annotations

import pytest

from fedcarbon.opening.refusals import BindingEndedError
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import opening_pb2
from fedcarbon.wire.status import UnreachableError
from tests.partner_node.world import World, person

ENDED, OPEN, LATER = b"e" * 16, b"o" * 16, b"l" * 16


def test_an_answer_that_came_too_late_holds_up_no_objection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.link(person(1), person(2))
    world.settle()
    world.hub.propose(world.token_of(1), ENDED)
    world.hub.propose(world.token_of(2), OPEN)
    world.settle()

    def away(_request: object) -> None:
        raise UnreachableError("the hub is away")

    def ended(_request: opening_pb2.CreatePartnerBindingRequest) -> None:
        raise BindingEndedError("the binding was ended; the holder must bind again")

    for method in ("create_partner_binding", "create_binding_objection"):
        monkeypatch.setattr(world.hub, method, away)
    for binding_id, confirm in ((ENDED, True), (OPEN, False)):
        with pytest.raises(UnreachableError):
            world.node.answer_binding(binding_id, confirm=confirm)
    monkeypatch.undo()
    monkeypatch.setattr(world.hub, "create_partner_binding", ended)
    world.hub.propose(world.token_of(2), LATER)

    for _ in range(3):
        world.node.step()

    assert world.leaf_types().count(LeafType.BINDING_OBJECTION) == 1
    assert [item.binding_id for item in world.node.pending_bindings()] == [LATER]
    assert not world.node.step().problems
