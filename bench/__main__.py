"""`python -m bench`: measure, print ratios of one run, and write everything as JSON.

Ratios compare things that ran a moment apart on the same machine; absolute figures are for
information. Aims are those of the design; a figure that misses its aim is shown as such.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cyclopts import App
from rich.console import Console
from rich.table import Table

from bench import claims_join, paillier, range_proofs, redemptions, service, voprf, warehouse
from bench.aims import AIMS
from bench.effort import PERCENT_MAX, Effort
from bench.machine import machine

OUT: Final = Path("build/bench.json")

app = App(name="bench", help="Measure encryption, products, proofs, evaluations and redemptions.")


GROUPS: Final[Mapping[str, Callable[[Effort], dict[str, float]]]] = {
    "paillier": paillier.run,
    "range_proofs": range_proofs.run,
    "voprf": voprf.run,
    "redemptions": redemptions.run,
    "service": service.run,
    "warehouse": warehouse.run,
    "claims_join": claims_join.run,
}


@app.default
def run(*, out: Path = OUT, percent: int = PERCENT_MAX, only: tuple[str, ...] = ()) -> None:
    """Run all measurements: about five minutes on two cores.

    Args:
        out: where the JSON goes.
        percent: of the repetitions, 1 to 100; a few show every figure sooner, and noisier.
        only: groups of figures; by default all.
    """
    effort = Effort(percent=percent)
    console = Console()
    figures = {name: GROUPS[name](effort) for name in only or GROUPS}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(
        json.dumps({"machine": machine() | {"percent": percent}, **figures}, indent=2) + "\n",
        encoding="utf-8",
    )
    table = Table("ratio", "measured", "aim", "")
    for aim in AIMS:
        if aim.group in figures:
            value = figures[aim.group][aim.figure]
            table.add_row(aim.text, f"{value:.2f}", aim.bound, aim.verdict(value))
    console.print(table)
    for name, group in figures.items():
        rows = Table(name, "")
        for key, value in group.items():
            rows.add_row(key, f"{value:g}")
        console.print(rows)
    console.print(f"all figures are in {out}")


if __name__ == "__main__":
    app()
