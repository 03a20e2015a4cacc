"""`python -m bench.utility`: what released tables are worth, against a truth that is known.

Cities are invented (`fedcarbon synth city`), so that the exact cells are known; published metro
trips are counted too if the folder is there. Contributions are bounded as a node bounds them, and
noised as trustees noise them, by the same sampler; what encryption adds to that is nothing. Shown
are the error that noise makes, as a share of the true cell, and what bounding alone leaves out.

Figures go to bench/results/utility.json, tables into docs/STATISTICS.md; a test makes them again.
"""

from __future__ import annotations

import csv
import json
import re
import statistics as summary
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb
from cyclopts import App

from bench.machine import machine
from bench.page import markdown_table
from fedcarbon.cli.registry_tables import PER_DAY_DEFAULT
from fedcarbon.disclosure.shell import (
    PEOPLE,
    Category,
    Dimension,
    Label,
    Quantity,
    TableShell,
)
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.synth.city import CitySize, make_city
from trustee.sampling import NoiseSource, OpenDpNoise, noise_within_reach

RESULT: Final = Path(__file__).parent / "results" / "utility.json"
PAGE: Final = Path(__file__).parents[1] / "docs" / "STATISTICS.md"

MODES: Final = ("rail", "bike", "ev_ride", "other")
DISTRICTS: Final = 9
BUDGETS: Final = (400, 4_000, 20_000, 100_000, 400_000)
"""Millionths of rho for one release: half for people, the rest evenly, as a shell has it if it
does not say."""
CELLS: Final = (1, 2, 4, 6, 8)
DEFAULT_CELLS: Final = 4
PARTNERS: Final = 3
TRUSTEES: Final = 3
ROUNDS: Final = 40
SIZES: Final = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""Cells are put together by how many people are in them, from one bound to the next."""

_MARKED: Final = re.compile(
    r"(?P<begin><!-- (?P<name>[a-z-]+): written by bench\.utility -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)
_DISTRICT_ENDS: Final = (310, 520, 680, 790, 870, 925, 960, 990, 1_000)
_UNITS: Final = {"people": "people", "activities": "activities", "distance": "m", "mass": "ug"}
_MASS_PER_M: Final = {"rail": 97_000, "bike": 98_000, "ev_ride": 30_000, "other": 0}
"""Any factors would do: what is measured is noise."""

# A ride counts at the first platform that saw it, in the district of home before noon, of work
# after; districts are of unlike size.
_CITY_SQL: Final = """
    WITH seen AS (
        SELECT ride_id, min(partner) AS partner FROM '{folder}/truth/sightings.parquet'
        WHERE fate = 'seen' GROUP BY ride_id)
    SELECT partner, person, mode,
        CASE WHEN hour(started_at AT TIME ZONE 'Asia/Shanghai') < 12 THEN person * 7919
             ELSE person * 104729 + 31 END % 1000 AS spot,
        count(*)::BIGINT AS activities, sum(distance_m)::BIGINT AS distance
    FROM seen JOIN '{folder}/truth/rides.parquet' USING (ride_id)
    GROUP BY ALL ORDER BY ALL
