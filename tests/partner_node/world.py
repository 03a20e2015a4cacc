"""A world around one node: a fake hub, a clock, a store on disk, and people with TEST ids."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.clock import SteppedClock
from fedcarbon.identity.person_id import make_test_id
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.definition import Methodology
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.programme import Policy, Programme, midnight_s
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from partner_node.activities.bundle import Bundle
from partner_node.activities.intake import IntakeOutcome
from partner_node.epochs.runner import Progress, RunnerSettings
from partner_node.membership import NodeIdentity
from partner_node.node import Node
from partner_node.persons.linking import LinkOutcome, PersonRecord
from partner_node.randomness import Randomness
from partner_node.statistics.categories import Categories
from partner_node.storage.database import Database
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.partner_node.fake_hub import NODE, FakeHub
from tests.trips import METHODOLOGY, trip

ZONE = "Asia/Shanghai"
FIRST_DAY = dt.date(2026, 3, 2)
DAYS = 3
STORE = "node.duckdb"


def programme(**changes: Any) -> Programme:
    """Return a programme of three one-day epochs."""
    fields: dict[str, Any] = {
        "parameter_id": dealt().parameters.parameter_id,
        "programme_id": ProgrammeId("ecny-shanghai"),
        "exclusivity_domain": "cn-shanghai",
        "exclusivity_group": "movement",
        "measure": Measure.GRAMS,
        "token_epoch": 1,
        "time_zone": ZONE,
        "first_day": FIRST_DAY.isoformat(),
        "last_day": (FIRST_DAY + dt.timedelta(days=DAYS - 1)).isoformat(),
        "epoch_days": 1,
        "slot_s": 300,
        "cap_ug": MicrogramsCO2e(50_000_000_000),
        "partners_max": 10,
        "days_max": 400,
        "unit_ug": MicrogramsCO2e(1_250_000_000),
        "unit_fen": Fen(1),
        "test_identities": True,
        "policy": Policy(),
    }
    return Programme(**fields | changes)


def at(hour: int, minute: int = 0, *, day: int = 1, second: int = 0) -> Seconds:
    """Return an instant of the programme: hour and minute of its `day`, from 1, local time."""
    date = FIRST_DAY + dt.timedelta(days=day - 1)
    return Seconds(midnight_s(date, ZONE) + hour * 3600 + minute * 60 + second)


def person(serial: int, **changes: str) -> PersonRecord:
    """Return the record of rider-`serial`, with both consents since ever."""
    fields = {
        "person_ref": f"rider-{serial}",
        "id_type": "TEST",
        "id_number": make_test_id(serial),
        "consent_data": "true",
        "consent_claim": "true",
    }
    return PersonRecord(**fields | changes)


def ride(
    name: str, serial: int, start_s: int, minutes: int = 20, km: int = 10, **changes: Any
) -> Activity:
    """Return a metro ride of rider-`serial`."""
    fields: dict[str, Any] = {
        "person_ref": f"rider-{serial}",
        "started_at_s": start_s,
        "ended_at_s": start_s + 60 * minutes,
        "distance_m": 1000 * km,
    }
    return trip(name, **fields | changes)


@dataclass(slots=True)
class World:
    """One node and everything around it."""

    path: Path
    hub: FakeHub
    clock: SteppedClock
    node: Node
    database: Database

    def link(self, *records: PersonRecord) -> LinkOutcome:
        """Link people."""
        return self.node.link_persons(records)

    def record(self, *activities: Activity) -> IntakeOutcome:
        """Record activities."""
        return self.node.record_activities(activities)

    def settle(self, steps: int = 40) -> list[str]:
        """Step until nothing is left to do; fail on any problem."""
        events: list[str] = []
        for _ in range(steps):
            progress = self.step()
            events += [event.name for event in progress.events]
            if not progress.acted:
                return events
        raise AssertionError(f"still acting after {steps} steps: {events[-5:]}")

    def step(self) -> Progress:
        """Do one step without problems."""
        progress = self.node.step()
        for problem in progress.problems:
            raise problem.error
        return progress

    def run_epoch(self, epoch: int, rival: Iterable[tuple[Any, int]] = ()) -> None:
        """Take an epoch from its plan to its seal."""
        ended_s = self.hub.programme.epoch_end_s(EpochIndex(epoch))
        self.clock.at_s = Seconds(ended_s + 3600)
        self.hub.plan(epoch)
        self.settle()
        self.hub.close_commitments(epoch)
        self.hub.witness()
        self.settle()
        self.hub.judge(epoch, rival)
        self.hub.open_submissions(epoch)
        self.settle()
        self.hub.seal(epoch)
        self.settle()

    def commit(self, epoch: int = 1) -> None:
        """Take an epoch through phase 1a, its closing leaf not witnessed yet."""
        ended_s = self.hub.programme.epoch_end_s(EpochIndex(epoch))
        self.clock.at_s = Seconds(ended_s + 3600)
        self.hub.plan(epoch)
        self.settle()
        self.hub.close_commitments(epoch)

    def reveal(self, epoch: int = 1) -> None:
        """Take an epoch through phase 1b."""
        self.commit(epoch)
        self.hub.witness()
        self.settle()

    def token_of(self, serial: int) -> bytes:
        """Return the account token of a rider."""
        row = self.database.row(
            "SELECT t.account_token FROM account_tokens t JOIN links l USING (person_id) "
            "WHERE l.person_ref = ?",
            [f"rider-{serial}"],
        )
        assert row is not None
        return bytes(row[0])

    def submitted(self, epoch: int) -> dict[str, int]:
        """Return person_ref to what the hub's ciphertexts hold for it."""
        sums = self.hub.sums_of(epoch)
        rows = self.database.rows(
            "SELECT l.person_ref, t.account_token FROM links l JOIN account_tokens t "
            "USING (person_id) ORDER BY l.person_ref"
        )
        return {ref: sums[token] for ref, token in rows if token in sums}

    def claim_tokens(self, epoch: int, serial: int) -> dict[int, bytes]:
        """Return slot start to claim token of a rider's claims."""
        rows = self.database.rows(
            "SELECT c.slot_start_s, c.token FROM claims c JOIN links l USING (person_id) "
            "WHERE c.epoch = ? AND l.person_ref = ?",
            [epoch, f"rider-{serial}"],
        )
        return dict(rows)

    def leaf_types(self) -> list[LeafType]:
        """Return what the record holds."""
        return [LeafType(leaf[0]) for leaf, _, _ in self.hub.leaves]


