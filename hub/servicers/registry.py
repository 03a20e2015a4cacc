"""RegistryService: admissions, programmes, methodologies, enrolments.

What root keys sign is believed for their signatures, so anybody with a certificate may bring it.
"""

from __future__ import annotations

from typing_extensions import override

from fedcarbon.ids import Role
from fedcarbon.v1 import registry_pb2, registry_pb2_grpc
from fedcarbon.wire.tls import Authenticated, party_of, require_role
from hub.context import Hub
from hub.registry.admissions import admit
from hub.registry.enrolments import enrol
from hub.registry.methodologies import admit_methodology
from hub.registry.programmes import start_programme


class RegistryServicer(registry_pb2_grpc.RegistryServiceServicer):
    """Serves the registry."""

    def __init__(self, hub: Hub) -> None:
        """Take the hub whose registry is served."""
        self._hub = hub

    @override
    async def CreateAdmission(
        self, request: registry_pb2.CreateAdmissionRequest, context: Authenticated
    ) -> registry_pb2.CreateAdmissionResponse:
        """Log a party's admission, signed by root keys."""
        party_of(context)
        receipt = await self._hub.write(
            lambda session: admit(session, self._hub, request.signed_admission)
        )
        return registry_pb2.CreateAdmissionResponse(receipt=receipt)

    @override
    async def CreateProgramme(
        self, request: registry_pb2.CreateProgrammeRequest, context: Authenticated
    ) -> registry_pb2.CreateProgrammeResponse:
        """Log a programme, signed by root keys."""
        party_of(context)
        receipt = await self._hub.write(
            lambda session: start_programme(session, self._hub, request.signed_programme)
        )
        return registry_pb2.CreateProgrammeResponse(receipt=receipt)

    @override
    async def CreateMethodologyAdmission(
        self, request: registry_pb2.CreateMethodologyAdmissionRequest, context: Authenticated
    ) -> registry_pb2.CreateMethodologyAdmissionResponse:
        """Log a methodology of a programme, signed by root keys."""
        party_of(context)
        receipt = await self._hub.write(
            lambda session: admit_methodology(session, self._hub, request.signed_admission)
        )
        return registry_pb2.CreateMethodologyAdmissionResponse(receipt=receipt)

    @override
    async def CreateEnrolmentBatch(
        self, request: registry_pb2.CreateEnrolmentBatchRequest, context: Authenticated
    ) -> registry_pb2.CreateEnrolmentBatchResponse:
        """Log enrolments and withdrawals and answer with the places."""
        caller = require_role(context, Role.PARTNER).party_id
        enrolled = await self._hub.write(
            lambda session: enrol(session, self._hub, caller, request.signed_batch)
        )
        return registry_pb2.CreateEnrolmentBatchResponse(
            receipt=enrolled.receipt, signed_places=enrolled.signed_places
        )
