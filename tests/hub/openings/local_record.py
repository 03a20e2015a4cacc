"""The record as a trustee reads it, in this process."""

from __future__ import annotations

from fedcarbon.ids import PartyId, Role
from fedcarbon.v1 import record_pb2
from hub.record.reading import Reader, list_leaves, read_file
from hub.storage.record_store import RecordStore
from tests.hub.federation import Federation


class LocalRecord:
    """The record as a trustee reads it."""

    def __init__(
        self, federation: Federation, trustee_id: PartyId, *, damaged_files: bool = False
    ) -> None:
        self._federation = federation
        self._damaged_files = damaged_files
        self._reader = Reader(party_id=trustee_id, role=Role.TRUSTEE)

    def list_leaves(self, request: record_pb2.ListLeavesRequest) -> record_pb2.ListLeavesResponse:
        hub = self._federation.hub
        leaves, size = hub.read_now(
            lambda session: list_leaves(
                session, hub.record, self._reader, start=request.from_index, limit=request.limit
            )
        )
        return record_pb2.ListLeavesResponse(
            leaves=[
                record_pb2.RecordLeaf(
                    index=leaf.stored.index,
                    leaf=leaf.stored.leaf,
                    salt=None if leaf.body is None else leaf.stored.salt,
                    body=leaf.body,
                )
                for leaf in leaves
            ],
            size=size,
        )

    def list_checkpoints(
        self, request: record_pb2.ListCheckpointsRequest
    ) -> record_pb2.ListCheckpointsResponse:
        heads = self._federation.hub.read_now(
            lambda session: RecordStore(session).checkpoints(request.from_size, request.limit)
        )
        return record_pb2.ListCheckpointsResponse(
            checkpoints=[record_pb2.WitnessedCheckpoint(note=head.note) for head in heads]
        )

    def get_file(self, request: record_pb2.GetFileRequest) -> record_pb2.GetFileResponse:
        hub = self._federation.hub
        content, size = hub.read_now(
            lambda session: read_file(session, hub.record, self._reader, request.sha256)
        )
        cut = 1 if self._damaged_files else 0  # small files come whole
        return record_pb2.GetFileResponse(content=content[: size - cut], total_bytes=size - cut)
