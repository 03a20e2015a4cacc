"""`python -m bench`: measure, print ratios of one run, and write everything as JSON.

Ratios compare things that ran a moment apart on the same machine; absolute figures are for
information. Aims are those of the design; a figure that misses its aim is shown as such.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cyclopts import App
from rich.console import Console
from rich.table import Table

from bench import claims_join, paillier, range_proofs, redemptions, service, voprf, warehouse
from bench.effort import PERCENT_MAX, Effort

OUT: Final = Path("build/bench.json")

app = App(name="bench", help="Measure encryption, products, proofs, evaluations and redemptions.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """A ratio that the design asks for."""

    figure: str
    text: str
    group: str = "paillier"
    """The module of the figure."""
    at_least: float | None = None
    at_most: float | None = None

    def verdict(self, value: float) -> str:
        """Return whether `value` meets the aim."""
        met = (self.at_least is None or value >= self.at_least) and (
            self.at_most is None or value <= self.at_most
        )
        return "met" if met else "missed"


AIMS: Final = (
    Aim(
        figure="encrypt_gain_3072",
        text="packed encryption per person against phe, 3072 bits, times cheaper",
        at_least=500,
    ),
    Aim(
        figure="encrypt_over_products_3072",
        text="packed encryption over the bare products that it needs, 3072 bits",
        at_most=1.15,
    ),
    Aim(
        figure="product_over_bare_3072",
        text="ciphertext product from stored bytes over a bare mpz loop, 3072 bits",
        at_most=1.2,
    ),
    Aim(
        figure="product_over_bare_2048",
        text="the same at 2048 bits",
        at_most=1.2,
    ),
    Aim(
        group="range_proofs",
        figure="prove_gain_3072",
        text="encryption with range proof per person against phe, 3072 bits, times cheaper",
        at_least=25,
    ),
    Aim(
        group="range_proofs",
        figure="prove_products_share_3072",
        text="bare modular products over encryption with range proof, 3072 bits",
        at_least=0.85,
    ),
    Aim(
        group="range_proofs",
        figure="verify_batched_gain_3072",
        text="batched check of range proofs per person against phe, 3072 bits, times cheaper",
        at_least=300,
    ),
    Aim(
        group="redemptions",
        figure="books_over_pgbench_100",
        text="orders booked in batches of 100 over pgbench with the same SQL, PostgreSQL",
        at_least=0.5,
    ),
    Aim(
        group="redemptions",
        figure="books_over_pgbench_1",
        text="the same one by one",
        at_least=0.5,
    ),
    Aim(
        group="redemptions",
        figure="bulk_over_copy",
        text="bulk credit of a million accounts over COPY of the same rows",
        at_least=0.5,
    ),
    Aim(
        group="warehouse",
        figure="evaluation_over_product",
        text="a methodology on DuckDB over the bare product of its two columns, same rows",
        at_most=12,
    ),
    Aim(
        group="claims_join",
        figure="join_over_duckdb",
        text="the claims join over DuckDB grouping the same ten million rows",
        at_most=2,
    ),
)


@app.default
def run(*, out: Path = OUT, percent: int = PERCENT_MAX) -> None:
    """Run all measurements: about five minutes on two cores.

    Args:
        out: where the JSON goes.
        percent: of the repetitions, 1 to 100; a few show every figure sooner, and noisier.
    """
    effort = Effort(percent=percent)
    console = Console()
    figures = {
        "paillier": paillier.run(effort),
        "range_proofs": range_proofs.run(effort),
        "voprf": voprf.run(effort),
        "redemptions": redemptions.run(effort),
        "service": service.run(effort),
        "warehouse": warehouse.run(effort),
        "claims_join": claims_join.run(effort),
    }
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "percent": percent,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"machine": machine, **figures}, indent=2) + "\n", encoding="utf-8")
    table = Table("ratio", "measured", "aim", "")
    for aim in AIMS:
        value = figures[aim.group][aim.figure]
        bound = f">= {aim.at_least:g}" if aim.at_least is not None else f"<= {aim.at_most:g}"
        table.add_row(aim.text, f"{value:.2f}", bound, aim.verdict(value))
    console.print(table)
    for name, group in figures.items():
        rows = Table(name, "")
        for key, value in group.items():
            rows.add_row(key, f"{value:g}")
        console.print(rows)
    console.print(f"all figures are in {out}")


if __name__ == "__main__":
    app()
