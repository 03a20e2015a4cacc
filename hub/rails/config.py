"""The rail in the hub's configuration: one table, whose `kind` says what else it holds.

[rail]
kind = "sandbox"                 # in the hub's own process; the default, for trials

[rail]
kind = "signed-http"
url = "https://127.0.0.1:7543"
party_id = "wallet-bank"         # what the operator's certificate must say
signing_key = "64 hexadecimal digits"
notices_listen = "0.0.0.0:7544"  # left out: no notices are taken

[rail]
kind = "iso20022"
folder = "rail"                  # outgoing/, incoming/ and processed/ lie in here
debtor_name = "Carbon programme"
debtor_agent = "C1010411000013"  # code of the institution that keeps the floats
accounts = { ecny-shanghai = "FLOAT-1" }
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from fedcarbon.ids import PartyId, ProgrammeId

NAME_PATTERN: Final = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
ACCOUNT_PATTERN: Final = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,33}$"


class _Rail(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    strict_wallets: bool = False
    """Whether a 16-digit wallet id must belong to a listed institution or be a test wallet."""

    def seen_from(self, base: Path) -> Self:  # noqa: ARG002 - this kind has none
        """Return the same with paths as seen from the folder of the configuration file."""
        return self


class SandboxRailConfig(_Rail):
    """The sandbox's books in the hub's process."""

    kind: Literal["sandbox"] = "sandbox"


class SignedHttpRailConfig(_Rail):
    """An operator that speaks signed JSON over HTTPS."""

    kind: Literal["signed-http"] = "signed-http"
    url: str = Field(pattern=r"^https://[^/\s]+$")
    """The host plays no part in authentication."""
    party_id: PartyId = Field(pattern=NAME_PATTERN)
    signing_key: str = Field(pattern=r"^[0-9a-f]{64}$")
    """The operator's Ed25519 public key."""
    connect_ms: int = Field(default=2_000, ge=1, le=60_000)
    answer_ms: int = Field(default=5_000, ge=1, le=60_000)
    """What takes longer is UNKNOWN."""
    connections: int = Field(default=16, ge=1, le=1_000)
    notices_listen: str = ""
    """Host and port of the hub's door for notices; empty for none."""


class Iso20022RailConfig(_Rail):
    """A bank that exchanges ISO 20022 files through a folder."""

    kind: Literal["iso20022"] = "iso20022"
    folder: Path
    debtor_name: str = Field(min_length=1, max_length=70)
    """Who pays, as it stands in the files."""
    debtor_agent: str = Field(pattern=r"^[A-Z][0-9]{13}$")
    """Institution code of the bank that keeps the floats."""
    accounts: dict[ProgrammeId, Annotated[str, Field(pattern=ACCOUNT_PATTERN)]]
    """Programme to the number of its float's account."""
    flush_s: int = Field(default=60, ge=1, le=86_400)
    """How often what waits is bundled into a file."""

    @override
    def seen_from(self, base: Path) -> Self:
        """Return the same with the folder as seen from the configuration file."""
        return self.model_copy(update={"folder": base / self.folder})


RailConfig = Annotated[
    SandboxRailConfig | SignedHttpRailConfig | Iso20022RailConfig, Field(discriminator="kind")
]
