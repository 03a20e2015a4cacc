"""What is left to do for enrolment is found in windows, and nobody is overlooked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from fedcarbon.identity.labels import KeyLabel
from fedcarbon.registry.enrolment import EnrolmentAction
from partner_node.enrolment import enroller
from partner_node.epochs import runner
from partner_node.storage.agenda import EnrolmentAgenda
from tests.partner_node.world import World, at, person

BATCH = 2


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have batches of two persons."""
    monkeypatch.setattr(enroller, "BATCH_ENTRIES_MAX", BATCH)
    return monkeypatch


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """Collect what is asked of the store."""
    asked: list[str] = []
    execute = world.database._connection

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(execute, name)

        def execute(self, sql: str, *parameters: object) -> object:
            asked.append(sql)
            return execute.execute(sql, *parameters)

    world.database._connection = Counting()  # type: ignore[assignment]
    yield asked
    world.database._connection = execute


def enrolled(world: World) -> set[str]:
    rows = world.database.rows("SELECT person_ref FROM links JOIN places USING (person_id)")
    return {row[0] for row in rows}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("people", [2, 12])
def test_consents_are_read_once_however_many_batches_they_make(world: World, people: int) -> None:
    world.link(*map(person, range(people)))

    with statements(world) as asked:
        world.settle()

    batches = [sql for sql in asked if sql.startswith("INSERT INTO enrolment_batches")]
    joined = [sql for sql in asked if "JOIN links" in sql]
    assert len(batches) == people // BATCH
    assert len(joined) == 1


def test_an_idle_node_reads_nobodys_consents_again(world: World) -> None:
    world.link(*map(person, range(3)))
    world.settle()

    with statements(world) as asked:
        world.settle()

    assert not [sql for sql in asked if "JOIN links" in sql]


def test_whoever_the_window_did_not_hold_is_enrolled_after_it(
    world: World, small: pytest.MonkeyPatch
) -> None:
    small.setattr(runner, "EnrolmentAgenda", partial(EnrolmentAgenda, window=3))
    world.link(*map(person, range(10)))

    world.settle()

    assert enrolled(world) == {f"rider-{serial}" for serial in range(10)}
    assert sum(len(batch.entries) for batch in world.hub.batches.values()) == 10


def test_people_who_can_be_enrolled_are_not_hidden_behind_those_who_lack_an_output(
    world: World,
) -> None:
    world.link(*map(person, range(6)))
    world.database.run("INSERT INTO account_tokens SELECT 6, 'token'::BLOB")
    world.database.run("INSERT INTO claim_secrets SELECT 6, 'secret'::BLOB")
    agenda = EnrolmentAgenda(world.database, world.node.programme, window=2)

    agenda.follow()

    assert [entry.person_id for entry in agenda.due(EnrolmentAction.ENROL, limit=9)] == [6]
    assert agenda.lacking(KeyLabel.ACCOUNT, limit=9) == [1]


def test_a_withdrawal_is_seen_while_a_full_window_waits(
    world: World, small: pytest.MonkeyPatch
) -> None:
    world.link(person(1))
    world.settle()
    small.setattr(runner, "EnrolmentAgenda", partial(EnrolmentAgenda, window=1))
    world.clock.at_s = at(13)
    world.link(person(2), person(3))
    world.node.withdraw_consent("rider-1")

    world.settle()

    entries = [entry for batch in world.hub.batches.values() for entry in batch.entries]
    assert [entry.action for entry in entries].count(EnrolmentAction.WITHDRAW) == 1
    assert enrolled(world) == {"rider-1", "rider-2", "rider-3"}


def test_new_consents_are_enrolled_again_after_a_withdrawal(world: World) -> None:
    world.link(person(1))
    world.settle()
    world.node.withdraw_consent("rider-1")
    world.settle()
    world.clock.at_s = at(14)
    later = "2026-03-02T13:30:00"
    world.link(person(1, consent_data=later, consent_claim=later))

    world.settle()

    entries = [entry for batch in world.hub.batches.values() for entry in batch.entries]
    assert [entry.action for entry in entries] == [
        EnrolmentAction.ENROL,
        EnrolmentAction.WITHDRAW,
        EnrolmentAction.ENROL,
    ]
