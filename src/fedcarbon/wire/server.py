"""A gRPC server as every program here runs it: mTLS, border, health, reflection, graceful end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from google.protobuf.descriptor import FileDescriptor
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from fedcarbon.errors import ConfigurationError
from fedcarbon.wire.admission import Admission
from fedcarbon.wire.interceptors import Border, RpcRecord
from fedcarbon.wire.options import SERVER_OPTIONS
from fedcarbon.wire.party import PartyFiles
from fedcarbon.wire.tls import server_credentials

T = TypeVar("T")

CALLS_AT_ONCE_MAX: Final = 1024
"""Of all callers, also those whose place is not decided yet; gRPC itself refuses more."""
GRACE_S: Final = 5
"""What calls in flight get to finish when a server stops."""


class AddressError(ConfigurationError):
    """The address cannot be listened on."""

    code: ClassVar[str] = "ADDRESS_IN_USE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One service and how it is added to a server."""

    name: str
    add: Callable[[aio.Server], None]


def served(
    file: FileDescriptor, service: str, add: Callable[[T, aio.Server], None], servicer: T
) -> Served:
    """Return a service of a generated module.

    Args:
        file: the module's `DESCRIPTOR`.
        service: the service's short name.
        add: the generated `add_...Servicer_to_server`.
        servicer: what answers.
    """
    full_name = file.services_by_name[service].full_name
    return Served(name=full_name, add=lambda server: add(servicer, server))


class RunningServer:
    """A started server."""

    def __init__(self, server: aio.Server, health_servicer: health.aio.HealthServicer) -> None:
        """Used by `start_server`."""
        self._server = server
        self._health = health_servicer
        self.port = 0
        """The port that is listened on."""

    async def stop(self, grace_s: int = GRACE_S) -> None:
        """Say NOT_SERVING first, then let calls in flight finish for `grace_s` seconds."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)

    async def wait(self) -> None:
        """Return when the server has stopped."""
        await self._server.wait_for_termination()


async def start_server(
    services: Sequence[Served],
    *,
    address: str,
    party: PartyFiles,
    on_call: Callable[[RpcRecord], None],
    admission: Admission | None = None,
    with_reflection: bool = True,
) -> RunningServer:
    """Start serving.

    Args:
        services: what is served, health and reflection excepted.
        address: host and port; port 0 takes a free one.
        party: whose certificate answers; only callers of its trust domain are let in.
        on_call: gets a record of every call.
        admission: how many calls are worked on at once; without it as many as come.
        with_reflection: whether tools may list the services.

    Raises:
        AddressError: the port is taken or the host is not ours.
    """
    border = Border(
        trust_domain=party.trust_domain, admission=admission or Admission(), on_call=on_call
    )
    server = aio.server(
        interceptors=[border],
        options=SERVER_OPTIONS,
        maximum_concurrent_rpcs=CALLS_AT_ONCE_MAX,
    )
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    for service in services:
        service.add(server)
    names = [service.name for service in services]
    if with_reflection:
        reflection.enable_server_reflection(
            [*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server
        )
    running = RunningServer(server, health_servicer)
    try:
        running.port = server.add_secure_port(address, server_credentials(party))
    except RuntimeError as error:
        raise AddressError(f"cannot listen on {address}: taken, or not ours") from error
    await server.start()
    for name in ["", *names]:
        await health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    return running
