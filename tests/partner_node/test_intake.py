"""Intake of activities: every rule once, and nothing dropped silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.partner_node.world import World, at, new_world, person, ride


@pytest.fixture
def linked(world: World) -> World:
    """A world with two riders who have consented, one of them from nine o'clock on."""
    world.link(person(1), person(2, consent_data="2026-03-02T09:00:00"))
    return world


REFUSED = {
    "mode that the methodology does not cover": (
        ride("x", 1, at(8), mode="bus"),
        "mode_not_covered",
    ),
    "faster than a train": (ride("x", 1, at(8), minutes=5, km=90), "implausible_speed"),
    "too short a way": (ride("x", 1, at(8), distance_m=20), "distance_below_minimum"),
    "five hours on a train": (ride("x", 1, at(8), minutes=301), "duration_above_maximum"),
    "the day before": (ride("x", 1, at(8, day=0)), "outside_programme_days"),
    "the day after": (ride("x", 1, at(8, day=4)), "outside_programme_days"),
    "over the last midnight": (ride("x", 1, at(23, 50, day=3)), "outside_programme_days"),
    "unknown person": (ride("x", 9, at(8)), "unknown_person"),
    "before consent": (ride("x", 2, at(8, 59)), "before_consent"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_activity_is_refused_with_its_reason_and_counted(linked: World, case: str) -> None:
    activity, reason = REFUSED[case]

    outcome = linked.record(activity, ride("good", 1, at(18)))

    assert outcome.accepted == 1
    assert [item.reason for item in outcome.rejected.values()] == [reason]
    assert outcome.rejected[0].detail
    assert linked.node.status().rejected == {reason: 1}


def test_the_same_activity_again_is_accepted_and_stored_once(linked: World) -> None:
    linked.record(ride("a", 1, at(8)))

    outcome = linked.record(ride("a", 1, at(8)), ride("a", 1, at(8)))

    assert outcome.accepted == 2
    assert linked.node.status().activities == 1


CHANGES = {
    "person": {"person_ref": "rider-2"},
    "mode": {"mode": "bike", "distance_m": 2_000},
    "start": {"started_at_s": at(10, 1)},
    "end": {"ended_at_s": at(10, 21)},
    "distance": {"distance_m": 9_999},
    "evidence": {"evidence": 2},
}


@pytest.mark.parametrize("changed", CHANGES)
def test_the_same_id_with_other_content_is_refused(linked: World, changed: str) -> None:
    linked.record(ride("a", 1, at(10)))

    outcome = linked.record(ride("a", 1, at(10), **CHANGES[changed]))

    assert outcome.rejected[0].reason == "duplicate_id_other_content"


def test_overlaps_of_one_person_leave_the_first_that_came(linked: World) -> None:
    linked.record(ride("first", 1, at(10), minutes=30))

    outcome = linked.record(
        ride("inside", 1, at(10, 10), minutes=5, km=1),
        ride("around", 1, at(9, 50), minutes=60),
        ride("touching before", 1, at(9, 30), minutes=30),
        ride("touching after", 1, at(10, 30), minutes=30),
        ride("over the touching one", 1, at(10, 45), minutes=30),
        ride("somebody else", 2, at(10), minutes=30),
    )

    assert {item.activity_id: item.reason for item in outcome.rejected.values()} == dict.fromkeys(
        ("inside", "around", "over the touching one"), "overlapping_activity"
    )
    assert outcome.accepted == 3


def test_overlaps_are_judged_over_all_references_of_a_person(linked: World) -> None:
    linked.link(person(1, person_ref="second-phone"))
    linked.record(ride("a", 1, at(10), minutes=30))

    outcome = linked.record(ride("b", 1, at(10, 10), person_ref="second-phone"))

    assert outcome.rejected[0].reason == "overlapping_activity"


def test_an_empty_batch_is_an_empty_answer(linked: World) -> None:
    outcome = linked.record()

    assert (outcome.accepted, outcome.rejected) == (0, {})


def test_a_large_batch_is_judged_in_order_whatever_its_order_of_time(linked: World) -> None:
    rides = [ride(f"r{i}", 1, at(0, 5 * i), minutes=5, km=2) for i in range(200)]

    outcome = linked.record(*reversed(rides), *rides)

    assert outcome.accepted == 400
    assert linked.node.status().activities == 200


def test_a_programme_of_long_epochs_takes_activities_of_all_its_days(tmp_path: Path) -> None:
    world = new_world(tmp_path, epoch_days=3)
    world.link(person(1))

    outcome = world.record(ride("a", 1, at(0)), ride("b", 1, at(23, 40, day=3)))

    assert outcome.accepted == 2
    world.database.close()
