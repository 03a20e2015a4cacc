"""Shells, starts and vectors of tables for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fedcarbon.disclosure.shell import Category, Dimension, Group, Label, Quantity, TableShell
from fedcarbon.disclosure.statements import Contributor, NoisePart, ReleaseStart
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.programme import Policy, Programme
from fedcarbon.units import Fen, MicrogramsCO2e

PARAMETER_ID: Final = b"p" * 32
PROGRAMME_ID: Final = ProgrammeId("ecny-test")
SHELL_LEAF: Final = 40

MODE: Final = {"": ("metro", "bike", "rest")}
DISTRICT: Final = {"north": ("n1", "n2", "n3"), "south": ("s1", "s2")}
"""Categories by group."""


def label(text: str) -> Label:
    return Label(zh=f"{text} 的中文", en=text)


def dimension(name: str, groups: Mapping[str, Sequence[str]]) -> Dimension:
    """Return an axis with its categories by group; one group without a code is no group."""
    return Dimension(
        name=name,
        label=label(name),
        code_list="a list",
        categories=tuple(
            Category(code=code, label=label(code), group=group)
            for group, codes in groups.items()
            for code in codes
        ),
        groups=tuple(Group(code=group, label=label(group)) for group in groups if group),
    )


def quantity(name: str, **changes: Any) -> Quantity:
    fields: dict[str, Any] = {
        "name": name,
        "label": label(name),
        "unit": name,
        "per_cell_max": 1,
        "rho_millionths": 50_000,
    }
    return Quantity(**{**fields, **changes})


PEOPLE_COUNTED: Final = quantity("people")
DISTANCE: Final = quantity("distance", unit="m", per_cell_max=40_000, rho_millionths=25_000)


def shell(**changes: Any) -> TableShell:
    """Return modes by districts, two epochs per release, five releases."""
    fields: dict[str, Any] = {
        "parameter_id": PARAMETER_ID,
        "programme_id": PROGRAMME_ID,
        "shell_id": "modes-by-district",
        "label": label("modes by district"),
        "dimensions": (dimension("mode", MODE), dimension("district", DISTRICT)),
        "quantities": (PEOPLE_COUNTED, DISTANCE),
        "first_epoch": EpochIndex(1),
        "period_epochs": 2,
        "periods": 5,
        "contribute_window_s": 3_600,
        "cells_max": 4,
        "partners_max": 4,
        "partners_min": 3,
        "members_min": 10,
        "people_min": 20,
        "rho_year_millionths": 300_000,
    }
    return TableShell(**{**fields, **changes})


def one_way(categories: int, **changes: Any) -> TableShell:
    """Return a table of people with one dimension without groups."""
    codes = [f"c{at}" for at in range(categories)]
    return shell(
        **{
            "dimensions": (dimension("mode", {"": codes}),),
            "quantities": (PEOPLE_COUNTED,),
            "cells_max": 1,
            **changes,
        }
    )


def two_way(first: int, second: int, **changes: Any) -> TableShell:
    """Return a table of people with two dimensions without groups."""
    axes = [
        dimension(name, {"": [f"{name}{at}" for at in range(size)]})
        for name, size in (("a", first), ("b", second))
    ]
    return one_way(1, dimensions=tuple(axes), **changes)


def programme(**changes: Any) -> Programme:
    """Return twenty days in spring 2026, two to an epoch."""
    fields: dict[str, Any] = {
        "parameter_id": PARAMETER_ID,
        "programme_id": PROGRAMME_ID,
        "exclusivity_domain": "ecny",
        "exclusivity_group": "movement",
        "measure": Measure.GRAMS,
        "token_epoch": 1,
        "time_zone": "Asia/Shanghai",
        "first_day": "2026-03-02",
        "last_day": "2026-03-21",
        "epoch_days": 2,
        "slot_s": 300,
        "cap_ug": MicrogramsCO2e(50_000_000_000),
        "partners_max": 10,
        "days_max": 100,
        "unit_ug": MicrogramsCO2e(1_250_000_000),
        "unit_fen": Fen(1),
        "test_identities": True,
        "policy": Policy(),
    }
    return Programme(**{**fields, **changes})


def start(**changes: Any) -> ReleaseStart:
    """Return the start of the first period: three partners, two trustees."""
    fields: dict[str, Any] = {
        "parameter_id": PARAMETER_ID,
        "programme_id": PROGRAMME_ID,
        "shell_leaf": SHELL_LEAF,
        "period": 1,
        "contributors": tuple(
            Contributor(partner_id=PartyId(name), contribution_leaf=50 + at)
            for at, name in enumerate(("bike", "metro", "taxi"))
        ),
        "noise": tuple(
            NoisePart(trustee_id=PartyId(name), file_sha256=name.encode() * 4)
            for name in ("trust-01", "trust-02")
        ),
        "noised_sha256": b"n" * 32,
        "year": 2026,
        "rho_millionths": 75_000,
        "spent_millionths": 0,
    }
    return ReleaseStart(**{**fields, **changes})
