"""The record in memory, as the hub keeps it and as trustees read it."""

from __future__ import annotations

from dataclasses import dataclass, field

from fedcarbon.transparency.merkle import Frontier
from fedcarbon.v1 import record_pb2
from fedcarbon.wire.status import UnreachableError


@dataclass(frozen=True, slots=True)
class BuiltLeaf:
    """One leaf of the record and what lies behind it."""

    leaf: bytes
    salt: bytes
    body: bytes


@dataclass(slots=True)
class Record:
    """The hub's record, and what the hub keeps from its readers."""

    leaves: list[BuiltLeaf] = field(default_factory=list)
    heads: list[tuple[int, bytes]] = field(default_factory=list)
    """Size and signed note."""
    files: dict[bytes, bytes] = field(default_factory=dict)
    withheld: set[int] = field(default_factory=set)
    hidden_heads: str = ""
    """`none` gives no older heads, `error` fails."""

    def copy(self) -> Record:
        return Record(list(self.leaves), list(self.heads), dict(self.files), set(self.withheld))

    def root(self, size: int | None = None) -> bytes:
        frontier = Frontier()
        for built in self.leaves[:size]:
            frontier.append(built.leaf)
        return frontier.root()

    # What a trustee asks the hub for:

    def list_leaves(self, request: record_pb2.ListLeavesRequest) -> record_pb2.ListLeavesResponse:
        answer = record_pb2.ListLeavesResponse(size=len(self.leaves))
        page = self.leaves[request.from_index : request.from_index + request.limit]
        for index, built in enumerate(page, start=request.from_index):
            leaf = answer.leaves.add(index=index, leaf=built.leaf)
            if index not in self.withheld:
                leaf.salt, leaf.body = built.salt, built.body
        return answer

    def list_checkpoints(
        self, request: record_pb2.ListCheckpointsRequest
    ) -> record_pb2.ListCheckpointsResponse:
        answer = record_pb2.ListCheckpointsResponse()
        if self.hidden_heads == "error":
            raise UnreachableError("no connection")
        if self.hidden_heads:
            return answer
        for size, note in self.heads:
            if size >= request.from_size:
                answer.checkpoints.add(note=note)
        return answer

    def get_file(self, request: record_pb2.GetFileRequest) -> record_pb2.GetFileResponse:
        return record_pb2.GetFileResponse(content=self.files[request.sha256])
