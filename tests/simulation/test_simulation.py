"""Whole federations in one process, against a second, simple model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedcarbon.canonical.statement import decode
from fedcarbon.epoch.statements import BeaconValue
from fedcarbon.identity.verdicts import tie_hash
from fedcarbon.ids import Claimant, PartyId
from fedcarbon.transparency.checkpoint import QuorumMissingError
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import opening_pb2, record_pb2, redemption_pb2
from tests.chance import seeded
from tests.once import made_once
from tests.simulation.local_hub import Fault
from tests.simulation.operations import Ride, Run, rides_of_a_day
from tests.simulation.world import HUB, PARTNERS, PROGRAMME, World

METRO, BIKE, MAAS = PARTNERS
UNIT_UG = 1_250_000_000
CREATES = (
    "create_cosignature",
    "create_enrolment_batch",
    "evaluate",
    "create_claim_commitment",
    "create_claim_list",
    "create_chunk",
    "create_link_proof",
    "create_operator_binding",
    "create_partner_binding",
    "create_opening_request",
    "create_redemption",
)


@pytest.fixture(scope="session")
def started_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a federation in which everybody is enrolled and has bound a wallet."""

    def make(folder: Path) -> None:
        world = World(folder, days=2)
        try:
            started(world)
        finally:
            world.close()

    return made_once(tmp_path_factory, "started-federation", make)


@pytest.fixture
def run(started_folder: Path, tmp_path: Path) -> Iterator[Run]:
    """A federation whose people are enrolled and have bound wallets; the first day begins."""
    shutil.copytree(started_folder, tmp_path / "copy")
    world = World(tmp_path / "copy", days=2, resumed=1)
    try:
        yield Run(world)
    finally:
        world.close()


def started(world: World) -> Run:
    run = Run(world)
    world.loop.run(world.desk.witness())
    run.link_everyone()
    run.enrol()
    world.set_clock(days_before=4)
    world.advance()
    run.bind()
    run.fill_the_float()
    return run


def test_every_create_survives_a_lost_request_and_a_lost_answer(tmp_path: Path) -> None:
    world = World(tmp_path)
    try:
        world.faults.enabled = True
        run = started(world)
        for ride in rides_of_a_day(run, seeded(3), day=0):
            run.ride(ride)

        run.seal(0)
        opened = run.open_all()
        paid = run.redeem_all("once")

        assert opened == run.expected()
        assert {person: item.units for person, item in paid.items()} == {
            person: mass // UNIT_UG for person, mass in opened.items() if mass >= UNIT_UG
        }
        assert sum(item.payout_fen for item in paid.values()) == sum(
            world.rail.payouts_fen().values()
        )
        assert world.faults.done == {(name, fault) for name in CREATES for fault in Fault}
    finally:
        world.close()


def test_the_second_opening_credits_only_what_is_new(run: Run) -> None:
    for day in (0, 1):
        for ride in rides_of_a_day(run, seeded(10 + day), day=day):
            run.ride(ride)
    run.seal(0)
    first = run.open_all()
    assert first == run.expected()

    run.seal(1)
    second = run.open_all()

    assert second == run.expected()
    assert sum(second.values()) > sum(first.values())
    operator = run.world.wallet()
    for person, item in enumerate(operator.store.customers()):
        assert item.account_token is not None
        assert operator.account(item.account_token).spendable_ug == second[person]


@pytest.mark.parametrize("seed", range(3))
def test_restarts_change_nothing(tmp_path: Path, seed: int) -> None:
    world, chance = World(tmp_path, seed=seed + 1), seeded(seed)
    try:
        run = started(world)
        rides = rides_of_a_day(run, chance, day=0)
        for number, ride in enumerate(rides):
            run.ride(ride)
            if number == len(rides) // 2:
                restart_something(world, chance.randrange(3))
        restart_something(world, seed)

        run.seal(0)
        restart_something(world, 0)
        opened = run.open_all()

        assert opened == run.expected()
    finally:
        world.close()


