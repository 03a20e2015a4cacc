"""`fedcarbon-hub tables`: the tables of statistics, asked of the hub that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.v1 import statistics_pb2
from hub.commands.printing import print_json, print_table
from hub.commands.uses import own_hub

_STATES: Final[Mapping[int, str]] = {
    statistics_pb2.PERIOD_STATE_NOT_OVER: "not over",
    statistics_pb2.PERIOD_STATE_CONTRIBUTING: "contributing",
    statistics_pb2.PERIOD_STATE_STARTED: "started",
    statistics_pb2.PERIOD_STATE_RELEASED: "released",
    statistics_pb2.PERIOD_STATE_WITHHELD: "withheld",
}


def tables(*, config: Path, programme: str = "", json: bool = False) -> None:
    """Show every period of every table: where it stands, and why one waits or is withheld.

    The running hub releases tables by itself. A period that waits says for whom; one that is
    withheld stays so, and its people are in no table.

    Args:
        config: the configuration file (TOML) of the running hub.
        programme: of which programme; of all if left out.
        json: print one JSON document instead of a table.
    """
    request = statistics_pb2.ListTablesRequest(programme_id=programme)
    with own_hub(config) as hub:
        found = hub.list_tables(request).tables
    lines = [line for table in found for line in _lines(table)]
    if json:
        print_json(lines)
        return
    columns = ("table", "#leaf", "#period", "state", "#partners", "what is next, or why not")
    print_table("Tables", columns, [tuple(map(str, line.values())) for line in lines])


def _lines(table: statistics_pb2.TableCalendar) -> Iterator[dict[str, str | int]]:
    shell = statements.decode(TableShell, Envelope.from_bytes(table.signed_shell).payload)
    for period in table.periods:
        yield {
            "shell_id": shell.shell_id,
            "shell_leaf": table.shell_leaf,
            "period": period.period,
            "state": _STATES[period.state],
            "contributions": period.contributions,
            "detail": period.detail,
        }
