"""`python -m bench.nation`: a plan on paper for a nation, from the constants of a measured run.

Nothing here was run: one city's day is multiplied. What is measured comes from the file of a run
(`bench.city_run`), what is assumed has a name, a value and a reason below, and can be replaced:

    python -m bench.nation --run bench/results/city-10000.json --assume window_h=6
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from cyclopts import App
from rich.console import Console
from rich.table import Table

RESULTS: Final = Path(__file__).parent / "results"
NAME_PREFIX: Final = "city-"
_HOUR_S: Final = 3_600
_TB: Final = 1e12
_DAYS_PER_YEAR: Final = 365
_HOURS_PER_YEAR: Final = 24 * _DAYS_PER_YEAR

app = App(name="nation", help="Plan for a nation on paper, from what one city cost.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What no run can tell. Prices are of a large Chinese cloud's lists, rounded, in yuan."""

    people: float = 1.4e9
    """Who take part: everybody."""
    memberships: float = 3.0
    """Platforms per person that count for them."""
    window_h: float = 8.0
    """Hours of the night in which a day is cleared."""
    utilisation: float = 0.7
    """Of cores in that window; the rest is for stragglers and repeats."""
    people_per_shard: float = 1e7
    """Of one hub with its own record: a megacity. A person belongs to one shard."""
    openings_per_person_year: float = 12.0
    """One a month."""
    retention_days: float = 400.0
    """How long records and stores are kept."""
    copies: float = 2.0
    """Of everything that is kept."""
    core_yuan_per_hour: float = 0.12
    """A core with 4 GiB, rented by the year."""
    disk_yuan_per_tb_month: float = 120.0
    """Object storage, standard class."""
    traffic_yuan_per_tb: float = 500.0
    """Between organisations; inside one data centre it is free."""

    def __post_init__(self) -> None:
        """Refuse what is not positive."""
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{field.name} must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the plan."""

    what: str
    value: float
    unit: str

    @property
    def text(self) -> str:
        """The value with as many digits as mean something."""
        digits = max(0, 2 - math.floor(math.log10(self.value))) if 0 < self.value < 100 else 0  # noqa: PLR2004
        return f"{self.value:,.{digits}f}"


def plan(constants: Mapping[str, float], given: Assumptions) -> list[Row]:
    """Return bytes, cores, shards and cost.

    Args:
        constants: of a measured run; `bench.city.figures` names them.
        given: what is assumed.
    """
    people, members = given.people, given.people * given.memberships
    openings = people * given.openings_per_person_year / _DAYS_PER_YEAR
    cpu_s = {
        "partners' nodes": constants["node_cpu_ms_per_membership_day"] * members / 1e3,
        "hubs": (
            constants["hub_cpu_ms_per_person_day"] * people
            + constants["hub_cpu_ms_per_opening"] * openings
        )
        / 1e3,
        "trustees": (
            constants["trustee_cpu_ms_per_person_day"] * people
            + constants["trustees_cpu_ms_per_opening"] * openings
        )
        / 1e3,
    }
    window_s = given.window_h * _HOUR_S * given.utilisation
    cores = {who: spent_s / window_s for who, spent_s in cpu_s.items()}
    wire = people * (
        constants["to_hub_bytes_per_person_day"] + constants["from_hub_bytes_per_person_day"]
    )
    record = people * constants["record_bytes_per_person_day"]
    stores = (
        members * constants["node_disk_bytes_per_membership_day"]
        + people * constants["hub_database_bytes_per_person_day"]
    )
    kept_tb = (record + stores) * given.retention_days * given.copies / _TB
    cpu_yuan = sum(cores.values()) * given.core_yuan_per_hour * _HOURS_PER_YEAR
    window_yuan = cpu_yuan * given.window_h / 24
    disk_yuan = kept_tb * given.disk_yuan_per_tb_month * 12
    wire_yuan = wire / _TB * given.traffic_yuan_per_tb * _DAYS_PER_YEAR
    total_yuan = window_yuan + disk_yuan + wire_yuan
    return [
        Row(what="people", value=people / 1e6, unit="million"),
        Row(what="shards (hub with record)", value=people / given.people_per_shard, unit=""),
        *(Row(what=f"cores of {who}", value=value, unit="cores") for who, value in cores.items()),
        Row(what="cores, all", value=sum(cores.values()), unit="cores"),
        Row(
            what="cores of one shard, all parties",
            value=sum(cores.values()) * given.people_per_shard / people,
            unit="cores",
        ),
        Row(what="on the wire, to and from hubs", value=wire / _TB, unit="TB a day"),
        Row(what="record", value=record / _TB, unit="TB a day"),
        Row(what="stores of nodes and hubs", value=stores / _TB, unit="TB a day"),
        Row(what="kept, with copies", value=kept_tb / 1e3, unit="PB"),
        Row(what="cores, hired for the window only", value=window_yuan / 1e6, unit="M yuan a year"),
        Row(what="cores, hired all day", value=cpu_yuan / 1e6, unit="M yuan a year"),
        Row(what="storage", value=disk_yuan / 1e6, unit="M yuan a year"),
        Row(what="traffic", value=wire_yuan / 1e6, unit="M yuan a year"),
        Row(
            what="per person, cores for the window only",
            value=total_yuan / people,
            unit="yuan a year",
        ),
        *_first_enrolment(constants, given),
    ]


def _first_enrolment(constants: Mapping[str, float], given: Assumptions) -> Sequence[Row]:
    """Return what it takes to enrol everybody once."""
    members = given.people * given.memberships
    each_ms = sum(
        constants[name]
        for name in (
            "node_cpu_ms_per_enrolment",
            "hub_cpu_ms_per_enrolment",
            "voprf_cpu_ms_per_enrolment",
        )
    )
    core_days = members * each_ms / 1e3 / _HOUR_S / 24
    return [
        Row(what="enrolling everybody once", value=core_days, unit="core-days"),
        Row(
            what="that, over a year of enrolling",
            value=core_days / _DAYS_PER_YEAR / given.utilisation,
            unit="cores",
        ),
    ]


def constants_of(run: Mapping[str, Any]) -> dict[str, float]:
    """Return a run's constants, with the blind evaluations that it was dealt.

    An evaluation under each of two keys is blinded, answered by a threshold of trustees, checked
    and put together.
    """
    voprf = run["voprf"]
    rates = [voprf[f"{step}_per_s_batched"] for step in ("blind", "finalise")]
    one_s = sum(1 / rate for rate in rates) + voprf["threshold"] / voprf["evaluate_per_s_batched"]
    return {**run["constants"], "voprf_cpu_ms_per_enrolment": 2e3 * one_s}


def largest_run(folder: Path = RESULTS) -> Path:
    """Return the file of the run with the most people.

    Raises:
        FileNotFoundError: there is none.
    """
    runs = sorted(folder.glob(f"{NAME_PREFIX}*.json"), key=lambda path: int(path.stem[5:]))
    if not runs:
        raise FileNotFoundError(f"no run in {folder}: python -m bench.city_run, then copy its file")
    return runs[-1]


@app.default
def show(*, run: Path | None = None, assume: tuple[str, ...] = ()) -> None:
    """Print the plan.

    Args:
        run: the figures of a run, by default the largest that is kept in bench/results.
        assume: NAME=VALUE, replaces an assumption.
    """
    path = run or largest_run()
    given = dataclasses.replace(
        Assumptions(), **{name: float(value) for name, _, value in map(_parted, assume)}
    )
    tree = json.loads(path.read_text(encoding="utf-8"))
    table = Table("a nation on paper", "", "")
    for row in plan(constants_of(tree), given):
        table.add_row(row.what, row.text, row.unit)
    assumed = Table("assumed", "")
    for field in fields(given):
        assumed.add_row(field.name, f"{getattr(given, field.name):,g}")
    console = Console()
    console.print(table, assumed)
    console.print(f"measured: {path.name}, {tree['run']['enrolled']:,} people enrolled")


def _parted(text: str) -> tuple[str, str, str]:
    return text.partition("=")


if __name__ == "__main__":
    app()
