"""Synthetic cities: the same every time, possible for people, and wrong only where they say so."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyarrow import parquet
from rich.console import Console

from fedcarbon.synth import city as city_module
from fedcarbon.synth.city import LABEL, CitySize, CitySizeError, OtherCityError, make_city
from fedcarbon.synth.platforms import SKEW_S_MAX, Mistake, platforms
from partner_node.commands.importing_files import import_activities, import_identities
from tests.partner_node.world import DAYS, new_world

SIZE = CitySize(people=400, partners=4, days=2, seed=5)
NAMES = ("metro-app", "bike-share", "journey-app", "metro-app-2")


def unwatched(*_: int) -> None:
    """Watch nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("city")
    make_city(found, SIZE, unwatched)
    return found


def ask(folder: Path, sql: str, *parameters: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query over the city's files."""
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{folder}'")
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql, parameters).fetchall()


def test_the_same_numbers_give_the_same_bytes_and_another_seed_another_city(
    folder: Path, tmp_path: Path
) -> None:
    make_city(tmp_path / "again", SIZE, unwatched)
    other = CitySize(people=400, partners=4, days=2, seed=6)
    make_city(tmp_path / "other", other, unwatched)

    for path in sorted(folder.rglob("*.parquet")):
        name = path.relative_to(folder)
        assert (tmp_path / "again" / name).read_bytes() == path.read_bytes()
        if "identities" not in path.name:
            assert (tmp_path / "other" / name).read_bytes() != path.read_bytes()


