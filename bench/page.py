"""`python -m bench.page`: writes the tables of docs/PERFORMANCE.md from the kept results.

Results are `bench/results/bench.json` (of `make bench`) and `bench/results/city-*.json` (of
`bench.city_run`), copied there as they came. A table stands between two marks that name it, so the
page cannot drift from the results: a test makes it again and compares.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from bench.aims import AIMS, CITY_AIMS
from bench.nation import NAME_PREFIX, RESULTS, Assumptions, constants_of, plan

PAGE: Final = Path(__file__).parents[1] / "docs" / "PERFORMANCE.md"
_MARKED: Final = re.compile(
    r"(?P<begin><!-- (?P<name>[a-z-]+): written by bench\.page -->\n)"
    r".*?(?P<end><!-- end -->)",
    re.DOTALL,
)
_FUNCTIONS_SHOWN: Final = 12
_SMALL_PERCENT: Final = 0.1
LARGE_PEOPLE: Final = 10_000
"""Below this, programs that start and wait are most of what a run costs."""

_TOO_SMALL: Final = (
    f"No run with {LARGE_PEOPLE:,} people or more is kept yet: of a smaller one, programs that "
    "start and wait are most of the cost, and nothing can be said from it.\n"
)
_SCALING_COLUMNS: Final = (
    "enrolled",
    "activities",
    "day, s",
    "CPU s",
    "cores busy",
    "cores that others kept busy",
    "CPU ms per person",
    "of all trustees afterwards, CPU ms per person",
    "largest process, MiB",
    "all processes, MiB",
    "wire, bytes per person",
    "record, bytes per person",
)

Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was measured, as it was kept."""

    bench: Tree
    cities: Sequence[Tree]
    """Runs of the day, the smallest city first."""

    @property
    def largest(self) -> Tree:
        """The run with the most people."""
        return self.cities[-1]

    @property
    def is_large(self) -> bool:
        """Whether a run is kept that is not mostly programs that start and wait."""
        return bool(self.largest["run"]["people"] >= LARGE_PEOPLE)

    @property
    def profiled(self) -> Tree:
        """The largest run that was sampled."""
        return [city for city in self.cities if "profile" in city][-1]


def load_results(folder: Path = RESULTS) -> Results:
    """Return the kept results."""
    cities = [_json(path) for path in folder.glob(f"{NAME_PREFIX}*.json")]
    return Results(
        bench=_json(folder / "bench.json"),
        cities=sorted(cities, key=lambda city: city["run"]["people"]),
    )


def rendered(text: str, results: Results) -> str:
    """Return the page with every table made anew.

    Raises:
        KeyError: a mark names no table.
    """

    def replaced(match: re.Match[str]) -> str:
        return match["begin"] + "\n" + TABLES[match["name"]](results) + "\n" + match["end"]

    return _MARKED.sub(replaced, text)


def _machine(results: Results) -> str:
    tree = results.largest["machine"]
    return (
        f"{tree['cores']} cores of {tree['processor']} ({tree['machine']}), "
        f"Python {tree['python']}.\n"
    )


def _aims(results: Results) -> str:
    rows = []
    for aim in AIMS:
        value = results.bench.get(aim.group, {}).get(aim.figure)
        if value is not None:
            rows.append((aim.text, f"{value:,.2f}", aim.bound, aim.verdict(value)))
    return markdown_table(("ratio", "measured", "aim", ""), rows)


def _city_aims(results: Results) -> str:
    if not results.is_large:
        return _TOO_SMALL
    found = _city_figures(results)
    rows = [
        (aim.text, f"{found[aim.figure]:,.2f}", aim.bound, aim.verdict(found[aim.figure]))
        for aim in CITY_AIMS
    ]
    dedup = results.largest["dedup"]
    for name in ("recall", "precision"):
        text = f"{name} of verdicts against what was claimed twice, of a million micrograms"
        rows.append((text, f"{dedup[f'{name}_ppm']:,}", "", ""))
    return markdown_table(("of whole days", "measured", "aim", ""), rows)


def _city_figures(results: Results) -> dict[str, float]:
    city = results.largest
    people, day, memory = city["run"]["enrolled"], city["day"], city["memory"]
    large = [item for item in results.cities if item["run"]["people"] >= LARGE_PEOPLE] or [city]
    return {
        "minutes_per_million": day["wall_s"] / people * 1e6 / 60,
        "largest_process_mib": max(memory["peak_mib"].values()),
        "all_processes_mib": memory["together_mib"],
        "cost_growth": day["cpu_ms_per_person"] / large[0]["day"]["cpu_ms_per_person"],
        "cores_busy_share": day["cores_busy"] / city["machine"]["cores"],
        "record_verification_over_proofs": city["record_verification"]["checks_over_proofs"],
    }


