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

Paths are relative to the file. `FEDCARBON_HUB_LISTEN` and so on replace a value. The
file never holds the password of the database: that comes from `FEDCARBON_HUB_DATABASE` (a whole
URL), `PGPASSWORD` or `PGPASSFILE`.
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

from fedcarbon.errors import ConfigurationError
from fedcarbon.transparency.receipt import MERGE_DELAY_S
from fedcarbon.wire.clocks import FILE_PREFIX, SYSTEM
from hub.context import PLACE_POOL_BLOCKS_DEFAULT

ENV_PREFIX: Final = "FEDCARBON_HUB_"
DATABASE_VARIABLE: Final = f"{ENV_PREFIX}DATABASE"
TICK_MS_DEFAULT: Final = 500
DATABASE_PREFIX: Final = "postgresql+psycopg://"


class HubConfigError(ConfigurationError):
    """The hub's configuration file is missing or wrong."""

    code: ClassVar[str] = "HUB_CONFIG"


class HubConfig(BaseSettings):
    """What an operator must say before a hub can start; build it with `load_config`."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

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
    workers: int = Field(default=0, ge=0, le=256)
    """Processes for multiplying ciphertexts; 0 for one per core."""
    allow_insecure_parameters: bool = False
    """Whether a parameter set for tests is accepted."""

    @field_validator("database")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(DATABASE_PREFIX):
            raise ValueError(f"the URL of a database begins with {DATABASE_PREFIX}")
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
    if config.clock.startswith(FILE_PREFIX):
        paths["clock"] = f"{FILE_PREFIX}{base / config.clock.removeprefix(FILE_PREFIX)}"
    return paths


def _require_no_password(config: HubConfig, path: Path) -> None:
    try:
        has_password = config.database_url and make_url(config.database_url).password
    except ArgumentError as error:
        raise HubConfigError(f"{path.name}: database: it is no URL") from error
    if has_password:
        raise HubConfigError(
            f"{path.name}: database: a password does not belong into this file; set "
            f"{DATABASE_VARIABLE}, PGPASSWORD or PGPASSFILE"
        )


def _first_line(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)
