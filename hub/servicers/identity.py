"""IdentityService: the blind relay."""

from __future__ import annotations

from typing_extensions import override

from fedcarbon.ids import Role
from fedcarbon.v1 import identity_pb2, identity_pb2_grpc
from fedcarbon.wire.tls import Authenticated, require_role
from hub.identity.relay import EvaluationRelay


class IdentityServicer(identity_pb2_grpc.IdentityServiceServicer):
    """Serves blinded evaluations."""

    def __init__(self, relay: EvaluationRelay) -> None:
        """Take the relay."""
        self._relay = relay

    @override
    async def Evaluate(
        self, request: identity_pb2.EvaluateRequest, context: Authenticated
    ) -> identity_pb2.EvaluateResponse:
        """Relay blinded elements to trustees and return what they answer."""
        caller = require_role(context, Role.PARTNER, Role.WALLET_OPERATOR).party_id
        answers = await self._relay.evaluate(
            caller,
            request.signed_request,
            tuple(request.blinded_elements),
            request.excluded_trustee_ids,
        )
        return identity_pb2.EvaluateResponse(
            partials=[
                identity_pb2.PartialEvaluation(
                    trustee_id=name, elements=answer.elements, proof=answer.proof
                )
                for name, answer in answers.items()
            ]
        )
