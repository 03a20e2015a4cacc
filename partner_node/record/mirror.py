"""The node's own copy of the record's leaves, and the part of it that a quorum has witnessed.

The hub hands out leaves with the bodies that a partner may read; nothing of it is believed as it
comes. A body must match its leaf, leaves may only be appended, and what the node acts on must lie
under a head that a quorum of trustees has signed and that equals the node's own replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.transparency.checkpoint import (
    ForkedRecordError,
    WitnessedCheckpoint,
    require_head,
    witnessed,
)
from fedcarbon.transparency.leaf import PUBLIC_TYPES, Leaf, commit
from fedcarbon.v1 import record_pb2
from fedcarbon.wire.hub_client import HubClient
from partner_node.storage.record import RecordStore, StoredLeaf

LEAVES_PER_CALL: Final = 1_000


class RecordGapError(PeerError):
    """The hub left out leaves, or shows fewer than before; keep the answer as evidence."""

    code: ClassVar[str] = "RECORD_GAP"


class BodyMismatchError(PeerError):
    """A body is not what its leaf commits to; keep both as evidence."""

    code: ClassVar[str] = "BODY_MISMATCH"


class RecordMirror:
    """Reads leaves into the store and checks heads against them."""

    def __init__(self, store: RecordStore, hub: HubClient) -> None:
        """Read from `hub` into `store`."""
        self._store = store
        self._hub = hub

    def read_leaves(self) -> int:
        """Read every leaf that the node does not have yet and return how many there are now.

        Raises:
            RecordGapError: the hub's answer has a gap or is shorter than what it showed before.
            BodyMismatchError: a body does not belong to its leaf.
        """
        size = self._store.size()
        while True:
            answer = self._hub.list_leaves(
                record_pb2.ListLeavesRequest(from_index=size, limit=LEAVES_PER_CALL)
            )
            if answer.size < size:
                raise RecordGapError(f"the hub shows {answer.size} leaves after showing {size}")
            leaves = [_checked(item, size + offset) for offset, item in enumerate(answer.leaves)]
            self._store.append(leaves)
            size += len(leaves)
            if size >= answer.size:
                return size
            if not leaves:
                raise RecordGapError(f"the hub claims {answer.size} leaves and gives {size}")

    def witness_head(
        self, *, parameter_id: bytes, trustee_keys: Mapping[str, bytes], threshold: int
    ) -> int:
        """Advance to the newest head that a quorum signed; return the size of the witnessed prefix.

        Call `read_leaves` first. A hub without a newer head leaves the prefix as it was.

        Raises:
            ForkedRecordError: the signed head is not over the leaves that this node was shown.
            QuorumMissingError, MalformedError, SignatureInvalidError: see `witnessed`.
        """
        answer = self._hub.get_checkpoint(record_pb2.GetCheckpointRequest())
        head = self._store.head()
        if not answer.HasField("checkpoint"):
            return head.size
        signed = witnessed(
            answer.checkpoint.cosignatures,
            parameter_id=parameter_id,
            trustee_keys=trustee_keys,
            threshold=threshold,
        )
        if signed.size <= head.size:
            self._require_earlier(signed)
            return head.size
        if signed.size > self._store.size():
            # Signed while we were reading: the next call will have the leaves.
            self.read_leaves()
        for leaf in self._store.leaves_between(head.size, signed.size):
            head.append(leaf)
        require_head(head, signed.size, signed.root)
        self._store.save_head(head)
        return head.size

    def _require_earlier(self, signed: WitnessedCheckpoint) -> None:
        """Check an old head too: it must be a prefix of what this node has witnessed."""
        head = self._store.head()
        if signed.size == head.size and signed.root != head.root():
            raise ForkedRecordError(f"two signed heads of size {head.size} differ")


def _checked(item: record_pb2.RecordLeaf, expected_index: int) -> StoredLeaf:
    if item.index != expected_index:
        raise RecordGapError(f"leaf {item.index} came where {expected_index} was asked for")
    leaf = Leaf.from_bytes(item.leaf)
    body: bytes | None = None
    if item.HasField("body"):
        if not item.HasField("salt"):
            raise MalformedError("a body comes with its salt")
        if commit(leaf.type, item.salt, item.body) != leaf:
            raise BodyMismatchError(f"the body of leaf {item.index} is not what it commits to")
        # Own bodies lie in the outbox already.
        body = item.body if leaf.type in PUBLIC_TYPES else None
    elif leaf.type in PUBLIC_TYPES:
        raise RecordGapError(f"the hub keeps back the public body of leaf {item.index}")
    return StoredLeaf(leaf_index=item.index, leaf=item.leaf, body=body)
