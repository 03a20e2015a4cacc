"""The fake hub behind real gRPC with mTLS, for nodes that run as processes of their own."""

from __future__ import annotations

from concurrent import futures
from typing import Any

import grpc

from fedcarbon.v1 import (
    epoch_pb2,
    identity_pb2,
    opening_pb2,
    record_pb2,
    registry_pb2,
    statistics_pb2,
)
from fedcarbon.wire.party import PartyFiles
from fedcarbon.wire.tls import server_credentials
from tests.partner_node.fake_hub import FakeHub

SERVICES = (
    (record_pb2, "RecordService"),
    (registry_pb2, "RegistryService"),
    (identity_pb2, "IdentityService"),
    (epoch_pb2, "EpochService"),
    (opening_pb2, "OpeningService"),
    (statistics_pb2, "StatisticsService"),
)


def serve_hub(hub: FakeHub, party: PartyFiles) -> tuple[grpc.Server, int]:
    """Start serving `hub` on a free loopback port."""
    # One worker: the fake hub is not made for several callers at once.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    server.add_generic_rpc_handlers(tuple(_handlers(hub)))
    port = server.add_secure_port("127.0.0.1:0", server_credentials(party))
    server.start()
    return server, port


def _handlers(hub: FakeHub) -> list[grpc.GenericRpcHandler]:
    handlers = []
    for module, name in SERVICES:
        service = module.DESCRIPTOR.services_by_name[name]
        methods = {rpc.name: _method(hub, module, rpc) for rpc in service.methods}
        handlers.append(grpc.method_handlers_generic_handler(service.full_name, methods))
    return handlers


def _method(hub: FakeHub, module: Any, rpc: Any) -> grpc.RpcMethodHandler:
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in rpc.name).lstrip("_")

    def answer(request: Any, _context: grpc.ServicerContext) -> Any:
        return getattr(hub, words)(request)

    maker = (
        grpc.stream_unary_rpc_method_handler
        if rpc.client_streaming
        else grpc.unary_unary_rpc_method_handler
    )
    return maker(
        answer,
        request_deserializer=getattr(module, rpc.input_type.name).FromString,
        response_serializer=getattr(module, rpc.output_type.name).SerializeToString,
    )
