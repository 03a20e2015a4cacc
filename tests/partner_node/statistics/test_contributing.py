"""From trips to an encrypted, bounded table: what is counted, when it is sent, what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.clock import SteppedClock
from fedcarbon.disclosure.block_file import file_bytes
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.proofs.range_proof import RangeProofInvalidError
from fedcarbon.proofs.range_prover import ValueOutOfRangeError
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e
from partner_node.statistics import contributing
from partner_node.statistics.bounding import TableSum, UnitUnknownError
from partner_node.statistics.counting import TableCounting
from partner_node.storage.statistics import StatisticsStore
from tests.partner_node.fake_hub import NODE, FakeHub
from tests.partner_node.statistics.shells import (
    HUANGPU,
    PUDONG,
    by_cell,
    categories,
    quantity,
    shell,
)
from tests.partner_node.world import STORE, World, at, new_world, person, restarted, ride

METRO = 97_000
"""ug per metre."""
METRO_HUANGPU = ("metro", "310101")
METRO_PUDONG = ("metro", "310115")
METRO_ELSEWHERE = ("metro", "elsewhere")


@pytest.fixture
def city(enrolled: tuple[Path, FakeHub], tmp_path: Path) -> Iterator[World]:
    """A node with rules for cells and three enrolled riders, at noon of the first day."""
    made = city_of(enrolled, tmp_path)
    yield made
    made.database.close()


def city_of(enrolled: tuple[Path, FakeHub], path: Path) -> World:
    """Return such a world."""
    store, hub = enrolled
    shutil.copy(store, path / STORE)
    clock = SteppedClock(hub.clock.now_s())
    return restarted(path, hub.copied(clock), clock, categories=categories())


def contributed(world: World, published: Any, period: int = 1) -> dict[Any, Any]:
    """Return the cells that are not 0 of what arrived."""
    return by_cell(published.statement, world.hub.contributed(published, period))


def states(world: World) -> list[tuple[int, str, str]]:
    """Return period, state and code of every period that the node shows."""
    return [
        (item.period, item.state, item.detail.split(":")[0]) for item in world.node.status().tables
    ]


# --- what is counted --------------------------------------------------------------------------


def test_a_period_that_is_over_arrives_bounded_by_cell_and_quantity(city: World) -> None:
    published = city.hub.publish(shell())
    city.record(
        ride("a", 1, at(8), km=4, place=HUANGPU),
        ride("b", 1, at(9), km=5, place=HUANGPU),
        ride("c", 2, at(8), km=6, place=PUDONG),
        ride("d", 3, at(8), km=40, minutes=60, place="the bund"),
    )

    city.run_epoch(1)

    assert contributed(city, published) == {
        METRO_HUANGPU: (1, 2, 9_000, 9_000 * METRO),
        METRO_PUDONG: (1, 1, 6_000, 6_000 * METRO),
        METRO_ELSEWHERE: (1, 1, 30_000, 2_000_000_000),
    }
    item, _ = city.hub.tables[published.index, 1]
    assert (item.members, item.partner_id) == (3, NODE)
    assert states(city) == [(1, "contributed", "")]
    assert city.leaf_types()[-1] is LeafType.TABLE_CONTRIBUTION


def test_a_table_without_trips_is_dense_zeros_of_the_same_length(city: World) -> None:
    published = city.hub.publish(shell(periods=2))
    city.record(ride("a", 1, at(8), place=HUANGPU))

    city.run_epoch(1)
    city.run_epoch(2)

    assert city.hub.contributed(published, 2) == [0] * shell().values
    sent = [len(item) for item in city.hub.received if b"table-blocks" in item]
    assert sent[0] == sent[1] > file_bytes(city.hub.parameters.proof_key, shell().values)


def test_trips_that_another_partner_won_are_not_counted(city: World) -> None:
    published = city.hub.publish(shell())
    city.record(
        ride("lost", 1, at(8), km=4, evidence=1, place=HUANGPU),
        ride("half lost", 2, at(8), km=4, evidence=1, place=HUANGPU),
        ride("scratched", 3, at(8), km=4, evidence=1, place=HUANGPU),
    )
    city.reveal()
    tokens = [city.claim_tokens(1, serial) for serial in (1, 2, 3)]
    rival = [*tokens[0].values(), *list(tokens[1].values())[:2], tokens[2][at(8)]]

    city.hub.judge(1, [(token, 0) for token in rival])
    city.hub.open_submissions(1)
    city.settle()
    city.hub.seal(1)
    city.settle()

    assert contributed(city, published) == {METRO_HUANGPU: (1, 1, 4_000, 3_000 * METRO)}
    assert sum(city.submitted(1).values()) == 3_000 * METRO


def test_all_cells_together_hold_what_was_submitted_under_the_cap(tmp_path: Path) -> None:
    city = new_world(tmp_path, categories=categories(), cap_ug=MicrogramsCO2e(500_000_000))
    city.link(person(1), person(2))
    city.settle()
    published = city.hub.publish(shell())
    city.record(
        ride("late", 1, at(10), km=4, place=HUANGPU),
        ride("early", 1, at(8), km=4, place=PUDONG),
        ride("above", 2, at(8), km=9, place=PUDONG),
    )

    city.run_epoch(1)

    found = contributed(city, published)
    assert found == {
        METRO_HUANGPU: (1, 1, 4_000, 500_000_000 - 4_000 * METRO),
        METRO_PUDONG: (2, 2, 13_000, 4_000 * METRO + 500_000_000),
    }
    assert sum(row[3] for row in found.values()) == sum(city.submitted(1).values())
    city.database.close()


def test_two_references_of_one_person_are_bounded_as_one(city: World) -> None:
    published = city.hub.publish(shell(cells_max=1))
    city.link(person(1, person_ref="rider-1-at-work"))
    city.settle()
    city.record(
        ride("a", 1, at(8), km=20, minutes=40, place=HUANGPU),
        ride("b", 1, at(9), km=20, minutes=40, place=HUANGPU, person_ref="rider-1-at-work"),
        ride("c", 1, at(10), km=20, minutes=40, place=PUDONG, person_ref="rider-1-at-work"),
    )

    city.run_epoch(1)

    ((cell, row),) = contributed(city, published).items()
    assert row[0] == 1
    assert row in {(1, 2, 30_000, 2_000_000_000), (1, 1, 20_000, 20_000 * METRO)}
    assert cell in {METRO_HUANGPU, METRO_PUDONG}


def test_a_trip_over_midnight_counts_once_and_its_grams_where_they_fall(city: World) -> None:
    published = city.hub.publish(shell(periods=2))
    city.record(ride("night", 1, at(23, 50), minutes=20, km=4, place=HUANGPU))

    city.run_epoch(1)
    city.run_epoch(2)

    assert contributed(city, published, 1) == {METRO_HUANGPU: (1, 1, 4_000, 2_000 * METRO)}
    assert contributed(city, published, 2) == {METRO_HUANGPU: (1, 0, 0, 2_000 * METRO)}


def test_a_period_of_several_epochs_is_bounded_as_a_whole(city: World) -> None:
    published = city.hub.publish(shell(period_epochs=2))
    for day in (1, 2):
        city.record(ride(f"d{day}", 1, at(8, day=day), km=20, minutes=40, place=HUANGPU))

    city.run_epoch(1)
    early = dict(city.hub.tables)
    city.run_epoch(2)

    assert early == {}
    assert contributed(city, published) == {METRO_HUANGPU: (1, 2, 30_000, 2_000_000_000)}


def test_an_epoch_that_was_sealed_without_this_partner_counts_nothing(city: World) -> None:
    published = city.hub.publish(shell())
    city.record(ride("a", 1, at(8), place=HUANGPU))
    city.reveal()
    city.hub.judge(1)
    city.hub.open_submissions(1)
    city.hub.seal(1, missing=(NODE,))

    city.settle()

    assert city.hub.contributed(published, 1) == [0] * shell().values
    assert city.hub.tables[published.index, 1][0].members == 3


def test_a_node_that_slept_through_an_epoch_still_knows_who_was_enrolled(city: World) -> None:
    published = city.hub.publish(shell())
    city.clock.at_s = at(1, day=2)
    city.hub.plan(1)
    city.hub.close_commitments(1)
    city.hub.judge(1)
    city.hub.open_submissions(1)
    city.hub.seal(1, missing=(NODE,))

    city.settle()

    assert city.hub.tables[published.index, 1][0].members == 3


def test_who_was_enrolled_in_any_epoch_of_a_period_is_a_member(city: World) -> None:
    published = city.hub.publish(shell(period_epochs=2))
    city.run_epoch(1)
    city.node.withdraw_consent("rider-1")
    city.link(person(4))
    city.settle()
    city.run_epoch(2)

    # The hub of these tests counts places of both snapshots, and refuses another number.
    assert city.hub.tables[published.index, 1][0].members == 4


def test_pages_of_people_add_up(city: World) -> None:
    published = city.hub.publish(shell())
    for serial in (1, 2, 3):
        city.record(ride(f"r{serial}", serial, at(8), km=serial, place=HUANGPU))
    city.run_epoch(1)

    cap_ug = city.hub.programme.cap_ug
    tables = [
        TableCounting(city.database, categories(), cap_ug, page=page).table(published, 1, b"s" * 32)
        for page in (1, 2, 1_000)
    ]

    assert [item.values for item in tables] == [city.hub.contributed(published, 1)] * 3


# --- bounding, end to end ---------------------------------------------------------------------


def busy(world: World) -> None:
    """Record rider-1's very busy day: every hour another cell, farther than anybody rides."""
    for hour in range(6, 22):
        place = (HUANGPU, PUDONG, "elsewhere")[hour % 3]
        world.record(ride(f"busy {hour}", 1, at(hour), km=30, minutes=50, place=place))