def new_world(
    path: Path,
    *,
    hub_changes: dict[str, Any] | None = None,
    commit_delay_s: int = 0,
    methodologies: Sequence[Methodology] = (),
    categories: Categories | None = None,
    **programme_changes: Any,
) -> World:
    """Return a world at noon of the first day; the node has read the record."""
    clock = SteppedClock(at(12))
    hub = FakeHub(dealt(), programme(**programme_changes), clock, **hub_changes or {})
    world = restarted(
        path,
        hub,
        clock,
        commit_delay_s=commit_delay_s,
        methodologies=methodologies,
        categories=categories,
    )
    world.node.read_record()
    return world


def restarted(
    path: Path,
    hub: Any,
    clock: SteppedClock,
    *,
    wrapped: Any = None,
    commit_delay_s: int = 0,
    methodologies: Sequence[Methodology] = (),
    categories: Categories | None = None,
) -> World:
    """Open the store in `path` as a fresh process would."""
    database = Database(path / STORE)
    node = Node(
        database,
        NodeIdentity(
            party_id=NODE,
            programme_id=hub.programme.programme_id,
            roots=roots(),
            signing_key=hub.keys[NODE],
            clock=clock,
            randomness=chance(),
        ),
        wrapped or hub,
        Bundle(methodologies or [load_from_catalogue(METHODOLOGY)]),
        RunnerSettings(commit_delay_s=commit_delay_s, categories=categories or Categories()),
    )
    return World(path=path, hub=hub, clock=clock, node=node, database=database)


def roots() -> TrustRoots:
    """Return what the ceremony handed over."""
    parameters = dealt().parameters
    return TrustRoots(
        parameter_id=parameters.parameter_id,
        threshold=parameters.threshold,
        root_keys=parameters.root_keys,
    )


_SOURCE = seeded(99)


def chance() -> Randomness:
    """Return seeded randomness; never the same twice in one test run."""
    return Randomness(below=_SOURCE.randrange, octets=_SOURCE.randbytes)
