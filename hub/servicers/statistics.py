"""StatisticsService: shells and contributions come in, calendars and released tables go out.

What root keys sign is believed for their signatures, so anybody with a certificate may bring it.
Every admitted party reads tables, regulators among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from typing_extensions import override

from fedcarbon.ids import Role, programme_id
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.v1 import statistics_pb2, statistics_pb2_grpc
from fedcarbon.wire.tls import Authenticated, party_of, require_role
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.statistics.intake import ContributionIntake
from hub.statistics.listing import SeenState, SeenTable, get_table, list_tables, require_reader
from hub.statistics.shells import publish_shell

STATES: Final[Mapping[SeenState, statistics_pb2.PeriodState]] = {
    SeenState.NOT_OVER: statistics_pb2.PERIOD_STATE_NOT_OVER,
    SeenState.CONTRIBUTING: statistics_pb2.PERIOD_STATE_CONTRIBUTING,
    SeenState.STARTED: statistics_pb2.PERIOD_STATE_STARTED,
    SeenState.RELEASED: statistics_pb2.PERIOD_STATE_RELEASED,
    SeenState.WITHHELD: statistics_pb2.PERIOD_STATE_WITHHELD,
}


class StatisticsServicer(statistics_pb2_grpc.StatisticsServiceServicer):
    """Serves tables."""

    def __init__(self, hub: Hub, folded: FoldedRecord, intake: ContributionIntake) -> None:
        """Take the hub, the record as its readers see it, and the way in for contributions."""
        self._hub = hub
        self._folded = folded
        self._intake = intake

    @override
    async def CreateTableShell(
        self, request: statistics_pb2.CreateTableShellRequest, context: Authenticated
    ) -> statistics_pb2.CreateTableShellResponse:
        """Log a shell, signed by root keys."""
        party_of(context)
        receipt = await self._hub.write(
            lambda session: publish_shell(session, self._hub, self._folded, request.signed_shell)
        )
        return statistics_pb2.CreateTableShellResponse(receipt=receipt)

    @override
    async def SubmitContribution(
        self, request: statistics_pb2.SubmitContributionRequest, context: Authenticated
    ) -> statistics_pb2.SubmitContributionResponse:
        """Log a partner's encrypted cells."""
        caller = require_role(context, Role.PARTNER).party_id
        receipt = await self._hub.work(
            lambda: self._intake.admit(caller, request.signed_contribution, request.file)
        )
        return statistics_pb2.SubmitContributionResponse(receipt=receipt)

    @override
    async def ListTables(
        self, request: statistics_pb2.ListTablesRequest, context: Authenticated
    ) -> statistics_pb2.ListTablesResponse:
        """List shells and where their periods stand."""
        caller, hub = party_of(context), self._hub
        wanted = programme_id(request.programme_id) if request.programme_id else None
        await hub.read(lambda session: require_reader(session, caller.party_id, caller.role))
        tables = await hub.read(lambda session: list_tables(session, hub, self._folded, wanted))
        return statistics_pb2.ListTablesResponse(tables=map(_calendar, tables))

    @override
    async def GetTable(
        self, request: statistics_pb2.GetTableRequest, context: Authenticated
    ) -> statistics_pb2.GetTableResponse:
        """Return a released table."""
        caller, hub = party_of(context), self._hub
        ref = PeriodRef(request.shell_leaf, request.period)
        await hub.read(lambda session: require_reader(session, caller.party_id, caller.role))
        found = await hub.read(lambda session: get_table(session, hub, self._folded, ref))
        return statistics_pb2.GetTableResponse(
            signed_shell=found.signed_shell,
            signed_release=found.signed_release,
            release_leaf=found.release_leaf,
            table=found.table,
        )


def _calendar(table: SeenTable) -> statistics_pb2.TableCalendar:
    return statistics_pb2.TableCalendar(
        signed_shell=table.signed_shell,
        shell_leaf=table.shell_leaf,
        periods=[
            statistics_pb2.TablePeriod(
                period=item.period,
                state=STATES[item.state],
                detail=item.detail,
                contributions=item.contributions,
            )
            for item in table.periods
        ],
    )
