"""A running federation: its processes, its clock, and what an observer sees of it.

The demo observes as the auditor does, over the same RPCs as everyone. It moves protocol time by
writing an instant to the clock file that all processes read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import grpc

from demo.groundwork import AUDITOR_ID, HUB_ID, RAIL_ID, REGULATOR_ID, Groundwork
from demo.processes import ProcessGroup, accepts_connections
from demo.scenario import PartnerEntry, Scenario, WalletOperatorEntry
from fedcarbon.errors import StateError
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.paillier.keys import MODULUS_BITS_MIN
from fedcarbon.redemption.value_day import ValueDay, day_text
from fedcarbon.transparency.checkpoint import head_in
from fedcarbon.units import Seconds
from fedcarbon.v1 import epoch_pb2, record_pb2, registry_pb2, statistics_pb2
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.clocks import FileClock
from fedcarbon.wire.deadlines import with_deadlines
from fedcarbon.wire.hub_client import GrpcHubClient, HubClient
from fedcarbon.wire.tls import dial

START_S: Final = 60
IMPORT_S: Final = 900
ENROL_S: Final = 1_800
BIND_S: Final = 300
EPOCH_S: Final = 900
WITNESS_S: Final = 120
NODE_POLL_S: Final = 0.5
RAIL_TICK_MS: Final = 500


@dataclass(slots=True)
class Federation:
    """All processes of a scenario; use it as a context and they end with it."""

    scenario: Scenario
    groundwork: Groundwork
    processes: ProcessGroup
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        """Return itself; nothing is started yet."""
        self._stack.callback(self.processes.stop_all)
        return self

    def __exit__(self, *_: object) -> None:
        """End every process and connection."""
        self._stack.close()

    @property
    def insecure(self) -> bool:
        """Whether the keys are too short for anything but a test."""
        return self.scenario.keys.bits < MODULUS_BITS_MIN

    # --- time -------------------------------------------------------------------------------

    def set_clock(self, at_s: int) -> None:
        """Move protocol time for everyone."""
        FileClock(self.groundwork.clock).set_s(Seconds(at_s))

    # --- processes --------------------------------------------------------------------------

    def start_hub(self) -> None:
        """Start the hub and wait until it answers."""
        home = self.groundwork.home(HUB_ID)
        config = _write_config(
            home,
            {
                "party": str(self.groundwork.parties[HUB_ID]),
                "data": str(self.groundwork.folder),
                "public": str(self.groundwork.keys),
                "listen": f"127.0.0.1:{self.groundwork.hub_port}",
                "clock": f"file:{self.groundwork.clock}",
                "allow_insecure_parameters": self.insecure,
                "limits": str(self.groundwork.limits),
            },
            [
                (
                    "[rail]",
                    {
                        "kind": "signed-http",
                        "url": f"https://127.0.0.1:{self.groundwork.rail_port}",
                        "party_id": RAIL_ID,
                        "signing_key": self._public_key(RAIL_ID),
                        "notices_listen": f"127.0.0.1:{self.groundwork.notices_port}",
                    },
                )
            ],
        )
        self.processes.start(HUB_ID, ["hub", "serve", "--config", str(config)])
        self.processes.wait_until(
            "starting the hub", lambda: accepts_connections(self.groundwork.hub_port), START_S
        )

    def start_rail(self) -> None:
        """Start the sandbox operator of the wallets' rail, another organisation with own books."""
        config = _write_config(
            self.groundwork.home(RAIL_ID),
            {
                "party": str(self.groundwork.parties[RAIL_ID]),
                "listen": f"127.0.0.1:{self.groundwork.rail_port}",
                "book": "sandbox.db",
                "clock": f"file:{self.groundwork.clock}",
                "tick_ms": RAIL_TICK_MS,
            },
            [
                (
                    "[[hubs]]",
                    {
                        "party_id": HUB_ID,
                        "signing_key": self._public_key(HUB_ID),
                        "notify_url": f"https://127.0.0.1:{self.groundwork.notices_port}",
                    },
                ),
                *(
                    ("[[accounts]]", {"programme": entry.id, "hub": HUB_ID})
                    for entry in self.scenario.programmes
                ),
            ],
        )
        self.processes.start(RAIL_ID, ["hub.sandbox", "serve", "--config", str(config)])
        self.processes.wait_until(
            "starting the rail", lambda: accepts_connections(self.groundwork.rail_port), START_S
        )

    def top_up(self, programme: ProgrammeId, fen: int) -> None:
        """Pay money into the programme's float at the rail, and enter it in the hub's books."""
        label = f"demo {programme}"
        self.pay_in(programme, fen, label)
        self._top_up(HUB_ID, "hub", programme, fen, label)

    def pay_in(self, programme: ProgrammeId, fen: int, label: str) -> None:
        """Pay money into the programme's float at the rail; the books may have it by other ways."""
        self._top_up(RAIL_ID, "hub.sandbox", programme, fen, label)

    def _top_up(
        self, party: PartyId, module: str, programme: ProgrammeId, fen: int, label: str
    ) -> None:
        config = str(self.groundwork.home(party) / "config.toml")
        arguments = ["top-up", "--config", config, "--programme", programme]
        arguments += ["--fen", str(fen), "--label", label]
        self.processes.run(f"{party}.top-up", [module, *arguments])

    def settle(self, day: ValueDay) -> None:
        """Reconcile a value day with the rail's files, as the hub's operator does every morning."""
        config = str(self.groundwork.home(HUB_ID) / "config.toml")
        arguments = ["settle", "--config", config, "--day", day_text(day)]
        arguments += ["--out", str(self.groundwork.folder / "settlement")]
        self.processes.run("hub.settle", ["hub", *arguments])

    def _public_key(self, name: PartyId) -> str:
        return self.groundwork.party(name).signing_key.public.hex()

    def close_day(self) -> None:
        """Have the hub close the running ledger day, as its operator does at the end of a run."""
        config = str(self.groundwork.home(HUB_ID) / "config.toml")
        self.processes.run("hub.close-day", ["hub", "close-day", "--config", config])

    def start_trustees(self, names: tuple[PartyId, ...] | None = None) -> None:
        """Start trustees, all of them by default."""
        for name in names or tuple(self.groundwork.roots.root_keys):
            config = _write_config(
                self.groundwork.home(name),
                {
                    "identity_file": str(self.groundwork.parties[name]),
                    "roots_file": str(self.groundwork.keys / "roots.toml"),
                    "share_file": str(self.groundwork.keys / f"{name}.share"),
                    "passphrase_file": str(self.groundwork.keys / f"{name}.passphrase"),
                    "database": "trustee.db",
                    "hub_address": f"127.0.0.1:{self.groundwork.hub_port}",
                    "hub_party_id": HUB_ID,
                    "clock": f"file:{self.groundwork.clock}",
                    "allow_insecure_keys": self.insecure,
                },
            )
            self.processes.start(name, ["trustee", "serve", "--config", str(config)])

    def start_node(self, partner: PartnerEntry) -> None:
        """Start a partner's node; its files have been imported."""
        config = self.groundwork.home(partner.seat) / "config.toml"
        self.processes.start(partner.seat, ["partner_node", "serve", "--config", str(config)])

    def configure_node(self, partner: PartnerEntry) -> Path:
        """Write a node's configuration and return it."""
        return _write_config(
            self.groundwork.home(partner.seat),
            {
                "party": str(self.groundwork.parties[partner.id]),
                "roots": str(self.groundwork.keys / "roots.toml"),
                "programme": partner.programme,
                "methodologies": list(partner.methodologies),
                "store": "node.duckdb",
                "hub_address": f"127.0.0.1:{self.groundwork.hub_port}",
                "hub_id": HUB_ID,
                "address": f"127.0.0.1:{self.groundwork.node_ports[partner.seat]}",
                "clock": f"file:{self.groundwork.clock}",
                "poll_s": NODE_POLL_S,
                "commit_delay_s": 0,
            },
            [("[statistics]", {"categories": str(partner.categories.resolve())})]
            if partner.categories
            else [],
        )

    def import_files(self, partner: PartnerEntry) -> None:
        """Read a partner's identities, then its activities, with its node's own command."""
        config = str(self.groundwork.home(partner.seat) / "config.toml")
        for command, path in (
            ("import-identities", partner.identities),
            ("import-activities", partner.activities),
        ):
            summary = str(self.groundwork.home(partner.seat) / f"{command}.json")
            arguments = [command, str(path), "--config", config, "--summary", summary]
            self.processes.run(f"{partner.seat}.{command}", ["partner_node", *arguments])

    def import_summary(self, seat: str) -> dict[str, Any]:
        """Return what a node's import of its activities counted: read, accepted, rejected."""
        path = self.groundwork.home(seat) / "import-activities.json"
        tree: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return tree

    def configure_wallet(self, operator: WalletOperatorEntry) -> Path:
        """Write a wallet operator's configuration and return it."""
        return _write_config(
            self.groundwork.home(operator.seat),
            {
                "identity": str(self.groundwork.parties[operator.id]),
                "roots": str(self.groundwork.keys / "roots.toml"),
                "store": "wallet.db",
                "hub_address": f"127.0.0.1:{self.groundwork.hub_port}",
                "hub_id": HUB_ID,
                "programme": operator.programme,
                "clock": f"file:{self.groundwork.clock}",
            },
        )

    def run_wallet(self, seat: str, step: str, arguments: Sequence[str]) -> None:
        """Run a wallet operator's command as a process of its own."""
        self.processes.run(f"{seat}.{step}", ["fedcarbon.cli", "wallet", *arguments])

    def fetch_tables(self, name: str, programme: ProgrammeId, periods: int, folder: str) -> None:
        """Have the regulator fetch and check the released periods of a table, by its command."""
        config = _write_config(
            self.groundwork.home(REGULATOR_ID),
            {
                "identity": str(self.groundwork.parties[REGULATOR_ID]),
                "roots": str(self.groundwork.keys / "roots.toml"),
                "hub_address": f"127.0.0.1:{self.groundwork.hub_port}",
                "hub_id": HUB_ID,
            },
        )
        arguments = ["stats", "get", name, "--config", str(config), "--programme", programme]
        arguments += ["--series", str(periods), "--format", "all"]
        arguments += ["--out", str(self.groundwork.folder / folder)]
        self.processes.run(f"{REGULATOR_ID}.{name}", ["fedcarbon.cli", *arguments])

    # --- what an observer sees --------------------------------------------------------------

    def auditor(self) -> HubClient:
        """Return the auditor's connection to the hub."""
        return GrpcHubClient(self._dial(AUDITOR_ID, self.groundwork.hub_port, HUB_ID, Role.HUB))

    def node_channel(self, partner: PartnerEntry) -> grpc.Channel:
        """Return the platform's own connection to its node."""
        port = self.groundwork.node_ports[partner.seat]
        return with_deadlines(self._dial(partner.id, port, partner.id, Role.PARTNER))

    def hub_operator(self) -> HubClient:
        """Return the hub as its own operator's commands dial it."""
        return GrpcHubClient(self._dial(HUB_ID, self.groundwork.hub_port, HUB_ID, Role.HUB))

    def register(self, auditor: HubClient) -> None:
        """Log every admission, every programme and its methodologies."""
        for admission in self.groundwork.admissions:
            auditor.create_admission(
                registry_pb2.CreateAdmissionRequest(signed_admission=admission)
            )
        for programme in self.groundwork.signed_programmes:
            auditor.create_programme(
                registry_pb2.CreateProgrammeRequest(signed_programme=programme)
            )
        for methodology in self.groundwork.signed_methodologies:
            auditor.create_methodology_admission(
                registry_pb2.CreateMethodologyAdmissionRequest(signed_admission=methodology)
            )
        for shell in self.groundwork.signed_shells:
            auditor.create_table_shell(statistics_pb2.CreateTableShellRequest(signed_shell=shell))

    def wait_witnessed(self, auditor: HubClient) -> None:
        """Wait until a quorum of trustees has signed the whole record as it stands now."""

        def done() -> bool:
            size = auditor.list_leaves(record_pb2.ListLeavesRequest(from_index=0, limit=1)).size
            answer = auditor.get_checkpoint(record_pb2.GetCheckpointRequest())
            return answer.HasField("checkpoint") and head_in(answer.checkpoint.note).size >= size

        self.processes.wait_until("witnessing the record", done, WITNESS_S)

    def wait_epoch(
        self,
        auditor: HubClient,
        programme: ProgrammeId,
        epoch: int,
        report: Callable[[str], None],
        timeout_s: float = EPOCH_S,
    ) -> epoch_pb2.Epoch:
        """Wait until an epoch is sealed; report its state meanwhile."""
        found: list[epoch_pb2.Epoch] = []

        def sealed() -> bool:
            request = epoch_pb2.ListEpochsRequest(programme_id=programme)
            states = {item.epoch: item for item in auditor.list_epochs(request).epochs}
            if epoch not in states:
                return False
            name = epoch_pb2.EpochState.Name(states[epoch].state)
            report(name.removeprefix("EPOCH_STATE_").lower())
            found[:] = [states[epoch]]
            return states[epoch].state == epoch_pb2.EPOCH_STATE_SEALED

        self.processes.wait_until(f"sealing epoch {epoch}", sealed, timeout_s)
        return found[0]

    def node_status(self, channel: grpc.Channel) -> node_pb2.GetStatusResponse:
        """Return a node's own status, or an empty one while it is starting.

        Raises:
            StateError: the node needs somebody; the message says what it said.
        """
        try:
            status = node_pb2_grpc.NodeServiceStub(channel).GetStatus(node_pb2.GetStatusRequest())
        except grpc.RpcError:
            return node_pb2.GetStatusResponse(enrolling=1)
        if status.last_error:
            raise StateError(f"a node needs somebody: {status.last_error}")
        return status

    def _dial(self, caller: PartyId, port: int, server: PartyId, server_role: Role) -> grpc.Channel:
        channel = dial(
            f"127.0.0.1:{port}",
            self.groundwork.party(caller),
            PartyName(party_id=server, role=server_role),
        )
        return self._stack.enter_context(channel)


def _write_config(
    home: Path,
    fields: Mapping[str, str | bool | int | float | list[str]],
    tables: Sequence[tuple[str, Mapping[str, str]]] = (),
) -> Path:
    """Write `config.toml` into a process's folder and return it."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "config.toml"
    lines = [f"{key} = {_written(value)}" for key, value in fields.items()]
    for header, table in tables:
        lines += ["", header, *(f"{key} = {_quoted(value)}" for key, value in table.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _written(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_quoted, value))}]"
    return _quoted(value) if isinstance(value, str) else str(value).lower()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
