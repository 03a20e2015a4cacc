"""The scenario of real trips: published files of others, with invented people dealt over them.

Real are the trips: metro gate pairs and taxi orders of Shenzhen, bike-share trips of
Massachusetts. Not real: who made them. No published data links one person across these companies;
TEST identities are dealt by a seed, platforms are moved by whole weeks onto one calendar, which
taxis are electric is dealt too, and a fourth platform claims copies of some trips, so that double
claims happen. The factors are Shanghai's, applied to trips of other cities.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import ClassVar, Final

from demo.results import write_json
from fedcarbon.errors import ConfigurationError
from fedcarbon.redemption.wallet import sandbox_wallet_id
from partner_node.adapters.canonical_output import OUTPUT_COLUMNS, AdapterReport, OutputFiles
from partner_node.adapters.dealing import (
    Assignment,
    deal,
    users_of,
    write_assignments,
    write_identities,
)
from partner_node.adapters.double_claims import (
    Copy,
    CopySettings,
    copy_activities,
    write_copies,
)
from partner_node.adapters.shenzhen_network import station_name
from partner_node.adapters.shenzhen_taxi import ShenzhenTaxiSettings, convert_shenzhen_taxi
from partner_node.adapters.shenzhen_tong import ShenzhenTongSettings, convert_shenzhen_tong
from partner_node.adapters.valleybike import ValleyBikeSettings, convert_valleybike
from partner_node.adapters.week_shift import WeekShift, whole_weeks_between

NETWORK: Final = Path("szt_network/shenzhen_Metro.json")
METRO, BIKE, TAXI, JOURNEY = "sz-metro", "valley-bike", "sz-taxi", "journey-app"
ZONE: Final = "Asia/Shanghai"
BIKE_ZONE: Final = "America/New_York"

# The calendar is that of the metro cards; a Monday of each other platform is moved onto its Monday.
# The bike share gives the fullest of its 19 weeks; trips of other weeks fall outside and are
# rejected.
FIRST_DAY: Final = dt.date(2018, 8, 27)
LAST_DAY: Final = dt.date(2018, 9, 2)
BIKE_MONDAY: Final = dt.date(2020, 6, 22)
TAXI_MONDAY: Final = dt.date(2020, 1, 20)

RIDERS: Final = 2_000
JOURNEY_USERS: Final = 600
COPY_PER_MILLE: Final = 300
AREAS: Final = {"a-west": 113.92, "a-centre": 114.05, "a-east": 114.12, "a-far-east": 180.0}
"""Invented areas of Shenzhen, each with the longitude up to which it reaches."""
WALLET_EVERY: Final = 12
"""One identity in so many has a wallet in the demo."""


class RealDataError(ConfigurationError):
    """The folder of published data is missing a file; see its README for where to get it."""

    code: ClassVar[str] = "REAL_DATA"


def make_real_scenario(
    data: Path, folder: Path, *, seed: int, bits: int
) -> tuple[Path, dict[str, dict[str, object]]]:
    """Convert the published files, deal people over them, and write a scenario.

    Returns:
        The scenario's path, and per platform what became of every published row.

    Raises:
        RealDataError: a file is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    activities = {name: folder / f"{name}.activities.csv" for name in (METRO, BIKE, TAXI, JOURNEY)}
    weeks = {
        METRO: 0,
        BIKE: whole_weeks_between(BIKE_MONDAY, FIRST_DAY),
        TAXI: whole_weeks_between(TAXI_MONDAY, FIRST_DAY),
        JOURNEY: 0,
    }
    reports = _convert(data, folder, activities, weeks, seed)
    users = {name: users_of(activities[name]) for name in (METRO, BIKE, TAXI)}
    users[JOURNEY] = [f"j{number:05d}" for number in range(JOURNEY_USERS)]
    assignments = deal(users, seed=seed)
    write_assignments(folder / "assignments.csv", assignments, time_shift_weeks=weeks)
    for name in activities:
        write_identities(folder / f"{name}.identities.csv", assignments, platform=name)
    copies = _copy(activities, assignments, seed)
    write_copies(folder / "copies.csv", copies)
    _write_wallets(folder / "wallets.csv", assignments)
    _write_categories(folder, data / NETWORK)
    sources = {name: _tree(item) for name, item in reports.items()}
    write_json(folder / "adapters.json", sources)
    scenario = folder / "scenario.toml"
    scenario.write_text(_scenario_text(seed=seed, bits=bits), encoding="utf-8")
    return scenario, sources


def _convert(
    data: Path, folder: Path, activities: dict[str, Path], weeks: dict[str, int], seed: int
) -> dict[str, AdapterReport]:
    files = {
        METRO: [
            data / "szt/14_14.csv",
            data / "szt/szt_card_data_2920000403601.csv",
            data / NETWORK,
        ],
        BIKE: [data / "valleybike/trips_derived.csv"],
        TAXI: [data / "shenzhen_taxi/taxi-price.csv"],
    }
    missing = [path for paths in files.values() for path in paths if not path.is_file()]
    if missing:
        raise RealDataError(f"{missing[0].relative_to(data)} is not in the data folder")
    outputs = {
        name: OutputFiles(activities=activities[name], rejects=folder / f"{name}.rejects.csv")
        for name in files
    }
    with activities[JOURNEY].open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(OUTPUT_COLUMNS)
    return {
        METRO: convert_shenzhen_tong(
            files[METRO][:2],
            files[METRO][2],
            outputs[METRO],
            ShenzhenTongSettings(shift=_shift(ZONE, weeks[METRO])),
        ),
        BIKE: convert_valleybike(
            files[BIKE][0],
            outputs[BIKE],
            ValleyBikeSettings(shift=_shift(BIKE_ZONE, weeks[BIKE])),
        ),
        TAXI: convert_shenzhen_taxi(
            files[TAXI][0],
            outputs[TAXI],
            ShenzhenTaxiSettings(seed=seed, shift=_shift(ZONE, weeks[TAXI]), riders=RIDERS),
        ),
    }


