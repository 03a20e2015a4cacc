"""A small synthetic city, made from a seed: every trip and every person in it is invented.

It exists so that the demo runs without any data. People hold TEST identities that nobody can own.
Three platforms see them: a metro app (validated gate pairs), a bike share (validated locks) and a
journey app that sells metro codes of its own and tracks rides by GPS. So one ride is sometimes
claimed twice, with clocks up to three minutes apart, and some rows are wrong on purpose.
"""

from __future__ import annotations

import csv
import datetime as dt
import random  # noqa: TID251 - the city is a simulation with a seed
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from fedcarbon.identity.person_id import make_test_id
from fedcarbon.redemption.wallet import sandbox_wallet_id

ACTIVITY_COLUMNS: Final = (
    "activity_id",
    "person_ref",
    "mode",
    "started_at",
    "ended_at",
    "distance_m",
    "evidence",
    "place",
)
IDENTITY_COLUMNS: Final = (
    "person_ref",
    "id_type",
    "id_number",
    "consent_data",
    "consent_claim",
)
WALLET_COLUMNS: Final = ("id_type", "id_number", "wallet_id", "wallet_class")

FIRST_DAY: Final = dt.date(2026, 3, 2)
ZONE: Final = ZoneInfo("Asia/Shanghai")
METRO_SPEED_M_S: Final = 9
BIKE_SPEED_M_S: Final = 4
CLOCK_SKEW_S_MAX: Final = 180
PLATFORMS: Final = ("metro-app", "bike-share", "journey-app")
DISTRICTS: Final = {"d-north": "北区", "d-east": "东区", "d-south": "南区", "d-west": "西区"}
"""Invented codes, in the order of the stations."""
STATIONS: Final = 12
"""From north to west, three in each district."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ride:
    """One invented movement of one invented person."""

    person: int
    mode: str
    start: dt.datetime
    duration_s: int
    distance_m: int
    station: int
    """Where it starts: the nearest station, 0 to 11."""


def make_city(folder: Path, *, people: int, days: int, seed: int, bits: int) -> Path:
    """Write activity, identity and wallet files and a scenario; return the scenario's path."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    rides = [
        ride
        for day in range(days)
        for person in range(people)
        for ride in _rides_of(chance, person, FIRST_DAY + dt.timedelta(days=day))
    ]
    members = {name: _members(chance, people, share) for name, share in _SHARES.items()}
    for platform in PLATFORMS:
        rows = list(_seen_by(chance, platform, rides, members[platform]))
        rows += _wrong_rows(platform, rows)
        _write(folder / f"{platform}.activities.csv", ACTIVITY_COLUMNS, rows)
        identities = _identities(chance, platform, members[platform])
        _write(folder / f"{platform}.identities.csv", IDENTITY_COLUMNS, identities)
        _write_districts(folder / f"{platform}.districts.csv", platform)
        categories = _CATEGORIES.format(platform=platform)
        (folder / f"{platform}.categories.toml").write_text(categories, encoding="utf-8")
    wallets = [_wallet(person) for person in range(0, people, 2)]
    _write(folder / "wallets.csv", WALLET_COLUMNS, wallets)
    scenario = folder / "scenario.toml"
    scenario.write_text(_scenario_text(days=days, seed=seed, bits=bits), encoding="utf-8")
    return scenario


_WEST, _SOUTH, _APART = 114_000_000, 22_500_000, 10_000
"""Millionths of a degree: where the invented stations stand, one behind the other."""
_CATEGORIES: Final = """\
# How {platform} finds the cell of an activity; this file stays in its node.
[dimensions.mode]
by = "value:mode"

[dimensions.district]
by = "place"
table = "{platform}.districts.csv"
"""
_SHARES: Final = {"metro-app": 85, "bike-share": 60, "journey-app": 50}
"""Percent of the people who are members."""


def _members(chance: random.Random, people: int, percent: int) -> frozenset[int]:
    return frozenset(person for person in range(people) if chance.randrange(100) < percent)


