"""`evaluate` and `import-warehouse`: a methodology runs where the partner's data is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from partner_node.commands.importing_files import ImportSummary, Source, record_rows
from partner_node.importing.activities import activities_of, methodology_named
from partner_node.node import Node
from partner_node.warehouse.engines import opened_warehouse
from partner_node.warehouse.evaluating import COUNTED, evaluate_table
from partner_node.warehouse.reading import read_counted


def evaluate(node: Node, address: str, methodology_id: str, out: Path) -> Mapping[str, int]:
    """Write what a methodology makes of every row of a table; return rows by refusal.

    Raises:
        InvalidActivityError: the node does not count by this methodology.
        ConfigurationError: the address, the table or the engine is not what it must be.
    """
    methodology = methodology_named(methodology_id, node.bundle)
    with opened_warehouse(address) as warehouse:
        return evaluate_table(warehouse, methodology, node.programme.time_zone, out)


def import_warehouse(
    node: Node, address: str, methodology_id: str, rejects_path: Path, console: Console
) -> ImportSummary:
    """Record the rows of a table that a methodology counts, each computed again by the reference.

    Raises:
        InvalidActivityError: the node does not count by this methodology.
        WarehouseDiffersError: the warehouse computed another amount than the reference.
        ConfigurationError: the address, the table or the engine is not what it must be.
    """
    methodology = methodology_named(methodology_id, node.bundle)
    time_zone = node.programme.time_zone
    with opened_warehouse(address) as warehouse:
        rows = read_counted(warehouse, methodology, time_zone)
        activities = activities_of(rows, time_zone, node.bundle)
        source = Source(".".join(warehouse.table.name), None)
        return record_rows(node, source, activities, rejects_path, console)


def show(counts: Mapping[str, int], console: Console) -> None:
    """Print how many rows count, and how many are refused by which rule."""
    table = Table(title=f"{sum(counts.values())} rows, {counts.get(COUNTED, 0)} count")
    table.add_column("refused by")
    table.add_column("rows", justify="right")
    for refusal, count in sorted(counts.items()):
        if refusal != COUNTED:
            table.add_row(refusal, str(count))
    console.print(table)


def to_json(counts: Mapping[str, int]) -> str:
    """Return the counts for other programs."""
    refused = {refusal: count for refusal, count in counts.items() if refusal != COUNTED}
    return json.dumps(
        {"read": sum(counts.values()), "counted": counts.get(COUNTED, 0), "refused": refused},
        indent=2,
        sort_keys=True,
    )
