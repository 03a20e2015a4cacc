"""EpochService: what partners do in an epoch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final, TypeVar

from typing_extensions import override

from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.errors import MalformedError
from fedcarbon.identity.claims import ListDiffersFromRootError
from fedcarbon.ids import EpochIndex, PartyId, Role, programme_id
from fedcarbon.submission.chunk_file import require_size
from fedcarbon.v1 import epoch_pb2, epoch_pb2_grpc
from fedcarbon.wire.tls import Authenticated, party_of, require_role
from hub.context import Hub
from hub.epochs.listing import SeenEpoch, list_epochs
from hub.intake.chunks import admit_chunk
from hub.intake.claim_lists import IncomingList, expected_list, reveal_list
from hub.intake.commitments import commit_claims
from hub.intake.disputes import dispute_claims
from hub.intake.link_proofs import admit_link_proof
from hub.intake.lost_claims import PAGE_TOKENS_MAX, lost_claims

T = TypeVar("T")

STATES: Final[Mapping[EpochState, epoch_pb2.EpochState]] = {
    EpochState.PLANNED: epoch_pb2.EPOCH_STATE_PLANNED,
    EpochState.COMMITTING: epoch_pb2.EPOCH_STATE_COMMITTING,
    EpochState.REVEALING: epoch_pb2.EPOCH_STATE_REVEALING,
    EpochState.JUDGED: epoch_pb2.EPOCH_STATE_JUDGED,
    EpochState.SUBMITTING: epoch_pb2.EPOCH_STATE_SUBMITTING,
    EpochState.SEALED: epoch_pb2.EPOCH_STATE_SEALED,
}


class EpochServicer(epoch_pb2_grpc.EpochServiceServicer):
    """Serves epochs."""

    def __init__(self, hub: Hub) -> None:
        """Take the hub whose epochs are served."""
        self._hub = hub

    @override
    async def ListEpochs(
        self, request: epoch_pb2.ListEpochsRequest, context: Authenticated
    ) -> epoch_pb2.ListEpochsResponse:
        """Return the epochs of a programme that are not PLANNED, oldest first."""
        caller, hub = party_of(context).party_id, self._hub
        programme = programme_id(request.programme_id)
        seen = await hub.read(lambda session: list_epochs(session, hub, caller, programme))
        return epoch_pb2.ListEpochsResponse(epochs=map(_epoch_message, seen))

    @override
    async def CreateClaimCommitment(
        self, request: epoch_pb2.CreateClaimCommitmentRequest, context: Authenticated
    ) -> epoch_pb2.CreateClaimCommitmentResponse:
        """Phase 1a."""
        caller = require_role(context, Role.PARTNER).party_id
        receipt = await self._hub.write(
            lambda session: commit_claims(session, self._hub, caller, request.signed_commitment)
        )
        return epoch_pb2.CreateClaimCommitmentResponse(receipt=receipt)

    @override
    async def CreateClaimList(
        self,
        request_iterator: AsyncIterator[epoch_pb2.CreateClaimListRequest],
        context: Authenticated,
    ) -> epoch_pb2.CreateClaimListResponse:
        """Phase 1b: the list arrives in a file, which is never larger than was committed."""
        caller, hub = require_role(context, Role.PARTNER).party_id, self._hub
        first = await _first(request_iterator)
        programme, epoch = programme_id(first.id.programme_id), EpochIndex(first.id.epoch)
        expected = await hub.read(
            lambda session: expected_list(session, hub, caller, programme, epoch)
        )
        files = hub.record.files
        with files.incoming() as tokens, files.incoming() as commitments:
            async for message in _all(first, request_iterator):
                tokens.write(message.content)
                commitments.write(message.commitments)
                if (
                    tokens.size > expected.file_bytes
                    or commitments.size > expected.commitments_bytes
                ):
                    raise ListDiffersFromRootError(
                        f"the revealed list is longer than the {expected.file_bytes} and "
                        f"{expected.commitments_bytes} bytes of the committed one"
                    )
            incoming = IncomingList(tokens=tokens, commitments=commitments)
            receipt = await asyncio.to_thread(reveal_list, hub, caller, programme, epoch, incoming)
        return epoch_pb2.CreateClaimListResponse(receipt=receipt)

    @override
    async def ListLostClaims(
        self, request: epoch_pb2.ListLostClaimsRequest, context: Authenticated
    ) -> epoch_pb2.ListLostClaimsResponse:
        """Phase 2: the caller's own lost claims."""
        caller, hub = require_role(context, Role.PARTNER).party_id, self._hub
        programme, epoch = programme_id(request.programme_id), EpochIndex(request.epoch)
        page = await hub.read(
            lambda session: lost_claims(
                session,
                hub,
                caller,
                programme,
                epoch,
                first=request.from_index,
                limit=min(request.limit, PAGE_TOKENS_MAX),
            )
        )
        return epoch_pb2.ListLostClaimsResponse(
            claim_tokens=[item.token for item in page.claims],
            positions=[item.position for item in page.claims],
            total=page.total,
        )

    @override
    async def CreateChunk(
        self, request_iterator: AsyncIterator[epoch_pb2.CreateChunkRequest], context: Authenticated
    ) -> epoch_pb2.CreateChunkResponse:
        """Take one signed chunk; too large a file is refused before it is all there."""
        caller = require_role(context, Role.PARTNER).party_id
        first = await _first(request_iterator)
        file = bytearray()
        async for message in _all(first, request_iterator):
            file += message.content
            require_size(len(file))
        receipt = await self._admit(caller, first.signed_header, bytes(file))
        return epoch_pb2.CreateChunkResponse(receipt=receipt)

    @override
    async def CreateLinkProof(
        self, request: epoch_pb2.CreateLinkProofRequest, context: Authenticated
    ) -> epoch_pb2.CreateLinkProofResponse:
        """Complete a submission."""
        caller = require_role(context, Role.PARTNER).party_id
        receipt = await asyncio.to_thread(admit_link_proof, self._hub, caller, request.signed_proof)
        return epoch_pb2.CreateLinkProofResponse(receipt=receipt)

    @override
    async def CreateDispute(
        self, request: epoch_pb2.CreateDisputeRequest, context: Authenticated
    ) -> epoch_pb2.CreateDisputeResponse:
        """Log which losses a partner disputes."""
        caller = require_role(context, Role.PARTNER).party_id
        receipt = await self._hub.write(
            lambda session: dispute_claims(session, self._hub, caller, request.signed_dispute)
        )
        return epoch_pb2.CreateDisputeResponse(receipt=receipt)

    async def _admit(self, caller: PartyId, signed_header: bytes, file: bytes) -> bytes:
        return await asyncio.to_thread(admit_chunk, self._hub, caller, signed_header, file)


async def _first(requests: AsyncIterator[T]) -> T:
    """Return the first message of a stream, which says what follows."""
    async for request in requests:
        return request
    raise MalformedError("the stream ended before its first message")


async def _all(first: T, rest: AsyncIterator[T]) -> AsyncIterator[T]:
    yield first
    async for request in rest:
        yield request


def _epoch_message(seen: SeenEpoch) -> epoch_pb2.Epoch:
    stored = seen.stored
    return epoch_pb2.Epoch(
        epoch=stored.epoch,
        state=STATES[stored.state],
        plan_leaf=stored.plan_leaf,
        closed_leaf=stored.closed_leaf,
        verdict_leaf=stored.verdict_leaf,
        seal_leaf=stored.seal_leaf,
        committed=seen.committed,
        revealed=seen.revealed,
        chunks_received=seen.chunks_received,
        missing_partner_ids=seen.missing,
    )