def _rides_of(chance: random.Random, person: int, day: dt.date) -> Iterable[Ride]:
    """Yield a day: bike to the station, metro, and back in the evening; rides never overlap."""
    rail_m = 1_000 * (3 + person % 23) + chance.randrange(1_000)
    bike_m = 600 + 37 * (person % 31) + chance.randrange(300)
    home, work = person % STATIONS, (5 * person + 3) % STATIONS
    for hour, station in ((7, home), (17, work)):
        start = dt.datetime.combine(day, dt.time(hour), tzinfo=ZONE)
        start += dt.timedelta(seconds=chance.randrange(3_600))
        if chance.randrange(10) == 0:
            continue
        bike_s = bike_m // BIKE_SPEED_M_S + chance.randrange(60)
        yield Ride(
            person=person,
            mode="bike",
            start=start,
            duration_s=bike_s,
            distance_m=bike_m,
            station=station,
        )
        start += dt.timedelta(seconds=bike_s + 240)
        rail_s = rail_m // METRO_SPEED_M_S + chance.randrange(120)
        yield Ride(
            person=person,
            mode="rail",
            start=start,
            duration_s=rail_s,
            distance_m=rail_m,
            station=station,
        )
    if chance.randrange(6) == 0:
        start = dt.datetime.combine(day, dt.time(21), tzinfo=ZONE)
        start += dt.timedelta(seconds=chance.randrange(3_600))
        distance_m = 4_000 + chance.randrange(9_000)
        yield Ride(
            person=person,
            mode="ev_ride",
            start=start,
            duration_s=distance_m // 8,
            distance_m=distance_m,
            station=home,
        )


def _seen_by(
    chance: random.Random, platform: str, rides: Sequence[Ride], members: frozenset[int]
) -> Iterable[dict[str, object]]:
    for number, ride in enumerate(rides):
        if ride.person not in members:
            continue
        if (platform, ride.mode) in {("metro-app", "rail"), ("bike-share", "bike")}:
            yield _row(platform, number, ride, evidence=0, skew_s=0)
        elif platform == "journey-app" and (ride.mode == "ev_ride" or chance.randrange(5) == 0):
            # Its own metro codes are as good as a gate pair; everything else is a GPS track.
            evidence = 0 if ride.mode == "rail" else 1
            skew_s = chance.randrange(CLOCK_SKEW_S_MAX)
            yield _row(platform, number, ride, evidence=evidence, skew_s=skew_s)


def _row(
    platform: str, number: int, ride: Ride, *, evidence: int, skew_s: int
) -> dict[str, object]:
    start = ride.start + dt.timedelta(seconds=skew_s)
    end = start + dt.timedelta(seconds=ride.duration_s)
    return {
        "activity_id": f"{platform}-{number}",
        "person_ref": _person_ref(platform, ride.person),
        "mode": ride.mode,
        "started_at": start.isoformat(),
        "ended_at": end.isoformat(),
        "distance_m": ride.distance_m,
        "evidence": evidence,
        "place": _place(platform, ride.station),
    }


def _place(platform: str, station: int) -> str:
    """Return where a ride starts as a platform knows it: by station, or by GPS."""
    if platform == "journey-app":
        return f"{_WEST + station * _APART},{_SOUTH}"
    return f"st-{station:02d}"


def _write_districts(path: Path, platform: str) -> None:
    """Write which district a platform's places lie in."""
    rows: list[dict[str, object]]
    if platform == "journey-app":
        of_district = STATIONS // len(DISTRICTS) * _APART
        columns: tuple[str, ...] = ("west", "south", "east", "north", "district")
        edges = [_WEST + number * of_district for number in range(len(DISTRICTS) + 1)]
        rows = [
            {"west": west, "south": _SOUTH, "east": east, "north": _SOUTH + 1, "district": code}
            for west, east, code in zip(edges, edges[1:], DISTRICTS, strict=False)
        ]
    else:
        columns = ("place", "district")
        rows = [
            {"place": _place(platform, station), "district": district_of(station)}
            for station in range(STATIONS)
        ]
    _write(path, columns, rows)


