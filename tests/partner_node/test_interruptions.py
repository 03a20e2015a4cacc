"""Whatever gets lost and whenever the process dies: the same bytes, and every gram once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.parameters.parameter_set import ParameterSet
from tests.partner_node.interruptions import Killed, KillPlan, LossyHub, MortalDatabase
from tests.partner_node.world import World, at, new_world, person, restarted, ride

CREATES = (
    "evaluate",
    "create_enrolment_batch",
    "create_claim_commitment",
    "create_claim_list",
    "create_chunk",
    "create_partner_binding",
)

Rival = Callable[[], Iterable[tuple[Any, int]]]


@pytest.fixture
def people(tmp_path: Path) -> World:
    """A world with two riders who are linked, but not enrolled."""
    world = new_world(tmp_path)
    world.link(person(1), person(2))
    world.record(
        ride("a", 1, at(8), km=1), ride("b", 1, at(9), km=2), ride("c", 2, at(9), km=4, evidence=1)
    )
    return world


def day_of(world: World, advance: Callable[[], None], rival: Rival = lambda: ()) -> None:
    """Drive a whole epoch; `advance` steps until nothing is left to do."""
    advance()
    world.clock.at_s = at(1, day=2)
    world.hub.plan(1)
    advance()
    world.hub.close_commitments(1)
    world.hub.witness()
    advance()
    world.hub.judge(1, rival())
    world.hub.open_submissions(1)
    advance()
    world.hub.seal(1)
    advance()


def test_every_request_and_every_answer_may_be_lost_once(people: World) -> None:
    lossy = LossyHub(people.hub)
    people.database.close()
    world = restarted(people.path, people.hub, people.clock, wrapped=lossy)

    def advance() -> None:
        idle = 0
        while idle < 2:
            progress = world.node.step()
            idle = 0 if progress.acted or progress.problems else idle + 1

    def rival() -> list[tuple[bytes, int]]:
        return [(token, 0) for slot, token in world.claim_tokens(1, 2).items() if slot == at(9)]

    day_of(world, advance, rival)
    binding_id = world.hub.propose(world.token_of(1))
    advance()
    for _ in range(2):
        with pytest.raises(FedcarbonError, match="cable"):
            world.node.answer_binding(binding_id, confirm=True)
    advance()

    counts = {method: len(lossy.requests[method]) for method in CREATES}
    assert counts == dict.fromkeys(CREATES, 1) | {"evaluate": 2}
    assert world.submitted(1)["rider-1"] == 3_000 * 97_000
    assert world.submitted(1)["rider-2"] == 3_000 * 97_000
    assert [world.leaf_types().count(kind) for kind in (16, 33, 36, 38, 49)] == [1, 1, 1, 1, 1]
    world.database.close()


def test_a_node_that_dies_before_and_after_every_write_submits_every_gram_once(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = KillPlan()
    # Checked by every other test; a fresh process per write would spend its time on it.
    monkeypatch.setattr(ParameterSet, "check", lambda _: None)
    monkeypatch.setattr("tests.partner_node.world.Database", MortalDatabase)
    requests = LossyHub(people.hub, lost=Killed, reads_too=False)
    worlds = [people]

    def advance() -> None:
        idle = 0
        while idle < 2:
            worlds[-1].database.close()
            worlds.append(restarted(people.path, people.hub, people.clock, wrapped=requests))
            database = worlds[-1].database
            assert isinstance(database, MortalDatabase)
            database.plan = plan
            try:
                while idle < 2:
                    progress = worlds[-1].node.step()
                    assert not progress.problems
                    idle = 0 if progress.acted else idle + 1
            except Killed:
                idle = 0
            finally:
                database.plan = None

    day_of(people, advance)

    world = worlds[-1]
    assert world.submitted(1) == {"rider-1": 3_000 * 97_000, "rider-2": 4_000 * 97_000}
    assert plan.kills > 20
    creates = {method: len(requests.requests[method]) for method in CREATES[:5]}
    assert creates == dict.fromkeys(CREATES[:5], 1) | {"evaluate": 2}
    world.database.close()
