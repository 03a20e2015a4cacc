"""What a run measured, as JSON: phases, the day, memory, and the constants of plans."""

from __future__ import annotations

import resource
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bench import voprf
from bench.city.day import MULTIPLYING, Run
from bench.city.observer import cores
from bench.effort import Effort
from bench.machine import machine

FILE: Final = "city.json"
ENROLMENT: Final = ("import identities", "enrol")
"""Once per person, with the blind evaluations that were dealt."""
DAY: Final = ("import activities", "epoch: ")
"""Every day; openings are counted by account, and programs do not start every day."""
PRODUCTS: Final = (MULTIPLYING,)
"""Every day too, after the seal: each trustee checks all proofs for itself."""
OPENING: Final = ("open accounts",)
_VOPRF_PERCENT: Final = 10


def figures(run: Run, asked: Mapping[str, int]) -> dict[str, Any]:
    """Return everything that was measured.

    Args:
        run: one that has ended.
        asked: the arguments of the run.
    """
    observer, files = run.observer, run.files
    phases = [phase.tree() for phase in observer.phases]
    people = files.enrolled
    day, roles = _sum(phases, DAY), _roles(run, phases, DAY)
    of_parties_s = sum(cpu_s for role, cpu_s in roles.items() if role != "bench")
    return {
        "machine": machine(),
        "run": {
            **asked,
            "enrolled": people,
            "partners": len(files.platforms),
            "memberships": files.members,
            "activities": files.activities,
            "seconds": run.seconds,
        },
        "day": {
            **day,
            "cores_busy": cores(day["cpu_s"], day["wall_s"]),
            "cores_of_others": cores(day["others_cpu_s"], day["wall_s"]),
            "cpu_ms_per_person": round(1_000 * of_parties_s / people, 3),
            "cpu_ms_by_role": {
                role: round(1_000 * cpu_s / people, 3) for role, cpu_s in sorted(roles.items())
            },
        },
        "products": products_of(phases, people),
        "memory": {
            "peak_mib": {name: round(mib) for name, mib in sorted(observer.peak_mib.items())},
            "together_mib": round(observer.together_mib),
        },
        "constants": _constants(run, phases),
        **run.measured,
        "voprf": voprf.run(Effort(percent=_VOPRF_PERCENT)),
        "children_cpu_s": _children_cpu_s(),
        "phases": phases,
    }


def products_of(phases: Iterable[Mapping[str, Any]], people: int) -> dict[str, float]:
    """Return what the trustees' products cost, all trustees together."""
    products = _sum(phases, PRODUCTS)
    return {**products, "cpu_ms_per_person": round(1_000 * products["cpu_s"] / people, 3)}


def _constants(run: Run, phases: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return what one more person costs, as `bench.nation` reads it."""
    rows = list(phases)
    people, members, opened = run.files.enrolled, run.files.members, len(run.opened)
    day, enrolment, opening, products = (
        _roles(run, rows, names) for names in (DAY, ENROLMENT, OPENING, PRODUCTS)
    )
    day_wire, enrolment_wire = (_sum(rows, names) for names in (DAY, ENROLMENT))
    grown = {
        role: run.disk_after.get(role, 0) - run.disk_before.get(role, 0)
        for role in ("node", "record", "hub.db")
    }
    found = {
        "node_cpu_ms_per_membership_day": 1_000 * day["node"] / members,
        "hub_cpu_ms_per_person_day": 1_000 * day["hub"] / people,
        "trustee_cpu_ms_per_person_day": 1_000 * (day["trustee"] + products["trustee"]) / people,
        "to_hub_bytes_per_person_day": day_wire["to_hub_bytes"] / people,
        "from_hub_bytes_per_person_day": day_wire["from_hub_bytes"] / people,
        "node_disk_bytes_per_membership_day": grown["node"] / members,
        "record_bytes_per_person_day": grown["record"] / people,
        "hub_database_bytes_per_person_day": grown["hub.db"] / people,
        "node_cpu_ms_per_enrolment": 1_000 * enrolment["node"] / members,
        "hub_cpu_ms_per_enrolment": 1_000 * enrolment["hub"] / members,
        "enrolment_wire_bytes_per_membership": (
            enrolment_wire["to_hub_bytes"] + enrolment_wire["from_hub_bytes"]
        )
        / members,
        "hub_cpu_ms_per_opening": 1_000 * opening["hub"] / opened,
        "trustees_cpu_ms_per_opening": 1_000 * opening["trustee"] / opened,
    }
    return {name: round(value, 4) for name, value in found.items()}


def _sum(phases: Iterable[Mapping[str, Any]], names: tuple[str, ...]) -> dict[str, float]:
    rows = [row for row in phases if row["name"].startswith(names)]
    sums = ("wall_s", "cpu_s", "to_hub_bytes", "from_hub_bytes", "others_cpu_s")
    return {name: round(sum(row[name] for row in rows), 2) for name in sums}


def _roles(
    run: Run, phases: Iterable[Mapping[str, Any]], names: tuple[str, ...]
) -> dict[str, float]:
    """Return CPU seconds by kind of party in the phases whose names begin so."""
    sums: dict[str, float] = defaultdict(float)
    for row in phases:
        if row["name"].startswith(names):
            for process, cpu_s in row["cpu_s_by_process"].items():
                sums[_role(run, process)] += cpu_s
    return sums


def _role(run: Run, process: str) -> str:
    if process.startswith(run.files.platforms):
        return "node"
    for role in ("hub", "trustee", "bench"):
        if process.startswith(role):
            return role
    return "other"


def _children_cpu_s() -> float:
    """Return what the kernel says that all processes used that have ended: a check of the sums."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(children.ru_utime + children.ru_stime, 1)