def district_of(station: int) -> str:
    """Return the code of the district that a station lies in."""
    return list(DISTRICTS)[station * len(DISTRICTS) // STATIONS]


def _wrong_rows(platform: str, rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Return rows that must be rejected, each for another reason."""
    good = rows[0]
    day = FIRST_DAY.isoformat()
    wrong: list[dict[str, object]] = [
        {"ended_at": good["started_at"]},
        {"distance_m": -5},
        {"distance_m": 190_000},
        {"mode": "bus"},
        {"person_ref": f"{platform}-nobody"},
        {"started_at": "yesterday"},
        {
            "started_at": f"{FIRST_DAY - dt.timedelta(days=40)}T08:00:00+08:00",
            "ended_at": f"{FIRST_DAY - dt.timedelta(days=40)}T08:20:00+08:00",
        },
        {"evidence": 7, "started_at": f"{day}T03:00:00+08:00", "ended_at": f"{day}T03:10:00+08:00"},
    ]
    bad = [
        {**good, "activity_id": f"{platform}-wrong-{i}", **change} for i, change in enumerate(wrong)
    ]
    return [*bad, dict(good), {**good, "distance_m": int(str(good["distance_m"])) + 1}]


def _identities(
    chance: random.Random, platform: str, members: frozenset[int]
) -> Iterable[dict[str, object]]:
    for person in sorted(members):
        # One in twenty never agreed that the platform claims for them.
        consents = chance.randrange(20) != 0
        yield {
            "person_ref": _person_ref(platform, person),
            "id_type": "TEST",
            "id_number": make_test_id(person),
            "consent_data": "true",
            "consent_claim": "true" if consents else "",
        }


def _person_ref(platform: str, person: int) -> str:
    return f"{platform[0]}{person:06d}"


def _wallet(person: int) -> dict[str, object]:
    return {
        "id_type": "TEST",
        "id_number": make_test_id(person),
        "wallet_id": sandbox_wallet_id(person),
        "wallet_class": 1 + person % 3,
    }


def _write(path: Path, columns: Sequence[str], rows: Iterable[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _table_lines(days: int) -> list[str]:
    """Return the table of statistics: few cells and a large budget, for few people."""
    modes = {"rail": ("地铁", "metro"), "bike": ("单车", "bike"), "ev_ride": ("电动网约车", "ride")}
    districts = {code: (zh, code.removeprefix("d-")) for code, zh in DISTRICTS.items()}
    lines = [
        "# A hundred people are too few for statistics: a real table spends a hundredth of this.",
        "[[programme.table]]",
        'shell_id = "modes-by-district"',
        'label = { zh = "各区出行方式", en = "Modes by district" }',
        f"period_epochs = {days}",
        "partners_max = 3",
        "cells_max = 6",
        "members_min = 10",
        "people_min = 10",
        "rho_year_millionths = 4_000_000",
        "",
    ]
    for name, label, codes in (
        ("mode", ("方式", "Mode"), modes),
        ("district", ("区", "District"), districts),
    ):
        lines += [
            "[[programme.table.dimension]]",
            f'name = "{name}"',
            f'label = {{ zh = "{label[0]}", en = "{label[1]}" }}',
            'code_list = "invented"',
            "categories = [",
            *(
                f'  {{ code = "{code}", zh = "{zh}", en = "{en}" }},'
                for code, (zh, en) in (codes | {f"other-{name}": ("其他", "other")}).items()
            ),
            "]",
            "",
        ]
    for name, unit, label, most in (
        ("people", "people", ("人数", "People"), 1),
        ("activities", "activities", ("次数", "Activities"), 3 * days),
        ("distance", "m", ("里程", "Distance"), 30_000 * days),
        ("reduction", "ug", ("减排量", "Reduction"), 2_500_000_000 * days),
    ):
        lines += [
            "[[programme.table.quantity]]",
            f'name = "{name}"',
            f'unit = "{unit}"',
            f'label = {{ zh = "{label[0]}", en = "{label[1]}" }}',
            f"per_cell_max = {most}",
            "rho_millionths = 1_000_000",
            "",
        ]
    return lines


def _scenario_text(*, days: int, seed: int, bits: int) -> str:
    last = FIRST_DAY + dt.timedelta(days=days - 1)
    lines = [
        "# Written by the project: a synthetic city, no real trip and no real person.",
        f'title = "a synthetic city (seed {seed}): every trip and every person is invented"',
        "",
        "[programme]",
        'id = "city"',
        'time_zone = "Asia/Shanghai"',
        f'days = ["{FIRST_DAY}", "{last}"]',
        "",
        *_table_lines(days),
        "[keys]",
        f"bits = {bits}",
        "trustees = 5",
        "threshold = 3",
        "",
    ]
    for platform in PLATFORMS:
        lines += [
            "[[partner]]",
            f'id = "{platform}"',
            f'activities = "{platform}.activities.csv"',
            f'identities = "{platform}.identities.csv"',
            'methodology = "cn-ecny-shanghai"',
            f'categories = "{platform}.categories.toml"',
            "",
        ]
    lines += ["[[wallet_operator]]", 'id = "city-wallet"', 'wallets = "wallets.csv"', ""]
    lines += ["[[redemption]]", "all = true", ""]
    return "\n".join(lines)
