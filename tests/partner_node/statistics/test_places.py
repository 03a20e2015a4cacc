"""Where an activity was: kept with it, part of nothing that is credited or proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.methodology.activity import Activity, InvalidActivityError
from partner_node.activities.bundle import Bundle
from partner_node.importing.activities import read_activities
from partner_node.importing.table_file import Read, Reject
from tests.partner_node.world import World, at, ride
from tests.trips import METHODOLOGY

HEADER = "activity_id,person_ref,started_at,ended_at,evidence,mode,distance_m,place\n"
ROW = "a,rider-1,2026-03-02T08:00:00Z,2026-03-02T08:20:00Z,0,rail,10000,"


def read(folder: Path, place: str) -> Read[Activity] | Reject:
    """Read a file of one row with a place."""
    path = folder / "activities.csv"
    path.write_text(HEADER + ROW + place + "\n", encoding="utf-8")
    (item,) = read_activities(path, None, Bundle([load_from_catalogue(METHODOLOGY)]))
    return item


def test_a_file_may_say_where_an_activity_was(tmp_path: Path) -> None:
    named, point, empty = (
        read(tmp_path, place) for place in ("人民广场", '"121475000,31230000"', " ")
    )

    assert isinstance(named, Read)
    assert isinstance(point, Read)
    assert isinstance(empty, Read)
    assert named.value.place == "人民广场"
    assert point.value.place == "121475000,31230000"
    assert empty.value.place == ""
    assert "place" not in named.value.values


def test_a_place_that_is_too_long_or_does_not_print_is_a_malformed_row(tmp_path: Path) -> None:
    for place in ("x" * 129, "a\x07b"):
        item = read(tmp_path, place)
        assert isinstance(item, Reject)
        assert item.reason == "malformed_row"
        assert place not in item.detail
    with pytest.raises(InvalidActivityError):
        ride("a", 1, at(8), place=" somewhere")


def test_a_place_is_stored_once_and_another_one_makes_no_other_activity(riders: World) -> None:
    riders.record(ride("a", 1, at(8), place="here"), ride("b", 2, at(8)))
    again = riders.record(ride("a", 1, at(8), place="there"), ride("b", 2, at(8), place="there"))

    assert again.accepted == 2
    assert riders.database.rows("SELECT * FROM activity_places") == [("a", "here")]


def test_a_place_does_not_show_where_activities_are_printed() -> None:
    assert "the clinic" not in repr(ride("a", 1, at(8), place="the clinic"))
