"""The program itself: its configuration, its files, and one real process over mTLS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from fedcarbon.ceremony.share_file import seal_share_file
from fedcarbon.ids import PartyId, Role
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.units import Seconds
from fedcarbon.v1 import record_pb2, record_pb2_grpc, trustee_pb2, trustee_pb2_grpc
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.clocks import FileClock
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.party import load_party
from fedcarbon.wire.server import served, start_server
from hub.trustees.stream import TrusteeStreams
from tests.loop_thread import LoopThread
from tests.trustee.federation import Federation
from tests.trustee.founded import refused
from trustee.bootstrap import assembled
from trustee.config import TrusteeConfigError, load_config

WORDS = "correct horse"
"""The share file's passphrase."""
TRUSTEE = PartyId("trustee-1")


@dataclass(slots=True)
class Installed:
    """A trustee's files, and the authority that certified it."""

    folder: Path
    authority: Authority

    @property
    def config(self) -> Path:
        return self.folder / "trustee.toml"

    def configure(self, **changes: object) -> Path:
        fields: dict[str, object] = {
            "identity_file": "party.toml",
            "roots_file": "roots.toml",
            "share_file": "share.json",
            "passphrase_file": "passphrase",
            "database": "state/trustee.db",
            "hub_address": "127.0.0.1:1",
            "clock": f"file:{self.folder / 'clock'}",
            "allow_insecure_keys": True,
        }
        lines = [
            f"{name} = {json.dumps(value)}"
            for name, value in {**fields, **changes}.items()
            if value is not None
        ]
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self.config


@pytest.fixture(scope="session")
def sealed_share(built_city: Any) -> bytes:
    """Trustee-1's share file; sealing takes half a second."""
    secrets = built_city.federation.dealing.secrets[0]
    return seal_share_file(secrets, WORDS.encode(), os.urandom)


@pytest.fixture
def installed(tmp_path: Path, federation: Federation, sealed_share: bytes) -> Installed:
    now_s = Seconds(int(time.time()))
    authority = Authority.create(now_s)
    name = PartyName(party_id=TRUSTEE, role=Role.TRUSTEE)
    write_party(tmp_path, authority, name, now_s=now_s, seed=federation.seed(TRUSTEE))
    (tmp_path / "roots.toml").write_text(federation.roots.to_toml(), encoding="utf-8")
    (tmp_path / "share.json").write_bytes(sealed_share)
    (tmp_path / "passphrase").write_text(WORDS + "\n", encoding="utf-8")
    FileClock(tmp_path / "clock").set_s(federation.clock.at_s)
    found = Installed(tmp_path, authority)
    found.configure()
    return found


def test_relative_paths_are_taken_from_the_folder_of_the_file(installed: Installed) -> None:
    config = load_config(installed.config)

    assert config.share_file == installed.folder / "share.json"
    assert config.database == installed.folder / "state" / "trustee.db"


