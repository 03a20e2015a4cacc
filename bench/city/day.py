"""The steps of the run: what the programs do, one phase after the other, under an observer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
from rich.console import Console

from bench.city import dealing
from bench.city.files import CityFiles
from bench.city.observer import Observer
from demo import results, story
from demo.federation import Federation
from demo.groundwork import Groundwork, lay_groundwork
from demo.narrator import Narrator
from demo.processes import ProcessGroup
from demo.scenario import (
    KeysEntry,
    PartnerEntry,
    ProgrammeEntry,
    Scenario,
    WalletOperatorEntry,
    policy_of,
)
from fedcarbon.ids import EpochIndex, party_id, programme_id
from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.packing.layout import slots_of
from fedcarbon.registry.programme import midnight_s
from fedcarbon.synth.city import FIRST_DAY, ZONE
from fedcarbon.wire.hub_client import HubClient
from fedcarbon.wire.processes import ProcessMap

PROGRAMME: Final = programme_id("city")
OPERATOR: Final = party_id("city-wallet")
METHODOLOGY: Final = "cn-ecny-shanghai"
TRUSTEES: Final = 5
THRESHOLD: Final = 3
PHASE_S: Final = 24 * 3_600
EVENING_S: Final = 22 * 3_600
LOOK_S: Final = 2.0
LOOKS_SHARE: Final = 20
"""So many times as long as the nodes take to say how far they are, nobody asks them again."""
EPOCH: Final = EpochIndex(1)
DONE: Final = "done"
LOGS: Final = "logs"
MULTIPLYING: Final = "trustees multiply"
MULTIPLIED: Final = "epoch_multiplied"
"""The event in a trustee's log; the city has one epoch."""


