"""A whole federation in one process: real hub, trustees, nodes and wallet operator, one seed.

Only the network is missing (`local_hub`), and time stands still until it is moved. Everything is
driven by a list of operations, so that a run can be repeated, shrunk and written down.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from fedcarbon.ceremony.dealer import Dealt
from fedcarbon.cli.catalogue import catalogue_bytes
from fedcarbon.cli.registry import methodology_of, programme_of
from fedcarbon.cli.wallet_operator import WalletOperator
from fedcarbon.cli.wallet_store import WalletStore
from fedcarbon.clock import SteppedClock
from fedcarbon.engine.opening import opened_engine
from fedcarbon.engine.settings import EngineSettings
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.admission import PartyAdmission, root_keyid
from fedcarbon.registry.programme import Programme, midnight_s
from fedcarbon.transparency.checkpoint import QuorumMissingError, WitnessedCheckpoint, head_in
from fedcarbon.transparency.envelope import SigningKey, sign
from fedcarbon.units import SECONDS_PER_DAY, Seconds
from fedcarbon.v1 import record_pb2, registry_pb2, trustee_pb2
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority
from fedcarbon.wire.hub_client import HubClient
from fedcarbon.wire.status import UnreachableError
from hub.bootstrap import open_hub
from hub.context import Hub, HubSettings
from hub.epochs.driver import EpochDriver
from hub.genesis import checked_genesis
from hub.identity.relay import EvaluationRelay
from hub.openings.driver import OpeningDriver
from hub.record.folded_record import FoldedRecord
from hub.record.record import Signer
from hub.sandbox.rail import SandboxRail
from hub.servicers.epoch import EpochServicer
from hub.servicers.identity import IdentityServicer
from hub.servicers.opening import OpeningServicer
from hub.servicers.record import RecordServicer
from hub.servicers.redemption import RedemptionServicer
from hub.servicers.registry import RegistryServicer
from hub.servicers.use import UseServicer
from hub.trustees.desk import TrusteeDesk
from hub.trustees.port import TrusteePort
from hub.trustees.stream import TrusteeUnavailableError
from hub.wallets.payouts import Payouts
from partner_node.activities.bundle import Bundle
from partner_node.epochs.runner import RunnerSettings
from partner_node.membership import NodeIdentity
from partner_node.node import Node
from partner_node.randomness import Randomness
from partner_node.storage.database import Database as NodeDatabase
from tests.chance import seeded
from tests.databases import lay_out
from tests.keys.ceremonies import dealt
from tests.loop_thread import LoopThread
from tests.simulation.local_hub import Fault, FaultPlan, local_client
from tests.trips import METHODOLOGY, trip
from tests.unlimited import unlimited
from trustee.own_keys import OwnKeys
from trustee.storage.database import Database as TrusteeDatabase
from trustee.trustee import Trustee

HUB = PartyId("hub")
OPERATOR = PartyId("wallet")
PARTNERS = (PartyId("metro"), PartyId("bike"), PartyId("maas"))
PROGRAMME = ProgrammeId("simulated")
ZONE = "Asia/Shanghai"
STEPS_MAX = 60
NOW = "now"
"""File with the time at which a federation ended."""


def roots_of(dealt: Dealt) -> TrustRoots:
    """Return the trust roots of what was dealt."""
    parameters = dealt.parameters
    return TrustRoots(
        parameter_id=parameters.parameter_id, threshold=3, root_keys=parameters.root_keys
    )


class InProcessTrustees(TrusteePort):
    """Trustees that are asked directly; one can be cut off."""

    def __init__(self, trustees: dict[PartyId, Trustee]) -> None:
        self.trustees = trustees
        self.cut_off: set[PartyId] = set()
        self._ids = itertools.count(1)
        self._turn = asyncio.Lock()

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
        # In turn: a hub that takes the first answers takes the same ones in every run.
        async with self._turn:
            return await asyncio.to_thread(self.trustees[trustee_id].handle, message)


class WatchedDesk(TrusteeDesk):
    """A desk whose witnessed heads a partner signs at once; nodes sign too when they step."""

    sign: Callable[[WitnessedCheckpoint], None]

    @override
    async def witness(self, *, not_before_s: Seconds | None = None) -> WitnessedCheckpoint:
        head = await super().witness(not_before_s=not_before_s)
        await asyncio.to_thread(self.sign, head)
        return head


@dataclass
class World:
    """One federation; `close` it."""

    OBJECT_QUOTA: ClassVar[int] = 100

    folder: Path
    days: int = 1
    seed: int = 1
    resumed: int = 0
    """0 for a new federation; for what another has left in the folder, a number not used on it."""
    partners: tuple[PartyId, ...] = PARTNERS
    documents: tuple[bytes, ...] = (catalogue_bytes(METHODOLOGY),)
    """Methodology files that every partner counts by."""
    programme_changes: Mapping[str, Any] = field(default_factory=dict)
    engine: EngineSettings = field(default_factory=lambda: EngineSettings(workers=1))
    """Where hub and nodes have their work done."""
    faults: FaultPlan = field(default_factory=FaultPlan)
    clock: SteppedClock = field(default_factory=lambda: SteppedClock(Seconds(0)))
    loop: LoopThread = field(default_factory=LoopThread)
    nodes: dict[PartyId, Node] = field(default_factory=dict)
    _stores: dict[PartyId, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Deal the keys, open every program, and admit everyone."""
        self.chance = seeded(self.seed)
        self.dealt = dealt(seed=self.seed)
        self.roots = roots_of(self.dealt)
        self.roles = roles = self._roles()
        self.seeds = {name: self.chance.randbytes(32) for name in roles}
        self.keys = {name: SigningKey(seed) for name, seed in self.seeds.items()}
        if self.resumed:  # what was drawn before is used up
            self.chance = seeded(1_000 * self.seed + self.resumed)
        now_s = Seconds(1_900_000_000)
        authority = Authority.create(now_s)
        self.certificates = {
            name: authority.issue(PartyName(party_id=name, role=role), now_s).certificate_pem
            for name, role in roles.items()
        }
        self.programme = self._programme()
        self.node_engine = opened_engine(self.engine)
        self.port = InProcessTrustees({})
        self.servicers: list[object] = []
        if self.resumed:
            self.clock.at_s = Seconds(int((self.folder / NOW).read_text(encoding="ascii")))
        else:
            self.set_clock(days_before=12)
        self.open_hub()
        if not self.resumed:
            self._admit()
        for item in self.dealt.secrets:
            self.open_trustee(item.trustee_id)
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
        lay_out(self.folder / "hub")
        self.hub: Hub = open_hub(
            self.folder / "hub",
            genesis,
            signer=Signer(party_id=HUB, key=self.keys[HUB]),
            clock=self.clock,
            settings=HubSettings(place_pool_blocks=2),
            workers=opened_engine(self.engine),
            random_bytes=self.chance.randbytes,
            randbelow=self.chance.randrange,
        )
        self.epochs = EpochDriver(self.hub)
        self.desk = WatchedDesk(self.hub, self.port)
        self.desk.sign = self._sign_as_partner
        self.hub.on_cosignature = self.desk.note_cosignature
        self.hub.witnesses = self.desk
        self.folded = folded = FoldedRecord(self.hub)
        self.openings = OpeningDriver(self.hub, self.desk, folded)
        self.rail = SandboxRail(self.folder / "rail.db", wait=lambda: None)
        payouts = Payouts(self.hub, self.rail)
        self.servicers[:] = [
            RecordServicer(self.hub),
            RegistryServicer(self.hub),
            EpochServicer(self.hub),
            IdentityServicer(EvaluationRelay(self.hub, self.desk)),
            OpeningServicer(self.hub, folded),
            RedemptionServicer(self.hub, folded, payouts, unlimited(*self._programme_ids())),
            UseServicer(self.hub, self.folded),
        ]

    def client(self, name: PartyId) -> HubClient:
        """Return the hub as the party `name` sees it."""
        return local_client(self.servicers, self.certificates[name], name, self.loop, self.faults)

    def open_trustee(self, name: PartyId) -> None:
        """Open a trustee on its store, as it does at every start."""
        item = next(item for item in self.dealt.secrets if item.trustee_id == name)
        self._reopened(name, database := TrusteeDatabase(self.folder / f"{name}.db"))
        keys = OwnKeys(
            trustee_id=name,
            signing_key=self.keys[name],
            secrets=item,
            random_below=seeded(self.chance.randrange(1 << 32)).randrange,
            allow_insecure=True,
        )
        self.port.trustees[name] = Trustee(
            keys, self.roots, database, self.client(name), self.clock
        )

    def open_node(self, name: PartyId) -> None:
        """Open a partner's node on its store."""
        self._reopened(name, None)
        database = NodeDatabase(self.folder / f"{name}.duckdb")
        self._stores[name] = database
        identity = NodeIdentity(
            party_id=name,
            programme_id=PROGRAMME,
            roots=self.roots,
            signing_key=self.keys[name],
            clock=self.clock,
            randomness=Randomness(below=self.chance.randrange, octets=self.chance.randbytes),
        )
        bundle = Bundle(parse_methodology(data) for data in self.documents)
        settings = RunnerSettings(engine=self.node_engine)
        self.nodes[name] = Node(database, identity, self.client(name), bundle, settings)

    def _sign_as_partner(self, head: WitnessedCheckpoint) -> None:
        """Sign a head as the node of the first partner would, again if a message is lost."""
        name = self.partners[0]
        own = head_in(head.note).cosigned(name, self.keys[name], self.clock.now_s())
        request = record_pb2.CreateCosignatureRequest(note=own.to_bytes())
        for _ in Fault:
            with contextlib.suppress(UnreachableError):
                self.client(name).create_cosignature(request)
                return
        self.client(name).create_cosignature(request)

    def close(self) -> None:
        """Close everything; a copy of the folder can be resumed."""
        (self.folder / NOW).write_text(str(self.clock.now_s()), encoding="ascii")
        for item in self._stores.values():
            item.close()
        self.node_engine.close()
        self.close_hub()
        self.loop.close()

    def close_hub(self) -> None:
        """Close the hub; `open_hub` starts it again on what it left."""
        self.rail.close()
        self.hub.close()

    def store(self, name: PartyId) -> Any:
        """Return a party's open store."""
        return self._stores[name]

    def _reopened(self, name: PartyId, store: Any) -> None:
        """Close a party's old store, if it has one, before it is opened again."""
        old = self._stores.pop(name, None)
        if old is not None:
            old.close()
        if store is not None:
            self._stores[name] = store

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
        mode: str = "rail",
        evidence: int = 0,
    ) -> Activity:
        """Return an activity with telling defaults."""
        start_s = self.at(day, hour, minute)
        return trip(
            name,
            person,
            start_s,
            start_s + 60 * minutes,
            mode=mode,
            distance_m=distance_m,
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
        with contextlib.suppress(QuorumMissingError):
            self.loop.run(self.desk.witness())

    def wallet(self) -> WalletOperator:
        """Return the wallet operator on its store."""
        if OPERATOR not in self._stores:
            path = self.folder / "wallet.db"
            self._stores[OPERATOR] = WalletStore(path, self.chance.randbytes)
        return WalletOperator(
            operator_id=OPERATOR,
            signing_key=self.keys[OPERATOR],
            hub=self.client(OPERATOR),
            store=self._stores[OPERATOR],
            parameters=self.dealt.parameters,
            programme=self.programme,
            clock=self.clock,
            random_below=self.chance.randrange,
            random_bytes=self.chance.randbytes,
        )

    def _roles(self) -> dict[PartyId, Role]:
        """Return everybody who takes part."""
        roles = {HUB: Role.HUB, OPERATOR: Role.WALLET_OPERATOR}
        roles |= dict.fromkeys(self.dealt.parameters.trustee_ids, Role.TRUSTEE)
        return roles | dict.fromkeys(self.partners, Role.PARTNER)

    def _programme_ids(self) -> tuple[ProgrammeId, ...]:
        """Return the names of all programmes."""
        return (PROGRAMME,)

    def _programme(self) -> Programme:
        tree = {
            "programme_id": PROGRAMME,
            "time_zone": ZONE,
            "first_day": "2026-03-02",
            "last_day": f"2026-03-{1 + self.days:02d}",
            "test_identities": True,
            "policy": {"opening_interval_days": 1},
            **self.programme_changes,
        }
        return programme_of(tree, self.roots)

    @property
    def root_signers(self) -> dict[str, SigningKey]:
        """Return enough root keys."""
        return {
            root_keyid(item.trustee_id): SigningKey(item.root_key_seed)
            for item in self.dealt.secrets[:3]
        }

    def _admit(self) -> None:
        signers = self.root_signers
        client = self.client(OPERATOR)
        for name, role in self.roles.items():
            statement = PartyAdmission(
                parameter_id=self.roots.parameter_id,
                party_id=name,
                role=role,
                signing_key=self.keys[name].public,
                best_tier=0,
                claim_slots_per_account_day=72,
                object_quota=self.OBJECT_QUOTA,
            )
            signed = sign(statement, signers).to_bytes()
            client.create_admission(registry_pb2.CreateAdmissionRequest(signed_admission=signed))
        self._admit_programmes(client)

    def _admit_programmes(self, client: HubClient) -> None:
        """Have the hub log what root keys signed about programmes."""
        signed = sign(self.programme, self.root_signers).to_bytes()
        client.create_programme(registry_pb2.CreateProgrammeRequest(signed_programme=signed))
        for data in self.documents:
            admission = methodology_of(data, PROGRAMME, self.roots)
            client.create_methodology_admission(
                registry_pb2.CreateMethodologyAdmissionRequest(
                    signed_admission=sign(admission, self.root_signers).to_bytes()
                )
            )
