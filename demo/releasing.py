"""Statistics at the end of a run: wait for every table, and have a regulator fetch and check it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from demo.federation import Federation
from demo.narrator import Narrator
from fedcarbon.canonical.statement import decode
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.table import ReleasedTable
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.v1 import statistics_pb2
from fedcarbon.wire.hub_client import HubClient

RELEASE_S: Final = 300
FOLDER: Final = "statistics"
_ENDS: Final = frozenset(
    {statistics_pb2.PERIOD_STATE_RELEASED, statistics_pb2.PERIOD_STATE_WITHHELD}
)


class Released(NamedTuple):
    """One released table."""

    shell: TableShell
    table: ReleasedTable


def release(federation: Federation, auditor: HubClient, narrator: Narrator) -> list[Released]:
    """Wait until every period is released or withheld; return what was released."""
    if not any(entry.tables for entry in federation.scenario.programmes):
        return []
    with narrator.step("statistics", "statistics: bounded, encrypted, noised by trustees, opened"):
        calendars: Sequence[statistics_pb2.TableCalendar] = ()

        def done() -> bool:
            nonlocal calendars
            calendars = auditor.list_tables(statistics_pb2.ListTablesRequest()).tables
            return all(item.state in _ENDS for table in calendars for item in table.periods)

        federation.processes.wait_until("releasing tables", done, RELEASE_S)
        federation.wait_witnessed(auditor)
        found = []
        for calendar in calendars:
            shell = decode(TableShell, Envelope.from_bytes(calendar.signed_shell).payload)
            periods = [item for item in calendar.periods if _is_released(item)]
            for item in calendar.periods:
                if not _is_released(item):
                    narrator.say(f"{shell.shell_id}, period {item.period}: {item.detail}")
            for item in periods:
                answer = auditor.get_table(
                    statistics_pb2.GetTableRequest(
                        shell_leaf=calendar.shell_leaf, period=item.period
                    )
                )
                found.append(Released(shell, decode(ReleasedTable, answer.table)))
            if periods:
                federation.fetch_tables(shell.shell_id, shell.programme_id, len(periods), FOLDER)
                narrator.say(f"{shell.shell_id}: CSV, JSON and a page in {FOLDER}/")
    return found


def _is_released(item: statistics_pb2.TablePeriod) -> bool:
    return item.state == statistics_pb2.PERIOD_STATE_RELEASED
