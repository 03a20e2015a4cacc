"""RecordService: leaves, heads and files, by role."""

from __future__ import annotations

from typing import Final

from typing_extensions import override

from fedcarbon.ids import Role
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.v1 import record_pb2, record_pb2_grpc
from fedcarbon.wire.tls import Authenticated, party_of, require_role
from hub.context import Hub
from hub.record.cosignatures import add_cosignature
from hub.record.reading import ReadLeaf, list_leaves, read_file
from hub.registry.parties import reader_of
from hub.storage.record_store import RecordStore

PAGE_CHECKPOINTS_MAX: Final = 200


class RecordServicer(record_pb2_grpc.RecordServiceServicer):
    """Serves the record."""

    def __init__(self, hub: Hub) -> None:
        """Take the hub whose record is served."""
        self._hub = hub

    @override
    async def ListLeaves(
        self, request: record_pb2.ListLeavesRequest, context: Authenticated
    ) -> record_pb2.ListLeavesResponse:
        """Return leaves in order, with the bodies that the caller may read."""
        caller, hub = party_of(context), self._hub
        leaves, size = await hub.read(
            lambda session: list_leaves(
                session,
                hub.record,
                reader_of(session, caller.party_id, caller.role),
                start=request.from_index,
                limit=request.limit,
            )
        )
        return record_pb2.ListLeavesResponse(leaves=map(_leaf_message, leaves), size=size)

    @override
    async def GetCheckpoint(
        self, request: record_pb2.GetCheckpointRequest, context: Authenticated
    ) -> record_pb2.GetCheckpointResponse:
        """Return the newest head that a quorum of trustees has signed."""
        party_of(context)
        head = await self._hub.read(self._hub.record.latest_checkpoint)
        return record_pb2.GetCheckpointResponse(
            checkpoint=None if head is None else checkpoint_message(head)
        )

    @override
    async def ListCheckpoints(
        self, request: record_pb2.ListCheckpointsRequest, context: Authenticated
    ) -> record_pb2.ListCheckpointsResponse:
        """Return witnessed heads in the order of their sizes."""
        party_of(context)
        limit = min(request.limit, PAGE_CHECKPOINTS_MAX)
        heads = await self._hub.read(
            lambda session: RecordStore(session).checkpoints(request.from_size, limit)
        )
        return record_pb2.ListCheckpointsResponse(checkpoints=map(checkpoint_message, heads))

    @override
    async def CreateCosignature(
        self, request: record_pb2.CreateCosignatureRequest, context: Authenticated
    ) -> record_pb2.CreateCosignatureResponse:
        """Add a partner's cosignature to a head that a quorum of trustees has signed."""
        caller, hub = require_role(context, Role.PARTNER).party_id, self._hub
        await hub.write(lambda session: add_cosignature(session, hub, caller, request.note))
        hub.on_cosignature()
        return record_pb2.CreateCosignatureResponse()

    @override
    async def GetInclusionProof(
        self, request: record_pb2.GetInclusionProofRequest, context: Authenticated
    ) -> record_pb2.GetInclusionProofResponse:
        """Return the hashes that show a leaf to stand in the tree of a size."""
        party_of(context)
        hashes = await self._hub.read(
            lambda session: self._hub.record.inclusion_proof(
                session, request.leaf_index, request.size
            )
        )
        return record_pb2.GetInclusionProofResponse(hashes=hashes)

    @override
    async def GetConsistencyProof(
        self, request: record_pb2.GetConsistencyProofRequest, context: Authenticated
    ) -> record_pb2.GetConsistencyProofResponse:
        """Return the hashes that show one tree to begin with another."""
        party_of(context)
        hashes = await self._hub.read(
            lambda session: self._hub.record.consistency_proof(
                session, request.first_size, request.second_size
            )
        )
        return record_pb2.GetConsistencyProofResponse(hashes=hashes)

    @override
    async def GetFile(
        self, request: record_pb2.GetFileRequest, context: Authenticated
    ) -> record_pb2.GetFileResponse:
        """Return a file that a readable body names by its SHA-256."""
        caller, hub = party_of(context), self._hub
        content, size = await hub.read(
            lambda session: read_file(
                session,
                hub.record,
                reader_of(session, caller.party_id, caller.role),
                request.sha256,
                request.from_byte,
            )
        )
        return record_pb2.GetFileResponse(content=content, total_bytes=size)


def checkpoint_message(head: WitnessedCheckpoint) -> record_pb2.WitnessedCheckpoint:
    """Return a witnessed head as it travels."""
    return record_pb2.WitnessedCheckpoint(note=head.note)


def _leaf_message(leaf: ReadLeaf) -> record_pb2.RecordLeaf:
    stored = leaf.stored
    if leaf.body is None:
        return record_pb2.RecordLeaf(index=stored.index, leaf=stored.leaf)
    return record_pb2.RecordLeaf(
        index=stored.index, leaf=stored.leaf, salt=stored.salt, body=leaf.body
    )
