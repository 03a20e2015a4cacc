"""NodeService: the state of the node and of its copy of the record."""

from __future__ import annotations

import asyncio
import dataclasses

from grpc import aio
from typing_extensions import override

from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from partner_node.node import Node
from partner_node.service.callers import require_in_house
from partner_node.status import NodeStatus


class NodeServicer(node_pb2_grpc.NodeServiceServicer):
    """Thin: call the use case, answer."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    @override
    async def GetStatus(
        self,
        request: node_pb2.GetStatusRequest,
        context: aio.ServicerContext[node_pb2.GetStatusRequest, node_pb2.GetStatusResponse],
    ) -> node_pb2.GetStatusResponse:
        """Return the state of enrolment and of every epoch."""
        require_in_house(context, self._node.party_id)
        status = await asyncio.to_thread(self._node.status)
        return status_message(status, await asyncio.to_thread(lambda: self._node.last_error))

    @override
    async def CompareCheckpoint(
        self,
        request: node_pb2.CompareCheckpointRequest,
        context: aio.ServicerContext[
            node_pb2.CompareCheckpointRequest, node_pb2.CompareCheckpointResponse
        ],
    ) -> node_pb2.CompareCheckpointResponse:
        """Compare a checkpoint from elsewhere with the record that this node has read."""
        require_in_house(context, self._node.party_id)
        size = await asyncio.to_thread(self._node.compare_checkpoint, request.note)
        return node_pb2.CompareCheckpointResponse(size=size)


def status_message(status: NodeStatus, last_error: str) -> node_pb2.GetStatusResponse:
    """Return `status` as it travels."""
    return node_pb2.GetStatusResponse(
        enrolled=status.enrolled,
        enrolling=status.enrolling,
        last_error=last_error,
        alarms=status.alarms,
        epochs=[
            node_pb2.EpochStatus(
                epoch=item.epoch,
                stage=item.stage,
                claims_sent=item.claims_sent,
                claims_lost=item.claims_lost,
                chunks_sent=item.chunks_sent,
                work=item.work,
                parts_done=item.parts_done,
                parts=item.parts,
                remaining_s=item.remaining_s,
                parts_per_s=item.parts_per_s,
            )
            for item in status.epochs
        ],
        tables=[node_pb2.TableStatus(**dataclasses.asdict(item)) for item in status.tables],
    )
