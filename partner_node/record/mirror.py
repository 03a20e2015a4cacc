"""The node's own copy of the record's leaves, and the part of it that a quorum has witnessed.

The hub hands out leaves with the bodies that a partner may read; nothing of it is believed as it
comes. A body must match its leaf, leaves may only be appended, and what the node acts on must lie
under a head that a quorum of trustees has signed and that equals the node's own replay. Such a head
the node signs too: trustees act on openings only under heads that a partner has seen.
"""

from __future__ import annotations

from typing import ClassVar, Final

from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.transparency.checkpoint import (
    ForkedRecordError,
    TreeHead,
    WitnessedCheckpoint,
    WitnessKeys,
    require_head,
    witnessed,
)
from fedcarbon.transparency.leaf import PUBLIC_TYPES, Leaf, commit
from fedcarbon.transparency.merkle import root_of
from fedcarbon.transparency.note import COSIGNATURE_TYPE, SignedNote
from fedcarbon.v1 import record_pb2
from fedcarbon.wire.hub_client import HubClient
from partner_node.membership import Membership
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
        self, keys: WitnessKeys, *, parameter_id: bytes, threshold: int
    ) -> WitnessedCheckpoint | None:
        """Advance the witnessed prefix to the newest head of a quorum, and return that head.

        Call `read_leaves` first. None means that the hub shows no head over the whole prefix.

        Raises:
            ForkedRecordError: the signed head is not over the leaves that this node was shown.
            QuorumMissingError, MalformedError, SignatureInvalidError: see `witnessed`.
        """
        answer = self._hub.get_checkpoint(record_pb2.GetCheckpointRequest())
        head = self._store.head()
        if not answer.HasField("checkpoint"):
            return None
        signed = witnessed(
            answer.checkpoint.note, keys, parameter_id=parameter_id, threshold=threshold
        )
        if signed.size <= head.size:
            self._require_earlier(signed)
            return signed if signed.size == head.size else None
        if signed.size > self._store.size():
            # Signed while we were reading: the next call will have the leaves.
            self.read_leaves()
        for leaf in self._store.leaves_between(head.size, signed.size):
            head.append(leaf)
        require_head(head, signed.size, signed.root)
        self._store.save_head(head)
        return signed

    def cosign(self, signed: WitnessedCheckpoint, member: Membership) -> None:
        """Hand in this node's cosignature of a head that `witness_head` returned.

        A note that has it already is left alone.

        Raises:
            FedcarbonError: the hub refuses it, or cannot be reached; the next pass tries again.
        """
        key = member.identity.signing_key
        note = SignedNote.from_bytes(signed.note)
        if note.of(member.party_id, key.public, COSIGNATURE_TYPE) is not None:
            return
        head = TreeHead(
            parameter_id=member.parameters.parameter_id, size=signed.size, root=signed.root
        )
        own = head.cosigned(member.party_id, key, member.clock.now_s())
        self._hub.create_cosignature(record_pb2.CreateCosignatureRequest(note=own.to_bytes()))

    def _require_earlier(self, signed: WitnessedCheckpoint) -> None:
        """Check an old head too: it must be a prefix of what this node has witnessed."""
        head = self._store.head()
        leaves = self._store.leaves_between
        own = head.root() if signed.size == head.size else root_of(leaves(0, signed.size))
        if signed.root != own:
            raise ForkedRecordError(
                f"the head of size {signed.size} has root {signed.root.hex()}; the leaves "
                f"witnessed before have root {own.hex()}: they differ"
            )


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
