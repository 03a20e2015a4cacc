"""OpeningService: bindings of wallets, and requests to open accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from typing_extensions import override

from fedcarbon.ids import Role, programme_id
from fedcarbon.v1 import opening_pb2, opening_pb2_grpc, registry_pb2
from fedcarbon.wire.tls import Authenticated, require_role
from hub.context import Hub
from hub.openings.accounts import account_of
from hub.openings.requests import opening_of, request_opening
from hub.openings.states import OpeningState
from hub.record.folded_record import FoldedRecord
from hub.wallets.bindings import bind_as_operator, bind_as_partner, object_to_binding, unbind
from hub.wallets.listing import BindingState, SeenBinding, list_bindings

BINDING_STATES: Final[Mapping[BindingState, opening_pb2.BindingState]] = {
    BindingState.PROPOSED: opening_pb2.BINDING_STATE_PROPOSED,
    BindingState.SIGNED: opening_pb2.BINDING_STATE_SIGNED,
    BindingState.FROZEN: opening_pb2.BINDING_STATE_FROZEN,
    BindingState.UNBOUND: opening_pb2.BINDING_STATE_UNBOUND,
}
OPENING_STATES: Final[Mapping[OpeningState, opening_pb2.OpeningState]] = {
    OpeningState.REQUESTED: opening_pb2.OPENING_STATE_REQUESTED,
    OpeningState.STARTED: opening_pb2.OPENING_STATE_STARTED,
    OpeningState.OPENED: opening_pb2.OPENING_STATE_OPENED,
    OpeningState.REFUSED: opening_pb2.OPENING_STATE_REFUSED,
}


class OpeningServicer(opening_pb2_grpc.OpeningServiceServicer):
    """Serves bindings and openings."""

    def __init__(
        self, hub: Hub, folded: FoldedRecord, on_request: Callable[[], None] = lambda: None
    ) -> None:
        """Take the hub, the record as trustees see it, and what to call for a new request."""
        self._hub = hub
        self._folded = folded
        self._on_request = on_request

    @override
    async def CreateOperatorBinding(
        self, request: opening_pb2.CreateOperatorBindingRequest, context: Authenticated
    ) -> opening_pb2.CreateOperatorBindingResponse:
        """Log the wallet operator's half of a binding."""
        caller = require_role(context, Role.WALLET_OPERATOR).party_id
        receipt = await self._hub.write(
            lambda session: bind_as_operator(session, self._hub, caller, request.signed_binding)
        )
        return opening_pb2.CreateOperatorBindingResponse(receipt=receipt)

    @override
    async def CreatePartnerBinding(
        self, request: opening_pb2.CreatePartnerBindingRequest, context: Authenticated
    ) -> opening_pb2.CreatePartnerBindingResponse:
        """Log an enrolled partner's half."""
        caller = require_role(context, Role.PARTNER).party_id
        receipt = await self._hub.write(
            lambda session: bind_as_partner(session, self._hub, caller, request.signed_binding)
        )
        return opening_pb2.CreatePartnerBindingResponse(receipt=receipt)

    @override
    async def CreateBindingObjection(
        self, request: opening_pb2.CreateBindingObjectionRequest, context: Authenticated
    ) -> opening_pb2.CreateBindingObjectionResponse:
        """Freeze a binding."""
        caller = require_role(context, Role.PARTNER).party_id
        receipt = await self._hub.write(
            lambda session: object_to_binding(session, self._hub, caller, request.signed_objection)
        )
        return opening_pb2.CreateBindingObjectionResponse(receipt=receipt)

    @override
    async def CreateUnbinding(
        self, request: opening_pb2.CreateUnbindingRequest, context: Authenticated
    ) -> opening_pb2.CreateUnbindingResponse:
        """End a binding at once."""
        caller = require_role(context, Role.PARTNER, Role.WALLET_OPERATOR).party_id
        receipt = await self._hub.write(
            lambda session: unbind(session, self._hub, caller, request.signed_unbinding)
        )
        return opening_pb2.CreateUnbindingResponse(receipt=receipt)

    @override
    async def ListBindings(
        self, request: opening_pb2.ListBindingsRequest, context: Authenticated
    ) -> opening_pb2.ListBindingsResponse:
        """Return the bindings that the caller may see."""
        caller = require_role(context, Role.PARTNER, Role.WALLET_OPERATOR)
        programme = programme_id(request.programme_id)
        seen = await self._hub.read(
            lambda session: list_bindings(
                session,
                caller.party_id,
                caller.role,
                programme,
                from_leaf=request.from_leaf,
                limit=request.limit,
            )
        )
        return opening_pb2.ListBindingsResponse(bindings=map(_binding_message, seen))

    @override
    async def GetAccount(
        self, request: opening_pb2.GetAccountRequest, context: Authenticated
    ) -> opening_pb2.GetAccountResponse:
        """Return what an operator needs to know of an account that it has bound."""
        caller = require_role(context, Role.WALLET_OPERATOR).party_id
        programme, token = programme_id(request.programme_id), request.account_token
        account = await self._hub.read(
            lambda session: account_of(session, self._hub, self._folded, caller, programme, token)
        )
        return opening_pb2.GetAccountResponse(
            place=registry_pb2.Place(
                account_token=token, block=account.place.block, slot=account.place.slot
            ),
            sealed_epoch=account.sealed_epoch,
            opened_epoch=account.opened_epoch,
            opened_ug=account.opened_ug,
            spendable_ug=account.spendable_ug,
            reserved_ug=account.reserved_ug,
            proceeds_fen=account.proceeds_fen,
        )

    @override
    async def CreateOpeningRequest(
        self, request: opening_pb2.CreateOpeningRequestRequest, context: Authenticated
    ) -> opening_pb2.CreateOpeningRequestResponse:
        """Log a holder's signed request; the trustees come to it on their own."""
        caller, hub = require_role(context, Role.WALLET_OPERATOR).party_id, self._hub
        receipt = await hub.write(
            lambda session: request_opening(
                session, hub, self._folded, caller, request.signed_request
            )
        )
        self._on_request()
        return opening_pb2.CreateOpeningRequestResponse(receipt=receipt)

    @override
    async def GetOpening(
        self, request: opening_pb2.GetOpeningRequest, context: Authenticated
    ) -> opening_pb2.GetOpeningResponse:
        """Return how a request of the caller's stands."""
        caller = require_role(context, Role.WALLET_OPERATOR).party_id
        stored = await self._hub.read(
            lambda session: opening_of(session, caller, request.request_id)
        )
        return opening_pb2.GetOpeningResponse(
            state=OPENING_STATES[stored.state],
            code=stored.code,
            detail=stored.detail,
            opened_ug=stored.opened_ug or 0,
            attempts=stored.attempts,
        )


def _binding_message(seen: SeenBinding) -> opening_pb2.Binding:
    return opening_pb2.Binding(
        binding_id=seen.binding_id,
        account_token=seen.account_token,
        operator_id=seen.operator_id,
        wallet_hint=seen.wallet_hint,
        state=BINDING_STATES[seen.state],
        operator_leaf=seen.operator_leaf,
        operator_leaf_index=seen.operator_leaf_index,
    )
