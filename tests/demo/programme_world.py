"""A programme file in one process: the real hub, trustees, nodes and wallet operators, small keys.

Files are written, imported, claimed, sealed and opened as in the demo; only the network is missing
and time stands still until it is moved.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console
from typing_extensions import override

from demo.catalogue import methodology
from demo.crosscheck import bound_people
from demo.groundwork import OBJECTS_MAX, methodologies_of, signed_rules_of
from demo.programmes.building import build
from demo.programmes.document import ProgrammeFile
from demo.programmes.hands import Figures, Hands, Seen
from demo.programmes.inventing import person_ref
from demo.programmes.telling import take_steps
from demo.scenario import PartnerEntry, Scenario, WalletOperatorEntry
from fedcarbon.canonical.statement import Statement
from fedcarbon.cli.catalogue import catalogue_bytes
from fedcarbon.cli.registry import methodology_of
from fedcarbon.cli.wallet import add_customers
from fedcarbon.cli.wallet_operator import WalletOperator
from fedcarbon.cli.wallet_store import WalletStore
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.envelope import sign
from fedcarbon.units import Fen, Seconds
from fedcarbon.v1 import epoch_pb2, opening_pb2, registry_pb2, use_pb2
from fedcarbon.wire.hub_client import HubClient
from hub.clearing.credits import top_up_float
from hub.clearing_component import close_due
from hub.uses_component import Ending
from partner_node.activities.bundle import Bundle
from partner_node.commands.importing_files import import_activities, import_identities
from partner_node.membership import NodeIdentity
from partner_node.node import Node
from partner_node.persons.summary import Asked
from partner_node.persons.withdrawal import UnknownPersonError
from partner_node.randomness import Randomness
from partner_node.storage.database import Database as NodeDatabase
from tests.simulation.world import HUB, World

TURNS_MAX = 200
FLOAT_FEN = Fen(1_000_000)


@dataclass
class ProgrammeWorld(World):
    """The federation of a programme file."""

    OBJECT_QUOTA: ClassVar[int] = OBJECTS_MAX
    file: ProgrammeFile = field(kw_only=True)

    @override
    def __post_init__(self) -> None:
        self.scenario: Scenario = build(self.file, self.folder / "in", bits=0)
        self.figures = Figures()
        self.said: list[str] = []
        self.seats: dict[str, Node] = {}
        self.wallets: dict[str, WalletOperator] = {}
        self.paid_in: Counter[ProgrammeId] = Counter()
        self.stores = {
            item.seat: self.folder / item.seat / "node.duckdb" for item in self.scenario.partners
        }
        self.partners = tuple(dict.fromkeys(item.id for item in self.scenario.partners))
        super().__post_init__()

    # --- what the programme file says --------------------------------------------------------

    @override
    def _programme(self) -> Programme:
        self.programmes = {
            entry.id: signed_rules_of(entry, self.roots) for entry in self.scenario.programmes
        }
        return next(iter(self.programmes.values()))

    @override
    def _roles(self) -> dict[PartyId, Role]:
        roles = super()._roles()
        return roles | {item.id: Role.WALLET_OPERATOR for item in self.scenario.wallet_operators}

    @override
    def _programme_ids(self) -> tuple[ProgrammeId, ...]:
        return tuple(self.programmes)

    @override
    def _admit_programmes(self, client: HubClient) -> None:
        for programme in self.programmes.values():
            signed = sign(programme, self.root_signers).to_bytes()
            client.create_programme(registry_pb2.CreateProgrammeRequest(signed_programme=signed))
        for programme_id, name in methodologies_of(self.scenario):
            admission = methodology_of(catalogue_bytes(name), programme_id, self.roots)
            client.create_methodology_admission(
                registry_pb2.CreateMethodologyAdmissionRequest(
                    signed_admission=sign(admission, self.root_signers).to_bytes()
                )
            )

    @override
    def open_node(self, name: PartyId) -> None:
        for partner in self.scenario.partners:
            if partner.id == name:
                self._open_seat(partner)

    def _open_seat(self, partner: PartnerEntry) -> None:
        store = self.stores[partner.seat]
        store.parent.mkdir(exist_ok=True)
        database = NodeDatabase(store)
        self._stores[PartyId(partner.seat)] = database
        identity = NodeIdentity(
            party_id=partner.id,
            programme_id=partner.programme,
            roots=self.roots,
            signing_key=self.keys[partner.id],
            clock=self.clock,
            randomness=Randomness(below=self.chance.randrange, octets=self.chance.randbytes),
        )
        bundle = Bundle(methodology(name) for name in partner.methodologies)
        node = Node(database, identity, self.client(partner.id), bundle)
        self.seats[partner.seat] = node
        self.nodes[PartyId(partner.seat)] = node

    # --- from files to opened accounts --------------------------------------------------------

    def run(self) -> None:
        """Import, enrol, bind, seal every epoch and open every account."""
        self.loop.run(self.desk.witness())
        for partner in self.scenario.partners:
            self._import(partner)
        self.until(lambda: all(node.status().enrolling == 0 for node in self.seats.values()))
        self.set_clock(days_before=4)
        self.advance()
        self._bind()
        self.advance()
        self._take_early_steps()
        for programme, epoch in self._epochs():
            self.clock.at_s = Seconds(programme.epoch_end_s(epoch) + 60)
            self.until(lambda p=programme, e=epoch: self._is_sealed(p, e))
        self._open()
        for programme_id in self.programmes:
            self._top_up(programme_id)

    def _take_early_steps(self) -> None:
        self.set_clock(days_before=0)
        self.advance()
        take_steps(self.file, WorldHands(self), self.figures, self.said.append, early=True)

    def until(self, done: Any) -> None:
        """Turn the handle until `done`."""
        for _ in range(TURNS_MAX):
            if done():
                return
            self.advance()
        raise AssertionError([node.last_error for node in self.seats.values()])

    def _import(self, partner: PartnerEntry) -> None:
        node, quiet = self.seats[partner.seat], Console(quiet=True)
        node.step()
        rejects = self.folder / f"{partner.seat}.rejects.csv"
        linked = import_identities(node, partner.identities, rejects, quiet)
        assert not linked.rejected
        import_activities(node, partner.activities, rejects, quiet)

    def _bind(self) -> None:
        for entry in self.scenario.wallet_operators:
            operator = self._operator(entry)
            assert not add_customers(operator.store, entry.wallets, allow_test=True)
            list(operator.find_and_bind())
        for partner in self.scenario.partners:
            for account, member in partner.attested:
                self.seats[partner.seat].attest_member(account, member)
        expected = len(bound_people(self.scenario))

        def all_bound() -> bool:
            for node in self.seats.values():
                for item in node.pending_bindings():
                    living = next(iter(node.members(item.person_refs[0])), "")
                    node.answer_binding(item.binding_id, confirm=True, member_ref=living)
            signed = sum(
                item.state == opening_pb2.BINDING_STATE_SIGNED
                for operator in self.wallets.values()
                for item in operator.bindings().values()
            )
            return signed >= expected

        self.until(all_bound)

    def _operator(self, entry: WalletOperatorEntry) -> WalletOperator:
        store = WalletStore(self.folder / f"{entry.seat}.db", self.chance.randbytes)
        self._stores[PartyId(f"{entry.seat} wallets")] = store
        self.wallets[entry.seat] = operator = WalletOperator(
            operator_id=entry.id,
            signing_key=self.keys[entry.id],
            hub=self.client(entry.id),
            store=store,
            parameters=self.dealt.parameters,
            programme=self.programmes[entry.programme],
            clock=self.clock,
            random_below=self.chance.randrange,
            random_bytes=self.chance.randbytes,
        )
        return operator

    def _epochs(self) -> list[tuple[Programme, Any]]:
        found = [
            (programme, epoch)
            for programme in self.programmes.values()
            for epoch in range(1, programme.epochs + 1)
        ]
        return sorted(found, key=lambda item: item[0].epoch_end_s(item[1]))  # type: ignore[arg-type]

    def _is_sealed(self, programme: Programme, epoch: int) -> bool:
        request = epoch_pb2.ListEpochsRequest(programme_id=programme.programme_id)
        states = self.client(self.partners[0]).list_epochs(request).epochs
        return any(
            item.epoch == epoch and item.state == epoch_pb2.EPOCH_STATE_SEALED for item in states
        )

    def _open(self) -> None:
        head = self.loop.run(self.desk.witness())
        for operator in self.wallets.values():
            requests = list(operator.request_openings(head))
            for _ in range(3):
                self.loop.run(self.openings.advance())
            for request_id in requests:
                request = opening_pb2.GetOpeningRequest(request_id=request_id)
                state = operator.hub.get_opening(request)
                assert state.state == opening_pb2.OPENING_STATE_OPENED, (state.code, state.detail)

    def _top_up(self, programme: ProgrammeId) -> None:
        label = programme.encode()[:16].ljust(16, b"-")
        now_s = self.clock.now_s()
        self.loop.run(
            self.hub.write(
                lambda session: top_up_float(session, programme, FLOAT_FEN, label, now_s)
            )
        )


class WorldHands(Hands):
    """Everybody's hands in one process."""

    def __init__(self, world: ProgrammeWorld) -> None:
        self._world = world
        self.parameter_id = world.roots.parameter_id

    @override
    def now_s(self) -> Seconds:
        return self._world.clock.now_s()

    @override
    def wait(self, seconds: int) -> None:
        world = self._world
        world.loop.run(world.desk.witness())
        world.clock.at_s = Seconds(world.clock.now_s() + seconds)
        world.loop.run(close_due(world.hub))
        world.loop.run(Ending(world.hub, world.folded).advance())

    @override
    def until(self, what: str, ready: Callable[[], bool]) -> None:
        self._world.loop.run(Ending(self._world.hub, self._world.folded).advance())
        assert ready(), what

    @override
    def publish(self, statement: Statement) -> None:
        signed = sign(statement, self._world.root_signers).to_bytes()
        self.hub().publish(use_pb2.PublishRequest(signed_statement=signed))

    @override
    def hub(self) -> HubClient:
        return self._world.client(HUB)

    @override
    def operators(self, programme: ProgrammeId) -> list[WalletOperator]:
        return [
            operator
            for operator in self._world.wallets.values()
            if operator.programme.programme_id == programme
        ]

    @override
    def summaries(self, programme: ProgrammeId, person: int) -> dict[str, Seen]:
        found = {}
        for partner in self._world.scenario.partners:
            if partner.programme == programme:
                with contextlib.suppress(UnknownPersonError):
                    node = self._world.seats[partner.seat]
                    totals = node.summary(Asked(person_ref=person_ref(partner.id, person))).totals
                    found[str(partner.id)] = Seen(
                        recorded=totals.before_claims_micro, submitted=totals.submitted_micro
                    )
        return found

    @override
    def pay_in(self, programme: ProgrammeId, fen: Fen, label: str) -> None:
        self._world.paid_in[programme] += fen


@contextlib.contextmanager
def running(file: ProgrammeFile, folder: Path) -> Iterator[ProgrammeWorld]:
    """Give a federation whose accounts are opened."""
    world = ProgrammeWorld(folder, file=file)
    try:
        world.run()
        yield world
    finally:
        world.close()
