"""Files of an invented city of any size, written in blocks of people: no memory of the whole city.

Everybody is a member of the metro, three in five of the bike share, half of the journey app, which
sells rides of the metro too: so one ride is claimed twice now and then, with clocks that differ.
People hold TEST identities that nobody can own; the same seed gives the same files.
"""

from __future__ import annotations

import csv
import datetime as dt
import random  # noqa: TID251 - the city is a simulation with a seed
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from fedcarbon.identity.person_id import make_test_id
from fedcarbon.redemption.wallet import sandbox_wallet_id

FIRST_DAY: Final = dt.date(2026, 3, 2)
ZONE: Final = "Asia/Shanghai"
PLATFORMS: Final = ("metro-app", "bike-share", "journey-app")
PEOPLE_PER_BLOCK: Final = 10_000

_MEMBERS_PERCENT: Final = {"metro-app": 100, "bike-share": 60, "journey-app": 50}
_METRO_M_S: Final = 9
_BIKE_M_S: Final = 4
_WALK_TO_PLATFORM_S: Final = 240
_CLOCK_SKEW_S_MAX: Final = 180
_OFFSET: Final = dt.timezone(dt.timedelta(hours=8))
_MIDNIGHT: Final = dt.datetime.combine(FIRST_DAY, dt.time(), tzinfo=_OFFSET)

_ACTIVITIES: Final = pa.schema(
    [
        ("activity_id", pa.string()),
        ("person_ref", pa.string()),
        ("mode", pa.string()),
        ("started_at", pa.string()),
        ("ended_at", pa.string()),
        ("distance_m", pa.int64()),
        ("evidence", pa.int64()),
    ]
)
_IDENTITIES: Final = pa.schema(
    [
        (name, pa.string())
        for name in ("person_ref", "id_type", "id_number", "consent_data", "consent_claim")
    ]
)

Ride = tuple[str, int, int, int]
"""Mode, seconds after midnight, seconds, metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CityFiles:
    """Where the files of a city are, and how much is in them."""

    folder: Path
    people: int
    platforms: tuple[str, ...]
    activities: int
    """Rows of all platforms."""
    members: int
    """People with both consents, summed over the platforms."""

    def activity_file(self, platform: str) -> Path:
        """Return the trips that a platform saw."""
        return self.folder / f"{platform}.activities.parquet"

    def identity_file(self, platform: str) -> Path:
        """Return a platform's own members."""
        return self.folder / f"{platform}.identities.parquet"


def person_ref(platform: str, person: int) -> str:
    """Return how a platform names a person."""
    return f"{platform[0]}{person:08d}"


def write_city(folder: Path, people: int, platforms: Sequence[str], seed: int) -> CityFiles:
    """Write a day of `people` as each of `platforms` saw it."""
    folder.mkdir(parents=True, exist_ok=True)
    activities, members = 0, 0
    for platform in platforms:
        chance_of = f"{seed} {platform}"
        with (
            pq.ParquetWriter(folder / f"{platform}.activities.parquet", _ACTIVITIES) as trips,
            pq.ParquetWriter(folder / f"{platform}.identities.parquet", _IDENTITIES) as persons,
        ):
            for start in range(0, people, PEOPLE_PER_BLOCK):
                block = range(start, min(start + PEOPLE_PER_BLOCK, people))
                chance = random.Random(f"{chance_of} {start}")  # noqa: S311 - a simulation
                own = [
                    person for person in block if chance.randrange(100) < _MEMBERS_PERCENT[platform]
                ]
                identities = [_identity(chance, platform, person) for person in own]
                rows = [row for person in own for row in _seen_by(chance, platform, seed, person)]
                trips.write_table(_table(rows, _ACTIVITIES))
                persons.write_table(_table(identities, _IDENTITIES))
                activities += len(rows)
                members += sum(bool(row[-1]) for row in identities)
    return CityFiles(
        folder=folder,
        people=people,
        platforms=tuple(platforms),
        activities=activities,
        members=members,
    )


def write_wallets(path: Path, people: Sequence[int]) -> Path:
    """Write the customers of the wallet operator: one wallet for each of `people`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id_type", "id_number", "wallet_id", "wallet_class"))
        for person in people:
            writer.writerow(("TEST", make_test_id(person), sandbox_wallet_id(person), 1))
    return path


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )


def _identity(chance: random.Random, platform: str, person: int) -> tuple[str, ...]:
    """Return a member; one in twenty of the smaller platforms never agreed that it claims."""
    claims = platform == PLATFORMS[0] or chance.randrange(20) != 0
    return (
        person_ref(platform, person),
        "TEST",
        make_test_id(person),
        "true",
        "true" if claims else "",
    )


def _rides(seed: int, person: int) -> Iterator[Ride]:
    """Yield a person's day, the same whoever sees it: bike, metro, and back in the evening."""
    chance = random.Random(f"{seed} {person}")  # noqa: S311 - a simulation
    metro_m = 3_000 + chance.randrange(24_000)
    bike_m = 600 + chance.randrange(1_400)
    for hour in (7, 17):
        at_s = 3_600 * hour + chance.randrange(3_600)
        if chance.randrange(10) == 0:
            continue
        legs = [("bike", bike_m, _BIKE_M_S), ("rail", metro_m, _METRO_M_S)]
        for mode, metres, speed in (*legs, ("bike", bike_m // 2, _BIKE_M_S)):
            duration_s = metres // speed + 1 + chance.randrange(90)
            yield mode, at_s, duration_s, metres
            at_s += duration_s + _WALK_TO_PLATFORM_S


def _seen_by(
    chance: random.Random, platform: str, seed: int, person: int
) -> Iterator[tuple[object, ...]]:
    for number, (mode, at_s, duration_s, metres) in enumerate(_rides(seed, person)):
        skew_s = 0
        if platform == "journey-app":
            if mode != "rail" or chance.randrange(2):
                continue
            skew_s = chance.randrange(_CLOCK_SKEW_S_MAX)
        elif (platform == "metro-app") != (mode == "rail"):
            continue
        start = _MIDNIGHT + dt.timedelta(seconds=at_s + skew_s)
        end = start + dt.timedelta(seconds=duration_s)
        yield (
            f"{platform}-{person}-{number}",
            person_ref(platform, person),
            mode,
            start.isoformat(),
            end.isoformat(),
            metres,
            0,
        )
