"""ActivityService: activities of the platform's own users."""

from __future__ import annotations

import asyncio

from grpc import aio
from typing_extensions import override

from fedcarbon.methodology.activity import (
    Activity,
    InvalidActivityError,
    Value,
    checked_object,
)
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.units import Seconds
from partner_node.activities.bundle import Bundle
from partner_node.activities.instants import parse_instant
from partner_node.activities.intake import ACTIVITIES_PER_BATCH_MAX, RejectedActivity
from partner_node.importing.activities import may_be_instant, methodology_named
from partner_node.node import Node
from partner_node.service.callers import require_in_house, require_size
from partner_node.storage.activities import StoredReject


class ActivityServicer(node_pb2_grpc.ActivityServiceServicer):
    """Thin: parse, call the use case, answer."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    @override
    async def CreateActivities(
        self,
        request: node_pb2.CreateActivitiesRequest,
        context: aio.ServicerContext[
            node_pb2.CreateActivitiesRequest, node_pb2.CreateActivitiesResponse
        ],
    ) -> node_pb2.CreateActivitiesResponse:
        """Record a batch."""
        require_in_house(context, self._node.party_id)
        require_size(len(request.activities), ACTIVITIES_PER_BATCH_MAX)
        return await asyncio.to_thread(self._create, request)

    def _create(
        self, request: node_pb2.CreateActivitiesRequest
    ) -> node_pb2.CreateActivitiesResponse:
        time_zone = self._node.programme.time_zone
        good: list[Activity] = []
        refused: list[RejectedActivity] = []
        for item in request.activities:
            try:
                good.append(_activity(item, time_zone, self._node.bundle))
            except InvalidActivityError as error:
                refused.append(
                    RejectedActivity(
                        activity_id=item.activity_id, reason=error.reason, detail=str(error)
                    )
                )
        outcome = self._node.record_activities(good)
        self._node.note_rejects(
            StoredReject(subject=item.activity_id, reason=str(item.reason), detail=item.detail)
            for item in refused
        )
        refused += outcome.rejected.values()
        return node_pb2.CreateActivitiesResponse(
            accepted=outcome.accepted,
            rejected=[
                node_pb2.RejectedActivity(
                    activity_id=item.activity_id, reason=str(item.reason), detail=item.detail
                )
                for item in refused
            ],
        )


def _activity(item: node_pb2.Activity, time_zone: str, bundle: Bundle) -> Activity:
    methodology = methodology_named(item.methodology, bundle)
    started_at_s = parse_instant(item.started_at, time_zone)
    if not item.ended_at and may_be_instant(methodology):
        ended_at_s = Seconds(started_at_s + 1)
    else:
        ended_at_s = parse_instant(item.ended_at, time_zone)
    return Activity(
        activity_id=item.activity_id,
        person_ref=item.person_ref,
        methodology_id=methodology.methodology_id,
        started_at_s=started_at_s,
        ended_at_s=ended_at_s,
        evidence=item.evidence,
        object_ref=checked_object(item.object_ref),
        values=_values(item),
        place=item.place,
    )


def _values(item: node_pb2.Activity) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for value in item.values:
        kind = value.WhichOneof("value")
        if kind is None or value.field in values:
            raise InvalidActivityError(
                RejectReason.MALFORMED_ROW, "every field stands once and holds a value"
            )
        values[value.field] = getattr(value, kind)
    return values
