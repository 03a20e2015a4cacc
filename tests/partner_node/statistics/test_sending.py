"""Contributions on their way: killed, lost, over real TLS; and nothing in them but ciphertexts."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path

import pytest
from rich.console import Console

from fedcarbon.clock import SteppedClock
from fedcarbon.ids import PartyId, Role
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Seconds
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.hub_client import GrpcHubClient
from fedcarbon.wire.party import PartyFiles, load_party
from fedcarbon.wire.tls import dial
from partner_node.commands import showing_tables
from partner_node.service.node_service import status_message
from partner_node.statistics.contributing import PeriodUnknownError
from tests.partner_node.fake_hub import HUB, NODE, FakeHub
from tests.partner_node.grpc_hub import serve_hub
from tests.partner_node.interruptions import Killed, KillPlan, LossyHub, MortalDatabase
from tests.partner_node.statistics.shells import HUANGPU, PUDONG, by_cell, categories, shell
from tests.partner_node.world import STORE, World, at, restarted, ride

METRO = 97_000
"""ug per metre."""
PLACES = (HUANGPU, PUDONG, "the clinic at the bund")


@pytest.fixture
def copied(enrolled: tuple[Path, FakeHub], tmp_path: Path) -> FakeHub:
    """A hub with three enrolled riders, whose node's store lies in `tmp_path`."""
    store, hub = enrolled
    (tmp_path / STORE).write_bytes(store.read_bytes())
    return hub.copied(SteppedClock(hub.clock.now_s()))


def ride_about(world: World) -> None:
    """Record trips of all riders in three places."""
    world.record(
        *(
            ride(f"{place} {serial}", serial, at(8 + hour), km=4, place=place)
            for serial in (1, 2, 3)
            for hour, place in enumerate(PLACES)
        )
    )


def test_a_node_that_dies_at_every_write_and_call_contributes_the_same_bytes_once(
    copied: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Checked by every other test; a fresh process per write would spend its time on it.
    monkeypatch.setattr(ParameterSet, "check", lambda _: None)
    monkeypatch.setattr("tests.partner_node.world.Database", MortalDatabase)
    world = restarted(tmp_path, copied, copied.clock, categories=categories())
    published = copied.publish(shell(cells_max=1))
    ride_about(world)
    world.reveal()
    copied.judge(1)
    copied.open_submissions(1)
    world.settle()
    copied.seal(1)
    plan, idle = KillPlan(), 0
    requests = LossyHub(copied, lost=Killed, reads_too=False)

    while idle < 2:
        world.database.close()
        world = restarted(tmp_path, copied, copied.clock, wrapped=requests, categories=categories())
        assert isinstance(world.database, MortalDatabase)
        world.database.plan = plan
        try:
            while idle < 2:
                progress = world.node.step()
                assert not progress.problems
                idle = 0 if progress.acted else idle + 1
        except Killed:
            idle = 0
        finally:
            world.database.plan = None

    assert plan.kills > 5
    assert len(requests.requests["submit_contribution"]) == 1
    assert world.leaf_types().count(LeafType.TABLE_CONTRIBUTION) == 1
    rows = by_cell(published.statement, copied.contributed(published, 1)).values()
    assert sum(row[0] for row in rows) == 3
    assert {row[1] for row in rows} <= {1, 2, 3}
    world.database.close()


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PartyFiles]:
    """Certificates of the node and of the hub."""
    now_s = Seconds(int(time.time()))
    authority = Authority.create(now_s)
    made = {}
    for name, role in ((NODE, Role.PARTNER), (HUB, Role.HUB)):
        party = PartyName(party_id=PartyId(name), role=role, trust_domain=authority.trust_domain)
        folder = tmp_path_factory.mktemp(name)
        made[name] = load_party(write_party(folder, authority, party, now_s=now_s, seed=bytes(32)))
    return made


def test_a_contribution_over_tls_says_nothing_of_trips_places_modes_or_people(
    copied: FakeHub, tmp_path: Path, parties: dict[str, PartyFiles]
) -> None:
    server, port = serve_hub(copied, parties[HUB])
    with dial(f"127.0.0.1:{port}", parties[NODE], parties[HUB].name) as channel:
        world = restarted(
            tmp_path,
            copied,
            copied.clock,
            wrapped=GrpcHubClient(channel),
            categories=categories(),
        )
        published = copied.publish(shell())
        ride_about(world)
        world.run_epoch(1)
        status = status_message(world.node.status(), "")
    server.stop(0).wait()

    found = by_cell(published.statement, copied.contributed(published, 1))
    assert all(cell[0] == "metro" for cell in found)
    assert sum(row[0] for row in found.values()) == 3 * 2
    assert [(item.period, item.state) for item in status.tables] == [(1, "contributed")]
    raw = b"\n".join(copied.received)
    payloads = [
        base64.b64decode(text) for text in re.findall(rb'"payload":"([A-Za-z0-9+/=]+)"', raw)
    ]
    assert any(b'"table_contribution"' in payload for payload in payloads)
    sent = raw + b"\n".join(payloads)
    numbers = {str(number).encode() for row in found.values() for number in row if number > 9_999}
    words = {text.encode() for place in PLACES for text in (place, *place.split(","))}
    forbidden = {*numbers, *words, b"metro", b'"rail"', b"310101", b"rider-", b"elsewhere"}
    assert [word for word in forbidden if word in sent.replace(b"sz-metro", b"")] == []
    assert b"sz-metro" in sent
    world.database.close()


def test_the_platform_sees_its_own_table_as_counted_and_as_bounded(
    copied: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = restarted(tmp_path, copied, copied.clock, categories=categories())
    copied.publish(shell())
    world.record(ride("far", 1, at(8), km=40, minutes=60, place=HUANGPU))
    world.run_epoch(1)
    console = Console(width=200)

    showing_tables.show(world.node, "travel", 1, console, as_json=True)
    as_json = json.loads(capsys.readouterr().out)
    showing_tables.show(world.node, "travel", 1, console, as_json=False)
    as_text = capsys.readouterr().out

    assert as_json["cells"] == [
        {
            "cell": ["metro", "310101"],
            "counted": {"people": 1, "trips": 1, "metres": 40_000, "grams": 40_000 * METRO},
            "bounded": {"people": 1, "trips": 1, "metres": 30_000, "grams": 2_000_000_000},
        }
    ]
    assert "40000" in as_text
    assert "30000" in as_text
    for table, period in (("travel", 2), ("travel", 0), ("nothing", 1)):
        with pytest.raises(PeriodUnknownError) as caught:
            world.node.own_table(table, period)
        assert caught.value.code == "TABLE_PERIOD_UNKNOWN"
    world.database.close()
