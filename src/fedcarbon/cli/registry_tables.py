"""`fedcarbon registry table-shell`: which statistics a programme releases, from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, Final

from fedcarbon.cli.registry import RegistryFileError, programme_of, write_unsigned
from fedcarbon.disclosure.shell import (
    MILLIONTHS,
    PARTNERS_MIN,
    PEOPLE,
    Category,
    Dimension,
    Group,
    Label,
    Quantity,
    TableShell,
)
from fedcarbon.errors import MalformedError
from fedcarbon.ids import EpochIndex
from fedcarbon.parameters.roots import parse_roots
from fedcarbon.registry.programme import Programme

WEEK_DAYS: Final = 7
YEAR_DAYS: Final = 366
WINDOW_S_DEFAULT: Final = 3 * 86_400
CELLS_DEFAULT: Final = 4
"""Cells that one person touches in a period: two modes in two districts."""
MEMBERS_MIN_DEFAULT: Final = 100
PEOPLE_MIN_DEFAULT: Final = 30
RHO_YEAR_DEFAULT: Final = MILLIONTHS
"""rho = 1 a year: what an attacker learns of a person in a year is epsilon 8.4 at delta 10^-6."""
PER_DAY_DEFAULT: Final[Mapping[str, int]] = {
    "activities": 4,
    "m": 30_000,
    "ug": 2_000_000_000,
}
"""Unit -> what one person adds to one cell per day at most: four trips, 30 km, 2 kg."""


def table_shell(*, config: Path, programme: Path, roots: Path, out: Path) -> None:
    """Write an unsigned table shell from the TOML file CONFIG to OUT; root key holders then sign.

    A shell fixes one table that is released period after period: its cells, what is counted, when,
    and how much privacy each release may cost. Publish it before the first epoch that it counts is
    planned; afterwards nothing in it can be changed. The smallest file:

        shell_id = "trips-by-mode"
        label = { zh = "按方式统计", en = "Trips by mode" }

        [[dimension]]
        name = "mode"
        label = { zh = "方式", en = "Mode" }
        code_list = "methodologies of this programme"
        categories = [
            { code = "metro", zh = "地铁", en = "Metro" },
            { code = "other", zh = "其他", en = "Other" },
        ]

        [[quantity]]
        name = "distance"
        label = { zh = "里程", en = "Distance" }
        unit = "m"

    People are always counted, first. More dimensions multiply the cells. A category may name its
    `group`, one of the dimension's `groups = [{ code, zh, en }]`; the last category is the rest.

    What may be set beside, with what is taken otherwise:

        first_epoch = 1            # the first epoch that is counted
        period_epochs              # epochs of one release; a week of them
        periods                    # how many releases; as many as the programme has
        contribute_window_s = 259200   # partners have three days to contribute
        cells_max = 4              # cells that one person touches, the rest is cut
        partners_max               # partners of one person; the programme's. Noise grows with it
        partners_min = 3           # fewer, and a period is withheld
        members_min = 100          # accounts without which a partner does not count
        people_min = 30            # cells with fewer people are hidden
        rho_year_millionths = 1000000  # the programme's zCDP budget per calendar year

    and in a [[quantity]]:

        per_cell_max               # what one person adds to one cell per period: by unit and day
                                   # 4 activities, 30 km (m), 2 kg (ug)
        rho_millionths             # of one release; the year's budget over the year's releases,
                                   # half of it for people, the rest evenly

    Args:
        config: the TOML file.
        programme: the TOML file of its programme, see `fedcarbon registry programme`.
        roots: roots.toml.
        out: file to write.
    """
    trusted = parse_roots(roots.read_bytes())
    try:
        owner = programme_of(_tree(programme), trusted)
        built = shell_from_toml(_tree(config), owner)
    except (OSError, ValueError, TypeError, KeyError, MalformedError) as error:
        raise RegistryFileError(f"{config.name}: {error}") from error
    write_unsigned(out, built)


def shell_from_toml(tree: Mapping[str, Any], programme: Programme) -> TableShell:
    """Return the shell that a TOML tree describes; what it leaves out has its default.

    Args:
        tree: see `table_shell`; in a programme's file a table of the array `[[table]]`.
        programme: whose statistics.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or unknown, or of another kind.
        MalformedError: the shell breaks one of its own rules.
    """
    fields = dict(tree)
    axes, counted = fields.pop("dimension"), fields.pop("quantity", [])
    epochs = fields.setdefault("period_epochs", max(1, WEEK_DAYS // programme.epoch_days))
    first = fields.setdefault("first_epoch", 1)
    fields.setdefault("periods", (programme.epochs - first + 1) // epochs)
    rho_year = fields.setdefault("rho_year_millionths", RHO_YEAR_DEFAULT)
    days = epochs * programme.epoch_days
    releases = -(-YEAR_DAYS // days)
    dimensions = tuple(map(_dimension, axes))
    defaults = {
        "contribute_window_s": WINDOW_S_DEFAULT,
        "cells_max": min(CELLS_DEFAULT, prod(len(axis.categories) for axis in dimensions)),
        "partners_max": programme.partners_max,
        "partners_min": PARTNERS_MIN,
        "members_min": MEMBERS_MIN_DEFAULT,
        "people_min": PEOPLE_MIN_DEFAULT,
    }
    return TableShell(
        **{
            **defaults,
            **fields,
            "first_epoch": EpochIndex(first),
            "label": Label(**fields["label"]),
            "parameter_id": programme.parameter_id,
            "programme_id": programme.programme_id,
            "dimensions": dimensions,
            "quantities": _quantities(counted, days, rho_year // releases),
        }
    )


def _dimension(tree: Mapping[str, Any]) -> Dimension:
    return Dimension(
        **{
            **tree,
            "label": Label(**tree["label"]),
            "categories": tuple(
                Category(code=item["code"], label=_label(item), group=item.get("group", ""))
                for item in tree["categories"]
            ),
            "groups": tuple(
                Group(code=item["code"], label=_label(item)) for item in tree.get("groups", [])
            ),
        }
    )


def _quantities(
    trees: Sequence[Mapping[str, Any]], days: int, rho_millionths: int
) -> tuple[Quantity, ...]:
    """Return people and what else is counted.

    Args:
        trees: what is counted beside people; `people` among them changes its words or its budget.
        days: of one period.
        rho_millionths: what one release spends unless the trees say otherwise.
    """
    people: dict[str, Any] = {"label": {"zh": "人数", "en": "People"}, "unit": PEOPLE}
    named = {tree["name"]: dict(tree) for tree in trees if tree["name"] != PEOPLE}
    people |= next((dict(tree) for tree in trees if tree["name"] == PEOPLE), {})
    people |= {"name": PEOPLE, "per_cell_max": 1}
    people.setdefault("rho_millionths", rho_millionths // 2 if named else rho_millionths)
    rest = rho_millionths // 2 // max(1, len(named))
    for tree in named.values():
        if "per_cell_max" not in tree:
            tree["per_cell_max"] = PER_DAY_DEFAULT[tree["unit"]] * days
        tree.setdefault("rho_millionths", rest)
    return tuple(
        Quantity(**{**tree, "label": Label(**tree["label"])}) for tree in (people, *named.values())
    )


def _label(tree: Mapping[str, Any]) -> Label:
    return Label(zh=tree["zh"], en=tree["en"])


def _tree(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))
