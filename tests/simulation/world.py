"""A whole federation in one process: real hub, trustees, nodes and wallet operator, one seed.

Only the network is missing (`local_hub`), and time stands still until it is moved. Everything is
driven by a list of operations, so that a run can be repeated, shrunk and written down.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fedcarbon.cli.registry import programme_of
from fedcarbon.clock import SteppedClock
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.methodology.activity import Activity, Mode
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.admission import PartyAdmission, root_keyid
from fedcarbon.registry.programme import Programme, midnight_s
from fedcarbon.transparency.envelope import SigningKey, sign
from fedcarbon.units import SECONDS_PER_DAY, Metres, Seconds
from fedcarbon.v1 import registry_pb2, trustee_pb2
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority
from fedcarbon.wire.hub_client import HubClient
from hub.bootstrap import open_hub
from hub.context import Hub, HubSettings
from hub.epochs.driver import EpochDriver
from hub.epochs.products import Multiplier
from hub.genesis import checked_genesis
from hub.record.record import Signer
from hub.servicers.epoch import EpochServicer
from hub.servicers.record import RecordServicer
from hub.servicers.registry import RegistryServicer
from hub.trustees.port import TrusteePort
from hub.trustees.stream import TrusteeUnavailableError
from partner_node.importing.methodology_file import load_from_catalogue
from partner_node.membership import NodeIdentity
from partner_node.node import Node
from partner_node.randomness import Randomness
from partner_node.storage.database import Database as NodeDatabase
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.simulation.local_hub import FaultPlan, LoopThread, local_client
from trustee.own_keys import OwnKeys
from trustee.storage.database import Database as TrusteeDatabase
from trustee.trustee import Trustee

HUB = PartyId("hub")
OPERATOR = PartyId("wallet")
PARTNERS = (PartyId("metro"), PartyId("bike"), PartyId("maas"))
PROGRAMME = ProgrammeId("simulated")
ZONE = "Asia/Shanghai"
STEPS_MAX = 60


class InProcessTrustees(TrusteePort):
    """Trustees that are asked directly; one can be cut off."""

    def __init__(self, trustees: dict[PartyId, Trustee]) -> None:
        self.trustees = trustees
        self.cut_off: set[PartyId] = set()
        self._ids = itertools.count(1)

    def connected(self) -> list[PartyId]:
        return sorted(self.trustees.keys() - self.cut_off)

    async def ask(
        self, trustee_id: PartyId, order: trustee_pb2.WorkResponse
    ) -> trustee_pb2.WorkRequest:
        if trustee_id in self.cut_off:
            raise TrusteeUnavailableError(f"{trustee_id} is cut off")
        message = trustee_pb2.WorkResponse()
        message.CopyFrom(order)
        message.order_id = next(self._ids).to_bytes(16, "big")
        return await asyncio.to_thread(self.trustees[trustee_id].handle, message)


@dataclass
class World:
    """One federation; `close` it."""

    folder: Path
    days: int = 1
    seed: int = 1
    partners: tuple[PartyId, ...] = PARTNERS
    faults: FaultPlan = field(default_factory=FaultPlan)
    clock: SteppedClock = field(default_factory=lambda: SteppedClock(Seconds(0)))
    loop: LoopThread = field(default_factory=LoopThread)
    nodes: dict[PartyId, Node] = field(default_factory=dict)
    _closing: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Deal the keys, open every program, and admit everyone."""
        self.chance = seeded(self.seed)
        self.dealt = dealt(seed=self.seed)
        parameters = self.dealt.parameters
        self.roots = TrustRoots(
            parameter_id=parameters.parameter_id, threshold=3, root_keys=parameters.root_keys
        )
        roles = {HUB: Role.HUB, OPERATOR: Role.WALLET_OPERATOR}
        roles |= dict.fromkeys(parameters.trustee_ids, Role.TRUSTEE)
        roles |= dict.fromkeys(self.partners, Role.PARTNER)
        self.roles = roles
        self.keys = {name: SigningKey(self.chance.randbytes(32)) for name in roles}
        now_s = Seconds(1_900_000_000)
        authority = Authority.create(now_s)
        self.certificates = {
            name: authority.issue(PartyName(party_id=name, role=role), now_s).certificate_pem
            for name, role in roles.items()
        }
        self.programme = self._programme()
        self.set_clock(days_before=12)
        self.open_hub()
        self._admit()
        self.open_trustees()
        for name in self.partners:
            self.open_node(name)

    # --- programs ---------------------------------------------------------------------------

    def open_hub(self) -> None:
        """Open the hub on its folder, as it does at every start."""
        genesis = checked_genesis(
            self.roots,
            self.dealt.signed_parameters.to_bytes(),
            self.dealt.signed_self_test.to_bytes(),
        )
        self.hub: Hub = open_hub(
            self.folder / "hub",
            genesis,
            signer=Signer(party_id=HUB, key=self.keys[HUB]),
            clock=self.clock,
            settings=HubSettings(place_pool_blocks=2),
            multiplier=Multiplier(self.dealt.parameters.public_key, workers=1),
            random_bytes=self.chance.randbytes,
            randbelow=self.chance.randrange,
        )
        self.servicers: list[object] = [
            RecordServicer(self.hub),
            RegistryServicer(self.hub),
            EpochServicer(self.hub),
        ]
        self.epochs = EpochDriver(self.hub)

    def client(self, name: PartyId) -> HubClient:
        """Return the hub as the party `name` sees it."""
        return local_client(self.servicers, self.certificates[name], name, self.loop, self.faults)

    def open_trustees(self) -> None:
        """Open every trustee on its store."""
        trustees = {}
        for item in self.dealt.secrets:
            name = item.trustee_id
            database = TrusteeDatabase(self.folder / f"{name}.db")
            self._closing.append(database)
            keys = OwnKeys(
                trustee_id=name,
                signing_key=self.keys[name],
                secrets=item,
                random_below=seeded(self.seed + item.trustee_index).randrange,
                allow_insecure=True,
            )
            trustees[name] = Trustee(keys, self.roots, database, self.client(name), self.clock)
        self.port = InProcessTrustees(trustees)

    def open_node(self, name: PartyId) -> None:
        """Open a partner's node on its store."""
        database = NodeDatabase(self.folder / f"{name}.duckdb")
        self._closing.append(database)
        identity = NodeIdentity(
            party_id=name,
            programme_id=PROGRAMME,
            roots=self.roots,
            signing_key=self.keys[name],
            clock=self.clock,
            randomness=Randomness(below=self.chance.randrange, octets=self.chance.randbytes),
        )
        methodology = load_from_catalogue("cn-ecny-shanghai")
        self.nodes[name] = Node(database, identity, self.client(name), methodology)

    def close(self) -> None:
        """Close everything."""
        for item in self._closing:
            item.close()
        self.hub.close()
        self.loop.close()

    # --- time -------------------------------------------------------------------------------

    def set_clock(self, *, days_before: int) -> None:
        """Move to so many days before the first day."""
        first_s = midnight_s(self.programme.days_of(1)[0], ZONE)  # type: ignore[arg-type]
        self.clock.at_s = Seconds(first_s - days_before * SECONDS_PER_DAY)

    def at(self, day: int, hour: int, minute: int = 0) -> int:
        """Return the instant of a local time of the `day`-th day, from 0."""
        first_s = midnight_s(self.programme.days_of(1)[0], ZONE)  # type: ignore[arg-type]
        return first_s + day * SECONDS_PER_DAY + hour * 3600 + minute * 60

    # --- acting -----------------------------------------------------------------------------

    def activity(  # noqa: PLR0913
        self,
        name: str,
        person: str,
        *,
        day: int = 0,
        hour: int = 8,
        minute: int = 0,
        minutes: int = 10,
        distance_m: int = 1_000,
        mode: Mode = Mode.RAIL,
        evidence: int = 0,
    ) -> Activity:
        """Return an activity with telling defaults."""
        start_s = self.at(day, hour, minute)
        return Activity(
            activity_id=name,
            person_ref=person,
            mode=mode,
            started_at_s=Seconds(start_s),
            ended_at_s=Seconds(start_s + 60 * minutes),
            distance_m=Metres(distance_m),
            evidence=evidence,
        )

    def step_nodes(self) -> None:
        """Let every node do what it can; a lost message only costs a step."""
        for node in self.nodes.values():
            node.step()

    def advance(self) -> None:
        """Let the hub and every node do what they can now."""
        self.loop.run(self.epochs.advance())
        self.step_nodes()

    def _programme(self) -> Programme:
        tree = {
            "programme_id": PROGRAMME,
            "time_zone": ZONE,
            "first_day": "2026-03-02",
            "last_day": f"2026-03-{1 + self.days:02d}",
            "test_identities": True,
            "policy": {"opening_interval_days": 1},
        }
        return programme_of(tree, self.roots)

    def _admit(self) -> None:
        signers = {
            root_keyid(item.trustee_id): SigningKey(item.root_key_seed)
            for item in self.dealt.secrets[:3]
        }
        client = self.client(OPERATOR)
        for name, role in self.roles.items():
            statement = PartyAdmission(
                parameter_id=self.roots.parameter_id,
                party_id=name,
                role=role,
                signing_key=self.keys[name].public,
                best_tier=0,
                claim_slots_per_account_day=72,
                object_quota=0,
            )
            signed = sign(statement, signers).to_bytes()
            client.create_admission(registry_pb2.CreateAdmissionRequest(signed_admission=signed))
        signed = sign(self.programme, signers).to_bytes()
        client.create_programme(registry_pb2.CreateProgrammeRequest(signed_programme=signed))