"""

app = App(name="utility", help="Measure what released tables are worth.")


Axes = tuple[Sequence[str], Sequence[str]]
"""Codes of both dimensions."""


class Part(NamedTuple):
    """What one person did in one cell, at one partner."""

    partner: str
    person: str
    cell: tuple[str, str]
    values: tuple[int, int, int, int]
    """One per quantity."""


@app.default
def run(
    *, people: tuple[int, ...] = (20_000, 200_000), days: int = 7, data: Path | None = None
) -> None:
    """Measure, keep the figures and write the page.

    Args:
        people: sizes of the invented cities.
        days: how many days a period has.
        data: folder of the published trips; without it that part is left out.
    """
    noise = OpenDpNoise()
    tree: dict[str, Any] = {"machine": machine(), "days": days, "cities": []}
    for size in people:
        with tempfile.TemporaryDirectory() as folder:
            make_city(Path(folder), CitySize(people=size, days=days), lambda *_: None)
            parts = list(_city_parts(folder))
        districts = [f"d{number}" for number in range(1, DISTRICTS + 1)]
        tree["cities"].append({"people": size, **_measured(parts, (MODES, districts), days, noise)})
    if data is not None:
        parts, lines = _metro_parts(data)
        tree["metro"] = {
            "people": len({part.person for part in parts}),
            **_measured(parts, (("rail",), lines), 1, noise),
        }
    RESULT.write_text(json.dumps(tree, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page_of(PAGE.read_text(encoding="utf-8"), tree), encoding="utf-8")
    sys.stdout.write(f"{RESULT.name} and {PAGE.name} are written\n")


def page_of(text: str, tree: Mapping[str, Any]) -> str:
    """Return the page with its tables made anew.

    Raises:
        KeyError: a mark names no table.
    """

    def made(match: re.Match[str]) -> str:
        return f"{match['begin']}\n{TABLES[match['name']](tree)}\n{match['end']}"

    return _MARKED.sub(made, text)


def _city_parts(folder: str) -> Iterable[Part]:
    """Yield what every member of an invented city did in a period."""
    with duckdb.connect() as database:
        found = database.execute(_CITY_SQL.format(folder=folder)).fetchall()
    by_cell: dict[tuple[str, str, tuple[str, str]], list[int]] = {}
    for partner, person, mode, spot, activities, distance in found:
        key = (str(partner), str(person), (str(mode), _district(spot)))
        sums = by_cell.setdefault(key, [0, 0])
        sums[0] += activities
        sums[1] += distance
    for (partner, person, cell), (activities, distance) in by_cell.items():
        mass = distance * _MASS_PER_M[cell[0]]
        yield Part(partner, person, cell, (1, activities, distance, mass))


def _district(spot: int) -> str:
    """Return a district; the largest has thirty times the people of the smallest."""
    for number, end in enumerate(_DISTRICT_ENDS, start=1):
        if spot < end:
            return f"d{number}"
    raise AssertionError(spot)


def _metro_parts(data: Path) -> tuple[list[Part], list[str]]:
    """Return what metro cards of a published day did, by line; distances are not in the file."""
    sums: dict[tuple[str, str], int] = {}
    for name in ("14_14.csv", "szt_card_data_2920000403601.csv"):
        with (data / "szt" / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row.get("deal_type") == "\u5730\u94c1\u51fa\u7ad9":  # leaves a gate
                    key = (row["card_no"], row["company_name"])
                    sums[key] = sums.get(key, 0) + 1
    lines = sorted({line for _, line in sums})
    codes = {line: f"line-{number}" for number, line in enumerate(lines, start=1)}
    return [
        Part("metro", card, ("rail", codes[line]), (1, count, 0, 0))
        for (card, line), count in sums.items()
    ], list(codes.values())


def _measured(parts: Sequence[Part], axes: Axes, days: int, noise: NoiseSource) -> dict[str, Any]:
    """Return the error per budget and size of cell, and what bounding leaves out."""
    shell = _shell(axes, days, BUDGETS[0])
    exact = _summed(parts, shell.cells)
    bounded = _summed(_bounded(parts, DEFAULT_CELLS, days), shell.cells)
    return {
        "cells": shell.cell_count,
        "errors": [
            {
                "rho_millionths": rho,
                **_errors(exact, bounded, _shell(axes, days, rho), noise),
            }
            for rho in BUDGETS
        ],
        "bounding": [
            {
                "cells_max": cells,
                **_left_out(exact, _summed(_bounded(parts, cells, days), shell.cells)),
            }
            for cells in CELLS
        ],
    }


def _errors(
    exact: Mapping[tuple[str, ...], Sequence[int]],
    bounded: Mapping[tuple[str, ...], Sequence[int]],
    shell: TableShell,
    noise: NoiseSource,
) -> dict[str, Any]:
    """Return per quantity the scale and, per size of cell, median and 95th percentile."""
    found: dict[str, Any] = {}
    for position, quantity in enumerate(shell.quantities):
        sigma = shell.sigma(quantity)
        shares: dict[int, list[float]] = {size: [] for size in SIZES}
        for cell in shell.cells:
            people, truth = exact[cell][0], exact[cell][position]
            size = max((bound for bound in SIZES if bound <= people), default=None)
            if size is None or truth == 0:
                continue
            draws = noise_within_reach(noise, sigma, ROUNDS * TRUSTEES)
            for number in range(ROUNDS):
                drawn = sum(draws[number * TRUSTEES : (number + 1) * TRUSTEES])
                shares[size].append(abs(bounded[cell][position] + drawn - truth) / truth)
        found[quantity.name] = {
            "sigma": sigma,
            "by_size": {
                str(size): {
                    "cells": len(values) // ROUNDS,
                    "median": round(summary.median(values), 5),
                    "p95": round(summary.quantiles(values, n=20)[-1], 5),
                }
                for size, values in shares.items()
                if values
            },
        }
    return {"quantities": found}


def _left_out(
    exact: Mapping[tuple[str, ...], Sequence[int]], bounded: Mapping[tuple[str, ...], Sequence[int]]
) -> dict[str, float]:
    """Return, per quantity, which share of the whole bounding leaves out."""
    shares = {}
    for position, name in enumerate(_UNITS):
        whole = sum(values[position] for values in exact.values())
        kept = sum(values[position] for values in bounded.values())
        shares[name] = round(1 - kept / whole, 5) if whole else 0.0
    return shares


def _bounded(parts: Sequence[Part], cells_max: int, days: int) -> Iterable[Part]:
    """Yield what is left when a person touches a few cells at each partner, and each a little."""
    limits = [_per_cell_max(unit, days) for unit in _UNITS.values()]
    of_person: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        of_person.setdefault((part.partner, part.person), []).append(part)
    for own in of_person.values():
        for part in sorted(own, key=_lot)[:cells_max]:
            yield part._replace(values=tuple(map(min, part.values, limits)))  # type: ignore[arg-type]


def _lot(part: Part) -> bytes:
    """Return what decides which cells stay; a node's is keyed."""
    return sha256(repr((part.partner, part.person, part.cell)).encode()).digest()


