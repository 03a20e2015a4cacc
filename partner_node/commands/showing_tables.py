"""`statistics`: a period of a table as this node has it, before and after bounding."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from partner_node.node import Node
from partner_node.statistics.contributing import OwnTable


def show(node: Node, shell_id: str, period: int, console: Console, *, as_json: bool) -> None:
    """Print the cells that are not zero, every quantity as counted and as bounded.

    Raises:
        PeriodUnknownError, UnitUnknownError: see there.
    """
    own = node.own_table(shell_id, period)
    if as_json:
        console.print_json(json.dumps({"table": shell_id, "period": period, "cells": _cells(own)}))
        return
    names = [item.name for item in own.shell.quantities]
    shown = Table(*(axis.name for axis in own.shell.dimensions))
    for name in names:
        shown.add_column(name, justify="right")
        shown.add_column("bounded", justify="right")
    for cell in _cells(own):
        numbers = [str(cell[kind][name]) for name in names for kind in ("counted", "bounded")]
        shown.add_row(*cell["cell"], *numbers)
    console.print(shown)


def _cells(own: OwnTable) -> list[dict[str, Any]]:
    names = [item.name for item in own.shell.quantities]
    found = []
    for number, cell in enumerate(own.shell.cells):
        part = slice(number * len(names), (number + 1) * len(names))
        counted, bounded = own.table.whole[part], own.table.values[part]
        if any(counted):
            found.append(
                {
                    "cell": list(cell),
                    "counted": dict(zip(names, counted, strict=True)),
                    "bounded": dict(zip(names, bounded, strict=True)),
                }
            )
    return found