def test_one_person_moves_the_whole_table_by_no_more_than_the_sensitivity(
    enrolled: tuple[Path, FakeHub], tmp_path: Path
) -> None:
    vectors = []
    for name, with_person in (("with", True), ("without", False)):
        (tmp_path / name).mkdir()
        city = city_of(enrolled, tmp_path / name)
        published = city.hub.publish(shell())
        city.record(ride("b", 2, at(8), km=4, place=HUANGPU))
        if with_person:
            busy(city)
        city.run_epoch(1)
        vectors.append(city.hub.contributed(published, 1))
        city.database.close()

    statement = shell()
    width = len(statement.quantities)
    for at_, item in enumerate(statement.quantities):
        pairs = zip(vectors[0][at_::width], vectors[1][at_::width], strict=True)
        moved = sum((one - other) ** 2 for one, other in pairs)
        assert 0 < moved <= item.per_cell_max**2 * statement.cells_max


def skipping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the node forget to bound anybody."""

    def table(self: TableCounting, *asked: Any) -> TableSum:
        made = counted(self, *asked)
        made.values[:] = made.whole
        return made

    counted = TableCounting.table
    monkeypatch.setattr(TableCounting, "table", table)


def test_a_node_that_skips_bounding_cannot_prove_more_than_its_members_may_add(
    city: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.hub.publish(shell())
    busy(city)
    skipping(monkeypatch)

    with pytest.raises(ValueOutOfRangeError):
        city.run_epoch(1)

    assert city.hub.tables == {}
    assert city.database.number("SELECT count(*) FROM messages WHERE kind LIKE 'table%'") == 0


def test_a_proof_within_other_bounds_is_not_taken(
    city: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.hub.publish(shell())
    busy(city)
    skipping(monkeypatch)
    proved = contributing.proved_file
    monkeypatch.setattr(
        contributing,
        "proved_file",
        lambda tables, ref, values, bounds, below: proved(
            tables, ref, values, [1_000 * bound for bound in bounds], below
        ),
    )
    monkeypatch.setattr(contributing, "invalid_blocks", lambda *_: [])

    with pytest.raises(RangeProofInvalidError) as caught:
        city.run_epoch(1)

    assert caught.value.code == "RANGE_PROOF_INVALID"
    assert city.hub.tables == {}


def test_the_choice_of_cells_is_the_same_after_a_restart(city: World) -> None:
    published = city.hub.publish(shell(cells_max=1))
    for hour, place in ((8, HUANGPU), (9, PUDONG), (10, "elsewhere")):
        city.record(*(ride(f"{s} {hour}", s, at(hour), place=place) for s in (1, 2, 3)))
    city.run_epoch(1)
    city.database.close()

    again = restarted(city.path, city.hub, city.clock, categories=categories())
    secret = StatisticsStore(again.database).secret(b"another".ljust(32, b"!"))
    counting = TableCounting(again.database, categories(), city.hub.programme.cap_ug)

    assert counting.table(published, 1, secret).values == city.hub.contributed(published, 1)
    assert secret != b"another".ljust(32, b"!")
    again.database.close()


# --- what is not contributed to ---------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"first_epoch": EpochIndex(1), "shell_id": "other"},
        {"first_epoch": EpochIndex(3), "shell_id": "travel"},
        {"first_epoch": EpochIndex(3), "shell_id": "other", "periods": 2},
        {"first_epoch": EpochIndex(3), "shell_id": "other", "parameter_id": bytes(32)},
    ],
    ids=["the same epochs", "the same name", "epochs that there are not", "other parameters"],
)
def test_a_shell_against_the_rules_gets_nothing_and_stops_nothing(
    city: World, changes: dict[str, Any]
) -> None:
    good = city.hub.publish(shell(periods=2))
    bad = city.hub.publish(shell(**changes))

    city.run_epoch(1)
    city.run_epoch(2)
    city.run_epoch(3)

    assert list(city.hub.tables) == [(good.index, 1), (good.index, 2)]
    assert [item.split(":")[0] for item in city.node.status().incidents] == ["TABLE_SHELL_INVALID"]
    refused = [item for item in city.node.status().tables if item.state == "refused"]
    assert [(item.shell_leaf, item.period) for item in refused] == [(bad.index, 0)]


def test_a_shell_that_came_when_trips_were_known_gets_nothing(city: World) -> None:
    city.commit()
    late = city.hub.publish(shell())
    city.settle()
    city.hub.judge(1)
    city.hub.open_submissions(1)
    city.settle()
    city.hub.seal(1)
    city.settle()

    assert city.hub.tables == {}
    assert states(city) == [(0, "refused", "TABLE_SHELL_INVALID")]
    assert f"{late.statement.shell_id!r} came after" in city.node.status().tables[0].detail


def test_a_shell_of_another_programme_is_left_alone(city: World) -> None:
    city.hub.publish(shell(programme_id=ProgrammeId("elsewhere")))

    city.run_epoch(1)

    assert (city.hub.tables, states(city)) == ({}, [])


def test_a_shell_waits_until_it_is_under_a_witnessed_head(city: World) -> None:
    city.hub.witness()
    city.settle()
    hidden = city.hub.witnessed
    city.hub.publish(shell())
    city.hub.witnessed = hidden
    city.clock.at_s = at(1, day=2)
    city.hub.plan(1)
    city.settle()

    assert city.node.step().problems == ()
    assert states(city) == []


def test_a_shell_that_no_root_keys_signed_is_an_incident_and_epochs_go_on(city: World) -> None:
    city.hub.log_own(LeafType.TABLE_SHELL, shell())
    city.hub.witness()
    city.clock.at_s = at(1, day=2)
    city.hub.plan(1)

    progress = city.node.step()

    assert [(item.part, item.error.code) for item in progress.problems] == [
        ("statistics", "SIGNATURE_INVALID")
    ]
    assert "claims_committed" in [item.name for item in progress.events]


def test_a_partner_without_members_contributes_nothing(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    world.hub.publish(shell())

    world.run_epoch(1)

    assert world.hub.tables == {}
    assert states(world) == [(1, "refused", "TABLE_NO_MEMBERS")]
    world.database.close()


def test_a_unit_that_the_node_does_not_know_is_a_problem_and_epochs_go_on(city: World) -> None:
    quantities = (quantity("people", "people", 1), quantity("energy", "kWh", 9))
    city.hub.publish(shell(quantities=quantities))

    with pytest.raises(UnitUnknownError):
        city.run_epoch(1)
    city.clock.at_s = at(1, day=3)
    city.hub.plan(2)
    progress = city.node.step()

    assert [item.error.code for item in progress.problems] == ["TABLE_UNIT_UNKNOWN"]
    assert "claims_committed" in [item.name for item in progress.events]
    assert "TABLE_UNIT_UNKNOWN" in city.node.last_error


def test_what_the_hub_refuses_for_good_is_noted_and_left_alone(city: World) -> None:
    city.hub.publish(shell(periods=2))
    city.hub.late = True
    city.run_epoch(1)
    sent = len([item for item in city.hub.received if b"table-blocks" in item])
    city.settle()
    city.hub.late = False

    city.run_epoch(2)

    assert states(city) == [(1, "refused", "CONTRIBUTION_LATE"), (2, "contributed", "")]
    assert sent == 1
    assert len([item for item in city.hub.received if b"table-blocks" in item]) == 2
