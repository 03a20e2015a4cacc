"""Configuration: a TOML file, each field of which an environment variable may replace."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import ClassVar

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from typing_extensions import override

from fedcarbon.errors import ConfigurationError
from fedcarbon.ids import NAME_LENGTH_MAX


class TrusteeConfigError(ConfigurationError):
    """The configuration is missing, incomplete or malformed."""

    code: ClassVar[str] = "TRUSTEE_CONFIG"


class TrusteeConfig(BaseSettings):
    """What a trustee's operator decides. `FEDCARBON_TRUSTEE_DATABASE` replaces `database`."""

    model_config = SettingsConfigDict(
        env_prefix="FEDCARBON_TRUSTEE_", extra="forbid", frozen=True, toml_file=None
    )

    identity_file: Path
    """The party's identity file: id, TLS files, signing seed."""
    roots_file: Path
    """The trust roots, `roots.toml`."""
    share_file: Path
    """The encrypted share file from the ceremony."""
    passphrase_file: Path | None = None
    """Holds the share file's passphrase; without it the program asks on the terminal."""
    database: Path
    """The trustee's own store."""
    hub_address: str = Field(min_length=1)
    """Host and port of the hub."""
    hub_party_id: str = Field(default="hub", max_length=NAME_LENGTH_MAX)
    """The party whose certificate the hub must show."""
    workers: int = Field(default=0, ge=0, le=256)
    """Processes for many proofs and shares; 0 for one per core. There is no cluster here: a key
    share does not leave the machine."""
    clock: str = "system"
    """`system`, or `file:` and a path, for programmes that are replayed."""
    allow_insecure_keys: bool = False
    """Whether parameter sets below 2048 bits are accepted: tests only."""

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
        """Read the environment first, then the file."""
        return (env_settings, init_settings, TomlConfigSettingsSource(settings_cls))


def load_config(path: Path) -> TrusteeConfig:
    """Return the configuration in `path`, with relative paths taken from its folder.

    Raises:
        TrusteeConfigError: unreadable, or a field is missing, unknown or malformed.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
        config = TrusteeConfig(**fields)
    except OSError as error:
        raise TrusteeConfigError(f"cannot read {path.name}: {error.strerror}") from error
    except ValidationError as error:
        wrong = sorted({".".join(map(str, item["loc"])) for item in error.errors()})
        raise TrusteeConfigError(f"{path.name}: check {', '.join(wrong)}") from error
    except ValueError as error:
        raise TrusteeConfigError(f"{path.name} is not TOML: {error}") from error
    home = path.resolve().parent
    names = ("identity_file", "roots_file", "share_file", "passphrase_file", "database")
    return config.model_copy(
        update={
            name: home / value for name in names if (value := getattr(config, name)) is not None
        }
    )
