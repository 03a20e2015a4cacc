"""The files that a run starts from: an invented city, and the people whose accounts are opened."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.synth.city import CitySize, make_city
from fedcarbon.synth.platforms import platforms

_CONSENTING: Final = """
    SELECT id_number FROM read_parquet($1) WHERE consent_data <> '' AND consent_claim <> ''
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CityFiles:
    """Where the files of a city are, and how much is in them."""

    folder: Path
    people: int
    """Who live there; a few are members of nothing, or consent to nothing."""
    platforms: tuple[str, ...]
    activities: int
    """Rows of all platforms, wrong ones included."""
    members: int
    """People with both consents, summed over the platforms."""
    enrolled: int
    """Different people among them: accounts."""

    def activity_file(self, platform: str) -> Path:
        """Return the trips that a platform recorded."""
        return self.folder / f"{platform}.activities.parquet"

    def identity_file(self, platform: str) -> Path:
        """Return a platform's own members."""
        return self.folder / f"{platform}.identities.parquet"

    @property
    def identity_files(self) -> list[str]:
        """The members of all platforms."""
        return [str(self.identity_file(platform)) for platform in self.platforms]


def invent(folder: Path, people: int, partners: int, seed: int) -> CityFiles:
    """Write one day of a city, or take it as it is if it is there."""
    size = CitySize(people=people, partners=partners, days=1, seed=seed)
    rows = make_city(folder, size, lambda _rides, _done: None)["rows"]
    assert isinstance(rows, dict)  # noqa: S101 - as `make_city` describes it
    files = CityFiles(
        folder=folder,
        people=people,
        platforms=tuple(item.name for item in platforms(partners)),
        activities=sum(count for name, count in rows.items() if name.endswith(".activities")),
        members=0,
        enrolled=0,
    )
    members, enrolled = duckdb.execute(
        f"SELECT count(*), count(DISTINCT id_number) FROM ({_CONSENTING})",  # noqa: S608
        [files.identity_files],
    ).fetchall()[0]
    return CityFiles(
        folder=folder,
        people=people,
        platforms=files.platforms,
        activities=files.activities,
        members=members,
        enrolled=enrolled,
    )


def some_accounts(files: CityFiles, count: int, seed: int) -> list[str]:
    """Return the id numbers of some people who are enrolled, drawn by `seed`."""
    rows = duckdb.execute(
        f"SELECT DISTINCT id_number FROM ({_CONSENTING}) "  # noqa: S608
        "ORDER BY sha256(concat($2, id_number)) LIMIT $3",
        [files.identity_files, str(seed), count],
    ).fetchall()
    return sorted(row[0] for row in rows)


def write_wallets(path: Path, numbers: Sequence[str]) -> None:
    """Write the customers of the wallet operator: one wallet for each id number."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id_type", "id_number", "wallet_id", "wallet_class"))
        for serial, number in enumerate(numbers):
            writer.writerow(("TEST", number, sandbox_wallet_id(serial), 1))


def write_few(files: CityFiles, numbers: Sequence[str], folder: Path) -> None:
    """Write files of the same names that hold nobody but the people with these id numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    for platform in files.platforms:
        identities, trips = files.identity_file(platform), files.activity_file(platform)
        people = _rows_where(identities, "id_number", numbers)
        people.write_parquet(str(folder / identities.name))
        refs = [row[0] for row in people.project("person_ref").fetchall()]
        _rows_where(trips, "person_ref", refs).write_parquet(str(folder / trips.name))


def _rows_where(path: Path, column: str, values: Sequence[str]) -> duckdb.DuckDBPyRelation:
    found = duckdb.sql(
        f"SELECT * FROM read_parquet($1) WHERE {column} IN $2",  # noqa: S608 - a name of ours
        params=[str(path), list(values)],
    )
    assert found is not None  # noqa: S101 - a query has a result
    return found
