"""TrusteeService: the streams are servicer and port in one; this is how they are served."""

from __future__ import annotations

from fedcarbon.v1 import trustee_pb2, trustee_pb2_grpc
from fedcarbon.wire.server import Served, served
from hub.trustees.stream import TrusteeStreams


def trustee_service(streams: TrusteeStreams) -> Served:
    """Return the service over which trustees take orders."""
    return served(
        trustee_pb2.DESCRIPTOR,
        "TrusteeService",
        trustee_pb2_grpc.add_TrusteeServiceServicer_to_server,
        streams,
    )
