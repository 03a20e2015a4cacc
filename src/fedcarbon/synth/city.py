"""A whole city in files: what every platform would export, and what really happened."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
from pyarrow import parquet

from fedcarbon.errors import CallerError
from fedcarbon.identity.person_id import TEST_SERIALS, make_test_id
from fedcarbon.synth.commuters import MODES, People, Rides, rides_of
from fedcarbon.synth.platforms import (
    ACTIVITIES,
    SIGHTINGS,
    Membership,
    Platform,
    platforms,
    recorded,
)

LABEL: Final = (
    "SYNTHETIC: every person, every ride and every mistake in these files is invented from a seed. "
    "The distribution is a sketch of commuting, fitted to no city."
)
FIRST_DAY: Final = dt.date(2026, 3, 2)
ZONE: Final = ZoneInfo("Asia/Shanghai")
DAYS_MAX: Final = 366
PARTNERS_MAX: Final = 12
BLOCK_PEOPLE: Final = 65_536
"""So many people are made at once: what the memory that is used depends on."""
DESCRIPTION: Final = "city.json"

IDENTITIES: Final = pa.schema(
    {
        "person_ref": pa.string(),
        "id_type": pa.string(),
        "id_number": pa.string(),
        "consent_data": pa.string(),
        "consent_claim": pa.string(),
    }
)
RIDES: Final = pa.schema(
    {
        "ride_id": pa.int64(),
        "person": pa.int64(),
        "mode": pa.string(),
        "started_at": pa.timestamp("s", tz="UTC"),
        "duration_s": pa.int64(),
        "distance_m": pa.int64(),
    }
)


class OtherCityError(CallerError):
    """The folder holds another city; name another folder or remove it."""

    code: ClassVar[str] = "OTHER_CITY"


class CitySizeError(CallerError):
    """A city of this size cannot be made."""

    code: ClassVar[str] = "CITY_SIZE"


@dataclass(frozen=True, slots=True, kw_only=True)
class CitySize:
    """Which city: the same five numbers give the same rows."""

    people: int
    partners: int = 3
    days: int = 7
    seed: int = 1

    def __post_init__(self) -> None:
        """Check what the identities and the ride numbers have room for."""
        limits = {
            "people": (self.people, TEST_SERIALS),
            "partners": (self.partners, PARTNERS_MAX),
            "days": (self.days, DAYS_MAX),
        }
        for name, (value, most) in limits.items():
            if not 1 <= value <= most:
                raise CitySizeError(f"{name} is {value}, not between 1 and {most}")

    @property
    def steps(self) -> int:
        """How many blocks of people and days there are to make."""
        return -(-self.people // BLOCK_PEOPLE) * (self.days + 1)


Watcher = Callable[[int, int], None]
"""Is told after every step how many rides there are, and how many steps are done."""


def make_city(folder: Path, size: CitySize, watch: Watcher) -> Mapping[str, object]:
    """Write the files of a city, or leave them if they are there; return their description.

    In `folder`: `<partner>.activities.parquet` and `<partner>.identities.parquet` as nodes import
    them, `truth/rides.parquet` with what happened, `truth/sightings.parquet` with what every
    recorded row is in truth, and, last of all, `city.json`.

    Raises:
        OtherCityError: the folder holds a city of other numbers.
    """
    asked = dataclasses.asdict(size)
    finished = folder / DESCRIPTION
    if finished.exists():
        found: dict[str, object] = json.loads(finished.read_text(encoding="utf-8"))
        if any(found.get(name) != value for name, value in asked.items()):
            raise OtherCityError(f"{folder.name} holds another city: name another folder")
        return found
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        counts = _City(folder, size, stack).write(watch)
    described = {
        "label": LABEL,
        **asked,
        "first_day": FIRST_DAY.isoformat(),
        "time_zone": str(ZONE),
        "methodology": "cn-ecny-shanghai",
        "rows": counts,
    }
    # Written last, and at once: a city without it was interrupted and is made again.
    partial = finished.with_suffix(".partial")
    partial.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    partial.rename(finished)
    return described


class _City:
    """The open files of a city that is being made."""

    def __init__(self, folder: Path, size: CitySize, stack: ExitStack) -> None:
        self._folder, self._size, self._stack = folder, size, stack
        self._counts: dict[str, int] = {}
        self._platforms = platforms(size.partners)
        self._activities = [
            self._open(f"{item.name}.activities", ACTIVITIES) for item in self._platforms
        ]
        self._identities = [
            self._open(f"{item.name}.identities", IDENTITIES) for item in self._platforms
        ]
        self._rides = self._open("truth/rides", RIDES)
        self._sightings = self._open("truth/sightings", SIGHTINGS)

    def write(self, watch: Watcher) -> Mapping[str, int]:
        """Write everything, day by day; return the rows of every file."""
        done = rides = 0
        for people in self._blocks():
            for platform, write in zip(self._platforms, self._identities, strict=True):
                write(identities(platform, people, self._size.seed))
            done += 1
            watch(rides, done)
        for day in range(self._size.days):
            midnight = dt.datetime.combine(FIRST_DAY + dt.timedelta(days=day), dt.time(), ZONE)
            for people in self._blocks():
                happened = rides_of(people, self._size.seed, day, int(midnight.timestamp()))
                self._write_day(people, happened, day)
                rides, done = rides + len(happened), done + 1
                watch(rides, done)
        return self._counts

    def _write_day(self, people: People, happened: Rides, day: int) -> None:
        self._rides(_truth(happened))
        for platform, write in zip(self._platforms, self._activities, strict=True):
            activities, sightings = recorded(platform, people, happened, self._size.seed, day)
            write(activities)
            self._sightings(sightings)

    def _blocks(self) -> Iterator[People]:
        size = self._size
        for first in range(0, size.people, BLOCK_PEOPLE):
            yield People.of(size.seed, first, min(BLOCK_PEOPLE, size.people - first))

    def _open(self, name: str, schema: pa.Schema) -> Callable[[pa.Table], None]:
        """Open a file that says in itself what it is; return what appends to it."""
        self._counts[name] = 0
        path = self._folder / f"{name}.parquet"
        labelled = schema.with_metadata({"label": LABEL})
        writer = self._stack.enter_context(parquet.ParquetWriter(path, labelled))

        def append(table: pa.Table) -> None:
            self._counts[name] += table.num_rows
            writer.write_table(table.cast(labelled))

        return append


def identities(platform: Platform, people: People, seed: int) -> pa.Table:
    """Return the members among `people` as a platform exports them."""
    membership = Membership.of(platform, people, seed)
    members = membership.member.nonzero()[0]
    numbers = people.first + members
    consents = pa.array(membership.consents[members])
    columns = [
        platform.refs(numbers),
        pa.repeat("TEST", len(numbers)),
        pa.array([make_test_id(number) for number in numbers.tolist()], pa.string()),
        pa.repeat("true", len(numbers)),
        pa.compute.if_else(consents, "true", ""),
    ]
    return pa.Table.from_arrays(columns, schema=IDENTITIES)


def _truth(rides: Rides) -> pa.Table:
    columns = [
        pa.array(rides.ride_id),
        pa.array(rides.person),
        pa.array(MODES).take(pa.array(rides.mode)),
        pa.array(rides.start_s).cast(RIDES.field("started_at").type),
        pa.array(rides.duration_s),
        pa.array(rides.distance_m),
    ]
    return pa.Table.from_arrays(columns, schema=RIDES)
