"""SANDBOX: the configuration of `fedcarbon-sandbox-rail`, one TOML file.

    party = "party/party.toml"         # identity file of a wallet operator
    listen = "127.0.0.1:7543"
    book = "sandbox.db"
    clock = "system"                   # or "file:PATH", as the hub has

    [[hubs]]
    party_id = "hub"
    signing_key = "64 hexadecimal digits"
    notify_url = "https://127.0.0.1:7544"    # left out: no notices

    [[accounts]]
    programme = "ecny-shanghai"
    hub = "hub"
    opening_fen = 100000

    [[next_calls]]                     # faults from the start; more by `inject`
    fault = "lost_answer"

    [[wallets]]
    wallet_id = "9900000000000666"
    fault = "reject"

Paths are relative to the file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fedcarbon.errors import ConfigurationError
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.redemption.wallet import WalletId
from fedcarbon.units import Fen
from fedcarbon.wire.clocks import FILE_PREFIX, SYSTEM
from hub.sandbox.faults import Fault, RailFault

KEY_PATTERN = r"^[0-9a-f]{64}$"
NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


class SandboxConfigError(ConfigurationError):
    """The sandbox's configuration file is missing or wrong."""

    code: ClassVar[str] = "SANDBOX_CONFIG"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HubEntry(_Part):
    """A hub that may order payouts."""

    party_id: PartyId = Field(pattern=NAME_PATTERN)
    signing_key: str = Field(pattern=KEY_PATTERN)
    notify_url: str = Field(default="", pattern=r"^(https://[^/\s]+)?$")


class AccountEntry(_Part):
    """The account of a programme's float."""

    programme: ProgrammeId = Field(pattern=NAME_PATTERN)
    hub: PartyId = Field(default=PartyId("hub"), pattern=NAME_PATTERN)
    opening_fen: Fen = Field(default=Fen(0), ge=0)


class FaultEntry(_Part):
    """A fault of one of the next calls."""

    fault: RailFault
    delay_ms: int = Field(default=0, ge=0)

    @property
    def value(self) -> Fault:
        """The fault."""
        return Fault(kind=self.fault, delay_ms=self.delay_ms)

    @model_validator(mode="after")
    def _happens_with_a_call(self) -> Self:
        if self.fault is RailFault.UNKNOWN_MOVEMENT:
            raise ValueError("an unknown movement happens at once: use `inject`")
        return self


class WalletEntry(FaultEntry):
    """A fault of every payout to a wallet."""

    wallet_id: WalletId


class SandboxConfig(_Part):
    """What the sandbox's operator says; build it with `load_config`."""

    party: Path
    listen: str = "127.0.0.1:7543"
    book: Path = Path("sandbox.db")
    clock: str = SYSTEM
    settle_s: int = Field(default=0, ge=0)
    """From accepted to settled."""
    return_s: int = Field(default=0, ge=0)
    """From settled to returned, for late failures."""
    tick_ms: int = Field(default=200, ge=10, le=60_000)
    """How often due payouts move on and notices are sent."""
    hubs: tuple[HubEntry, ...] = Field(min_length=1)
    accounts: tuple[AccountEntry, ...] = ()
    next_calls: tuple[FaultEntry, ...] = ()
    wallets: tuple[WalletEntry, ...] = ()

    @model_validator(mode="after")
    def _accounts_have_hubs(self) -> Self:
        if {account.hub for account in self.accounts} - {hub.party_id for hub in self.hubs}:
            raise ValueError("an account belongs to a hub that is not listed")
        return self


def load_config(path: Path) -> SandboxConfig:
    """Read a configuration file.

    Raises:
        SandboxConfigError: the file is missing, or a value is missing or wrong.
    """
    try:
        config = SandboxConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SandboxConfigError(f"cannot read {path.name}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise SandboxConfigError(f"{path.name}: {place}: {first['msg']}") from error
    except ValueError as error:
        raise SandboxConfigError(f"{path.name} is not TOML: {error}") from error
    home = path.resolve().parent
    found: dict[str, object] = {"party": home / config.party, "book": home / config.book}
    if config.clock.startswith(FILE_PREFIX):
        found["clock"] = f"{FILE_PREFIX}{home / config.clock.removeprefix(FILE_PREFIX)}"
    return config.model_copy(update=found)
