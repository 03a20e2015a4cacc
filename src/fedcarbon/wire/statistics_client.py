"""The hub's tables of statistics as its clients see them; a part of `hub_client.HubClient`."""

from __future__ import annotations

from typing import Protocol

import grpc
from typing_extensions import override

from fedcarbon.v1 import statistics_pb2, statistics_pb2_grpc
from fedcarbon.wire.repeated_calls import RepeatedCalls


class StatisticsClient(Protocol):
    """Every RPC about statistics; the errors are those of `HubClient`."""

    def create_table_shell(
        self, request: statistics_pb2.CreateTableShellRequest
    ) -> statistics_pb2.CreateTableShellResponse:
        """StatisticsService.CreateTableShell."""

    def submit_contribution(
        self, request: statistics_pb2.SubmitContributionRequest
    ) -> statistics_pb2.SubmitContributionResponse:
        """StatisticsService.SubmitContribution."""

    def list_tables(
        self, request: statistics_pb2.ListTablesRequest
    ) -> statistics_pb2.ListTablesResponse:
        """StatisticsService.ListTables."""

    def get_table(self, request: statistics_pb2.GetTableRequest) -> statistics_pb2.GetTableResponse:
        """StatisticsService.GetTable."""


class GrpcStatisticsClient(StatisticsClient):
    """The same over a gRPC channel."""

    def __init__(self, channel: grpc.Channel, calls: RepeatedCalls) -> None:
        """Take a channel with deadlines, and how its calls are repeated."""
        self._ask_of_tables = calls.ask
        self._statistics = statistics_pb2_grpc.StatisticsServiceStub(channel)

    @override
    def create_table_shell(
        self, request: statistics_pb2.CreateTableShellRequest
    ) -> statistics_pb2.CreateTableShellResponse:
        return self._ask_of_tables(self._statistics.CreateTableShell, request)

    @override
    def submit_contribution(
        self, request: statistics_pb2.SubmitContributionRequest
    ) -> statistics_pb2.SubmitContributionResponse:
        return self._ask_of_tables(self._statistics.SubmitContribution, request)

    @override
    def list_tables(
        self, request: statistics_pb2.ListTablesRequest
    ) -> statistics_pb2.ListTablesResponse:
        return self._ask_of_tables(self._statistics.ListTables, request)

    @override
    def get_table(self, request: statistics_pb2.GetTableRequest) -> statistics_pb2.GetTableResponse:
        return self._ask_of_tables(self._statistics.GetTable, request)
