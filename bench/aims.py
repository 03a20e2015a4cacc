"""What the design asks of the figures of `make bench`, each a ratio of one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


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

    @property
    def bound(self) -> str:
        """The aim as people write it."""
        return f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"


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
        figure="verify_batched_gain_3072",
        text="batched check of range proofs per person against phe, 3072 bits, times cheaper",
        at_least=300,
    ),
    Aim(
        group="range_proofs",
        figure="prove_products_share_3072",
        text="share of bare GMP products in encryption with range proof, 3072 bits",
        at_least=0.85,
    ),
    Aim(
        group="range_proofs",
        figure="verify_products_share_3072",
        text="share of bare GMP products in the batched check, 3072 bits",
        at_least=0.85,
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
        text="the claims join over DuckDB grouping the same rows",
        at_most=2,
    ),
)

CITY_AIMS: Final = (
    Aim(
        group="city",
        figure="minutes_per_million",
        text="a day of a million enrolled people at the rate of the largest run, minutes",
        at_most=30,
    ),
    Aim(
        group="city",
        figure="largest_process_mib",
        text="largest process of the largest run, MiB",
        at_most=2048,
    ),
    Aim(
        group="city",
        figure="all_processes_mib",
        text="all processes of the largest run together, MiB",
        at_most=2048,
    ),
    Aim(
        group="city",
        figure="cost_growth",
        text="CPU time per person, largest run over the smallest from 10,000 people on",
        at_most=1.2,
    ),
    Aim(
        group="city",
        figure="cores_busy_share",
        text="share of the cores that is busy during the day of the largest run",
        at_least=0.85,
    ),
    Aim(
        group="city",
        figure="record_verification_over_proofs",
        text="verification of the whole record over the sum of its proofs",
        at_most=1.2,
    ),
)
"""Asked of runs of `bench.city_run`; `bench.page` works the figures out."""
