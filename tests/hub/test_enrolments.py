"""Enrolments and places: one place per person, for all partners and for ever."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from fedcarbon.epoch.snapshot import Place
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.registry.enrolment import EnrolmentAction, PlaceBatch
from fedcarbon.transparency.leaf import LeafType
from hub.registry.enrolments import enrol
from hub.registry.place_pool import PlacePool
from hub.storage.enrolment_store import EnrolmentStore, OpenBlocks
from tests.chance import seeded
from tests.hub.federation import (
    BIKES,
    METRO,
    PROGRAMME,
    TAXIS,
    Federation,
    opened,
    programme,
    root_signed,
    signed,
    token,
)


def logged_places(federation: Federation) -> list[PlaceBatch]:
    record = federation.hub.record
    bodies = federation.hub.read_now(
        lambda session: record.bodies_of_type(session, LeafType.PLACE_BATCH)
    )
    return [opened(PlaceBatch, body) for _, body in bodies]


def test_a_token_gets_the_same_place_from_every_partner(federation: Federation) -> None:
    first = federation.enrol_people(METRO, range(10))
    second = federation.enrol_people(BIKES, range(5, 15))

    assert {person: second[person] for person in range(5, 10)} == {
        person: first[person] for person in range(5, 10)
    }


def test_places_never_move(federation: Federation) -> None:
    first = federation.enrol_people(METRO, range(10))
    federation.enrol_people(BIKES, range(10, 40))
    federation.withdraw_people(METRO, range(10), from_epoch=2)
    federation.restart()

    assert federation.enrol_people(METRO, range(10), from_epoch=3) == first


def test_no_two_accounts_share_a_place_and_each_is_logged_once(federation: Federation) -> None:
    places: dict[int, Place] = {}
    for start in range(0, 60, 7):
        places |= federation.enrol_people(METRO, range(start, start + 12))

    entries = [entry for batch in logged_places(federation) for entry in batch.entries]

    assert len(set(places.values())) == len(places)
    assert {entry.account_token: Place(entry.block, entry.slot) for entry in entries} == {
        token(person): place for person, place in places.items()
    }
    assert len(entries) == len(places)
    assert all(0 <= place.slot < 4 for place in places.values())


def test_a_place_does_not_tell_how_old_an_account_is() -> None:
    pool = PlacePool(OpenBlocks(taken={}, next_block=0), slots=27, size=8)
    chance = seeded(5)

    first = [pool.draw(chance.randrange) for _ in range(60)]

    assert len({place.block for place in first}) == 8
    assert [place.slot for place in first] != sorted(place.slot for place in first)


def test_the_pool_draws_every_free_place_with_the_same_chance() -> None:
    chance = seeded(6)
    drawn = Counter(
        PlacePool(OpenBlocks(taken={3: frozenset({0})}, next_block=4), slots=2, size=2).draw(
            chance.randrange
        )
        for _ in range(3000)
    )

    assert set(drawn) == {Place(3, 1), Place(4, 0), Place(4, 1)}
    assert min(drawn.values()) > 900


def test_a_full_block_is_replaced_by_the_next_unused_one() -> None:
    pool = PlacePool(OpenBlocks(taken={2: frozenset({1})}, next_block=9), slots=2, size=1)

    assert pool.draw(lambda _: 0) == Place(2, 0)
    assert pool.blocks == {9}
    assert pool.draw(lambda _: 1) == Place(9, 1)
    assert pool.draw(lambda _: 0) == Place(9, 0)
    assert pool.blocks == {10}


def test_the_pool_keeps_its_size_across_restarts(federation: Federation) -> None:
    federation.enrol_people(METRO, range(9))
    federation.restart()
    federation.enrol_people(METRO, range(9, 20))

    stored = federation.hub.read_now(lambda session: EnrolmentStore(session).open_blocks(PROGRAMME))

    assert len(stored.taken) == federation.pool
    places = federation.places()
    # Nothing is left free in a block that is not open.
    closed = {place.block for place in places.values()} - set(stored.taken)
    per_block = Counter(place.block for place in places.values())
    assert all(per_block[block] == 4 for block in closed)


def test_a_batch_sent_again_gets_the_same_answer_and_changes_nothing(
    federation: Federation,
) -> None:
    message = signed(federation.batch(METRO, range(5)), METRO)
    first = federation.enrol(METRO, message)
    size = federation.hub.read_now(federation.hub.record.head).size
    federation.restart()

    assert federation.enrol(METRO, message) == first
    assert federation.hub.read_now(federation.hub.record.head).size == size


def test_two_partners_may_use_the_same_batch_id(federation: Federation) -> None:
    for partner in (METRO, BIKES):
        federation.enrol(
            partner, signed(federation.batch(partner, [1], batch_id=bytes(16)), partner)
        )


def test_the_places_come_in_the_order_of_the_batch(federation: Federation) -> None:
    message = signed(federation.batch(METRO, [5, 3, 9, 1]), METRO)

    places = federation.enrol(METRO, message).places

    assert [account for account, _ in places] == [token(person) for person in (5, 3, 9, 1)]


def test_a_batch_without_new_accounts_logs_an_empty_leaf_of_places(
    federation: Federation,
) -> None:
    federation.enrol_people(METRO, [1])
    federation.enrol_people(BIKES, [1])
    federation.enrol_people(TAXIS, [1])

    batches = logged_places(federation)

    assert [len(batch.entries) for batch in batches] == [1, 0, 0]
    assert len({batch.enrolment_leaf for batch in batches}) == 3


def test_a_batch_costs_the_same_however_many_are_enrolled(federation: Federation) -> None:
    early = steps_of_a_batch(federation, range(10))
    for start in range(10, 610, 100):
        federation.enrol_people(METRO, range(start, start + 100))
    late = steps_of_a_batch(federation, range(610, 620))

    # A scan of the 610 accounts would take thousands of steps more.
    assert late < early + 600


def steps_of_a_batch(federation: Federation, people: range) -> int:
    """Return how many steps the database takes to enrol people."""
    message = signed(federation.batch(METRO, people), METRO)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def counted(session: Session) -> None:
        connection = session.connection().connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        connection.set_progress_handler(count, 1)
        enrol(session, federation.hub, METRO, message)
        connection.set_progress_handler(None, 0)

    federation.hub.write_now(counted)
    return steps


def test_the_database_itself_refuses_a_second_account_in_a_place(federation: Federation) -> None:
    place = federation.enrol_people(METRO, [1])[1]

    with pytest.raises(IntegrityError):
        federation.hub.write_now(
            lambda session: EnrolmentStore(session).add_places(PROGRAMME, [(token(2), place)], 2)
        )


Sent = Callable[[Federation], tuple[PartyId, bytes]]


def used_batch_id(federation: Federation) -> tuple[PartyId, bytes]:
    batch = federation.batch(METRO, [1])
    federation.enrol(METRO, signed(batch, METRO))
    other = federation.batch(METRO, [2])
    return METRO, signed(replace(other, batch_id=batch.batch_id), METRO)


def withdrawal_of(federation: Federation, person: int) -> tuple[PartyId, bytes]:
    federation.enrol_people(METRO, [1])
    batch = federation.batch(BIKES, [person], action=EnrolmentAction.WITHDRAW)
    return BIKES, signed(batch, BIKES)


REFUSED: dict[str, tuple[Sent, str]] = {
    "a caller that is not admitted": (
        lambda f: (PartyId("ghost"), signed(f.batch(METRO, [1]), METRO)),
        "NOT_ADMITTED",
    ),
    "a caller that is no partner": (
        lambda f: (PartyId("auditor"), signed(f.batch(METRO, [1]), "auditor")),
        "NOT_ADMITTED",
    ),
    "another partner's batch": (
        lambda f: (BIKES, signed(f.batch(METRO, [1]), METRO)),
        "SIGNATURE_INVALID",
    ),
    "another partner's name": (
        lambda f: (BIKES, signed(f.batch(METRO, [1]), BIKES)),
        "SENDER_DIFFERS",
    ),
    "another parameter set": (
        lambda f: (METRO, signed(f.batch(METRO, [1], parameter_id=b"x" * 32), METRO)),
        "PARAMETERS_DIFFER",
    ),
    "a batch id with other bytes": (used_batch_id, "BATCH_DIFFERS"),
    "an unknown programme": (
        lambda f: (METRO, signed(f.batch(METRO, [1], programme_id=ProgrammeId("no")), METRO)),
        "UNKNOWN_PROGRAMME",
    ),
    "an epoch after the programme": (
        lambda f: (METRO, signed(f.batch(METRO, [1], from_epoch=4), METRO)),
        "EPOCH_OUTSIDE_PROGRAMME",
    ),
    "a withdrawal of what another partner enrolled": (
        lambda f: withdrawal_of(f, 1),
        "NOT_ENROLLED",
    ),
    "a withdrawal of nobody": (lambda f: withdrawal_of(f, 77), "NOT_ENROLLED"),
}


@pytest.mark.parametrize(("sent", "code"), REFUSED.values(), ids=REFUSED)
def test_a_batch_against_the_rules_is_refused_whole(
    federation: Federation, sent: Sent, code: str
) -> None:
    caller, message = sent(federation)
    size = federation.hub.read_now(federation.hub.record.head).size

    with pytest.raises(FedcarbonError) as caught:
        federation.enrol(caller, message)

    assert caught.value.code == code
    assert federation.hub.read_now(federation.hub.record.head).size == size


def test_more_partners_than_the_headroom_is_for_are_refused(bare: Federation) -> None:
    bare.admit_everyone()
    bare.start(root_signed(programme(partners_max=2)))
    for partner in (METRO, BIKES):
        bare.enrol_people(partner, [1])

    with pytest.raises(FedcarbonError) as caught:
        bare.enrol_people(TAXIS, [1])

    assert caught.value.code == "PARTNERS_MAX_REACHED"
    assert bare.enrol_people(METRO, [2])