@dataclass(slots=True, kw_only=True)
class Run:
    """One federation on its way through the day."""

    files: CityFiles
    scenario: Scenario
    opened: Sequence[str]
    """Id numbers of people whose accounts are opened."""
    out: Path
    observer: Observer
    console: Console
    processes: ProcessGroup
    measured: dict[str, Any] = field(default_factory=dict)
    """What was found out besides what every phase took."""
    disk_before: dict[str, int] = field(default_factory=dict)
    """Bytes by kind before the day."""
    disk_after: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    """From beginning to end."""

    def keys(self, cached: Path) -> Groundwork:
        """Take the ceremony's files from `cached`, or hold one and keep them there."""
        own = self.out / "keys"
        if (cached / "roots.toml").exists():
            shutil.copytree(cached, own, ignore=shutil.ignore_patterns("dealt-*"))
        with self.phase("ceremony"):
            groundwork = lay_groundwork(self.scenario, self.out, self.processes)
        if not (cached / "roots.toml").exists():
            shutil.copytree(own, cached)
        return groundwork

    def phase(self, name: str) -> Any:  # noqa: ANN401 - a context manager
        """Announce a phase and attribute to it what happens inside."""
        self.console.print(f"[bold]{name}")
        return self.observer.phase(name)

    # --- before the day -----------------------------------------------------------------------

    def start(self, federation: Federation) -> HubClient:
        """Start hub, rail and all trustees: four of five must sign every head."""
        quiet = Narrator(Console(quiet=True))
        self.observer.hub_port = federation.groundwork.hub_port
        with self.phase("start"):
            return story.start(federation, quiet)

    def enrol(
        self, federation: Federation, auditor: HubClient, dealt: Path, processes: ProcessMap
    ) -> dict[str, grpc.Channel]:
        """Link everybody, deal what trustees would answer, and have the nodes enrol them."""
        partners = self.scenario.partners
        with self.phase("import identities"):
            self._import(federation, "import-identities")
        with self.phase("deal VOPRF outputs"):
            groundwork = federation.groundwork
            keys = dealing.whole_keys(groundwork.keys, groundwork.roots)
            dealer = dealing.Dealer(programme=PROGRAMME, keys=keys)
            dealing.write_dealt(dealt, dealer, self.files.people, processes)
            for partner in partners:
                dealing.fill_store(groundwork.home(partner.seat) / "node.duckdb", dealt)
        with self.phase("enrol"):
            channels = self._start_nodes(federation)
            self._wait_enrolled(federation, channels)
            federation.wait_witnessed(auditor)
        return channels

    def bind(
        self, federation: Federation, auditor: HubClient, channels: Mapping[str, grpc.Channel]
    ) -> None:
        """Bind the wallets of those who will be opened."""
        quiet = Narrator(Console(quiet=True))
        with self.phase("bind wallets"):
            story.bind(federation, auditor, channels, quiet, len(self.opened))
            for partner in self.scenario.partners:
                federation.processes.stop(partner.seat)

    # --- the day ------------------------------------------------------------------------------

    def trips(self, federation: Federation) -> dict[str, grpc.Channel]:
        """Have every node read its platform's trips, then start it again."""
        self.disk_before = self.disk()
        federation.set_clock(midnight_s(FIRST_DAY, str(ZONE)) + EVENING_S)
        with self.phase("import activities"):
            self._import(federation, "import-activities")
        with self.phase("start nodes"):
            return self._start_nodes(federation)

    def epoch(
        self, federation: Federation, auditor: HubClient, channels: Mapping[str, grpc.Channel]
    ) -> None:
        """Let the day end and wait for its seal; every state of the epoch is a phase."""
        programme = federation.groundwork.programmes[PROGRAMME]
        federation.set_clock(programme.epoch_end_s(EPOCH) + story.AFTER_EPOCH_S)
        progress = _Progress(self.console, self.out, self.blocks)
        seen = ""

        def report(state: str) -> None:
            nonlocal seen
            if state != seen:
                seen = state
                self.console.print(f"[bold]epoch: {state}")
                self.observer.enter(f"epoch: {state}")
            progress.show(state)

        self.observer.enter("epoch: planning")
        federation.wait_epoch(auditor, PROGRAMME, EPOCH, report, PHASE_S)

        def seen_by_all() -> bool:
            time.sleep(LOOK_S / 4)
            states = [federation.node_status(channel).epochs for channel in channels.values()]
            return all(epochs and epochs[0].stage == DONE for epochs in states)

        federation.processes.wait_until("the nodes' last look", seen_by_all, PHASE_S)
        federation.wait_witnessed(auditor)
        self.observer.enter(None)
        self.disk_after = self.disk()

    def multiply(self, federation: Federation) -> None:
        """Wait until every trustee has checked and multiplied what was sealed."""
        names = federation.groundwork.roots.root_keys
        logs = [self.out / LOGS / f"{name}.jsonl" for name in names]

        def done() -> bool:
            time.sleep(LOOK_S)
            return all(MULTIPLIED in log.read_text(encoding="utf-8") for log in logs)

        with self.phase(MULTIPLYING):
            federation.processes.wait_until("the trustees' products", done, PHASE_S)

    def open(self, federation: Federation, auditor: HubClient) -> None:
        """Open the accounts that have a wallet."""
        with self.phase("open accounts"):
            config = federation.configure_wallet(self.scenario.wallet_operators[0])
            federation.run_wallet(OPERATOR, "open", ["open", "--config", str(config)])
            federation.wait_witnessed(auditor)

    def disk(self) -> dict[str, int]:
        """Return the bytes of the nodes' stores, of the record and of the hub's database."""
        homes = [self.out / platform for platform in self.files.platforms]
        return {
            "node": sum(map(_folder_bytes, homes)),
            "record": _folder_bytes(self.out / "record"),
            "hub.db": sum(path.stat().st_size for path in self.out.glob("hub.db*")),
        }

    @property
    def blocks(self) -> int:
        """How many ciphertexts the partners send, about."""
        slots = slots_of(self.scenario.keys.bits)
        return len(self.scenario.partners) * -(-self.files.enrolled // slots)

    # --- parts --------------------------------------------------------------------------------

    def _import(self, federation: Federation, command: str) -> None:
        """Run one of the nodes' import commands for every partner, two at a time."""

        def of(partner: PartnerEntry) -> None:
            config = federation.configure_node(partner)
            home = federation.groundwork.home(partner.seat)
            path = partner.identities if "identities" in command else partner.activities
            arguments = [command, str(path), "--config", str(config)]
            arguments += ["--summary", str(home / f"{command}.json")]
            federation.processes.run(f"{partner.seat}.{command}", ["partner_node", *arguments])

        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(of, self.scenario.partners))

    def _start_nodes(self, federation: Federation) -> dict[str, grpc.Channel]:
        for partner in self.scenario.partners:
            federation.start_node(partner)
        channels = {
            partner.seat: federation.node_channel(partner) for partner in self.scenario.partners
        }

        def ready() -> bool:
            for channel in channels.values():
                stub = node_pb2_grpc.NodeServiceStub(channel)
                try:
                    stub.GetStatus(node_pb2.GetStatusRequest())
                except grpc.RpcError:
                    return False
            return True

        federation.processes.wait_until("starting the nodes", ready, PHASE_S)
        return channels

    def _wait_enrolled(self, federation: Federation, channels: Mapping[str, grpc.Channel]) -> None:
        began = time.monotonic()
        looking_s = 0.0

        def enrolled() -> bool:
            nonlocal looking_s
            # A look reads everybody's consents: it must stay a small part of what is measured.
            time.sleep(max(LOOK_S / 4, LOOKS_SHARE * looking_s))
            looked = time.monotonic()
            found = [federation.node_status(channel) for channel in channels.values()]
            looking_s = time.monotonic() - looked
            done = sum(item.enrolled for item in found)
            left = sum(item.enrolling for item in found)
            rate = done / (time.monotonic() - began)
            if done and left:
                self.console.print(
                    f"   {done:,} of {done + left:,} enrolments, {rate:,.0f}/s, "
                    f"{left / rate:,.0f} s left"
                )
            return left == 0 and done == self.files.members

        federation.processes.wait_until("enrolment", enrolled, PHASE_S)