def restart_something(world: World, which: int) -> None:
    """Restart the hub, a node or a trustee on what it has stored."""
    if which == 0:
        world.close_hub()
        world.open_hub()
    elif which == 1:
        world.open_node(METRO)
    else:
        world.open_trustee(PartyId("trustee-2"))


def test_a_hub_that_restarts_in_the_middle_of_an_epoch_goes_on(run: Run) -> None:
    for ride in rides_of_a_day(run, seeded(5), day=0):
        run.ride(ride)
    world = run.world
    world.clock.at_s = world.programme.epoch_end_s(1) + 60  # type: ignore[arg-type, assignment]

    while run.state_of(1) != 6:
        world.advance()
        world.close_hub()
        world.open_hub()

    run.sealed = 1
    assert run.open_all() == run.expected()


def test_equal_claims_are_decided_by_the_beacon_alone(run: Run) -> None:
    # The same ride at three platforms, all with a gate pair: ten metres tell who has won.
    for metres, partner in enumerate(PARTNERS):
        run.ride(Ride(partner=partner, person=0, day=0, hour=8, slots=1, power=3 + metres))

    run.seal(0)
    opened = run.open_all()

    claims = world_claims(run.world)
    beacon = tie_beacon(run.world)

    def by_tie(name: str) -> bytes:
        return tie_hash(beacon, claims[name], Claimant(PROGRAMME, PartyId(name)))

    winner = min(claims, key=by_tie)
    expected = {name: 97_000 * (200 + (1 << (3 + i))) for i, name in enumerate(PARTNERS)}
    assert len(set(claims.values())) == 1
    assert opened[0] == expected[PartyId(winner)]


def world_claims(world: World) -> dict[str, bytes]:
    """Return partner to its one claim token, from its own store."""
    question = "SELECT token FROM claims WHERE person_id IS NOT NULL"
    return {str(name): bytes(world.store(name).rows(question)[0][0]) for name in PARTNERS}


def tie_beacon(world: World) -> bytes:
    answer = world.client(HUB).list_leaves(record_pb2.ListLeavesRequest(from_index=0, limit=500))
    body = next(item.body for item in answer.leaves if item.leaf[0] == LeafType.BEACON_VALUE)
    return decode(BeaconValue, Envelope.from_bytes(body).payload).output


def test_one_trustee_of_five_may_be_down(run: Run) -> None:
    for ride in rides_of_a_day(run, seeded(6), day=0):
        run.ride(ride)
    run.world.port.cut_off = {PartyId("trustee-1")}

    run.seal(0)

    assert run.open_all() == run.expected()


def test_with_two_down_openings_wait_for_a_quorum_and_then_go_on(run: Run) -> None:
    world = run.world
    for ride in rides_of_a_day(run, seeded(7), day=0):
        run.ride(ride)
    run.seal(0)
    operator = world.wallet()
    requests = list(operator.request_openings(world.loop.run(world.desk.witness())))
    world.port.cut_off = {PartyId("trustee-1"), PartyId("trustee-4")}

    with pytest.raises(QuorumMissingError, match="3 of the 4"):
        world.loop.run(world.desk.witness())
    world.loop.run(world.openings.advance())

    waiting = operator.hub.get_opening(opening_pb2.GetOpeningRequest(request_id=requests[0]))
    assert (waiting.state, waiting.code) == (
        opening_pb2.OPENING_STATE_REQUESTED,
        "QUORUM_MISSING",
    )
    world.port.cut_off = set()
    assert run.open_all() == run.expected()


def test_a_redemption_is_paid_once_however_often_it_is_ordered(run: Run) -> None:
    for ride in rides_of_a_day(run, seeded(8), day=0):
        run.ride(ride)
    run.seal(0)
    opened = run.open_all()

    first = run.redeem_all("label")
    again = run.redeem_all("label", people=first)

    assert first.keys() == again.keys()
    assert all(item.state == redemption_pb2.REDEMPTION_STATE_SETTLED for item in first.values())
    assert all(first[person].redemption_id == item.redemption_id for person, item in again.items())
    units = sum(mass // UNIT_UG for mass in opened.values())
    assert units > 0
    assert sum(run.world.rail.payouts_fen().values()) == units