def _scaling(results: Results) -> str:
    rows = []
    for city in results.cities:
        day, memory = city["day"], city["memory"]
        constants = city["constants"]
        wire = sum(constants[f"{way}_hub_bytes_per_person_day"] for way in ("to", "from"))
        name, peak = max(memory["peak_mib"].items(), key=lambda item: item[1])
        rows.append(
            (
                f"{city['run']['enrolled']:,}",
                f"{city['run']['activities']:,}",
                f"{day['wall_s']:,.0f}",
                f"{day['cpu_s']:,.0f}",
                f"{day['cores_busy']:.2f}",
                f"{day['cores_of_others']:.2f}" if "cores_of_others" in day else "",
                f"{day['cpu_ms_per_person']:.2f}",
                f"{city['products']['cpu_ms_per_person']:.2f}" if "products" in city else "",
                f"{peak:,} ({name})",
                f"{memory['together_mib']:,}",
                f"{wire:,.0f}",
                f"{constants['record_bytes_per_person_day']:,.0f}",
            )
        )
    return markdown_table(_SCALING_COLUMNS, rows)


def _phases(results: Results) -> str:
    rows = []
    for row in results.largest["phases"]:
        spent = sorted(row["cpu_s_by_process"].items(), key=lambda item: -item[1])
        rows.append(
            (
                row["name"],
                f"{row['wall_s']:,.1f}",
                f"{row['cpu_s']:,.1f}",
                f"{row['cores_busy']:.2f}",
                ", ".join(f"{name} {cpu_s:,.0f}" for name, cpu_s in spent[:3] if cpu_s >= 1),
            )
        )
    return markdown_table(("phase", "s", "CPU s", "cores busy", "most of it, CPU s"), rows)


def _roles(results: Results) -> str:
    rows = [
        (role, f"{each_ms:.3f}")
        for role, each_ms in results.largest["day"]["cpu_ms_by_role"].items()
    ]
    return markdown_table(("party", "CPU ms per person and day"), rows)


def _profile(results: Results) -> str:
    tree = results.profiled["profile"]
    rows = [
        (row["component"], f"{row['cpu_s']:,.1f}", f"{row['percent']:.1f} %")
        for row in tree["components"]
        if row["percent"] >= _SMALL_PERCENT
    ]
    functions = [
        (f"`{row['function']}`", f"{row['cpu_s']:,.1f}", f"{row['percent']:.1f} %")
        for row in tree["functions"][:_FUNCTIONS_SHOWN]
    ]
    people = results.profiled["run"]["enrolled"]
    return (
        f"All processes of a run with {people:,} people enrolled, start to end:\n\n"
        + markdown_table(("component", "CPU s", ""), rows)
        + "\nThe functions in which most of it was spent:\n\n"
        + markdown_table(("function", "CPU s", ""), functions)
    )


def _floors(results: Results) -> str:
    proofs, paillier = results.bench["range_proofs"], results.bench["paillier"]
    rows = []
    for bits in (2048, 3072):
        pairs = (
            ("encrypt and prove a block", proofs, "prove_block_ms", "prove_floor_ms", 1e3),
            ("check a block in a batch", proofs, "verify_block_ms_batched", "verify_floor_ms", 1e3),
            (
                "multiply one ciphertext",
                paillier,
                "product_per_ciphertext_us",
                "bare_per_ciphertext_us",
                1,
            ),
        )
        for text, tree, name, floor, unit in pairs:
            ours_us, floor_us = (tree[f"{key}_{bits}"] * unit for key in (name, floor))
            rows.append(
                (
                    f"{text}, {bits} bits",
                    f"{ours_us:,.1f}",
                    f"{floor_us:,.1f}",
                    f"{ours_us / floor_us:.2f}",
                )
            )
    return markdown_table(("operation", "us", "bare products, us", "distance"), rows)


def _voprf(results: Results) -> str:
    tree = results.largest["voprf"]
    steps = (("blind", "blind"), ("evaluate", "evaluate, one trustee"), ("finalise", "finalise"))
    rows = [(text, f"{1e6 / tree[f'{step}_per_s_batched']:,.0f}") for step, text in steps]
    total = constants_of(results.largest)["voprf_cpu_ms_per_enrolment"]
    rows.append(("one person under both keys, all parties", f"{1e3 * total:,.0f}"))
    return markdown_table(("step, in batches", "CPU us"), rows)


def _nation(results: Results) -> str:
    if not results.is_large:
        return _TOO_SMALL
    given = Assumptions()
    rows = [(row.what, row.text, row.unit) for row in plan(constants_of(results.largest), given)]
    assumed = [(f"`{field.name}`", f"{getattr(given, field.name):,g}") for field in fields(given)]
    return (
        markdown_table(("for a nation", "", ""), rows)
        + "\nAssumed, each with its reason in `bench/nation.py`:\n\n"
        + markdown_table(("assumption", "value"), assumed)
    )


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and whose others are figures."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


TABLES: Final[Mapping[str, Callable[[Results], str]]] = {
    "machine": _machine,
    "aims": _aims,
    "city-aims": _city_aims,
    "scaling": _scaling,
    "phases": _phases,
    "roles": _roles,
    "profile": _profile,
    "floors": _floors,
    "voprf": _voprf,
    "nation": _nation,
}


def _json(path: Path) -> Tree:
    tree: Tree = json.loads(path.read_text(encoding="utf-8"))
    return tree


def main() -> None:
    """Write the page; say so if it was behind."""
    text = PAGE.read_text(encoding="utf-8")
    made = rendered(text, load_results())
    PAGE.write_text(made, encoding="utf-8")
    sys.stdout.write("written anew\n" if made != text else "nothing to change\n")


if __name__ == "__main__":
    main()
