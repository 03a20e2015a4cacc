"""The hub as its clients see it: one method per RPC.

Programs know only `HubClient`; whether it is gRPC or a hub in the same process, errors have the
same codes. Every method is idempotent at the hub, so a call that did not connect is repeated a few
times; after that the outcome is unknown and the caller asks again later with the same id.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import grpc
from typing_extensions import override

from fedcarbon.v1 import (
    epoch_pb2,
    epoch_pb2_grpc,
    identity_pb2,
    identity_pb2_grpc,
    opening_pb2,
    opening_pb2_grpc,
    record_pb2,
    record_pb2_grpc,
    redemption_pb2,
    redemption_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
    trustee_pb2,
    trustee_pb2_grpc,
    use_pb2,
    use_pb2_grpc,
)
from fedcarbon.wire.deadlines import with_deadlines
from fedcarbon.wire.repeated_calls import RepeatedCalls
from fedcarbon.wire.statistics_client import GrpcStatisticsClient, StatisticsClient
from fedcarbon.wire.status import error_of


class HubClient(StatisticsClient, Protocol):
    """Every unary and client-streaming RPC of the hub.

    Each method raises `CallerError`, `PeerError` or `StateError` with the hub's code;
    `UnreachableError` and `RemoteTimeoutError` leave the outcome unknown.
    """

    def list_leaves(self, request: record_pb2.ListLeavesRequest) -> record_pb2.ListLeavesResponse:
        """RecordService.ListLeaves."""

    def get_checkpoint(
        self, request: record_pb2.GetCheckpointRequest
    ) -> record_pb2.GetCheckpointResponse:
        """RecordService.GetCheckpoint."""

    def list_checkpoints(
        self, request: record_pb2.ListCheckpointsRequest
    ) -> record_pb2.ListCheckpointsResponse:
        """RecordService.ListCheckpoints."""

    def create_cosignature(
        self, request: record_pb2.CreateCosignatureRequest
    ) -> record_pb2.CreateCosignatureResponse:
        """RecordService.CreateCosignature."""

    def get_inclusion_proof(
        self, request: record_pb2.GetInclusionProofRequest
    ) -> record_pb2.GetInclusionProofResponse:
        """RecordService.GetInclusionProof."""

    def get_consistency_proof(
        self, request: record_pb2.GetConsistencyProofRequest
    ) -> record_pb2.GetConsistencyProofResponse:
        """RecordService.GetConsistencyProof."""

    def get_file(self, request: record_pb2.GetFileRequest) -> record_pb2.GetFileResponse:
        """RecordService.GetFile."""

    def create_admission(
        self, request: registry_pb2.CreateAdmissionRequest
    ) -> registry_pb2.CreateAdmissionResponse:
        """RegistryService.CreateAdmission."""

    def create_programme(
        self, request: registry_pb2.CreateProgrammeRequest
    ) -> registry_pb2.CreateProgrammeResponse:
        """RegistryService.CreateProgramme."""

    def create_methodology_admission(
        self, request: registry_pb2.CreateMethodologyAdmissionRequest
    ) -> registry_pb2.CreateMethodologyAdmissionResponse:
        """RegistryService.CreateMethodologyAdmission."""

    def create_enrolment_batch(
        self, request: registry_pb2.CreateEnrolmentBatchRequest
    ) -> registry_pb2.CreateEnrolmentBatchResponse:
        """RegistryService.CreateEnrolmentBatch."""

    def evaluate(self, request: identity_pb2.EvaluateRequest) -> identity_pb2.EvaluateResponse:
        """IdentityService.Evaluate."""

    def list_epochs(self, request: epoch_pb2.ListEpochsRequest) -> epoch_pb2.ListEpochsResponse:
        """EpochService.ListEpochs."""

    def create_claim_commitment(
        self, request: epoch_pb2.CreateClaimCommitmentRequest
    ) -> epoch_pb2.CreateClaimCommitmentResponse:
        """EpochService.CreateClaimCommitment."""

    def create_claim_list(
        self, requests: Iterable[epoch_pb2.CreateClaimListRequest]
    ) -> epoch_pb2.CreateClaimListResponse:
        """EpochService.CreateClaimList; see `GrpcHubClient` for when it is repeated."""

    def list_lost_claims(
        self, request: epoch_pb2.ListLostClaimsRequest
    ) -> epoch_pb2.ListLostClaimsResponse:
        """EpochService.ListLostClaims."""

    def create_chunk(
        self, requests: Iterable[epoch_pb2.CreateChunkRequest]
    ) -> epoch_pb2.CreateChunkResponse:
        """EpochService.CreateChunk; see `GrpcHubClient` for when it is repeated."""

    def create_link_proof(
        self, request: epoch_pb2.CreateLinkProofRequest
    ) -> epoch_pb2.CreateLinkProofResponse:
        """EpochService.CreateLinkProof."""

    def create_dispute(
        self, request: epoch_pb2.CreateDisputeRequest
    ) -> epoch_pb2.CreateDisputeResponse:
        """EpochService.CreateDispute."""

    def create_operator_binding(
        self, request: opening_pb2.CreateOperatorBindingRequest
    ) -> opening_pb2.CreateOperatorBindingResponse:
        """OpeningService.CreateOperatorBinding."""

    def create_partner_binding(
        self, request: opening_pb2.CreatePartnerBindingRequest
    ) -> opening_pb2.CreatePartnerBindingResponse:
        """OpeningService.CreatePartnerBinding."""

    def create_binding_objection(
        self, request: opening_pb2.CreateBindingObjectionRequest
    ) -> opening_pb2.CreateBindingObjectionResponse:
        """OpeningService.CreateBindingObjection."""

    def create_unbinding(
        self, request: opening_pb2.CreateUnbindingRequest
    ) -> opening_pb2.CreateUnbindingResponse:
        """OpeningService.CreateUnbinding."""

    def list_bindings(
        self, request: opening_pb2.ListBindingsRequest
    ) -> opening_pb2.ListBindingsResponse:
        """OpeningService.ListBindings."""

    def get_account(self, request: opening_pb2.GetAccountRequest) -> opening_pb2.GetAccountResponse:
        """OpeningService.GetAccount."""

    def create_opening_request(
        self, request: opening_pb2.CreateOpeningRequestRequest
    ) -> opening_pb2.CreateOpeningRequestResponse:
        """OpeningService.CreateOpeningRequest."""

    def get_opening(self, request: opening_pb2.GetOpeningRequest) -> opening_pb2.GetOpeningResponse:
        """OpeningService.GetOpening."""

    def create_redemption(
        self, request: redemption_pb2.CreateRedemptionRequest
    ) -> redemption_pb2.CreateRedemptionResponse:
        """RedemptionService.CreateRedemption."""

    def get_redemption(
        self, request: redemption_pb2.GetRedemptionRequest
    ) -> redemption_pb2.GetRedemptionResponse:
        """RedemptionService.GetRedemption."""

    def get_operator_statement(
        self, request: redemption_pb2.GetOperatorStatementRequest
    ) -> redemption_pb2.GetOperatorStatementResponse:
        """RedemptionService.GetOperatorStatement."""

    def publish(self, request: use_pb2.PublishRequest) -> use_pb2.PublishResponse:
        """UseService.Publish."""

    def list_offers(self, request: use_pb2.ListOffersRequest) -> use_pb2.ListOffersResponse:
        """UseService.ListOffers."""

    def place_use_order(
        self, request: use_pb2.PlaceUseOrderRequest
    ) -> use_pb2.PlaceUseOrderResponse:
        """UseService.PlaceUseOrder."""

    def get_use(self, request: use_pb2.GetUseRequest) -> use_pb2.GetUseResponse:
        """UseService.GetUse."""

    def place_ranking_choice(
        self, request: use_pb2.PlaceRankingChoiceRequest
    ) -> use_pb2.PlaceRankingChoiceResponse:
        """UseService.PlaceRankingChoice."""

    def get_ranking(self, request: use_pb2.GetRankingRequest) -> use_pb2.GetRankingResponse:
        """UseService.GetRanking."""

    def publish_rankings(
        self, request: use_pb2.PublishRankingsRequest
    ) -> use_pb2.PublishRankingsResponse:
        """UseService.PublishRankings."""

    def end_goods(self, request: use_pb2.EndGoodsRequest) -> use_pb2.EndGoodsResponse:
        """UseService.EndGoods."""

    def form_lot(self, request: use_pb2.FormLotRequest) -> use_pb2.FormLotResponse:
        """UseService.FormLot."""

    def sell_lot(self, request: use_pb2.SellLotRequest) -> use_pb2.SellLotResponse:
        """UseService.SellLot."""

    def retire_lot(self, request: use_pb2.RetireLotRequest) -> use_pb2.RetireLotResponse:
        """UseService.RetireLot."""


class GrpcHubClient(GrpcStatisticsClient, HubClient):
    """The hub over a gRPC channel, with a deadline on every call and bounded repetition.

    A call is repeated only if it found no connection (see `RepeatedCalls`). An
    upload is repeated if its `requests` can be walked again (a list, or an object whose `__iter__`
    starts afresh); an iterator can not and is tried once.
    """

    def __init__(
        self, channel: grpc.Channel, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Take a channel (see `tls.dial`); closing it stays with its owner."""
        channel = with_deadlines(channel)
        calls = RepeatedCalls(sleep)
        super().__init__(channel, calls)
        self._ask, self._upload = calls.ask, calls.upload
        self._record = record_pb2_grpc.RecordServiceStub(channel)
        self._registry = registry_pb2_grpc.RegistryServiceStub(channel)
        self._identity = identity_pb2_grpc.IdentityServiceStub(channel)
        self._epoch = epoch_pb2_grpc.EpochServiceStub(channel)
        self._opening = opening_pb2_grpc.OpeningServiceStub(channel)
        self._redemption = redemption_pb2_grpc.RedemptionServiceStub(channel)
        self._use = use_pb2_grpc.UseServiceStub(channel)
        self._trustee = trustee_pb2_grpc.TrusteeServiceStub(channel)

    def work(
        self, answers: Iterator[trustee_pb2.WorkRequest]
    ) -> Iterator[trustee_pb2.WorkResponse]:
        """Open a trustee's stream of work orders; it ends with an error or its long deadline.

        Closing the iterator hangs up.

        Raises:
            StateError, CallerError, PeerError: see `HubClient`, while iterating.
        """
        orders = self._trustee.Work(answers)
        try:
            yield from orders
        except grpc.RpcError as failure:
            raise error_of(failure) from failure
        finally:
            orders.cancel()  # whoever stops reading hangs up

    @override
    def list_leaves(self, request: record_pb2.ListLeavesRequest) -> record_pb2.ListLeavesResponse:
        return self._ask(self._record.ListLeaves, request)

    @override
    def get_checkpoint(
        self, request: record_pb2.GetCheckpointRequest
    ) -> record_pb2.GetCheckpointResponse:
        return self._ask(self._record.GetCheckpoint, request)

    @override
    def list_checkpoints(
        self, request: record_pb2.ListCheckpointsRequest
    ) -> record_pb2.ListCheckpointsResponse:
        return self._ask(self._record.ListCheckpoints, request)

    @override
    def create_cosignature(
        self, request: record_pb2.CreateCosignatureRequest
    ) -> record_pb2.CreateCosignatureResponse:
        return self._ask(self._record.CreateCosignature, request)

    @override
    def get_inclusion_proof(
        self, request: record_pb2.GetInclusionProofRequest
    ) -> record_pb2.GetInclusionProofResponse:
        return self._ask(self._record.GetInclusionProof, request)

    @override
    def get_consistency_proof(
        self, request: record_pb2.GetConsistencyProofRequest
    ) -> record_pb2.GetConsistencyProofResponse:
        return self._ask(self._record.GetConsistencyProof, request)

    @override
    def get_file(self, request: record_pb2.GetFileRequest) -> record_pb2.GetFileResponse:
        return self._ask(self._record.GetFile, request)

    @override
    def create_admission(
        self, request: registry_pb2.CreateAdmissionRequest
    ) -> registry_pb2.CreateAdmissionResponse:
        return self._ask(self._registry.CreateAdmission, request)

    @override
    def create_programme(
        self, request: registry_pb2.CreateProgrammeRequest
    ) -> registry_pb2.CreateProgrammeResponse:
        return self._ask(self._registry.CreateProgramme, request)

    @override
    def create_methodology_admission(
        self, request: registry_pb2.CreateMethodologyAdmissionRequest
    ) -> registry_pb2.CreateMethodologyAdmissionResponse:
        return self._ask(self._registry.CreateMethodologyAdmission, request)

    @override
    def create_enrolment_batch(
        self, request: registry_pb2.CreateEnrolmentBatchRequest
    ) -> registry_pb2.CreateEnrolmentBatchResponse:
        return self._ask(self._registry.CreateEnrolmentBatch, request)

    @override
    def evaluate(self, request: identity_pb2.EvaluateRequest) -> identity_pb2.EvaluateResponse:
        return self._ask(self._identity.Evaluate, request)

    @override
    def list_epochs(self, request: epoch_pb2.ListEpochsRequest) -> epoch_pb2.ListEpochsResponse:
        return self._ask(self._epoch.ListEpochs, request)

    @override
    def create_claim_commitment(
        self, request: epoch_pb2.CreateClaimCommitmentRequest
    ) -> epoch_pb2.CreateClaimCommitmentResponse:
        return self._ask(self._epoch.CreateClaimCommitment, request)

    @override
    def create_claim_list(
        self, requests: Iterable[epoch_pb2.CreateClaimListRequest]
    ) -> epoch_pb2.CreateClaimListResponse:
        return self._upload(self._epoch.CreateClaimList, requests)

    @override
    def list_lost_claims(
        self, request: epoch_pb2.ListLostClaimsRequest
    ) -> epoch_pb2.ListLostClaimsResponse:
        return self._ask(self._epoch.ListLostClaims, request)

    @override
    def create_chunk(
        self, requests: Iterable[epoch_pb2.CreateChunkRequest]
    ) -> epoch_pb2.CreateChunkResponse:
        return self._upload(self._epoch.CreateChunk, requests)

    @override
    def create_link_proof(
        self, request: epoch_pb2.CreateLinkProofRequest
    ) -> epoch_pb2.CreateLinkProofResponse:
        return self._ask(self._epoch.CreateLinkProof, request)

    @override
    def create_dispute(
        self, request: epoch_pb2.CreateDisputeRequest
    ) -> epoch_pb2.CreateDisputeResponse:
        return self._ask(self._epoch.CreateDispute, request)

    @override
    def create_operator_binding(
        self, request: opening_pb2.CreateOperatorBindingRequest
    ) -> opening_pb2.CreateOperatorBindingResponse:
        return self._ask(self._opening.CreateOperatorBinding, request)

    @override
    def create_partner_binding(
        self, request: opening_pb2.CreatePartnerBindingRequest
    ) -> opening_pb2.CreatePartnerBindingResponse:
        return self._ask(self._opening.CreatePartnerBinding, request)

    @override
    def create_binding_objection(
        self, request: opening_pb2.CreateBindingObjectionRequest
    ) -> opening_pb2.CreateBindingObjectionResponse:
        return self._ask(self._opening.CreateBindingObjection, request)

    @override
    def create_unbinding(
        self, request: opening_pb2.CreateUnbindingRequest
    ) -> opening_pb2.CreateUnbindingResponse:
        return self._ask(self._opening.CreateUnbinding, request)

    @override
    def list_bindings(
        self, request: opening_pb2.ListBindingsRequest
    ) -> opening_pb2.ListBindingsResponse:
        return self._ask(self._opening.ListBindings, request)

    @override
    def get_account(self, request: opening_pb2.GetAccountRequest) -> opening_pb2.GetAccountResponse:
        return self._ask(self._opening.GetAccount, request)

    @override
    def create_opening_request(
        self, request: opening_pb2.CreateOpeningRequestRequest
    ) -> opening_pb2.CreateOpeningRequestResponse:
        return self._ask(self._opening.CreateOpeningRequest, request)

    @override
    def get_opening(self, request: opening_pb2.GetOpeningRequest) -> opening_pb2.GetOpeningResponse:
        return self._ask(self._opening.GetOpening, request)

    @override
    def create_redemption(
        self, request: redemption_pb2.CreateRedemptionRequest
    ) -> redemption_pb2.CreateRedemptionResponse:
        return self._ask(self._redemption.CreateRedemption, request)

    @override
    def get_redemption(
        self, request: redemption_pb2.GetRedemptionRequest
    ) -> redemption_pb2.GetRedemptionResponse:
        return self._ask(self._redemption.GetRedemption, request)

    @override
    def get_operator_statement(
        self, request: redemption_pb2.GetOperatorStatementRequest
    ) -> redemption_pb2.GetOperatorStatementResponse:
        return self._ask(self._redemption.GetOperatorStatement, request)

    @override
    def publish(self, request: use_pb2.PublishRequest) -> use_pb2.PublishResponse:
        return self._ask(self._use.Publish, request)

    @override
    def list_offers(self, request: use_pb2.ListOffersRequest) -> use_pb2.ListOffersResponse:
        return self._ask(self._use.ListOffers, request)

    @override
    def place_use_order(
        self, request: use_pb2.PlaceUseOrderRequest
    ) -> use_pb2.PlaceUseOrderResponse:
        return self._ask(self._use.PlaceUseOrder, request)

    @override
    def get_use(self, request: use_pb2.GetUseRequest) -> use_pb2.GetUseResponse:
        return self._ask(self._use.GetUse, request)

    @override
    def place_ranking_choice(
        self, request: use_pb2.PlaceRankingChoiceRequest
    ) -> use_pb2.PlaceRankingChoiceResponse:
        return self._ask(self._use.PlaceRankingChoice, request)

    @override
    def get_ranking(self, request: use_pb2.GetRankingRequest) -> use_pb2.GetRankingResponse:
        return self._ask(self._use.GetRanking, request)

    @override
    def publish_rankings(
        self, request: use_pb2.PublishRankingsRequest
    ) -> use_pb2.PublishRankingsResponse:
        return self._ask(self._use.PublishRankings, request)

    @override
    def end_goods(self, request: use_pb2.EndGoodsRequest) -> use_pb2.EndGoodsResponse:
        return self._ask(self._use.EndGoods, request)

    @override
    def form_lot(self, request: use_pb2.FormLotRequest) -> use_pb2.FormLotResponse:
        return self._ask(self._use.FormLot, request)

    @override
    def sell_lot(self, request: use_pb2.SellLotRequest) -> use_pb2.SellLotResponse:
        return self._ask(self._use.SellLot, request)

    @override
    def retire_lot(self, request: use_pb2.RetireLotRequest) -> use_pb2.RetireLotResponse:
        return self._ask(self._use.RetireLot, request)
