"""PersonService: linking, withdrawal, a person's own summary, bindings of wallets."""

from __future__ import annotations

import asyncio

from google.protobuf import json_format
from grpc import aio
from typing_extensions import override

from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from partner_node.node import Node
from partner_node.persons.linking import PERSONS_PER_BATCH_MAX, PersonRecord
from partner_node.persons.summary import Asked, as_tree
from partner_node.persons.words import language_named
from partner_node.service.callers import require_in_house, require_size


class PersonServicer(node_pb2_grpc.PersonServiceServicer):
    """Thin: parse, call the use case, answer."""

    def __init__(self, node: Node) -> None:
        """Serve `node`."""
        self._node = node

    @override
    async def LinkPersons(
        self,
        request: node_pb2.LinkPersonsRequest,
        context: aio.ServicerContext[node_pb2.LinkPersonsRequest, node_pb2.LinkPersonsResponse],
    ) -> node_pb2.LinkPersonsResponse:
        """Link people with their two consents."""
        require_in_house(context, self._node.party_id)
        require_size(len(request.persons), PERSONS_PER_BATCH_MAX)
        records = [
            PersonRecord(
                person_ref=item.person_ref,
                id_type=item.id_type,
                id_number=item.id_number,
                issuing_country=item.issuing_country,
                consent_data=item.consent_data,
                consent_claim=item.consent_claim,
            )
            for item in request.persons
        ]
        outcome = await asyncio.to_thread(self._node.link_persons, records)
        return node_pb2.LinkPersonsResponse(
            linked=outcome.linked,
            rejected=[
                node_pb2.RejectedPerson(
                    person_ref=item.person_ref, reason=item.reason.value, detail=item.detail
                )
                for item in outcome.rejected
            ],
        )

    @override
    async def WithdrawConsent(
        self,
        request: node_pb2.WithdrawConsentRequest,
        context: aio.ServicerContext[
            node_pb2.WithdrawConsentRequest, node_pb2.WithdrawConsentResponse
        ],
    ) -> node_pb2.WithdrawConsentResponse:
        """Withdraw a person's consents."""
        require_in_house(context, self._node.party_id)
        from_epoch = await asyncio.to_thread(self._node.withdraw_consent, request.person_ref)
        return node_pb2.WithdrawConsentResponse(from_epoch=from_epoch)

    @override
    async def GetSummary(
        self,
        request: node_pb2.GetSummaryRequest,
        context: aio.ServicerContext[node_pb2.GetSummaryRequest, node_pb2.GetSummaryResponse],
    ) -> node_pb2.GetSummaryResponse:
        """Return a person's own view."""
        require_in_house(context, self._node.party_id)
        asked = Asked(
            person_ref=request.person_ref,
            language=language_named(request.language),
            from_day=request.from_day,
            until_day=request.until_day,
        )
        summary = await asyncio.to_thread(self._node.summary, asked)
        answer = node_pb2.GetSummaryResponse()
        # The same tree that the command line prints; a field that one lacks is a bug here.
        return json_format.ParseDict(as_tree(summary), answer)

    @override
    async def ListPendingBindings(
        self,
        request: node_pb2.ListPendingBindingsRequest,
        context: aio.ServicerContext[
            node_pb2.ListPendingBindingsRequest, node_pb2.ListPendingBindingsResponse
        ],
    ) -> node_pb2.ListPendingBindingsResponse:
        """Return bindings that wait for their holder, under every reference of the person."""
        require_in_house(context, self._node.party_id)
        pending = await asyncio.to_thread(self._node.pending_bindings)
        return node_pb2.ListPendingBindingsResponse(
            bindings=[
                node_pb2.PendingBinding(
                    binding_id=item.binding_id,
                    person_ref=person_ref,
                    operator_id=item.operator_id,
                    wallet_hint=item.wallet_hint,
                )
                for item in pending
                for person_ref in item.person_refs
            ]
        )

    @override
    async def AnswerBinding(
        self,
        request: node_pb2.AnswerBindingRequest,
        context: aio.ServicerContext[node_pb2.AnswerBindingRequest, node_pb2.AnswerBindingResponse],
    ) -> node_pb2.AnswerBindingResponse:
        """Confirm a binding or object to it."""
        require_in_house(context, self._node.party_id)
        receipt = await asyncio.to_thread(
            self._node.answer_binding,
            request.binding_id,
            confirm=request.confirm,
            member_ref=request.member_ref,
        )
        return node_pb2.AnswerBindingResponse(receipt=receipt)

    @override
    async def AttestMember(
        self,
        request: node_pb2.AttestMemberRequest,
        context: aio.ServicerContext[node_pb2.AttestMemberRequest, node_pb2.AttestMemberResponse],
    ) -> node_pb2.AttestMemberResponse:
        """Keep that a person is a member of a household account."""
        require_in_house(context, self._node.party_id)
        await asyncio.to_thread(self._node.attest_member, request.account_ref, request.member_ref)
        return node_pb2.AttestMemberResponse()

    @override
    async def ListMembers(
        self,
        request: node_pb2.ListMembersRequest,
        context: aio.ServicerContext[node_pb2.ListMembersRequest, node_pb2.ListMembersResponse],
    ) -> node_pb2.ListMembersResponse:
        """Return the attested members of a household account."""
        require_in_house(context, self._node.party_id)
        members = await asyncio.to_thread(self._node.members, request.account_ref)
        return node_pb2.ListMembersResponse(member_refs=members)