def _summed(
    parts: Iterable[Part], cells: Iterable[tuple[str, ...]]
) -> dict[tuple[str, ...], list[int]]:
    sums = {cell: [0] * len(_UNITS) for cell in cells}
    for part in parts:
        own = sums[part.cell]
        for position, value in enumerate(part.values):
            own[position] += value
    return sums


def _shell(axes: Axes, days: int, rho_millionths: int) -> TableShell:
    def dimension(name: str, codes: Sequence[str]) -> Dimension:
        categories = tuple(Category(code=code, label=_label(code), group="") for code in codes)
        return Dimension(
            name=name, label=_label(name), code_list="invented", categories=categories, groups=()
        )

    return TableShell(
        parameter_id=bytes(32),
        programme_id=ProgrammeId("bench"),
        shell_id="bench",
        label=_label("bench"),
        dimensions=(dimension("mode", axes[0]), dimension("district", axes[1])),
        quantities=tuple(
            Quantity(
                name=name,
                label=_label(name),
                unit=unit,
                per_cell_max=_per_cell_max(unit, days),
                rho_millionths=rho_millionths // (2 if name == PEOPLE else 6),
            )
            for name, unit in _UNITS.items()
        ),
        first_epoch=EpochIndex(1),
        period_epochs=days,
        periods=52,
        contribute_window_s=86_400,
        cells_max=min(DEFAULT_CELLS, len(axes[0]) * len(axes[1])),
        partners_max=PARTNERS,
        partners_min=PARTNERS,
        members_min=10,
        people_min=10,
        rho_year_millionths=52 * rho_millionths,
    )


def _per_cell_max(unit: str, days: int) -> int:
    """Return the bound of a period that a shell has if it does not say."""
    return PER_DAY_DEFAULT[unit] * days if unit in PER_DAY_DEFAULT else 1


def _label(text: str) -> Label:
    return Label(zh=text, en=text)


def _error_table(tree: Mapping[str, Any], quantity: str) -> str:
    rows = [
        (f"{city['people']:,} people", *row)
        for city in tree["cities"]
        for row in _error_rows(city["errors"], quantity)
    ]
    header = ("city", "people in the cell", "cells", *map(_budget, BUDGETS))
    return markdown_table(header, rows)


def _metro_table(tree: Mapping[str, Any]) -> str:
    metro = tree.get("metro")
    if metro is None:
        return "Not measured: the published trips were not there.\n"
    header = ("cards in the cell", "cells", *map(_budget, BUDGETS))
    table = markdown_table(header, _error_rows(metro["errors"], "activities"))
    return f"{metro['people']:,} cards; the error of activities.\n\n{table}"


def _error_rows(errors: Sequence[Mapping[str, Any]], quantity: str) -> list[tuple[str, ...]]:
    """Return a row per size of cell: median error and what 95 of 100 are below, per budget."""
    found = [item["quantities"][quantity]["by_size"] for item in errors]
    return [
        (
            f"{int(size):,} and more",
            str(found[0][size]["cells"]),
            *(f"{_percent(item[size]['median'])}, {_percent(item[size]['p95'])}" for item in found),
        )
        for size in found[0]
    ]


def _budget(rho_millionths: int) -> str:
    return f"rho {rho_millionths / 1_000_000:g}"


def _percent(share: float) -> str:
    return "over 100 %" if share > 1 else f"{100 * share:.1f} %"


def _bounding_table(tree: Mapping[str, Any]) -> str:
    city = tree["cities"][-1]
    rows = [
        (str(item["cells_max"]), *(f"{item[name]:.1%}" for name in _UNITS))
        for item in city["bounding"]
    ]
    return markdown_table(
        ("cells per person, at most", *(f"{name} left out" for name in _UNITS)), rows
    )


TABLES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "people": lambda tree: _error_table(tree, "people"),
    "mass": lambda tree: _error_table(tree, "mass"),
    "metro": _metro_table,
    "bounding": _bounding_table,
}

if __name__ == "__main__":
    app()
