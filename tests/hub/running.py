"""A hub as a process of its own, on loopback with real TLS."""

from __future__ import annotations

import hashlib
import json
import signal
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from fedcarbon.clock import SystemClock
from fedcarbon.ids import PartyId, Role
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.hub_client import GrpcHubClient
from fedcarbon.wire.party import PartyFiles, load_party
from fedcarbon.wire.tls import dial
from tests.hub.federation import HUB, genesis
from tests.nursery import Child

HUB_NAME = PartyName(party_id=HUB, role=Role.HUB)


def write_hub(
    folder: Path, *, authority: Authority | None = None, allow_insecure: bool = True
) -> Path:
    """Write everything that a hub process needs to `folder`; return its configuration file."""
    now_s = SystemClock().now_s()
    write_party(
        folder / "party",
        authority or Authority.create(now_s),
        HUB_NAME,
        now_s=now_s,
        seed=hashlib.sha256(HUB.encode()).digest(),
    )
    public = folder / "ceremony"
    public.mkdir()
    parameters = genesis().parameters
    roots = TrustRoots(
        parameter_id=parameters.parameter_id,
        threshold=parameters.threshold,
        root_keys=parameters.root_keys,
    )
    (public / "roots.toml").write_text(roots.to_toml(), encoding="utf-8")
    (public / "parameters.dsse.json").write_bytes(genesis().signed_parameters)
    (public / "self-test.dsse.json").write_bytes(genesis().signed_self_test)
    (folder / "clock").write_text("1000\n", encoding="ascii")
    config = folder / "hub.toml"
    config.write_text(
        'party = "party/party.toml"\n'
        'listen = "127.0.0.1:0"\n'
        'data = "hub"\n'
        'public = "ceremony"\n'
        'clock = "file:clock"\n'
        "tick_ms = 50\n"
        f"allow_insecure_parameters = {str(allow_insecure).lower()}\n"
        "engine.workers = 1\n",
        encoding="utf-8",
    )
    return config


@dataclass(slots=True)
class HubProcess:
    """A started hub."""

    process: Child
    port: int

    @classmethod
    def start(cls, config: Path) -> HubProcess:
        """Start a hub and wait until it serves."""
        process = Child("hub", "serve", "--config", config)
        for line in process.stderr:
            if '"hub_started"' in line:
                return cls(process, json.loads(line)["port"])
        process.communicate()
        raise AssertionError(f"the hub ended with {process.returncode} before it served")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end and return its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        self.process.send_signal(number)
        self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self.process.returncode is None:
            self.kill()


def partner_files(folder: Path, authority: Authority, name: PartyId) -> PartyFiles:
    """Write and return a partner's identity."""
    now_s = SystemClock().now_s()
    seed = hashlib.sha256(name.encode()).digest()
    party = PartyName(party_id=name, role=Role.PARTNER)
    return load_party(write_party(folder / name, authority, party, now_s=now_s, seed=seed))


def client_of(port: int, party: PartyFiles) -> tuple[GrpcHubClient, grpc.Channel]:
    """Return a client and the channel to close afterwards."""
    channel = dial(f"127.0.0.1:{port}", party, HUB_NAME)
    return GrpcHubClient(channel), channel
