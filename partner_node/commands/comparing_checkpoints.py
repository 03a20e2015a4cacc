"""`compare-checkpoint`: with the record in the store, or of the node that has it open."""

from __future__ import annotations

from pathlib import Path

import grpc

from fedcarbon.errors import ConfigurationError
from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.transparency.note import NOTE_BYTES_MAX
from fedcarbon.wire.deadlines import with_deadlines
from fedcarbon.wire.status import error_of
from fedcarbon.wire.tls import dial
from partner_node.bootstrap import load_own_party, opened_node
from partner_node.config import NodeSettings
from partner_node.storage.database import StoreLockedError


def compare(settings: NodeSettings, file: Path) -> int:
    """Return the size of the checkpoint in `file` if the node's record agrees with it.

    Raises:
        ConfigurationError: the file cannot be read, or the store cannot be used.
        FedcarbonError: see `Monitor.compare`; with the same codes from a running node.
    """
    try:
        with file.open("rb") as opened:
            note = opened.read(NOTE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot read {file.name}: {error.strerror}") from error
    try:
        with opened_node(settings) as own:
            return own.node.compare_checkpoint(note)
    except StoreLockedError:
        return _ask(settings, note)


def _ask(settings: NodeSettings, note: bytes) -> int:
    party = load_own_party(settings)
    with dial(settings.address, party, party.name) as channel:
        stub = node_pb2_grpc.NodeServiceStub(with_deadlines(channel))
        try:
            return stub.CompareCheckpoint(node_pb2.CompareCheckpointRequest(note=note)).size
        except grpc.RpcError as failure:
            raise error_of(failure) from failure