def test_memory_depends_on_blocks_and_the_people_of_a_block_on_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A larger city has the same people in its full blocks."""
    monkeypatch.setattr(city_module, "BLOCK_PEOPLE", 100)
    for name, people in (("small", 200), ("large", 300)):
        size = CitySize(people=people, days=1)
        make_city(tmp_path / name, size, unwatched)

    query = "SELECT * REPLACE (epoch(started_at) AS started_at) FROM '{}/truth/rides.parquet' "
    query += "WHERE person < 200 ORDER BY ALL"
    assert ask(tmp_path, query.format("small")) == ask(tmp_path, query.format("large"))


def test_a_finished_city_is_left_and_an_interrupted_one_made_again(tmp_path: Path) -> None:
    steps: list[int] = []

    def stop_half_way(_: int, done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_city(tmp_path, SIZE, stop_half_way)
    assert not (tmp_path / "city.json").exists()
    described = make_city(tmp_path, SIZE, lambda _, done: steps.append(done))
    assert steps[-1] == SIZE.steps
    assert make_city(tmp_path, SIZE, lambda *_: steps.append(-1)) == described
    assert -1 not in steps
    with pytest.raises(OtherCityError):
        make_city(tmp_path, CitySize(people=401), unwatched)


@pytest.mark.parametrize("wrong", [{"people": 0}, {"partners": 13}, {"days": 367}])
def test_a_city_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(CitySizeError):
        CitySize(**{"people": 10} | wrong)


def test_every_file_says_that_it_is_invented(folder: Path) -> None:
    paths = sorted(folder.rglob("*.parquet"))

    assert len(paths) == 2 * len(NAMES) + 2
    for path in paths:
        assert parquet.read_schema(path).metadata[b"label"].decode() == LABEL


def test_nobody_is_in_two_rides_at_once_and_chains_change_between_bike_and_metro(
    folder: Path,
) -> None:
    overlapping = ask(
        folder,
        """SELECT count(*) FROM (
            SELECT epoch(started_at) + duration_s > lead(epoch(started_at)) OVER own AS over
            FROM 'truth/rides.parquet' WINDOW own AS (PARTITION BY person ORDER BY started_at)
        ) WHERE over""",
    )
    chains = ask(
        folder,
        """SELECT count(*) FROM (
            SELECT mode, lag(mode) OVER own AS before, lead(mode) OVER own AS after
            FROM 'truth/rides.parquet' WINDOW own AS (PARTITION BY person ORDER BY started_at)
        ) WHERE mode = 'rail' AND before = 'bike' AND after = 'bike'""",
    )
    assert overlapping == [(0,)]
    assert chains[0][0] > SIZE.people // 4


def test_copies_have_another_clock_and_the_first_platforms_have_the_truth(folder: Path) -> None:
    skews = ask(
        folder,
        """SELECT min(s), max(s) FROM (
            SELECT epoch(a.started_at) - epoch(r.started_at) AS s
            FROM 'journey-app.activities.parquet' a
            JOIN 'truth/sightings.parquet' t USING (activity_id)
            JOIN 'truth/rides.parquet' r USING (ride_id) WHERE t.fate = 'seen')""",
    )
    low, high = skews[0]
    assert -SKEW_S_MAX <= low < -SKEW_S_MAX // 2
    assert SKEW_S_MAX // 2 < high <= SKEW_S_MAX
    exact = ask(
        folder,
        """SELECT bool_and(a.started_at = r.started_at AND a.distance_m = r.distance_m)
            FROM 'metro-app.activities.parquet' a
            JOIN 'truth/sightings.parquet' t USING (activity_id)
            JOIN 'truth/rides.parquet' r USING (ride_id) WHERE t.fate = 'seen'""",
    )
    assert exact == [(True,)]


REASONS = {
    Mistake.ENDS_BEFORE_START: {"not_positive_duration"},
    Mistake.NO_TIME: {"malformed_time", "malformed_row"},
    Mistake.NEGATIVE_DISTANCE: {"distance_m_out_of_range"},
    Mistake.TOO_FAST: {"distance_above_maximum", "implausible_speed", "distance_m_out_of_range"},
    Mistake.UNKNOWN_MODE: {"mode_not_covered"},
    Mistake.UNKNOWN_PERSON: {"unknown_person"},
    Mistake.LONG_AGO: {"outside_programme_days"},
    Mistake.NO_SUCH_EVIDENCE: {"evidence_out_of_range"},
}


@pytest.mark.parametrize("partner", NAMES)
def test_a_node_takes_what_was_seen_and_refuses_what_is_wrong(
    folder: Path, partner: str, tmp_path: Path
) -> None:
    assert SIZE.days <= DAYS
    quiet, rejects = Console(quiet=True), tmp_path / "rejects.csv"
    world = new_world(tmp_path)
    world.settle()
    linked = import_identities(world.node, folder / f"{partner}.identities.parquet", rejects, quiet)
    assert set(linked.rejected) == {"missing_consent"}
    summary = import_activities(
        world.node, folder / f"{partner}.activities.parquet", rejects, quiet
    )

    fates: dict[str, int] = dict(
        ask(
            folder,
            "SELECT fate, count(*) FROM 'truth/sightings.parquet' WHERE partner = ? GROUP BY fate",
            partner,
        )
    )
    world.database.close()
    with rejects.open(encoding="utf-8") as file:
        refused = {row["activity_id"]: row["reason"] for row in csv.DictReader(file)}
    consenting = {
        name
        for (name,) in ask(
            folder,
            "SELECT activity_id FROM read_parquet(?) JOIN read_parquet(?) USING (person_ref) "
            "WHERE consent_claim = 'true'",
            f"{partner}.activities.parquet",
            f"{partner}.identities.parquet",
        )
    }
    assert summary.read == sum(fates.values())
    for name, reason in refused.items():
        if name.endswith("-wrong"):
            assert reason in set().union({"missing_consent", "unknown_person"}, *REASONS.values())
        elif name.endswith("-again"):
            assert reason in {"overlapping_activity", "missing_consent", "unknown_person"}
        else:
            assert name not in consenting
    assert {name for name in consenting if name.endswith(("-wrong", "-again"))} <= refused.keys()


def test_platforms_have_names_of_their_own() -> None:
    names = [item.name for item in platforms(12)]

    assert names[:4] == list(NAMES)
    assert len(set(names)) == 12