class _Progress:
    """Lines about a long phase, at most one in a while."""

    def __init__(self, console: Console, out: Path, blocks: int) -> None:
        self._console = console
        self._out = out
        self._blocks = blocks
        self._next = 0.0
        self._began = 0.0
        self._state = ""

    def show(self, state: str) -> None:
        """Say how far a submission is, with its rate and what remains."""
        now = time.monotonic()
        if state != self._state:
            self._state, self._began = state, now
        if now < self._next:
            return
        self._next = now + 5 * LOOK_S
        elapsed = now - self._began
        blocks = results.submitted_blocks(self._out / "hub.db") if state == "submitting" else 0
        if blocks:
            rate = blocks / elapsed
            self._console.print(
                f"   {blocks:,} of {self._blocks:,} blocks, {rate:,.1f}/s, "
                f"{(self._blocks - blocks) / rate:,.0f} s left"
            )
        else:
            self._console.print(f"   {state} for {elapsed:,.0f} s")


def scenario_of(files: CityFiles, wallets: Path, *, bits: int) -> Scenario:
    """Return the scenario of one day of an invented city."""
    return Scenario(
        title="an invented city",
        programmes=(
            ProgrammeEntry(
                id=PROGRAMME,
                time_zone=str(ZONE),
                first_day=FIRST_DAY,
                last_day=FIRST_DAY,
                policy=policy_of({}, days=1),
            ),
        ),
        keys=KeysEntry(bits=bits, trustees=TRUSTEES, threshold=THRESHOLD),
        partners=tuple(
            PartnerEntry(
                id=party_id(platform),
                programme=PROGRAMME,
                activities=files.activity_file(platform),
                identities=files.identity_file(platform),
                methodologies=(METHODOLOGY,),
                seat=platform,
            )
            for platform in files.platforms
        ),
        wallet_operators=(
            WalletOperatorEntry(
                id=OPERATOR, programme=PROGRAMME, wallets=wallets, seat=str(OPERATOR)
            ),
        ),
        redemptions=(),
    )


def _folder_bytes(folder: Path) -> int:
    """Return what a folder holds, without tables of powers: everybody can make those again."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tables")
    return sum(path.stat().st_size for path in files)