def test_the_environment_replaces_a_field(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDCARBON_TRUSTEE_HUB_ADDRESS", "hub.example:443")

    assert load_config(installed.config).hub_address == "hub.example:443"


FAULTS: dict[str, tuple[dict[str, object], str]] = {
    "a field is missing": ({"hub_address": None}, "hub_address"),
    "a field is unknown": ({"colour": "green"}, "colour"),
    "a field is empty": ({"hub_address": ""}, "hub_address"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_configuration_is_named(installed: Installed, name: str) -> None:
    changes, named = FAULTS[name]
    installed.configure(**changes)

    with pytest.raises(TrusteeConfigError, match=named):
        load_config(installed.config)


@pytest.mark.parametrize("content", [None, b"not = = toml", b"\xff"])
def test_an_unreadable_configuration_is_a_clear_error(
    installed: Installed, content: bytes | None
) -> None:
    installed.config.unlink()
    if content is not None:
        installed.config.write_bytes(content)

    with pytest.raises(TrusteeConfigError, match=r"trustee\.toml"):
        load_config(installed.config)


def test_only_a_trustee_runs_as_one(installed: Installed) -> None:
    name = PartyName(party_id=PartyId("metro"), role=Role.PARTNER)
    folder = installed.folder / "metro"
    now_s = Seconds(int(time.time()))
    write_party(folder, installed.authority, name, now_s=now_s, seed=os.urandom(32))
    config = load_config(installed.configure(identity_file="metro/party.toml"))

    with pytest.raises(TrusteeConfigError, match="partner"), assembled(config, lambda: ""):
        pass


def test_without_a_passphrase_file_the_program_asks(installed: Installed) -> None:
    config = load_config(installed.configure(passphrase_file=None))

    with assembled(config, lambda: WORDS) as found:
        assert found.party.party_id == TRUSTEE


def test_insecure_keys_are_refused_unless_the_operator_says_so(federation: Federation) -> None:
    federation.allow_insecure = False

    assert federation.cosign_code("trustee-1") == "OWN_KEYS_DIFFER"


def test_the_share_file_of_another_trustee_is_noticed(federation: Federation) -> None:
    federation.own_secrets["trustee-1"] = federation.dealing.secrets[1]

    assert federation.cosign_code("trustee-1") == "OWN_KEYS_DIFFER"


def test_a_signing_key_that_was_not_admitted_is_noticed(federation: Federation) -> None:
    federation.own_keys["trustee-1"] = SigningKey(b"z" * 32)

    assert federation.cosign_code("trustee-1") == "OWN_KEYS_DIFFER"


class Records(record_pb2_grpc.RecordServiceServicer):
    """Serves the record in memory."""

    def __init__(self, federation: Federation) -> None:
        self.record = federation.record

    @override
    async def ListLeaves(self, request: Any, context: Any) -> Any:
        return self.record.list_leaves(request)

    @override
    async def GetCheckpoint(self, request: Any, context: Any) -> Any:
        return record_pb2.GetCheckpointResponse()

    @override
    async def ListCheckpoints(self, request: Any, context: Any) -> Any:
        return self.record.list_checkpoints(request)

    @override
    async def GetFile(self, request: Any, context: Any) -> Any:
        return self.record.get_file(request)


@dataclass(slots=True)
class HubProcess:
    """The hub's side of the work stream, in a thread of its own."""

    loop: LoopThread
    streams: TrusteeStreams
    connected: threading.Event
    address: str

    def ask(self, order: trustee_pb2.WorkResponse) -> trustee_pb2.WorkRequest:
        return self.loop.run(self.streams.ask(TRUSTEE, order))


@pytest.fixture
def hub(installed: Installed, federation: Federation) -> Iterator[HubProcess]:
    folder = installed.folder / "hub"
    name = PartyName(party_id=PartyId("hub"), role=Role.HUB)
    now_s = Seconds(int(time.time()))
    party = load_party(
        write_party(folder, installed.authority, name, now_s=now_s, seed=os.urandom(32))
    )
    connected = threading.Event()
    streams = TrusteeStreams(random_bytes=os.urandom, on_connect=connected.set)

    async def start() -> Any:
        return await start_server(
            [
                served(
                    record_pb2.DESCRIPTOR,
                    "RecordService",
                    record_pb2_grpc.add_RecordServiceServicer_to_server,
                    Records(federation),
                ),
                served(
                    trustee_pb2.DESCRIPTOR,
                    "TrusteeService",
                    trustee_pb2_grpc.add_TrusteeServiceServicer_to_server,
                    streams,
                ),
            ],
            address="127.0.0.1:0",
            party=party,
            on_call=lambda _record: None,
        )

    with closing(LoopThread()) as loop:
        server = loop.run(start())
        yield HubProcess(loop, streams, connected, f"127.0.0.1:{server.port}")
        loop.run(server.stop(0))


def test_a_trustee_process_dials_answers_and_survives_kill_9(
    installed: Installed, federation: Federation, hub: HubProcess
) -> None:
    command = [sys.executable, "-m", "trustee", "serve", "--config"]
    command.append(str(installed.configure(hub_address=hub.address)))
    order = trustee_pb2.CosignOrder(root=federation.record.root())

    with subprocess.Popen(command, stderr=subprocess.PIPE) as first:  # noqa: S603 - our own
        assert hub.connected.wait(60)
        signed = hub.ask(federation.order(cosign=order))
        first.kill()
    hub.connected.clear()
    with subprocess.Popen(command, stderr=subprocess.PIPE) as second:  # noqa: S603
        assert hub.connected.wait(60)
        smaller = federation.order(
            record_size=5, cosign=trustee_pb2.CosignOrder(root=federation.record.root(5))
        )
        refusal = hub.ask(smaller)
        second.send_signal(signal.SIGTERM)
        _, logged = second.communicate(timeout=60)

    assert signed.WhichOneof("answer") == "cosign"
    assert refused(refusal) == "HEAD_GOES_BACK"
    assert second.returncode == 0, logged.decode()
    events = [json.loads(line) for line in logged.decode().splitlines()]
    assert events[0]["event"] == "trustee_started"
    assert "HEAD_GOES_BACK" in {event.get("code") for event in events}


def test_a_configuration_error_is_one_sentence(installed: Installed) -> None:
    (installed.folder / "passphrase").write_text("wrong", encoding="utf-8")

    run = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "trustee", "serve", "--config", str(installed.config)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert run.returncode == 2
    assert run.stderr.startswith("fedcarbon-trustee: wrong passphrase")
