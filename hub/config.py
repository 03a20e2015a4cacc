"""The hub's configuration: one TOML file, each value of which the environment may replace.

    party = "party.toml"               # identity file: name, TLS files, signing seed
    listen = "0.0.0.0:7443"
    data = "data"                      # record/ lies in here, and hub.db if there is no `database`
    database = "postgresql+psycopg://fedcarbon@db.example/fedcarbon"     # instead of hub.db
    public = "ceremony"                # parameters.dsse.json, self-test.dsse.json, roots.toml
    clock = "system"                   # or "file:PATH", for demos that live in the past
    place_pool_blocks = 8
    merge_delay_s = 86400              # what receipts promise; nodes refuse more
    tick_ms = 500
    limits = "limits.toml"             # what may be redeemed; without it nothing is

    [operators]                        # who may release money from suspense, two at a time
    desk-1 = "<64 hexadecimal digits>" # a person's public key (`fedcarbon keygen`)

    [engine]                           # where many blocks are checked and multiplied
    kind = "local"                     # or "spark": see fedcarbon.engine.settings
    workers = 0                        # processes; 0 for one per core

Paths are relative to the file. `hub.rails.config` says what a table [rail] may hold; without one
the sandbox pays. `FEDCARBON_HUB_LISTEN` and so on replace a value. The file
never holds the password of the database: that comes from `FEDCARBON_HUB_DATABASE` (a whole URL),
`PGPASSWORD` or `PGPASSFILE`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, Final

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from typing_extensions import override

from fedcarbon.engine.settings import EngineSettings
from fedcarbon.errors import ConfigurationError, MalformedError
from fedcarbon.ids import checked_name
from fedcarbon.transparency.envelope import KEY_BYTES
from fedcarbon.transparency.receipt import MERGE_DELAY_S
from fedcarbon.wire.clocks import FILE_PREFIX, SYSTEM
from hub.context import PLACE_POOL_BLOCKS_DEFAULT
from hub.rails.config import RailConfig, SandboxRailConfig

ENV_PREFIX: Final = "FEDCARBON_HUB_"
DATABASE_VARIABLE: Final = f"{ENV_PREFIX}DATABASE"
TICK_MS_DEFAULT: Final = 500
DATABASE_DRIVER: Final = "postgresql+psycopg"


class HubConfigError(ConfigurationError):
    """The hub's configuration file is missing or wrong."""

    code: ClassVar[str] = "HUB_CONFIG"


class HubConfig(BaseSettings):
    """What an operator must say before a hub can start; build it with `load_config`."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    party: Path
    """Identity file of this hub."""
    data: Path
    """Folder of the record, and of the database unless `database` says otherwise."""
    database: SecretStr | None = None
    """URL of a PostgreSQL database; it may hold a password, so it is never shown."""
    public: Path
    """Folder with the ceremony's public files."""
    listen: str = "127.0.0.1:7443"
    """Host and port; port 0 takes a free one."""
    clock: str = SYSTEM
    """Protocol time: `system`, or `file:` and a path."""
    place_pool_blocks: int = Field(default=PLACE_POOL_BLOCKS_DEFAULT, ge=1, le=1024)
    """Open blocks among which new accounts are dealt."""
    merge_delay_s: int = Field(default=MERGE_DELAY_S, ge=1, le=MERGE_DELAY_S)
    """How long receipts give the hub until a witnessed head covers the leaf."""
    tick_ms: int = Field(default=TICK_MS_DEFAULT, ge=10, le=60_000)
    """How often epochs are looked after."""
    limits: Path | None = None
    """File of the limits of redemptions; what it does not set is refused (LIMIT_NOT_SET)."""
    engine: EngineSettings = EngineSettings()
    """Where work on many blocks is done; a table of its own in the file."""
    rail: RailConfig = SandboxRailConfig()
    """Who pays (hub.rails.config); a table of its own in the file."""
    allow_insecure_parameters: bool = False
    """Whether a parameter set for tests is accepted."""
    operators: dict[str, str] = Field(default_factory=dict)
    """Persons who may release money from suspense: name to Ed25519 public key in hexadecimal."""

    @field_validator("operators")
    @classmethod
    def _check_operators(cls, operators: dict[str, str]) -> dict[str, str]:
        for name, key in operators.items():
            try:
                checked_name(name)
                size = len(bytes.fromhex(key))
            except (MalformedError, ValueError) as error:
                raise ValueError(f"operator {name[:40]!r}: {error}") from error
            if size != KEY_BYTES:
                raise ValueError(f"operator {name!r} needs a public key of {KEY_BYTES} bytes")
        return operators

    @property
    def operator_keys(self) -> dict[str, bytes]:
        """The operators' public keys by name."""
        return {name: bytes.fromhex(key) for name, key in self.operators.items()}

    @field_validator("database")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        try:
            driver = make_url(value.get_secret_value()).drivername
        except (ArgumentError, ValueError):
            driver = "no URL"
        if driver != DATABASE_DRIVER:
            raise ValueError(f"a database is named by a URL that begins with {DATABASE_DRIVER}://")
        return value

    @property
    def database_url(self) -> str | None:
        """The URL of the PostgreSQL database, with its password if it has one."""
        return None if self.database is None else self.database.get_secret_value()


def load_config(path: Path) -> HubConfig:
    """Read a configuration file and the environment.

    Raises:
        HubConfigError: the file is missing, or a value is missing or wrong.
    """
    if not path.is_file():
        raise HubConfigError(f"there is no configuration file {path.name}")

    class FromFile(HubConfig):
        """The same, with the file as its last source."""

        @override
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Let the environment replace what the file says."""
            return env_settings, TomlConfigSettingsSource(settings_cls, toml_file=path)

    try:
        config = FromFile()  # type: ignore[call-arg]  # the sources fill it
    except (ValidationError, ValueError) as error:
        raise HubConfigError(f"{path.name}: {_first_line(error)}") from error
    if DATABASE_VARIABLE not in os.environ:
        _require_no_password(config, path)
    return config.model_copy(update=_absolute(config, path.parent))


def _absolute(config: HubConfig, base: Path) -> dict[str, object]:
    """Return the paths of `config` as seen from the folder of its file."""
    paths: dict[str, object] = {
        name: base / getattr(config, name) for name in ("party", "data", "public")
    }
    paths["rail"] = config.rail.seen_from(base)
    if config.limits is not None:
        paths["limits"] = base / config.limits
    if config.clock.startswith(FILE_PREFIX):
        paths["clock"] = f"{FILE_PREFIX}{base / config.clock.removeprefix(FILE_PREFIX)}"
    return paths


def _require_no_password(config: HubConfig, path: Path) -> None:
    if config.database_url and make_url(config.database_url).password:
        raise HubConfigError(
            f"{path.name}: database: a password does not belong into this file; set "
            f"{DATABASE_VARIABLE}, PGPASSWORD or PGPASSFILE"
        )


def _first_line(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)
