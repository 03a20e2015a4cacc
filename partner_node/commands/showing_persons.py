"""`person`: a person's own view as JSON, from the store or from the node that has it open."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.message import Message

from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.wire.deadlines import with_deadlines
from fedcarbon.wire.status import error_of
from fedcarbon.wire.tls import dial
from partner_node.bootstrap import load_own_party, opened_node
from partner_node.config import NodeSettings
from partner_node.persons.summary import Asked, as_tree
from partner_node.storage.database import StoreLockedError, StoreUnusableError


def view(settings: NodeSettings, asked: Asked) -> dict[str, Any]:
    """Return the view as JSON has it.

    Raises:
        ConfigurationError: the store cannot be used.
        UnknownPersonError: the reference is not linked.
        StateError: the running node that holds the store does not answer.
    """
    if not settings.store.exists():
        raise StoreUnusableError(f"there is no store {settings.store.name} yet: import or serve")
    try:
        with opened_node(settings) as opened:
            return as_tree(opened.node.summary(asked))
    except StoreLockedError:
        return plain(_ask(settings, asked))


def plain(message: Message) -> dict[str, Any]:
    """Return a message as JSON has it, every field included and integers as integers."""
    return {field.name: _plain(getattr(message, field.name)) for field in message.DESCRIPTOR.fields}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    if isinstance(value, Message):
        return plain(value)
    if isinstance(value, (bool, int, str)):
        return value
    return [_plain(item) for item in value]


def _ask(settings: NodeSettings, asked: Asked) -> node_pb2.GetSummaryResponse:
    party = load_own_party(settings)
    with dial(settings.address, party, party.name) as channel:
        stub = node_pb2_grpc.PersonServiceStub(with_deadlines(channel))
        request = node_pb2.GetSummaryRequest(
            person_ref=asked.person_ref,
            language=asked.language,
            from_day=asked.from_day,
            until_day=asked.until_day,
        )
        try:
            return stub.GetSummary(request)
        except grpc.RpcError as failure:
            raise error_of(failure) from failure