def _shift(zone: str, weeks: int) -> WeekShift:
    return WeekShift(weeks=weeks, from_zone=zone, to_zone=ZONE)


def _copy(
    activities: dict[str, Path], assignments: tuple[Assignment, ...], seed: int
) -> tuple[Copy, ...]:
    """Let the journey app claim some metro rides as well evidenced, some bike rides by GPS."""
    copies: tuple[Copy, ...] = ()
    for source, evidence in ((METRO, 0), (BIKE, 1)):
        copies += copy_activities(
            activities,
            source=source,
            target=JOURNEY,
            assignments=assignments,
            settings=CopySettings(seed=seed, copy_per_mille=COPY_PER_MILLE, evidence=evidence),
        )
    return copies


def _write_wallets(path: Path, assignments: tuple[Assignment, ...]) -> None:
    people = sorted({item.synthetic_identity for item in assignments if item.platform != TAXI})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id_type", "id_number", "wallet_id", "wallet_class"))
        for serial, number in enumerate(people[::WALLET_EVERY]):
            writer.writerow(("TEST", number, sandbox_wallet_id(serial), 1 + serial % 3))


def _write_categories(folder: Path, network: Path) -> None:
    """Write how partners find the cells of statistics: only metro trips have a place here."""
    tree = json.loads(network.read_bytes())
    areas = {
        station_name(name): next(area for area, end in AREAS.items() if longitude <= end)
        for line in tree["Line_name"]
        for names, centres in [(tree[line]["id2name"][0], tree[line]["center_gps"][0])]
        for key, name in names.items()
        for longitude in [float(centres[key][0])]
    }
    with (folder / "areas.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("place", "district"))
        writer.writerows(sorted(areas.items()))
    (folder / "categories.toml").write_text(_CATEGORIES, encoding="utf-8")


_TABLE: Final = """\
[[programme.table]]
shell_id = "modes-by-area"
label = { zh = "各片区出行方式", en = "Modes by area" }
partners_max = 4
rho_year_millionths = 4_000_000

[[programme.table.dimension]]
name = "mode"
label = { zh = "方式", en = "Mode" }
code_list = "methodologies of this programme"
categories = [
  { code = "rail", zh = "地铁", en = "metro" },
  { code = "bike", zh = "单车", en = "bike" },
  { code = "ev_ride", zh = "电动网约车", en = "ride" },
  { code = "other-mode", zh = "其他", en = "other" },
]

[[programme.table.dimension]]
name = "district"
label = { zh = "片区", en = "Area" }
code_list = "invented, by longitude"
categories = [
  { code = "a-west", zh = "西", en = "west" },
  { code = "a-centre", zh = "中", en = "centre" },
  { code = "a-east", zh = "东", en = "east" },
  { code = "a-far-east", zh = "远东", en = "far east" },
  { code = "elsewhere", zh = "其他", en = "elsewhere" },
]

[[programme.table.quantity]]
name = "people"
label = { zh = "人数", en = "People" }
unit = "people"
rho_millionths = 25_000

[[programme.table.quantity]]
name = "activities"
label = { zh = "次数", en = "Activities" }
unit = "activities"
per_cell_max = 6
rho_millionths = 25_000

[[programme.table.quantity]]
name = "distance"
label = { zh = "里程", en = "Distance" }
unit = "m"
per_cell_max = 60_000
rho_millionths = 25_000

[[programme.table.quantity]]
name = "reduction"
label = { zh = "减排量", en = "Reduction" }
unit = "ug"
per_cell_max = 6_000_000_000
rho_millionths = 25_000
"""
_CATEGORIES: Final = """\
# How partners find the cell of an activity; a file like this stays in each partner's node.
[dimensions.mode]
by = "value:mode"

[dimensions.district]
by = "place"
table = "areas.csv"
"""


def _tree(report: AdapterReport) -> dict[str, object]:
    return {
        "rows_read": report.read,
        "activities_written": report.written,
        "rejected": dict(report.rejected),
    }


def _scenario_text(*, seed: int, bits: int) -> str:
    lines = [
        "# Real trips, invented people: see the README.",
        f'title = "real trips of Shenzhen and Massachusetts, invented people (seed {seed})"',
        "",
        "[programme]",
        'id = "real-trips"',
        f'time_zone = "{ZONE}"',
        f'days = ["{FIRST_DAY}", "{LAST_DAY}"]',
        "",
        _TABLE,
        "[keys]",
        f"bits = {bits}",
        "trustees = 5",
        "threshold = 3",
        "",
    ]
    for name in (METRO, BIKE, TAXI, JOURNEY):
        lines += [
            "[[partner]]",
            f'id = "{name}"',
            f'activities = "{name}.activities.csv"',
            f'identities = "{name}.identities.csv"',
            'methodology = "cn-ecny-shanghai"',
            'categories = "categories.toml"',
            "",
        ]
    lines += ["[[wallet_operator]]", 'id = "city-wallet"', 'wallets = "wallets.csv"', ""]
    lines += ["[[redemption]]", "all = true", ""]
    return "\n".join(lines)
