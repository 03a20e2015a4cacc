"""Rows that count, brought over from a warehouse to the node's own records.

Each is computed once more by the reference, from the same values: the warehouse's amount is never
taken on trust, and an engine that computes otherwise is found out by the first row on which it
does. What comes over has the canonical columns as text, as from a file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from fedcarbon.errors import ConfigurationError
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.lowering import lower
from fedcarbon.methodology.reference import evaluate
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.registry.programme import zone
from partner_node.importing.activities import may_be_instant
from partner_node.importing.table_file import Fields, Read
from partner_node.warehouse.compiling import AMOUNT, REFUSAL, query_of
from partner_node.warehouse.engines import Warehouse
from partner_node.warehouse.table import (
    ACTIVITY_ID,
    COMPUTED,
    ENDED_AT,
    EVIDENCE,
    OBJECT_REF,
    PERSON_REF,
    STARTED_AT,
    TIMES,
    history_names,
    years_before,
)

METHODOLOGY: Final = "methodology"
TOO_LITTLE_HISTORY: Final = RejectReason.TOO_LITTLE_HISTORY.value
"""Such rows come over too: they are the history of later ones."""

Row = Mapping[str, Any]


class WarehouseDiffersError(ConfigurationError):
    """A warehouse computes another amount than the reference: do not use this engine, report it."""

    code: ClassVar[str] = "WAREHOUSE_DIFFERS"


def read_counted(
    warehouse: Warehouse, methodology: Methodology, time_zone: str
) -> Iterator[Read[Fields]]:
    """Yield the rows that the methodology counts, each computed again by the reference.

    Args:
        warehouse: where the rows are.
        methodology: by which they are counted.
        time_zone: of the programme, IANA name.

    Raises:
        WarehouseDiffersError: the reference has another amount or refusal for a row.
        MethodologyNotUsableError: the methodology is a draft or quarantined.
        WarehouseTableError: the table lacks a column.
        WarehouseUnavailableError: the warehouse refuses the query.
    """
    program = lower(methodology)
    columns = [PERSON_REF, *TIMES, EVIDENCE]
    for name in (OBJECT_REF, *(methodology.inputs.keys() - COMPUTED)):
        if name in warehouse.table.columns and name not in columns:
            columns.append(name)
    columns += history_names(program)
    query = query_of(
        program,
        warehouse.table,
        warehouse.engine,
        time_zone,
        also=columns,
        wanted={TOO_LITTLE_HISTORY},
        may_be_instant=may_be_instant(methodology),
    )
    number = 0
    for batch in warehouse.batches(query):
        for row in batch.to_pylist():
            number += 1
            check_row(methodology, row, time_zone)
            yield Read(row=number, value=fields_of(methodology, row))


def check_row(methodology: Methodology, row: Row, time_zone: str) -> None:
    """Check that the reference makes of a row what the warehouse made of it.

    Raises:
        WarehouseDiffersError: it does not.
    """
    started_s, ended_s = row[STARTED_AT], row[ENDED_AT]
    values = {
        name: row[name]
        for name in methodology.inputs.keys() - COMPUTED
        if row.get(name) is not None
    }
    outcome = evaluate(
        methodology,
        values,
        duration_s=ended_s - started_s,
        day=dt.datetime.fromtimestamp(started_s, tz=zone(time_zone)).date(),
        history=[row[name] for name in _history_names(methodology)],
    )
    if (outcome.amount, outcome.refusal) != (row[AMOUNT], row[REFUSAL]):
        raise WarehouseDiffersError(
            f"for {row[ACTIVITY_ID]!r} the warehouse has {_said(row[AMOUNT], row[REFUSAL])}, the "
            f"reference {_said(outcome.amount, outcome.refusal)}: nothing of it is taken, and "
            "this engine must not be used until that is explained"
        )


def fields_of(methodology: Methodology, row: Row) -> Fields:
    """Return a row as the canonical columns of a file: text, empty where there is nothing."""
    others = {AMOUNT, REFUSAL, *TIMES, *_history_names(methodology)}
    fields = {name: _text(row[name]) for name in row.keys() - others}
    times = {name: dt.datetime.fromtimestamp(row[name], tz=dt.UTC).isoformat() for name in TIMES}
    return fields | times | {METHODOLOGY: methodology.methodology_id}


def _history_names(methodology: Methodology) -> tuple[str, ...]:
    return years_before(methodology.history.years if methodology.history else 0)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _said(amount: int, refusal: str | None) -> str:
    return f"the refusal {refusal}" if refusal else f"the amount {amount}"
