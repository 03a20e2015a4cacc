"""Where the CPU time of a run went: stacks of all processes (`bench.sampler`) by component."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

SAMPLER: Final = Path(__file__).parents[1] / "sampler"
FOLDER_VARIABLE: Final = "FEDCARBON_BENCH_SAMPLES"
_PROGRAMS: Final = ("fedcarbon.", "hub.", "partner_node.", "trustee.")
_ROWS_MAX: Final = 40
_SAMPLER: Final = "sitecustomize:"
_WAITING: Final = re.compile(
    r"(concurrent\.futures\.thread:_worker|threading:\S*wait\S*|selectors:\S*|asyncio\S*"
    r"|multiprocessing\.\S*|queue:\S*|_write_to_self\S*)$"
)
"""Innermost functions of a thread that waits: what it did is over."""

GMP: Final = re.compile(
    r"(fedcarbon\.proofs\.multi_power|fedcarbon\.paillier\.fixed_base:Comb\.powers"
    r"|fedcarbon\.paillier\.cipher:product|hub\.epochs\.products"
    r"|fedcarbon\.paillier\.(shares|share_proof|combine))[^;]*$"
)
"""Innermost functions that are loops of products modulo a number, and next to nothing else."""

COMPONENTS: Final = (
    ("big products (GMP)", GMP),
    ("tables of powers: building, mapping", re.compile(r"power_tables|CombShape\.built")),
    ("search for three squares", re.compile(r"fedcarbon\.proofs\.three_squares")),
    ("proofs: all around the products", re.compile(r"fedcarbon\.(proofs|paillier|packing)\.")),
    ("piece commitments (ristretto)", re.compile(r"fedcarbon\.identity\.(ristretto|claims|lists)")),
    ("identity: tokens, verdicts", re.compile(r"fedcarbon\.identity\.")),
    ("evidence and Merkle trees", re.compile(r"fedcarbon\.(evidence|transparency)\.")),
    ("canonical JSON and hashing", re.compile(r"fedcarbon\.canonical\.")),
    ("methodology: evaluate, slots", re.compile(r"fedcarbon\.methodology\.")),
    ("node: import", re.compile(r"partner_node\.(importing|activities|persons|commands)\.")),
    ("node: store (DuckDB)", re.compile(r"partner_node\.storage\.[^;]*$")),
    ("node: enrolment", re.compile(r"partner_node\.enrolment\.")),
    ("node: epochs", re.compile(r"partner_node\.(epochs|bindings)\.")),
    ("node: record, rest", re.compile(r"partner_node\.")),
    ("hub: claims and verdicts", re.compile(r"hub\.(intake\.(claim|lost)|epochs\.judging)")),
    ("hub: chunks and seal", re.compile(r"hub\.(intake|epochs)\.")),
    ("hub: enrolment", re.compile(r"hub\.registry\.")),
    ("hub: record and database", re.compile(r"hub\.(record|storage)\.")),
    ("hub: rest", re.compile(r"hub\.")),
    ("trustee", re.compile(r"trustee\.")),
    ("threads of DuckDB and Arrow", re.compile(r"^\[thread python")),
    ("threads of gRPC", re.compile(r"^\[thread")),
    ("wire: gRPC, TLS, processes", re.compile(r"fedcarbon\.(wire|v1|node|engine)|grpc|asyncio")),
)
"""Whose time a stack is: the first pattern that is found in it."""


def table(folder: Path, name_of: Mapping[int, str]) -> dict[str, Any]:
    """Return seconds by component and by function.

    Args:
        folder: what the samplers wrote.
        name_of: process names by id; others are left out.
    """
    components: dict[str, float] = defaultdict(float)
    functions: dict[str, float] = defaultdict(float)
    for name, stack, spent_s in stacks(folder, name_of):
        if name.startswith("bench") or _SAMPLER in stack:
            continue
        components[component_of(stack)] += spent_s
        functions[_own_function(stack)] += spent_s
    total = sum(components.values())
    return {
        "cpu_s": round(total, 2),
        "components": [
            {"component": name, "cpu_s": round(spent_s, 2), "percent": _percent(spent_s, total)}
            for name, spent_s in _most(components)
        ],
        "functions": [
            {"function": name, "cpu_s": round(spent_s, 2), "percent": _percent(spent_s, total)}
            for name, spent_s in _most(functions)[:_ROWS_MAX]
        ],
    }


def stacks(folder: Path, name_of: Mapping[int, str]) -> Iterator[tuple[str, str, float]]:
    """Yield process name, stack and seconds."""
    for path in sorted(folder.glob("*.folded")):
        name = name_of.get(int(path.stem), "other")
        for line in path.read_text(encoding="utf-8").splitlines():
            stack, _, spent_ns = line.rpartition(" ")
            if stack:
                yield name, stack, int(spent_ns) / 1e9


def write_folded(folder: Path, name_of: Mapping[int, str], out: Path) -> None:
    """Join the stacks of all processes below their names: input of any flame graph tool."""
    sums: Counter[str] = Counter()
    for name, stack, spent_s in stacks(folder, name_of):
        sums[f"{name};{stack}"] += round(spent_s * 1e6)
    lines = [f"{stack} {spent_us}" for stack, spent_us in sums.items() if spent_us]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def component_of(stack: str) -> str:
    """Return whose time a stack is, by its innermost function of ours and what called it."""
    if "_frozen_importlib" in stack:
        return "starting Python, imports"
    if _WAITING.search(stack):
        return "short work between two looks"
    own = [item for item in stack.split(";") if item.startswith(_PROGRAMS)]
    innermost = own[-1] if own else stack
    for name, pattern in COMPONENTS:
        if pattern.search(innermost):
            return name
    return "rest"


def _own_function(stack: str) -> str:
    own = [item for item in stack.split(";") if item.startswith(_PROGRAMS)]
    if not own:
        return stack.rpartition(";")[2]
    # Helpers of the store say nothing: who called them does.
    if "storage.database" in own[-1] and len(own) > 1:
        callers = [item for item in own if "storage.database" not in item]
        return f"{callers[-1]} > {own[-1].rpartition(':')[2]}" if callers else own[-1]
    return own[-1]


def _most(spent_s: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(spent_s.items(), key=lambda item: -item[1])


def _percent(part: float, total: float) -> float:
    return round(100 * part / total, 1) if total else 0.0
