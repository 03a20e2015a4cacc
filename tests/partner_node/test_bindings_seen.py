"""Which proposed bindings a node shows to the people that they concern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fedcarbon.v1 import opening_pb2
from tests.partner_node.world import World, person


def test_a_binding_from_before_the_enrolment_is_shown_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.link(person(1), person(2))
    world.settle()
    early, late = world.token_of(2), world.token_of(1)
    everything = world.hub.list_bindings

    def without_early(request: opening_pb2.ListBindingsRequest) -> opening_pb2.ListBindingsResponse:
        """What the hub shows while only another partner has that account."""
        shown = [item for item in everything(request).bindings if item.account_token != early]
        return opening_pb2.ListBindingsResponse(bindings=shown)

    monkeypatch.setattr(world.hub, "list_bindings", without_early)
    world.hub.propose(early, b"e" * 16)
    world.hub.propose(late, b"l" * 16)
    world.settle()
    world.node.answer_binding(b"l" * 16, confirm=True)
    world.settle()
    monkeypatch.undo()

    world.link(person(3))
    world.settle()

    assert ids(world.node.pending_bindings()) == [b"e" * 16]


def test_the_hub_is_asked_for_bindings_and_epochs_only_when_there_may_be_news(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.link(person(1))
    world.settle()
    asked: list[str] = []

    def counted(name: str) -> Callable[[Any], Any]:
        ask = getattr(world.hub, name)

        def answer(request: Any) -> Any:
            asked.append(name)
            return ask(request)

        return answer

    for name in ("list_bindings", "list_epochs"):
        monkeypatch.setattr(world.hub, name, counted(name))
    world.node.step()
    quiet = list(asked)
    world.hub.propose(world.token_of(1), b"b" * 16)
    world.settle()

    assert quiet == []
    assert set(asked) == {"list_bindings", "list_epochs"}
    assert ids(world.node.pending_bindings()) == [b"b" * 16]


def ids(bindings: list[Any]) -> list[bytes]:
    return [item.binding_id for item in bindings]
