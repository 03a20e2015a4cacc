"""The sandbox as a process of its own on loopback, and a hub that talks to it."""

from __future__ import annotations

import hashlib
import json
import signal
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - a seeded Random
from typing import Any

from fedcarbon.clock import SystemClock
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.redemption.rail import Payout
from fedcarbon.redemption.value_day import ValueDay, first_second
from fedcarbon.redemption.wallet import WalletId, sandbox_wallet_id
from fedcarbon.units import Fen, Seconds
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.clocks import FileClock
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.party import PartyFiles, load_party
from hub.rails.letter_post import LetterPost, PostLimits
from hub.rails.letters import Correspondent, Secretary
from hub.rails.messages import Acknowledgement, Letterhead
from hub.rails.signed_http import SignedHttpRail
from hub.sandbox.books import SandboxBooks
from hub.sandbox.faults import RailFault
from hub.sandbox.orders import FaultOrder
from hub.sandbox.service import FAULTS_PATH
from tests.chance import seeded
from tests.nursery import Child

SHANGHAI = ProgrammeId("ecny-shanghai")
HUB = PartyId("hub")
OPERATOR = PartyId("wallet-bank")
DAY = ValueDay(20_600)
NOON_S = Seconds(first_second(DAY) + 43_200)
OPENING_FEN = 100_000
BAD_WALLET = sandbox_wallet_id(666)


def write_identity(folder: Path, authority: Authority, role: Role, name: PartyId) -> PartyFiles:
    """Write and return a party's own files."""
    party = PartyName(party_id=name, role=role)
    seed = hashlib.sha256(f"{role} {name}".encode()).digest()
    now_s = SystemClock().now_s()
    return load_party(write_party(folder / name, authority, party, now_s=now_s, seed=seed))


def payout(number: int = 1, fen: int = 25, wallet: WalletId | None = None) -> Payout:
    """Return a payout that no other number has."""
    return Payout(
        payout_id=hashlib.sha256(b"%d" % number).digest()[:16],
        programme=SHANGHAI,
        wallet_id=wallet or sandbox_wallet_id(number),
        amount_fen=Fen(fen),
    )


@dataclass(slots=True)
class Town:
    """A folder with an authority, a hub's and the operator's identity, and a common clock."""

    folder: Path
    authority: Authority = field(init=False)
    hub: PartyFiles = field(init=False)
    operator: PartyFiles = field(init=False)
    clock: FileClock = field(init=False)
    chance: Random = field(default_factory=lambda: seeded(1))

    def __post_init__(self) -> None:
        self.authority = Authority.create(SystemClock().now_s())
        self.hub = write_identity(self.folder, self.authority, Role.HUB, HUB)
        self.operator = write_identity(self.folder, self.authority, Role.WALLET_OPERATOR, OPERATOR)
        self.clock = FileClock(self.folder / "clock")
        self.clock.set_s(NOON_S)

    def write_config(self, *, notify_url: str = "", more: str = "") -> Path:
        """Write the sandbox's configuration."""
        path = self.folder / "sandbox.toml"
        path.write_text(
            f'party = "{OPERATOR}/party.toml"\n'
            'listen = "127.0.0.1:0"\n'
            'book = "sandbox.db"\n'
            'clock = "file:clock"\n'
            "tick_ms = 50\n"
            f"{more}\n"
            "[[hubs]]\n"
            f'party_id = "{HUB}"\n'
            f'signing_key = "{self.hub.signing_key.public.hex()}"\n'
            f'notify_url = "{notify_url}"\n'
            "[[accounts]]\n"
            f'programme = "{SHANGHAI}"\n'
            f"opening_fen = {OPENING_FEN}\n"
            "[[wallets]]\n"
            f'wallet_id = "{BAD_WALLET}"\n'
            'fault = "reject"\n',
            encoding="utf-8",
        )
        return path

    def books(self) -> SandboxBooks:
        """Return the sandbox's own books, beside its process."""
        return SandboxBooks(self.folder / "sandbox.db")

    def secretary(self, party: PartyFiles | None = None) -> Secretary:
        """Return who writes letters for the hub, or for another party."""
        party = party or self.hub
        return Secretary(
            party_id=party.party_id,
            key=party.signing_key,
            clock=self.clock,
            random_bytes=self.chance.randbytes,
        )

    def correspondent(self, party: PartyFiles) -> Correspondent:
        """Return a party as the other end writes it down."""
        return Correspondent(name=party.name, signing_key=party.signing_key.public)

    def post(
        self,
        port: int,
        party: PartyFiles | None = None,
        *,
        to: PartyFiles | None = None,
        limits: PostLimits | None = None,
    ) -> LetterPost:
        """Return connections of the hub, or of another party, to the operator."""
        return LetterPost(
            f"https://127.0.0.1:{port}",
            party=party or self.hub,
            correspondent=self.correspondent(to or self.operator),
            secretary=self.secretary(party),
            limits=limits or PostLimits(),
        )

    def rail(self, port: int, limits: PostLimits | None = None) -> SignedHttpRail:
        """Return the hub's adapter."""
        return SignedHttpRail(self.post(port, limits=limits))

    def inject(self, port: int, fault: RailFault, **fields: Any) -> None:
        """Order the sandbox to do something wrong."""
        post = self.post(port, self.operator)
        try:
            post.ask(FAULTS_PATH, lambda head: fault_order(head, fault, **fields), Acknowledgement)
        finally:
            post.close()


def fault_order(head: Letterhead, fault: RailFault, **fields: Any) -> FaultOrder:
    """Return an order with everything else as it is mostly."""
    plain: dict[str, Any] = {
        "calls": 1,
        "delay_ms": 0,
        "wallet_id": "",
        "programme": "",
        "amount_fen": 0,
        "comes_in": False,
    }
    return FaultOrder(head=head, fault=fault, **(plain | fields))


@dataclass(slots=True)
class OperatorProcess:
    """A started sandbox."""

    process: Child
    port: int

    @classmethod
    def start(cls, config: Path) -> OperatorProcess:
        """Start it and wait until it serves."""
        process = Child("hub.sandbox", "serve", "--config", config)
        for line in process.stderr:
            if '"sandbox_started"' in line:
                return cls(process, json.loads(line)["port"])
        process.communicate()
        raise AssertionError(f"the sandbox ended with {process.returncode} before it served")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.communicate()

    def stop(self) -> str:
        """Ask it to end and return what it has logged since it started."""
        self.process.send_signal(signal.SIGTERM)
        _, logged = self.process.communicate()
        assert self.process.returncode == 0, logged
        return logged
